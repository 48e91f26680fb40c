// What a performance measures, by hand: root mean squares over the set-points, in centimetres and degrees.
#include "experiment/arm/perform.h"
#include "test.h"

int main(void) {
  static struct perform p;
  struct perform_result r = { .n = 2, .target_xyz = calloc(6, sizeof(double)) };
  perform_init(&p);
  jointpath_init(&r.commanded, 2, 0.25);
  jointpath_init(&r.performed, 2, 0.25);
  const double commanded[] = { 0.1, 0.2, 0, 0, 0.3, -0.1, 0, 0 }, performed[] = { 0.13, 0.2, 0, 0, 0.26, 0.02, 0, 0 };
  memcpy(r.commanded.q, commanded, sizeof commanded);
  memcpy(r.performed.q, performed, sizeof performed);
  for (int k = 0; k < 2; k++) kinematics_tip(r.target_xyz + 3*k, commanded[4*k], commanded[4*k + 1], &p.reach.arm);
  r.target_xyz[0] += 0.03;  // 3 cm, then 4 cm off in two coordinates
  r.target_xyz[4] -= 0.04;
  perform_measure(&r, &p.reach.arm);
  CHECK_REL(r.base_deg, 2.025711711, 1e-8);      // sqrt((0.03^2 + 0.04^2)/2) 180/pi
  CHECK_REL(r.shoulder_deg, 4.861708107, 1e-8);  // 0.12/sqrt(2) 180/pi
  CHECK_REL(r.target_commanded_cm, 3.535533906, 1e-8);  // sqrt((3^2 + 4^2)/2)
  double sum[2] = { 0 };
  for (int k = 0; k < 2; k++) {
    double from[3], to[3];
    kinematics_tip(from, commanded[4*k], commanded[4*k + 1], &p.reach.arm);
    kinematics_tip(to, performed[4*k], performed[4*k + 1], &p.reach.arm);
    for (int c = 0; c < 3; c++) {
      sum[0] += 1e4*(to[c] - from[c])*(to[c] - from[c])/2;
      sum[1] += 1e4*(to[c] - r.target_xyz[3*k + c])*(to[c] - r.target_xyz[3*k + c])/2;
    }
  }
  CHECK_REL(r.commanded_performed_cm, sqrt(sum[0]), 1e-6);
  CHECK_REL(r.target_performed_cm, sqrt(sum[1]), 1e-6);
  CHECK(r.arm_s == 0.5, "%g s", r.arm_s);
  perform_result_release(&r);
  return test_summary();
}
