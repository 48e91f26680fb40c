// The trainee on simulated chips: an ideal chip is the software; every movement begins with the chip as it was
// programmed; chips take turns; the ledger; what contradicts is refused.
#include "chip/chip_private.h"
#include "base/err.h"
#include "base/par.h"
#include "base/rng.h"
#include "base/stat.h"
#include "experiment/arm/deploy.h"
#include "small_arm.h"
#include "test.h"

enum { N = 7 };

static void small(struct reach *f) {
  reach_init(f);
  f->lsg.neurons = 40;
  f->trainee.neurons = 24;
  f->trajectory.steps = 60;
  f->update.rate = 1e-2;
  f->eval.trajectories = N;
  f->run.threads = 2;
  f->synapse.kind = RUN_CHIP;
}

static void ideal(struct reach *f) {
  f->chip.prog_scale = f->chip.drift_scale = f->chip.read_scale = 0;
  f->chip.adc_bits = f->chip.dac_bits = 0;
  f->chip.headroom = 4;  // the large updates of random weights
}

static struct reach_result run(const struct reach *f) {
  struct reach_model m = small_arm_model(f);
  struct reach_result r = small_arm_eval(f, &m, NULL);
  reach_model_release(&m);
  return r;
}

static double worst(const struct reach_result *a, const struct reach_result *b) {
  double most = 0;
  for (int k = 0; k < N; k++) most = fmax(most, rel_diff(a->distance_cm[k], b->distance_cm[k]));
  return most;
}

static void check_ideal(void) {
  struct reach f;
  small(&f);
  ideal(&f);
  struct reach_result chip = run(&f);
  f.synapse.kind = RUN_EXACT;
  struct reach_result software = run(&f);
  CHECK(worst(&chip, &software) < test_tol(1e-3), "an ideal chip differs by %g", worst(&chip, &software));
  CHECK(chip.changed_rec > 0.05 && fabs(chip.changed_rec - software.changed_rec) < 0.01, "%g and %g changed",
        chip.changed_rec, software.changed_rec);
  CHECK(chip.n_chips == 1 && software.n_chips == 0 && software.devices_total == 0, "chips");
  CHECK(chip.programmed_error < 1e-3 && fabs(chip.programmed_kept - 1) < 1e-3, "error %g", chip.programmed_error);
  reach_result_release(&chip);
  f.synapse.kind = RUN_CHIP;
  f.chip.prog_scale = 1;
  chip = run(&f);
  CHECK(worst(&chip, &software) > 1e-3, "programming errors go unnoticed");
  CHECK(chip.programmed_error > 0.05, "error %g", chip.programmed_error);
  reach_result_release(&chip);
  reach_result_release(&software);
}

// Calibrated on spikes, even 6 bits of conversion cost little.
static void check_calibration(void) {
  struct reach f;
  small(&f);
  ideal(&f);
  f.chip.headroom = 1;
  f.update.rate = 1e-4;
  f.chip.adc_bits = 6;
  f.chip.dac_bits = 8;
  struct reach_result chip = run(&f);
  f.synapse.kind = RUN_EXACT;
  struct reach_result software = run(&f);
  double off = 0;
  for (int t = 0; t < 2*60; t++) off = fmax(off, fabs(chip.before_omega[t] - software.before_omega[t]));
  printf("converters: outputs off by %g rad/s, distances by %g\n", off, worst(&chip, &software));
  CHECK(worst(&chip, &software) < test_tol(0.02), "distances differ by %g", worst(&chip, &software));
  reach_result_release(&chip);
  reach_result_release(&software);
}

// The passes read, the update writes, waiting recalibrates if there is time for it; together they are the movement.
static void check_parts(const struct reach_result *r, bool later) {
  struct ledger_counts n[REACH_PARTS], sum = { 0 };
  const struct ledger_counts all = ledger_total(&r->movements);
  for (int k = 0; k < REACH_PARTS; k++) {
    n[k] = ledger_total(&r->part[k]);
#define X(name, help) sum.name += n[k].name;
    LEDGER_COUNTS(X)
#undef X
  }
  CHECK(!memcmp(&sum, &all, sizeof sum), "the parts are not the movements");
  CHECK(n[REACH_UPDATE].products == 0 && n[REACH_UPDATE].devices_written == all.devices_written,
        "update: %lld products", (long long)n[REACH_UPDATE].products);
  // the inputs seen before deployment, once through the one tile
  const int64_t calibration = ledger_total(&r->deployment).products;
  CHECK(calibration > 100 && calibration <= 512 && n[REACH_WAIT].products == (later ? N*calibration : 0),
        "waiting: %lld products", (long long)n[REACH_WAIT].products);
  CHECK(n[REACH_FIRST_PASS].products > N*5 && n[REACH_FIRST_PASS].products <= N*60 &&
            n[REACH_SECOND_PASS].products > N*5 && n[REACH_SECOND_PASS].products <= N*60,
        "%lld and %lld products", (long long)n[REACH_FIRST_PASS].products, (long long)n[REACH_SECOND_PASS].products);
  // spikes are few: far below every row in every phase
  for (int k = REACH_FIRST_PASS; k < REACH_PARTS; k += REACH_SECOND_PASS)
    CHECK(n[k].input_conversions >= n[k].phases && n[k].input_conversions < n[k].phases*29/2,
          "pass %d: %lld pulses", k, (long long)n[k].input_conversions);
}

static void check_ledger(void) {
  struct reach f;
  small(&f);
  f.update.grid = EPROP_NEAREST;
  f.update.step = 0.02;
  struct reach_result r = run(&f);
  const long weights = 29*24;
  const struct ledger_counts once = ledger_total(&r.deployment), all = ledger_total(&r.movements);
  CHECK(r.devices_total == 4*weights && once.devices_written == r.devices_total, "%ld devices, %lld written",
        r.devices_total, (long long)once.devices_written);
  CHECK_REL((double)all.devices_written/N, r.devices_written, 1e-12);
  const double changed = r.changed_in*5*24 + r.changed_rec*24*24;
  CHECK_REL((double)all.weights_written/N, changed, 1e-9);
  CHECK_REL(r.devices_addressed, 4*changed, 1e-9);
  CHECK(changed > 10 && changed < 0.7*(double)weights, "%g weights changed", changed);
  CHECK(r.devices_written >= 2*changed && r.devices_written <= 4*changed, "%g devices for %g weights",
        r.devices_written, changed);
  CHECK(all.products > N*2*5 && all.products <= N*2*60 && all.phases == 2*all.products, "%lld products",
        (long long)all.products);
  CHECK(r.movements.most_writes == 1 && r.part[REACH_UPDATE].most_writes == 1 && r.deployment.most_writes == 1,
        "%lld writes of one device by a movement", (long long)r.movements.most_writes);
  check_parts(&r, false);
  reach_result_release(&r);
}

// Results depend neither on threads nor on what was learned before.
static void check_restore(void) {
  struct reach f;
  small(&f);
  f.run.threads = 1;
  struct reach_result one = run(&f);
  f.run.threads = 3;
  struct reach_result three = run(&f);
  CHECK(!memcmp(one.distance_cm, three.distance_cm, N*sizeof(double)), "threads change the results");
  CHECK(!memcmp(&one.movements, &three.movements, sizeof one.movements) &&
            !memcmp(one.part, three.part, sizeof one.part),
        "threads change the ledger");
  reach_result_release(&three);
  f.eval.chips = 3;
  struct reach_result turns = run(&f);
  CHECK(turns.after.rms_distance_cm.ci95 == stat_grouped(turns.distance_cm, N, 1, 3, 0).ci95, "%g",
        turns.after.rms_distance_cm.ci95);
  for (int k = 0; k < N; k++)
    CHECK((one.distance_cm[k] == turns.distance_cm[k]) == (k % 3 == 0), "movement %d: %g on one chip, %g on three", k,
          one.distance_cm[k], turns.distance_cm[k]);
  reach_result_release(&one);
  reach_result_release(&turns);
}

static void check_time(void) {
  struct reach f;
  small(&f);
  ideal(&f);
  f.chip.drift_scale = 1;
  f.chip.correction = CHIP_NONE;
  struct reach_result now = run(&f);
  f.eval.later_s = 100;  // still before t0: nothing has drifted
  struct reach_result soon = run(&f);
  f.eval.later_s = 1e6;
  struct reach_result later = run(&f);
  f.chip.correction = CHIP_COLUMN;
  struct reach_result corrected = run(&f);
  check_parts(&corrected, true);
  reach_result_release(&corrected);
  f.chip.correction = CHIP_NONE;
  CHECK(worst(&now, &soon) == 0, "drift before t0: %g", worst(&now, &soon));
  CHECK(worst(&now, &later) > 1e-2 && now.before.rms_distance_cm.mean == later.before.rms_distance_cm.mean,
        "no drift between update and performance");
  reach_result_release(&later);
  f.eval.later_s = 0;
  f.chip.time_s = 1e6;
  later = run(&f);
  CHECK(later.before.rms_distance_cm.mean != now.before.rms_distance_cm.mean && later.programmed_kept < 0.8,
        "no drift before the update");
  reach_result_release(&now);
  reach_result_release(&soon);
  reach_result_release(&later);
}

// Each movement is presented once, under its own number.
static int seen[130];
static void count(const struct reach_device *d, int worker, uint64_t movement, struct rng *r) {
  (void)d, (void)worker, (void)r;
  if (movement < 130) __atomic_fetch_add(&seen[movement], 1, __ATOMIC_RELAXED);
}

static void check_numbers(void) {
  struct reach f;
  small(&f);
  f.eval.trajectories = 130;
  f.trajectory.steps = 10;
  struct reach_model m = small_arm_model(&f);
  struct synapse *array[2] = { synapse_exact_new(29, 24), synapse_exact_new(29, 24) };
  const struct reach_device device = { .array = array, .restore = count };
  struct reach_result r = small_arm_eval(&f, &m, &device);
  int once = 0;
  for (int k = 0; k < 130; k++) once += seen[k] == 1;
  CHECK(once == 130, "%d of 130 movements have a number of their own", once);
  for (int k = 0; k < 2; k++) array[k]->ops->free(array[k]);
  reach_result_release(&r);
  reach_model_release(&m);
}

// Chips one by one: each its own, none where it does not fit.
static void check_deploy(void) {
  struct reach f;
  struct chip *two[2] = { NULL }, *one = NULL;
  small(&f);
  struct reach_model m = small_arm_model(&f);
  struct par *par = par_new(2);
  for (int k = 0; k < 2; k++) CHECK(reach_chip_deploy(&two[k], k, &f, &m, par) == 0, "%s", err_message());
  CHECK(reach_chip_deploy(&one, 0, &f, &m, NULL) == 0, "%s", err_message());
  par_free(par);
  const struct tile *a = &two[0]->tiles[0], *b = &two[1]->tiles[0], *c = &one->tiles[0];
  CHECK(!memcmp(a->block, c->block, a->size) && a->lsb == c->lsb, "the first of two chips is not the one alone");
  CHECK(memcmp(a->block, b->block, a->size) != 0, "two chips with the same devices");
  CHECK(one->clock_s == 0 && one->matrices[0].n_seen > 0 && one->matrices[0].checksum == two[1]->matrices[0].checksum,
        "clock %g", one->clock_s);
  chip_free(two[0]);
  chip_free(two[1]);
  chip_free(one);
  f.chip.rows = f.chip.columns = 8;
  one = NULL;
  CHECK(reach_chip_deploy(&one, 0, &f, &m, NULL) == ERR_SETTING && !one, "a chip that is too small");
  reach_model_release(&m);
}

static void refused(const struct reach *f, const char *text) {
  struct reach_result r;
  struct reach_model m = small_arm_model(f);
  CHECK(reach_eval(&r, f, &m, NULL) == ERR_SETTING && strstr(err_message(), text), "%s, not: %s", err_message(), text);
  reach_model_release(&m);
}

static void check_refused(void) {
  struct reach f;
  small(&f);
  f.chip.update = CHIP_STOCHASTIC;
  f.update.grid = EPROP_NEAREST;
  refused(&f, "chip.update=stochastic");
  f.chip.update = CHIP_THRESHOLD;
  f.noise.read = 0.1;
  refused(&f, "noise.*");
  f.noise.read = 0;
  snprintf(f.synapse.state, sizeof f.synapse.state, "state.csv");
  f.eval.chips = 2;
  refused(&f, "synapse.state=state.csv");
  f.synapse.state[0] = 0;
  f.chip.rows = f.chip.columns = 8;
  refused(&f, "chip.cores=2");
}

int main(void) {
  check_ideal();
  check_calibration();
  check_ledger();
  check_restore();
  check_time();
  check_numbers();
  check_deploy();
  check_refused();
  return test_summary();
}
