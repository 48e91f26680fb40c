// How well phase-change memory keeps a conductance g: by the formulas, and measured on a simulated chip.
//
//   g_prog = g + sigma_prog(g) N(0,1)                programming error
//   nu     = |N(mu(g), s(g))|                        drift exponent of each device
//   g(t)   = g_prog (t/t0)^-nu                       so that the mean falls as it ages
//
//   cc characterise_device.c $(pkg-config --cflags --libs metaxbar) && ./a.out [device table]
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <metaxbar.h>

enum { ROWS = 64, COLUMNS = 64, N = ROWS * COLUMNS };

static void check(int rc) {
  if (rc >= 0) return;
  fprintf(stderr, "characterise_device: %s\n", mx_last_error());
  exit(1);
}

static void mean_and_sigma(const double *v, double *mean, double *sigma) {
  double sum = 0, square = 0;
  for (int i = 0; i < N; i++) sum += v[i] / N;
  for (int i = 0; i < N; i++) square += (v[i] - sum) * (v[i] - sum) / (N - 1);
  *mean = sum;
  *sigma = sqrt(square);
}

// Units of a chip written to x of their largest conductance: g_uS (N), and their drift exponents nu (N).
static void measure(double *g_uS, double *nu, const char *setting, double x) {
  const char *const settings[] = { setting, "chip.scale=unit", "chip.devices_per_sign=2", NULL };
  static float w[N];
  struct mx_chip *chip;
  double units;
  for (int i = 0; i < N; i++) w[i] = (float)x;
  check(mx_chip_new(&chip, settings, 1));
  check(mx_chip_add(chip, "sample", ROWS, COLUMNS));
  check(mx_chip_build(chip));
  check(mx_chip_program(chip, 0, w));
  check(mx_chip_number(chip, "units_per_sign", &units));
  const size_t n = 2 * (size_t)units * N;  // the first N are the first unit of each positive weight
  double *all = malloc(n * sizeof *all);
  if (!all) exit(1);
  check(mx_chip_devices(chip, 0, "g_uS", all, n));
  memcpy(g_uS, all, N * sizeof *all);
  check(mx_chip_devices(chip, 0, "nu", all, n));
  memcpy(nu, all, N * sizeof *all);
  free(all);
  mx_chip_free(chip);
}

int main(int argc, char **argv) {
  char chip_setting[600] = "chip.preset=hermes", device_setting[600] = "device.preset=hermes";
  static double g[N], nu[N];
  struct mx_device *device;
  double g_max, worst = 0;
  if (argc > 1) snprintf(chip_setting, sizeof chip_setting, "chip.table=%s", argv[1]);
  if (argc > 1) snprintf(device_setting, sizeof device_setting, "device.table=%s", argv[1]);
  check(mx_device_new(&device, (const char *const[]){ device_setting, NULL }));
  check(mx_device_number(device, "g_max_uS", &g_max));
  printf("  g uS   sigma_prog uS       drift exponent     read noise uS\n");
  printf("        formula measured    formula measured    fresh   a day later\n");
  for (double x = 0.25; x < 1; x += 0.25) {
    double sigma, mu, spread, read[2], mean_g, sigma_g, mean_nu, sigma_nu;
    check(mx_device_at(device, x * g_max, 0, &sigma, &mu, &spread, &read[0]));
    check(mx_device_at(device, x * g_max, 86400, NULL, NULL, NULL, &read[1]));
    measure(g, nu, chip_setting, x);
    mean_and_sigma(g, &mean_g, &sigma_g);
    mean_and_sigma(nu, &mean_nu, &sigma_nu);
    printf("%6.2f  %7.3f  %7.3f    %7.4f  %7.4f    %5.3f   %5.3f\n", x * g_max, sigma, sigma_g, mu, mean_nu, read[0],
           read[1]);
    worst = fmax(worst, fabs(sigma_g / sigma - 1) * sqrt(2.0 * N));  // in standard errors of a standard deviation
    worst = fmax(worst, fabs(mean_g - x * g_max) / sigma * sqrt(N));
  }
  mx_device_free(device);
  printf("largest deviation of the programming: %.1f standard errors\n", worst);
  return worst < 5 ? 0 : 1;  // the check
}
