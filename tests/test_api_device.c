// Device models through the public interface: their formulas, and what it refuses.
#include "api_fixture.h"

static void check_device(void) {
  struct mx_device *d = NULL;
  double v, sigma, mean, spread, read;
  REFUSES(mx_device_new(&d, LIST("device.points=3")), MX_ERROR_ARGUMENT, "device.points: has no effect here");
  REFUSES(mx_device_new(&d, LIST("device.preset=hermes", "device.table=/nowhere.ini")), MX_ERROR_ARGUMENT,
          "device.preset=hermes: has an effect with an empty device.table only");
  WORKS(mx_device_new(&d, LIST("device.preset=joshi2020")));
  WORKS(mx_device_number(d, "g_max_uS", &v));
  CHECK(v == 25, "g_max %g", v);
  WORKS(mx_device_at(d, 10, 3600, &sigma, &mean, &spread, &read));
  CHECK_REL(sigma, 0.26348 + 1.9650*0.4 - 1.1731*0.16, 1e-12);
  CHECK_REL(mean, 0.049, 1e-12);
  CHECK_REL(spread, 0.008, 1e-12);  // -0.0125 ln 0.4 - 0.0059 = 0.00555, at least 0.008
  const double now = 10*pow(180, -0.049), q = 0.0088/pow(0.4, 0.65);
  CHECK_REL(read, now*q*sqrt(log((3600 + 250e-9)/(2*250e-9))), 1e-9);
  REFUSES(mx_device_at(d, 26, 0, &sigma, NULL, NULL, NULL), MX_ERROR_ARGUMENT, "26 uS");
  REFUSES(mx_device_at(d, 1, NAN, &sigma, NULL, NULL, NULL), MX_ERROR_ARGUMENT, "nan");
  REFUSES(mx_device_number(d, "mass", &v), MX_ERROR_ARGUMENT, "mass");
  mx_device_free(d);
  REFUSES(mx_device_new(&d, LIST("device.table=/nowhere.ini")), MX_ERROR_IO, "/nowhere.ini");
}

int main(void) {
  check_device();
  return test_summary();
}
