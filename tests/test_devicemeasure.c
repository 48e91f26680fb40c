// The device table measured on the simulated chip as a driver agrees with the device model within five standard errors,
// and says which of its values are not measured.
#include "base/err.h"
#include "chip/simulateddriver.h"
#include "device/devicetable.h"
#include "device/pcm.h"
#include "folder.h"
#include "lab/devicemeasure.h"
#include "test.h"

static const double times_s[] = { 300, 3000, 30000, 300000 };

static void measure(struct devicemeasure *m, const char *chip, int n_times, int seed) {
  struct devicemeasure_params p;
  struct driver *d;
  param_defaults(devicemeasure_param_table, &p);
  p.points = 6;
  p.t_read_s = 512e-9;
  p.seed = seed;
  if (driver_open_table(&d, simulateddriver(), "simulated", chip, &(struct driver_options){ 0 }) < 0 ||
      devicemeasure_of(m, d, &p, times_s, n_times) < 0) {
    printf("%s: %s\n", chip, err_message());
    abort();
  }
  CHECK(driver_close(d) == 0, "%s", err_message());
}

static void near(const char *what, double g_uS, struct devicemeasure_value v, double expected) {
  CHECK(fabs(v.value - expected) <= test_tol(5*v.error) && v.error < 0.1*expected,
        "%s at %g uS: %g +- %g, not %g", what, g_uS, v.value, v.error, expected);
}

static void test_agrees(const char *chip, int seed) {
  struct devicemeasure m;
  struct pcm p;
  pcm_preset(&p, PCM_HERMES);
  measure(&m, chip, 4, seed);
  CHECK(m.n == 6 && m.rows[5].target_uS == p.g_max_uS && m.t0_s == 300, "%d rows", m.n);
  for (int k = 0; k < m.n; k++) {
    const struct devicemeasure_row *r = &m.rows[k];
    near("sigma_prog_uS", r->target_uS, r->sigma_prog_uS, pcm_sigma_prog_uS(&p, r->target_uS));
    if (k == 0) continue;
    near("drift_mean", r->target_uS, r->drift_mean, pcm_drift_mean(&p, r->target_uS));
    near("drift_std", r->target_uS, r->drift_std, pcm_drift_spread(&p, r->target_uS));
    near("read_q", r->target_uS, r->read_q, pcm_read_q(&p, r->target_uS));
  }
  CHECK(m.rows[0].drift_mean.value == INFINITY && m.rows[0].read_q.value == INFINITY, "measured at 0");
  devicemeasure_release(&m);
}

// And not with a device model of other errors.
static void test_disagrees(void) {
  struct devicemeasure m;
  struct pcm p;
  pcm_preset(&p, PCM_HERMES);
  measure(&m, "chip.preset=hermes chip.cores=1 chip.prog_scale=1.3 chip.drift_scale=1.1 chip.read_scale=1.1", 4, 1);
  const struct devicemeasure_row *r = &m.rows[3];
  CHECK(r->sigma_prog_uS.value - pcm_sigma_prog_uS(&p, r->target_uS) > 5*r->sigma_prog_uS.error, "sigma_prog");
  CHECK(r->drift_mean.value - pcm_drift_mean(&p, r->target_uS) > 5*r->drift_mean.error, "drift_mean");
  CHECK(r->read_q.value - pcm_read_q(&p, r->target_uS) > 5*r->read_q.error, "read_q");
  devicemeasure_release(&m);
}

// The files are a device table; what is not measured is there with the value of the next row.
static void test_files(const struct folder *tmp) {
  struct devicemeasure m;
  struct pcm p;
  measure(&m, "chip.preset=hermes chip.cores=1", 4, 1);
  const char *csv = folder_path(tmp, "x/table.csv");
  CHECK(devicemeasure_save(&m, csv) == 0, "%s", err_message());
  CHECK(devicetable_load(&p, folder_path(tmp, "x/table.ini")) == 0, "%s", err_message());
  CHECK(p.g_max_uS == m.rows[5].target_uS && p.devices == 2 && p.t0_s == 300 && p.t_read_s == 512e-9, "%g uS, %d, %g s",
        p.g_max_uS, p.devices, p.t0_s);
  CHECK_REL(pcm_sigma_prog_uS(&p, m.rows[2].target_uS), m.rows[2].sigma_prog_uS.value, 1e-5);
  CHECK_REL(pcm_drift_mean(&p, 0), m.rows[1].drift_mean.value, 1e-5);
  CHECK_REL(pcm_read_q(&p, 0), m.rows[1].read_q.value, 1e-5);
  CHECK(devicemeasure_save(&m, "table.txt") == ERR_SETTING && strstr(err_message(), "must end in .csv"), "%s",
        err_message());
  devicemeasure_release(&m);
}

static void test_missing(void) {
  struct devicemeasure m;
  measure(&m, "chip.preset=hermes chip.cores=1 chip.read_scale=0 chip.fault_dead=0.1", 1, 1);
  for (int k = 0; k < m.n; k++)
    CHECK(m.rows[k].drift_mean.value == INFINITY && m.rows[k].read_q.value == INFINITY, "row %d is measured", k);
  static const char *const lines[] = { "drift: it needs two times", "read noise at 4.14 uS", "of 3072 cells" };
  for (size_t k = 0; k < 3; k++) CHECK(strstr(m.missing, lines[k]), "'%s' is not in %s", lines[k], m.missing);
  devicemeasure_release(&m);
}

static void test_times(void) {
  double t[DEVICEMEASURE_TIMES];
  CHECK(devicemeasure_times(t, "1,10, 100") == 3 && t[2] == 100, "%s", err_message());
  static const char *const wrong[] = { "", "0", "10,1", "1,x" };
  for (size_t k = 0; k < sizeof wrong/sizeof *wrong; k++)
    CHECK(devicemeasure_times(t, wrong[k]) == ERR_SETTING && strstr(err_message(), "--times"), "%s", err_message());
}

int main(void) {
  const struct folder tmp = folder_make();
  for (int seed = 1; seed <= 3; seed++) test_agrees("chip.preset=hermes chip.cores=1", seed);
  test_agrees("chip.preset=hermes chip.cores=1 chip.phases=1 chip.adc_bits=9", 1);
  test_disagrees();
  test_files(&tmp);
  test_missing();
  test_times();
  folder_remove(&tmp);
  return test_summary();
}
