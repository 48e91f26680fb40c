// A path longer than a movement: what each piece is shown, what is performed and measured, and the tables of it, which
// are paths again.
#include <stdlib.h>

#include "experiment/arm/chain.h"
#include "experiment/arm/perform.h"
#include "folder.h"
#include "small_arm.h"

enum { STEPS = 148, PIECES = 3 };  // of at most a movement, 60 steps

static struct folder folder;

// Both joints on sines from an angle.
static double angle(int j, double from, int step) { return (j ? -0.2 : 1)*(from + 0.3*sin(0.05*step)); }

static void write_path(struct reach *f, double from) {
  snprintf(f->target.file, sizeof f->target.file, "%s", folder_path(&folder, "p.csv"));
  FILE *out = fopen(f->target.file, "w");
  fprintf(out, "time_s,base,shoulder\n");
  for (int k = from == 0; k <= STEPS; k++)
    fprintf(out, "%.2f,%.12f,%.12f\n", 0.01*k, angle(0, from, k), angle(1, from, k));
  fclose(out);
}

static struct reach_path read_path(const struct reach *f) {
  struct reach_path p = { 0 };
  CHECK(reach_path_read(&p, f, 0) == 0, "%s", err_message());
  return p;
}

// ---- the pieces

// Step t of piece k: the path, and the offset from where the performance ended, half of it after half of the time.
static void check_target(const struct reach_chain *c, const struct reach_path *p, int k, const double ended[2]) {
  const struct reach_batch *b = c->b;
  const int first = c->length*k, rest = STEPS - first;
  for (int j = 0; j < 2; j++) {
    const double offset = ended[j] - (k ? p->q[2*(first - 1) + j] : p->begin[j]);
    CHECK(k ? fabs(offset) > 1e-3 : offset == 0, "piece %d, joint %d: an offset of %g", k, j, offset);
    const double expected[] = { 1, 0.5, 0, 0 };
    const int at[] = { -1, 9, 19, 59 };
    for (int i = 0; i < 4; i++) {
      const int t = at[i], step = first + t < STEPS ? first + t : STEPS - 1;
      const double q = t < 0 ? ended[j] - offset : p->q[2*step + j], got = t < 0 ? ended[j] : b->angle[2*t + j];
      CHECK(fabs(got - q - expected[i]*offset) < 1e-12, "piece %d, step %d: %g of %g", k, t, got - q, offset);
    }
    double sum = ended[j];
    for (int t = 0; t < 60; t++) sum += 0.01*b->omega[2*t + j];
    CHECK(fabs(sum - b->angle[2*59 + j]) < 1e-12, "piece %d: velocities lead to %g, not %g", k, sum,
          b->angle[2*59 + j]);
    const int still = rest < 20 ? 20 : rest;  // the offset takes as long
    if (rest <= c->length)
      CHECK(b->omega[2*still + j] == 0 && b->omega[2*(still - 1) + j] != 0, "no rest at the end");
  }
}

static void check_pieces(struct reach *f, const struct reach_model *m, double piece_s, int pieces, int length) {
  struct reach_batch b;
  struct reach_path p;
  write_path(f, 0.4);
  p = read_path(f);
  f->target.piece_s = piece_s;
  CHECK(p.n == STEPS && reach_chain_pieces(&p, f) == pieces && reach_chain_length(&p, f) == length,
        "%d steps in %d pieces", p.n, reach_chain_pieces(&p, f));
  reach_batch_init(&b, f, &m->o, 1, 1, NULL, NULL);
  double *block = err_calloc(10*STEPS, sizeof *block);
  struct reach_chain c = { .before = { .omega = block, .xyz = block + 2*STEPS },
                           .after = { .omega = block + 5*STEPS, .xyz = block + 7*STEPS } };
  reach_chain_begin(&c, &p, &b);
  for (int k = 0; k < pieces; k++) {
    const double ended[2] = { c.after.q[0], c.after.q[1] };
    reach_chain_next(&c, m->parameters);
    check_target(&c, &p, k, ended);
  }
  const struct reach_track *const tracks[] = { &c.before, &c.after };
  for (int i = 0; i < 2; i++) {  // joints go on from one piece to the next
    double q[2] = { p.begin[0], p.begin[1] }, tip[3];
    for (int t = 0; t < STEPS; t++) {
      for (int j = 0; j < 2; j++) q[j] += 0.01*tracks[i]->omega[2*t + j];
      kinematics_tip(tip, q[0], q[1], &f->arm);
      for (int j = 0; j < 3; j++)
        CHECK(fabs(tip[j] - tracks[i]->xyz[3*t + j]) < 1e-9, "%s, step %d", i ? "after" : "before", t);
    }
    CHECK(fabs(q[0] - tracks[i]->q[0]) < 1e-12, "ends at %g, not %g", tracks[i]->q[0], q[0]);
  }
  f->target.piece_s = 0;
  free(block);
  reach_batch_release(&b);
  reach_path_release(&p);
}

// ---- the evaluation

static double rms_cm(const double *a, const double *b, int n) {
  double sum = 0;
  for (int i = 0; i < 3*n; i++) sum += (a[i] - b[i])*(a[i] - b[i]);
  return 100*sqrt(sum/n);
}

static void check_result(struct reach *f, const struct reach_model *m) {
  write_path(f, 0.4);
  struct reach_path p = read_path(f);
  struct reach_result r = small_arm_eval(f, m, NULL);
  CHECK(r.n_trajectories == 1 && r.n_movements == PIECES && r.T == STEPS && r.begin[0] == p.begin[0],
        "%d movements of %d steps", r.n_movements, r.T);
  double tip[3], off = 0;
  for (int t = 0; t < STEPS; t++) {
    kinematics_tip(tip, p.q[2*t], p.q[2*t + 1], &f->arm);
    for (int j = 0; j < 3; j++) off = fmax(off, fabs(tip[j] - r.target_xyz[3*t + j]));
  }
  CHECK(off < 1e-12, "the target is %g m from the path", off);
  const double cm = rms_cm(r.after_xyz, r.target_xyz, STEPS), before = rms_cm(r.before_xyz, r.target_xyz, STEPS);
  CHECK(fabs(r.after.rms_distance_cm.mean - cm) < 1e-9 && fabs(r.before.rms_distance_cm.mean - before) < 1e-9,
        "%g and %g cm, not %g and %g", r.before.rms_distance_cm.mean, r.after.rms_distance_cm.mean, before, cm);
  CHECK(r.trainee_Hz > 0 && r.trainee_Hz < 500 && r.changed_in > 0 && r.changed_in <= 1, "%g Hz, %g changed",
        r.trainee_Hz, r.changed_in);
  reach_result_release(&r);
  reach_path_release(&p);
}

// The account is that of all pieces.
static void check_chip(struct reach *f, const struct reach_model *m) {
  write_path(f, 0);
  f->synapse.kind = RUN_CHIP;
  struct reach_result r = small_arm_eval(f, m, NULL);
  f->synapse.kind = RUN_EXACT;
  const struct ledger_counts all = ledger_total(&r.movements);
  const double devices = (double)all.devices_written, weights = (double)all.weights_written;
  CHECK(r.n_movements == PIECES && devices > 0 && fabs(devices - r.devices_written*PIECES) < 1e-6*devices,
        "%g devices written, %g a piece", devices, r.devices_written);
  CHECK(fabs(r.devices_addressed*PIECES - 4*weights) < 1e-6*weights, "%g devices addressed a piece, %g weights",
        r.devices_addressed, weights);
  reach_result_release(&r);
}

// ---- tables are paths

static void check_read_back(const struct reach *f, const struct reach_path *p, const char *table) {
  struct reach g = *f;
  struct reach_path back = { 0 };
  snprintf(g.target.file, sizeof g.target.file, "%s", table);
  CHECK(reach_path_read(&back, &g, 0) == 0, "%s", err_message());
  CHECK(back.n == p->n, "%s: %d steps, not %d", table, back.n, p->n);
  double off = 0;
  for (int j = 0; j < 2; j++) off = fmax(off, fabs(back.begin[j] - p->begin[j]));
  for (int i = 0; i < 2*p->n && i < 2*back.n; i++) off = fmax(off, fabs(back.q[i] - p->q[i]));
  CHECK(off < 3e-6, "%s: off by %g rad", table, off);  // tables of micrometres
  reach_path_release(&back);
}

static void write_arm_table(const struct perform_result *arm, const char *table) {
  struct file_out o;
  CHECK(file_out_open(&o, table) == 0, "%s", err_message());
  perform_result_write_csv(arm, o.stream);
  CHECK(ftello(o.stream) <= (off_t)perform_result_csv_size(arm), "%ld bytes", (long)ftello(o.stream));
  CHECK(file_out_commit(&o) == 0, "%s", err_message());
}

static void check_tables(const struct reach_model *m) {
  static struct perform f;
  perform_init(&f);
  struct reach *g = &f.reach;
  g->lsg.neurons = 40;
  g->trainee.neurons = 24;
  g->trajectory.steps = 60;
  g->update.rate = 1e-2;
  const double from[] = { 0, 0.4, -1.2 };
  for (int k = 0; k < 3; k++) {
    char table[400];
    write_path(g, from[k]);
    struct reach_path p = read_path(g);
    snprintf(table, sizeof table, "%s", folder_path(&folder, "table.csv"));
    struct reach_result r = small_arm_eval(g, m, NULL);
    CHECK(reach_result_write_csv(&r, g, table) == 0, "%s", err_message());
    check_read_back(g, &p, table);
    reach_result_release(&r);
    struct perform_result arm;
    CHECK(perform_plan(&arm, &f, k ? m : NULL) == 0 && perform_run(&arm, &f) == 0, "%s", err_message());
    write_arm_table(&arm, table);
    check_read_back(g, &p, table);
    perform_result_release(&arm);
    reach_path_release(&p);
  }
}

// The way to where a path begins: slow, and no part of what is measured.
static void check_approach(void) {
  static struct perform f;
  struct perform_result r;
  struct jointpath all;
  perform_init(&f);
  write_path(&f.reach, 0.8);
  CHECK(perform_plan(&r, &f, NULL) == 0 && perform_run(&r, &f) == 0, "%s", err_message());
  CHECK(r.n == STEPS + 1 && r.performed.n == r.n && fabs(r.commanded.q[0] - 0.8) < 1e-12, "%d set-points", r.n);
  CHECK(r.performed.q[0] == r.commanded.q[0] && fabs(r.performed.time_s[0] - 0.25) < 1e-9 &&
            fabs(r.arm_s - 0.25*(STEPS + 1)) < 1e-9, "from %g rad at %g s, to %g s", r.performed.q[0],
        r.performed.time_s[0], r.arm_s);
  perform_commands(&all, &r, &f);
  double most = 0;
  for (int k = 0; k <= r.approach.n; k++)
    most = fmax(most, fabs(all.q[4*k] - (k ? all.q[4*(k - 1)] : 0)));
  CHECK(all.n == r.approach.n + r.n && r.approach.n > 60 && most*180/3.14159265358979 < 1.25, "%d set-points, %g rad",
        r.approach.n, most);
  jointpath_release(&all);
  perform_result_release(&r);
}

int main(void) {
  struct reach f;
  folder = folder_make();
  small_arm(&f);
  f.target.blend_s = 0.2;
  struct reach_model m = small_arm_model(&f);
  check_pieces(&f, &m, 0, PIECES, 50);
  check_pieces(&f, &m, 100, PIECES, 50);
  check_pieces(&f, &m, 0.2, 8, 19);
  check_pieces(&f, &m, 0.37, 4, 37);
  check_pieces(&f, &m, 0.369, 5, 30);
  check_result(&f, &m);
  check_chip(&f, &m);
  check_tables(&m);
  check_approach();
  reach_model_release(&m);
  folder_remove(&folder);
  return test_summary();
}
