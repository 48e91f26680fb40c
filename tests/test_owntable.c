// A measured table comes back as it was measured: mean and spread of programming, drift (rising conductances and means
// smaller than the spread included) and read noise, from the device functions and from the characterisation, within 5
// standard errors for random tables. Read noise of 0 is 0, not nan.
#include "base/err.h"
#include "base/json.h"
#include "base/rng.h"
#include "device/devicetable.h"
#include "device/pcm.h"
#include "folder.h"
#include "kernel/noise.h"
#include "lab/characterise.h"
#include "test.h"

enum { TABLES = TEST_SANITIZED ? 3 : 20, ROWS = 4, N = 4096, READS = 96 };

struct row {
  double g_uS, sigma_uS, mean, std;
};
struct table {
  struct row row[ROWS];
  double q;
};

static struct folder tmp;

static double between(struct rng *r, double low, double high) { return low + (high - low)*rng_uniform(r); }

// Rows at 0, a third, two thirds and all of g_max; programming errors of 1 to 2 %, so that no conductance is cut off at
// 0 and the square of the conductance, which the read noise goes with, is hardly larger than that of the target.
static struct table draw(int k, struct rng *r) {
  struct table t = { .q = k == 2 ? 0 : between(r, 0.002, 0.05) };
  const double g_max = exp(between(r, log(0.5), log(200)));
  for (int i = 0; i < ROWS; i++) {
    struct row *v = &t.row[i];
    v->g_uS = g_max*i/(ROWS - 1);
    v->sigma_uS = i ? v->g_uS*between(r, 0.01, 0.02) : 0;
    v->mean = k < 2 ? 0 : between(r, -0.05, 0.1);
    v->std = k < 2 ? 0.01 : between(r, 0, 0.05);
  }
  return t;
}

static const char *write_table(const struct table *t) {
  char csv[1000] = "g_uS,sigma_prog_uS,drift_mean,drift_std,read_q\n", ini[200];
  for (int i = 0; i < ROWS; i++) {
    const size_t at = strlen(csv);
    snprintf(csv + at, sizeof csv - at, "%.17g,%.17g,%.17g,%.17g,%.17g\n", t->row[i].g_uS, t->row[i].sigma_uS,
             t->row[i].mean, t->row[i].std, t->q);
  }
  snprintf(ini, sizeof ini, "[device]\ng_max_uS=%.17g\nt0_s=5\nt_read_s=1e-6\ndata=own.csv\n", t->row[ROWS - 1].g_uS);
  folder_write(&tmp, "own.csv", csv, strlen(csv));
  folder_write(&tmp, "own.ini", ini, strlen(ini));
  return folder_path(&tmp, "own.ini");
}

// Mean and spread of n normal numbers are mean and std; 1e-6 is the rounding of single precision.
static void near(double m, double s, double mean, double std, const char *what, double g_uS) {
  const double error = std/sqrt(N), rounding = 1e-6*(fabs(mean) + std);
  CHECK(fabs(m - mean) <= test_tol(5*error + rounding) && fabs(s - std) <= test_tol(5*error/sqrt(2) + rounding),
        "%s at %g uS: %g +- %g, the table says %g +- %g", what, g_uS, m, s, mean, std);
}

static void moments(const float *v, double *mean, double *std) {
  double sum = 0, square = 0;
  for (int i = 0; i < N; i++) sum += (double)v[i];
  for (int i = 0; i < N; i++) square += pow((double)v[i] - sum/N, 2);
  *mean = sum/N;
  *std = sqrt(square/(N - 1));
}

static void test_functions(const struct table *t, const char *path, struct rng *r) {
  static float target[N], g[N], nu[N], q[N], z1[N], z2[N];
  struct pcm p;
  CHECK(devicetable_load(&p, path) == 0, "%s", err_message());
  for (int k = 1; k < ROWS; k++) {
    const struct row *v = &t->row[k];
    double m, s;
    for (int i = 0; i < N; i++) target[i] = (float)v->g_uS;
    noise_normal(z1, N, r);
    noise_normal(z2, N, r);
    pcm_program(&p, g, nu, q, target, z1, z2, N, false);
    moments(g, &m, &s);
    near(m, s, v->g_uS, v->sigma_uS, "programming", v->g_uS);
    moments(nu, &m, &s);
    near(m, s, v->mean, v->std, "drift exponent", v->g_uS);
    CHECK_REL(q[N/2], t->q, 1e-6);
    CHECK_REL(pcm_drift_uS(&p, 10, v->mean, 5e4), 10*pow(1e4, -v->mean), 1e-9);
  }
}

static void test_characterisation(const struct table *t, const char *path) {
  struct characterise_params p;
  struct verify_params verify;
  struct characterise c;
  param_defaults(characterise_param_table, &p);
  param_defaults(verify_param_table, &verify);
  p.points = ROWS;
  snprintf(p.table, sizeof p.table, "%s", path);
  CHECK(characterise_run(&c, &p, &verify) == 0, "%s", err_message());
  for (int k = 1; k < ROWS; k++) {
    const struct characterise_row *r = &c.rows[k];
    const struct row *v = &t->row[k];
    near(r->prog_mean_uS, r->prog_sigma_uS[1], v->g_uS, v->sigma_uS, "measured programming", v->g_uS);
    near(r->drift_mu[1], r->drift_s[1], v->mean, v->std, "measured drift exponent", v->g_uS);
    const double read_uS = v->g_uS*t->q*sqrt(log((5 + 1e-6)/2e-6)), relative = pow(v->sigma_uS/v->g_uS, 2);
    CHECK(fabs(r->read_sigma_uS[0][1] - read_uS) <= test_tol((5/sqrt(2.0*N*(READS - 1)) + relative)*read_uS),
          "read noise at %g uS: %g measured, the table says %g", v->g_uS, r->read_sigma_uS[0][1], read_uS);
    // E exp(-nu l) over a day, with the spread of exp(-nu l) about it
    const double l = log((5 + 86400.0)/5), kept = exp(-v->mean*l + pow(v->std*l, 2)/2);
    CHECK(fabs(r->kept[2][1]/kept - 1) <= test_tol(5*sqrt(expm1(pow(v->std*l, 2))/N) + 1e-5),
          "kept after a day at %g uS: %g measured, %g expected", v->g_uS, r->kept[2][1], kept);
  }
  FILE *nowhere = fopen("/dev/null", "w");
  struct json_t *json = characterise_json(&c);
  CHECK(json_print(json, nowhere) == 0, "%s", err_message());
  json_release(json);
  fclose(nowhere);
  characterise_release(&c);
}

// Nothing grows without end: 1000 times what was written is the most.
static void test_rise(void) {
  struct pcm p = { .g_max_uS = 20, .t0_s = 1 };
  CHECK_REL(pcm_drift_uS(&p, 2, -1, 100), 200, 1e-12);
  CHECK_REL(pcm_drift_uS(&p, 2, -1, 1e12), 2000, 1e-12);
}

int main(void) {
  struct rng r = rng_stream(31, RNG_TEST, 0);
  tmp = folder_make();
  for (int k = 0; k < TABLES; k++) {
    const struct table t = draw(k, &r);
    const char *path = write_table(&t);
    test_functions(&t, path, &r);
    test_characterisation(&t, path);
  }
  test_rise();
  folder_remove(&tmp);
  return test_summary();
}
