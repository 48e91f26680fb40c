// The formulas of the device models against values worked out by hand at unround numbers, and against
// the tables of closed-form moments beside the repository.
#include "device/pcm.h"
#include "test.h"

static struct pcm preset(const char *name) {
  struct pcm p;
  int k = 0;
  while (pcm_preset_names[k] && strcmp(pcm_preset_names[k], name)) k++;
  pcm_preset(&p, k);
  CHECK(!strcmp(p.name, name), "preset %d is %s, not %s", k, p.name, name);
  return p;
}

// Each number once, by another program, from the printed constants.
static void test_by_hand(void) {
  const struct pcm j = preset("joshi2020"), h = preset("hermes"), s = preset("hermes1"), c = preset("published-code");
  CHECK_REL(pcm_sigma_prog_uS(&j, 7.385), 0.26348 + 1.9650*0.2954 - 1.1731*0.08726116, 1e-12);
  CHECK_REL(pcm_drift_mean(&j, 0.6), -0.0155 * -3.7297014487 + 0.0244, 1e-9);
  CHECK_REL(pcm_drift_mean(&j, 24), 0.049, 1e-12);
  CHECK_REL(pcm_drift_spread(&j, 2.2), -0.0125 * -2.4304184645 - 0.0059, 1e-9);
  CHECK_REL(pcm_read_q(&j, 3.3), 0.0088 / 0.2681470696, 1e-8);  // 0.132^0.65
  CHECK_REL(pcm_read_q(&j, 0), 0.2, 1e-12);
  CHECK_REL(pcm_drift_uS(&j, 10, 0.05, 20 * 1234.5), 10 * 0.7005279139, 1e-8);
  CHECK_REL(pcm_drift_uS(&j, 10, 0.05, 3), 10, 1e-12);  // no read before t0
  CHECK_REL(pcm_sigma_read_uS(&j, 10, 0.016, 3600), 0.16 * sqrt(22.6973468630), 1e-6);

  CHECK_REL(pcm_sigma_prog_uS(&h, 0.37*20.7),
            0.16603222 + 4.71806468*0.37 - 8.48101252*0.1369 + 4.68961419*0.050653, 1e-12);
  CHECK_REL(pcm_drift_mean(&h, 0.0944*20.7), -0.0387 * -2.3602142058 - 0.0182, 1e-9);
  CHECK_REL(pcm_drift_mean(&h, 0.71*20.7), -0.0436*0.5041 - 0.0126*0.71 + 0.0736, 1e-12);
  CHECK_REL(pcm_drift_spread(&h, 0.2*20.7), -0.0117 * -1.6094379124 - 0.0057, 1e-9);
  CHECK_REL(pcm_read_q(&h, 0.53*20.7), 0.0069*0.148877 - 0.0280*0.2809 + 0.0211*0.53 + 0.0123, 1e-12);
  CHECK_REL(pcm_read_q(&h, 0.15*20.7), 0.0152963038, 1e-8);

  CHECK_REL(pcm_sigma_prog_uS(&s, 0.37*10.35),
            0.15781817 + 2.32443916*0.37 - 2.16310839*0.1369 + 0.68841818*0.050653, 1e-12);
  CHECK_REL(pcm_drift_spread(&s, 0.5*10.35), -0.0165*0.25 + 0.0116*0.5 + 0.0104, 1e-12);
  CHECK_REL(pcm_read_q(&s, 0.9*10.35), 0.0664*0.729 - 0.1352*0.81 + 0.0768*0.9 + 0.0088, 1e-12);

  CHECK(pcm_sigma_prog_uS(&c, 0) == 0, "published code: RESET has no error");
  CHECK_REL(pcm_drift_uS(&c, 10, 0.05, 1e9), 10 * 0.8408964153, 1e-9);  // 32^-0.05 at any time
  CHECK_REL(pcm_read_q(&j, 8.0) / pcm_read_q(&c, 8.0), 8.1, 0.002);     // the noise it misses
}

// Mean and spread of |N(mu, s)| and of max(0, N(mu, s)).
static double folded_mean(double mu, double s) {
  return s*sqrt(2 / M_PI)*exp(-mu*mu / (2*s*s)) + mu*erf(mu / (s*sqrt(2)));
}

static double clipped_mean(double mu, double s) {
  return mu*0.5*erfc(-mu / (s*sqrt(2))) + s*exp(-mu*mu / (2*s*s)) / sqrt(2*M_PI);
}

// One row of a table: names and values by column.
struct row {
  char names[1024];
  int n;
  char *name[32];
  double value[32];
};

static double field(const struct row *r, const char *name) {
  for (int i = 0; i < r->n; i++)
    if (!strcmp(r->name[i], name)) return r->value[i];
  return NAN;
}

static int split_names(struct row *r, FILE *f) {
  if (!fgets(r->names, sizeof r->names, f)) return 0;
  char *save = NULL;
  for (char *s = strtok_r(r->names, ",\n", &save); s; s = strtok_r(NULL, ",\n", &save)) r->name[r->n++] = s;
  return 1;
}

static int next(struct row *r, FILE *f) {
  char line[1024], *at = line;
  if (!fgets(line, sizeof line, f)) return 0;
  for (int i = 0; i < r->n; i++, at += *at == ',') r->value[i] = strtod(at, &at);
  return 1;
}

static void check_row(const struct pcm *p, const struct row *r) {
  const double g = field(r, "g_target_uS"), mu = pcm_drift_mean(p, g), s = pcm_drift_spread(p, g), tol = 2e-7;
  const double q = pcm_read_q(p, g), after = p->t0_s;  // the tables count time from the first read on
  if (isfinite(field(r, "sig_prog"))) CHECK_REL(pcm_sigma_prog_uS(p, g), field(r, "sig_prog"), tol);
  if (isfinite(field(r, "g_prog_mean")))
    CHECK_REL(clipped_mean(g, pcm_sigma_prog_uS(p, g)), field(r, "g_prog_mean"), tol);
  CHECK_REL(mu, field(r, "mu_nu"), tol);
  CHECK_REL(s, field(r, "sig_nu"), tol);
  if (isfinite(field(r, "nu_mean"))) CHECK_REL(folded_mean(mu, s), field(r, "nu_mean"), tol);
  CHECK_REL(q, isfinite(field(r, "q_s")) ? field(r, "q_s") : field(r, "q_s_at_g"), tol);
  if (isfinite(field(r, "rel_read_t0"))) CHECK_REL(q * sqrt(pcm_read_factor(p, p->t0_s)), field(r, "rel_read_t0"), tol);
  if (isfinite(field(r, "rel_read_1h")))
    CHECK_REL(q * sqrt(pcm_read_factor(p, 3600 + after)), field(r, "rel_read_1h"), tol);
  if (isfinite(field(r, "rel_read_1day")))
    CHECK_REL(q * sqrt(pcm_read_factor(p, 86400 + after)), field(r, "rel_read_1day"), tol);
  if (isfinite(field(r, "rel_read_readnoise")))
    CHECK_REL(q * sqrt(pcm_read_factor(p, 0)), field(r, "rel_read_readnoise"), tol);
}

// E[(t/t0)^-|N(mu, s)|] by a sum over the normal density
static double drift_mean(const struct pcm *p, double g, double t_s) {
  double sum = 0, mass = 0;
  for (int i = -4000; i <= 4000; i++) {
    const double z = i / 500.0, d = exp(-z*z / 2);
    sum += d * pcm_drift_uS(p, 1, fabs(pcm_drift_mean(p, g) + pcm_drift_spread(p, g)*z), t_s);
    mass += d;
  }
  return sum / mass;
}

static int test_table(const char *path, const char *name) {
  FILE *f = fopen(path, "r");
  if (!f) {
    printf("SKIP %s: not there\n", path);
    return 0;
  }
  const struct pcm p = preset(name);
  struct row r = { .n = 0 };
  int n = 0;
  if (split_names(&r, f))
    for (; next(&r, f); n++) {
      const double g = field(&r, "g_target_uS");
      check_row(&p, &r);
      if (isfinite(field(&r, "drift_mean_1h")))
        CHECK_REL(drift_mean(&p, g, 3600 + p.t0_s), field(&r, "drift_mean_1h"), 1e-5);
      if (isfinite(field(&r, "drift_mean_1day")))
        CHECK_REL(drift_mean(&p, g, 86400 + p.t0_s), field(&r, "drift_mean_1day"), 1e-5);
      if (isfinite(field(&r, "drift_mean_32x"))) CHECK_REL(drift_mean(&p, g, 1), field(&r, "drift_mean_32x"), 1e-5);
    }
  CHECK(n >= 10, "%s: %d rows", path, n);
  fclose(f);
  return n;
}

int main(void) {
  test_by_hand();
  test_table("../shared/device/aihwkit_pcm_expected.csv", "joshi2020");
  test_table("../shared/device/hermes_2dev_expected.csv", "hermes");
  test_table("../shared/device/l2l_reference_expected.csv", "published-code");
  return test_summary();
}
