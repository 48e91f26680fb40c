// A measured device read from INI and CSV: values between points, the same device as a preset where the
// table has the same values, and every kind of bad input refused with its place.
#include "base/err.h"
#include "device/devicetable.h"
#include "device/pcm.h"
#include "test.h"

#define INI "[device]\nname = mine\ng_max_uS = 20\nt0_s = 100\nt_read_s = 1e-6\ndata = mine.csv\n"
#define HEAD "g_uS,sigma_prog_uS,drift_mean,drift_std,read_q\n"

static int parse(struct pcm *p, const char *ini, const char *csv) {
  return devicetable_parse(p, ini, strlen(ini), "mine.ini", csv, strlen(csv), "mine.csv");
}

static void test_values(void) {
  struct pcm p;
  CHECK(parse(&p, INI, HEAD "# comment\n0,0.3,0.09,0.04,0.05\r\n5,0.8,0.06,0.02,0.02\n\n25,1.0,0.05,0.01,0.01") == 0,
        "%s", err_message());
  CHECK(!strcmp(p.name, "mine") && p.devices == 1 && p.g_max_uS == 20 && p.t0_s == 100, "constants");
  CHECK_REL(pcm_sigma_prog_uS(&p, 0), 0.3, 1e-12);
  CHECK_REL(pcm_sigma_prog_uS(&p, 1.5), 0.3 + 0.3*0.5, 1e-12);
  CHECK_REL(pcm_sigma_prog_uS(&p, 20), 0.8 + 0.75*0.2, 1e-12);
  CHECK_REL(pcm_drift_mean(&p, 2.5), 0.075, 1e-12);
  CHECK_REL(pcm_drift_spread(&p, 15), 0.015, 1e-12);
  CHECK_REL(pcm_read_q(&p, 30), 0.01, 1e-12);  // constant beyond the last point
  CHECK(parse(&p, INI, "\xef\xbb\xbf# mine\ng_uS, sigma_prog_uS,drift_mean ,\tdrift_std, read_q\r\n"
                       "0 ,0.3,0.09, 0.04,0.05\n25 , 1.0,0.05,0.01\t,0.01 \n") == 0, "%s", err_message());
  CHECK_REL(pcm_drift_spread(&p, 0), 0.04, 1e-12);
}

// A preset tabulated finely is the preset.
static void test_preset(void) {
  struct pcm h, p;
  char csv[20000] = HEAD, *at = csv + strlen(csv);
  pcm_preset(&h, 1);
  for (int k = 0; k <= 200; k++) {
    const double g = k * 20.7 / 200;
    at += snprintf(at, (size_t)(csv + sizeof csv - at), "%.9g,%.9g,%.9g,%.9g,%.9g\n", g, pcm_sigma_prog_uS(&h, g),
                   pcm_drift_mean(&h, g), pcm_drift_spread(&h, g), pcm_read_q(&h, g));
  }
  CHECK(parse(&p, "[device]\ng_max_uS=20.69999\ndevices=2\nt0_s=300\nt_read_s=512e-9\n", csv) == 0, "%s",
        err_message());
  for (double g = 2.5; g < 20; g += 1.37) {  // below, the clipped logarithms bend between points
    CHECK_REL(pcm_sigma_prog_uS(&p, g), pcm_sigma_prog_uS(&h, g), 1e-3);
    CHECK_REL(pcm_drift_mean(&p, g), pcm_drift_mean(&h, g), 1e-3);
    CHECK_REL(pcm_read_q(&p, g), pcm_read_q(&h, g), 1e-3);
  }
}

static void test_refusals(void) {
  const struct { const char *ini, *csv, *why; } bad[] = {
    { INI "colour = red\n", HEAD "0,1,0,0,0\n20,1,0,0,0\n", "colour" },
    { "[device]\nname = mine\n", HEAD "0,1,0,0,0\n20,1,0,0,0\n", "g_max_uS=0" },
    { "[device]\ng_max_uS = 1e9\n", HEAD "0,1,0,0,0\n20,1,0,0,0\n", "g_max_uS" },
    { INI, "g,sigma\n", "drift_std,read_q, not 'g,sigma'" },
    { INI, "", "first line must be" },
    { INI, HEAD "0,1,0,0,0\n", "1 row" },
    { INI, HEAD "0,1,0,0,0\n5,1,0,0,0\n5,1,0,0,0\n", "mine.csv:4: g_uS=5: must be larger than 5" },
    { INI, HEAD "0,1,0,0,0\n9,1,0,0,0\n8,1,0,0,0\n", "g_uS=8" },
    { INI, HEAD "1,1,0,0,0\n20,1,0,0,0\n", "must begin at 0" },
    { INI, HEAD "0,1,0,0,0\n19,1,0,0,0\n", "below g_max_uS=20" },
    { INI, HEAD "0,-1,0,0,0\n20,1,0,0,0\n", "sigma_prog_uS=-1" },
    { INI, HEAD "0,1,-1.5,0,0\n20,1,0,0,0\n", "drift_mean=-1.5: must be finite and in [-1, 1e9]" },
    { INI, HEAD "0,1,nan,0,0\n20,1,0,0,0\n", "drift_mean=nan" },
    { INI, HEAD "0,1,0,inf,0\n20,1,0,0,0\n", "drift_std=inf" },
    { INI, HEAD "0,1,0,0\n20,1,0,0,0\n", "drift_std: number 4 of 5" },
    { INI, HEAD "0,1,0,0,0,0\n20,1,0,0,0\n", "read_q" },
    { INI, HEAD "0,1,x,0,0\n20,1,0,0,0\n", "drift_mean" },
  };
  struct pcm p = { .g_max_uS = 1.25 };
  for (unsigned k = 0; k < sizeof bad / sizeof *bad; k++) {
    const int rc = parse(&p, bad[k].ini, bad[k].csv);
    CHECK(rc < 0 && strstr(err_message(), bad[k].why), "case %u: %d, '%s' instead of '%s'", k, rc, err_message(),
          bad[k].why);
    CHECK(p.g_max_uS == 1.25, "case %u changed the model", k);
  }
  CHECK(devicetable_load(&p, "no/such/file.ini") < 0 && strstr(err_message(), "no/such/file.ini"), "%s", err_message());
}

int main(void) {
  test_values();
  test_preset();
  test_refusals();
  return test_summary();
}
