// arm.c - metaxbar arm: learn a movement and let an arm perform it. Parses and prints only.
#include <stdio.h>

#include "arm/film.h"
#include "base/err.h"
#include "base/json.h"
#include "commands.h"
#include "experiment/arm/perform.h"
#include "options.h"

static const char usage[] =
  "usage: metaxbar arm --model FILE [arm.kind=kinematic|physics|mqtt] [target.file=PATH.csv] [section.name=value ...]\n"
  "                    [--json] [--out FILE.csv] [--render FILE.png|.mp4|.gif] [--dry-run]\n"
  "       metaxbar arm target.file=PATH.csv [...]\n"
  "\n"
  "Show the model a movement once (a random one of run.seed, or the path in target.file), update it once, and let an arm\n"
  "perform it; without a model the path itself is performed. Prints how far the tip was from where it should have been.\n"
  "--out writes every set-point, --render draws the arm, --dry-run prints what the real arm would be sent and sends nothing.\n";

static void print_result(const struct perform_result *r, const struct perform *p) {
  printf("%s arm, %d set-points, %g s each, %.1f s in all\n", arm_kind_names[p->arm.params.kind], r->n, p->arm.params.hold_s, r->arm_s);
  printf("tip distance, cm (RMS over the path)\n");
  printf("  target - performed    %7.2f    (paper, real arm behind the chip: 7.82 +- 2.50)\n", r->target_performed_cm);
  printf("  target - commanded    %7.2f\n", r->target_commanded_cm);
  printf("  commanded - performed %7.2f    base %.2f, shoulder %.2f degrees\n", r->commanded_performed_cm, r->base_deg, r->shoulder_deg);
}

static int print(const struct perform_result *r, const struct perform *p, int json) {
  if (!json) {
    print_result(r, p);
    return 0;
  }
  struct json_t *o = perform_result_json(r, p);
  const int rc = json_print(o, stdout);
  json_release(o);
  return rc;
}

// What was measured is written and printed before anything is drawn: a real arm does not move twice for a picture.
static int run(struct perform_result *r, const struct perform *p, const struct options *o) {
  if (o->dry_run) return armlink_print(stdout, &p->arm.link, &r->commanded);
  TRY(perform_run(r, p));
  if (o->out) TRY(perform_result_write_csv(r, o->out));
  TRY(print(r, p, o->json));
  return o->render ? film_write(o->render, &p->reach.arm, &r->performed, r->target_xyz) : 0;
}

static int plan_and_run(struct perform *p, const struct options *o) {
  struct perform_result r;
  struct reach_model m = { 0 };
  if (o->render) TRY(film_check(o->render));
  if (o->config) TRY(settings_load(p->reach.sections, o->config));
  if (o->model) TRY(reach_model_load(&m, &p->reach, o->model, o->n_assignments, o->assignments));
  for (int k = 0; !o->model && k < o->n_assignments; k++) TRY(settings_set(p->reach.sections, o->assignments[k]));
  p->reach.eval.trajectories = 1;
  int rc = perform_plan(&r, p, o->model ? &m : NULL);
  reach_model_release(&m);
  TRY(rc);
  rc = run(&r, p, o);
  perform_result_release(&r);
  return rc;
}

int arm_command(int argc, char **argv) {
  struct options o;
  struct perform p;
  perform_init(&p);
  int rc = options_parse(&o, argc, argv);
  if (rc == 0 && o.n_words) rc = err_set(ERR_SETTING, "%s: unknown word", o.words[0]);
  if (rc == 0 && o.help) {
    fputs(usage, stdout);
    printf("\nsettings:\n");
    settings_help(p.reach.sections, stdout);
    return options_finish("arm");
  }
  if (rc == 0) rc = plan_and_run(&p, &o);
  return rc < 0 ? options_fail("arm", rc) : options_finish("arm");
}
