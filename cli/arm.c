// arm.c - metaxbar arm: learn a movement and let an arm perform it. Parses and prints only.
#include <stdio.h>

#include "arm/film.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/note.h"
#include "base/signals.h"
#include "commands.h"
#include "experiment/arm/perform.h"

static const char text[] =
  "Present a movement to the model once (a random one, drawn with run.seed, or the path in target.file), update\n"
  "the model once, and let an arm perform the movement; without a model the arm performs the target path itself.\n"
  "arm.kind selects the arm: kinematic, physics or mqtt.\n"
  "Print the distance of the tip from its target path.\n"
  "A real arm has one owner. --release stops and disconnects an arm that a run left behind when it died, as client ID\n"
  "or, without one, as the last of your runs on this computer.\n";

static void print_result(const struct perform_result *r, const struct perform *p) {
  printf("%s arm, %d set-points, %g s each, %.1f s in all\n", arm_kind_names[p->arm.params.kind], r->n,
         p->arm.params.hold_s, r->arm_s);
  if (r->approach.n) printf("before them %d set-points from home to where the path begins\n", r->approach.n);
  if (r->performed.n < r->n)
    printf("incomplete: %d of %d set-points were performed; all distances are those of these\n", r->performed.n, r->n);
  printf("tip distance, cm (RMS over the path)\n");
  printf("  target - performed    %7.2f    (paper, real arm behind the chip: 7.82 +- 2.50)\n", r->target_performed_cm);
  printf("  target - commanded    %7.2f\n", r->target_commanded_cm);
  printf("  commanded - performed %7.2f    base %.2f, shoulder %.2f degrees\n", r->commanded_performed_cm, r->base_deg,
         r->shoulder_deg);
}

static int print(const struct perform_result *r, const struct perform *p, int json) {
  if (json) return options_json(perform_result_json(r, p));
  print_result(r, p);
  return 0;
}

static int dry_run(const struct perform_result *r, const struct perform *p) {
  struct jointpath all;
  perform_commands(&all, r, p);
  const int rc = armlink_print(stdout, &p->arm.link, &all);
  jointpath_release(&all);
  return rc;
}

// What was measured is written and printed before anything is drawn: a real arm does not move twice for a picture.
static int output(const struct perform_result *r, const struct perform *p, const struct options *o,
                  struct file_out *table) {
  char reason[512] = "";
  if (o->out) perform_result_write_csv(r, table->stream);
  const int rc = o->out ? file_out_commit(table) : 0;
  if (rc < 0) snprintf(reason, sizeof reason, "%s", err_message());
  const int printed = print(r, p, o->json);  // whether it was written or not
  if (rc < 0 && printed < 0) note("%s", reason);
  TRY(printed);
  if (rc < 0) return err_set((enum err)rc, "%s", reason);
  return o->render ? film_write(o->render, &p->reach.arm, &r->performed, r->target_xyz) : 0;
}

// After a failure of the real arm what it had done before is kept.
static int run(struct perform_result *r, const struct perform *p, const struct options *o, struct file_out *table) {
  char reason[512];
  const int rc = perform_run(r, p);
  if (rc == 0) return output(r, p, o, table);
  if (!r->performed.n) {
    if (o->out) file_out_abort(table);
    return rc;
  }
  snprintf(reason, sizeof reason, "%s", err_message());
  if (output(r, p, o, table) < 0) note("%s", err_message());
  return err_set((enum err)rc, "%s", reason);
}

// The table is open, with room for all rows, before a real arm moves.
static int open_table(struct file_out *table, const struct perform_result *r, const char *path) {
  TRY(file_out_open(table, path));
  const int rc = file_out_reserve(table, perform_result_csv_size(r));
  if (rc < 0) file_out_abort(table);
  return rc;
}

static int perform(struct perform_result *r, const struct perform *p, const struct options *o) {
  struct file_out table;
  if (o->dry_run) return dry_run(r, p);
  if (o->out) TRY(open_table(&table, r, o->out));
  const bool held = p->arm.params.kind == ARM_MQTT;
  if (held) signals_hold();  // until all is written
  const int rc = run(r, p, o, &table);
  if (held) signals_unhold();
  return rc;
}

static int release(struct perform *p, const struct run_sources *from, const struct options *o) {
  char name[MESSAGE_NAME_SIZE];
  static const char *const of_movements[] = { "trajectory",  "code",   "lsg",     "trainee",    "update",
                                              "noise",       "eval",   "target",  "run",        "synapse",
                                              "chip",        "verify", "physics", "arm.hold_s", "arm.stops",
                                              "link.client", NULL };
  if (o->dry_run || o->out || o->render || o->model)
    return err_set(ERR_SETTING, "--release: nothing is performed with it: only -c, --json, --quiet and settings");
  TRY(run_refuse(from, of_movements, "a movement, not --release,"));
  TRY(run_resolve(p->reach.sections, NULL, NULL, NULL, NULL, from));
  TRY(armlink_release(name, &p->arm.link, o->release[0] ? o->release : NULL));
  if (!o->json) {
    printf("%s: stopped and disconnected; client %s had owned it\n", p->arm.link.robot, name);
    return 0;
  }
  struct json_t *j = json_object_new();
  json_put_text(j, "robot", p->arm.link.robot);
  json_put_text(j, "released", name);
  return options_json(j);
}

// Before anything is learned, and an arm moves.
static int check_outputs(const struct options *o) {
  if (o->dry_run && (o->json || o->out || o->render))
    return err_set(ERR_SETTING, "%s: nothing is performed with --dry-run",
                   o->json  ? "--json"
                   : o->out ? "--out"
                            : "--render");
  if (o->render) TRY(film_check(o->render));
  if (o->render) TRY(file_out_check(o->render));
  return o->out ? file_out_check(o->out) : 0;
}

static int plan_and_run(const struct options *o) {
  struct perform p;
  struct perform_result r;
  struct reach_model m = { 0 };
  perform_init(&p);
  const struct run_sources from = options_sources(o);
  if (o->release) return release(&p, &from, o);
  TRY(check_outputs(o));
  if (o->model) TRY(reach_model_load(&m, &p.reach, o->model, &from));
  else TRY(run_resolve(p.reach.sections, NULL, NULL, NULL, NULL, &from));
  p.reach.eval.trajectories = 1;
  int rc = perform_effects(&p, o->model != NULL, &from);
  if (rc == 0) rc = perform_plan(&r, &p, o->model ? &m : NULL);
  reach_model_release(&m);
  TRY(rc);
  rc = perform(&r, &p, o);
  perform_result_release(&r);
  return rc;
}

static const struct settings_section *sections(void) {
  static struct perform p;
  perform_init(&p);
  return p.reach.sections;
}

static const struct options_flag flags[] = {
  OPTIONS_VALUE("--model", model, "FILE", "model that learns the movement"),
  OPTIONS_CONFIG,
  OPTIONS_JSON,
  OPTIONS_VALUE("--out", out, "FILE.csv", "write every set-point"),
  OPTIONS_VALUE("--render", render, "FILE.png|.mp4|.gif", "draw the arm"),
  OPTIONS_SWITCH("--dry-run", dry_run, "print the messages to the real arm without sending them"),
  OPTIONS_VALUE("--release", release, "[ID]", "disconnect a real arm that a run left behind"),
  OPTIONS_QUIET,
  { 0 },
};
static const char *const reads[] = { "trajectory", "arm",         "code",         "lsg",    "trainee", "update",
                                     "noise",      "eval.stream", "eval.later_s", "target", "synapse", "run",
                                     "chip",       "verify",      "physics",      "link",   NULL };
static const struct options_action actions[] = { { .name = "", .flags = flags, .reads = reads, .run = plan_and_run },
                                                 { 0 } };
const struct options_command arm_command = { "arm",
                                             "perform a movement on the kinematic, the simulated or the real arm", text,
                                             .actions = actions, .sections = sections };
