// The characterisation of a device: what is measured on the simulated crossbar agrees with the formulas
// beside it, and the tables are complete.
#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"
#include "lab/characterise.h"
#include "test.h"

static void near(double measured, double formula, double tolerance, const char *what, double g) {
  CHECK(fabs(measured / formula - 1) < test_tol(tolerance), "%s at %g uS: %g measured, %g expected", what, g, measured,
        formula);
}

int main(void) {
  struct characterise_params p;
  struct verify_params v;
  struct characterise c;
  param_defaults(characterise_param_table, &p);
  param_defaults(verify_param_table, &v);
  p.points = 5;
  CHECK(characterise_run(&c, &p, &v) == 0, "%s", err_message());
  CHECK(c.n == 5 && c.rows[4].target_uS == c.g_max_uS && c.devices == 2, "hermes is written in pairs");
  for (int k = 1; k < c.n; k++) {  // 4096 units: a standard error of 1.1 % on a sigma
    const struct characterise_row *r = &c.rows[k];
    near(r->prog_sigma_uS[1], r->prog_sigma_uS[0], 0.055, "programming error", r->target_uS);
    near(r->drift_mu[1], r->drift_mu[0], 0.03, "drift", r->target_uS);
    near(r->drift_s[1], r->drift_s[0], 0.055, "spread of drift", r->target_uS);
    for (int t = 0; t < CHARACTERISE_TIMES; t++) {
      near(r->kept[t][1], r->kept[t][0], 0.01, "kept", r->target_uS);
      near(r->read_sigma_uS[t][1], r->read_sigma_uS[t][0], 0.03, "read noise", r->target_uS);
    }
  }
  // half of g_max, 30 days: mean 0.0564 and spread 0.0090 of the exponent, ln (t/t0) = ln 8641
  CHECK_REL(c.rows[2].kept[3][0], exp(-0.0564*9.064273533 + 0.5*pow(0.0090*9.064273533, 2)), 1e-8);
  CHECK(c.rows[2].kept[0][0] == 1, "%g kept at once", c.rows[2].kept[0][0]);
  characterise_release(&c);
  p.preset = 3;  // published-code: a drift that does not depend on time, so nothing is lost between reads
  CHECK(characterise_run(&c, &p, &v) == 0, "%s", err_message());
  for (int t = 0; t < CHARACTERISE_TIMES; t++)
    CHECK(c.rows[4].kept[t][0] == 1 && fabs(c.rows[4].kept[t][1] - 1) < 1e-6, "published-code keeps %g, measured %g",
          c.rows[4].kept[t][0], c.rows[4].kept[t][1]);
  characterise_release(&c);
  p.preset = 1;
  CHECK(characterise_run(&c, &p, &v) == 0, "%s", err_message());
  CHECK(c.rows[0].prog_mean_uS > 0.05 && c.rows[0].prog_mean_uS < 0.08, "RESET conducts %g uS", c.rows[0].prog_mean_uS);

  char *text = NULL;
  size_t size = 0;
  int lines = 0;
  FILE *out = open_memstream(&text, &size);
  characterise_csv(&c, out);
  fclose(out);
  for (size_t i = 0; i < size; i++) lines += text[i] == '\n';
  CHECK(lines == 6 && !strncmp(text, "g_target_uS,sigma_prog_uS,", 26), "%d lines", lines);
  free(text);
  struct json_t *j = characterise_json(&c), *rows;
  CHECK(json_field_array(j, "json", "rows", &rows) == 0 && json_length(rows) == 5, "JSON");
  json_release(j);
  CHECK(characterise_plot(&c, "plot.txt") == ERR_SETTING, "a plot that is no picture");
  characterise_release(&c);
  snprintf(p.table, sizeof p.table, "no/such/table.ini");
  CHECK(characterise_run(&c, &p, &v) < 0 && strstr(err_message(), "no/such/table.ini"), "%s", err_message());
  return test_summary();
}
