// An arm learns a movement from one demonstration: a network reads the path once and computes the learning signals of
// another.
//
//   pass 1   the trainee runs with its old weights: surrogates h_j, traces e_i
//   update   the generator reads the path and emits L_j;  dW_ij = sum_t h_j L_j e_i,  W <- W - eta dW
//   pass 2   its outputs are velocities of base and shoulder, omega what the joints do, which stop at their limits; the
//   tip is at f(dt sum omega)
//
//   cc one_shot_arm.c $(pkg-config --cflags --libs metaxbar) && ./a.out models/arm.safetensors [synapse.kind=chip]
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <metaxbar.h>

enum { MOVEMENTS = 4 };

static void check(int rc) {
  if (rc >= 0) return;
  fprintf(stderr, "one_shot_arm: %s\n", mx_last_error());
  exit(1);
}

// Distance of the tip between two movements, root mean square over time, cm.
static double distance_cm(const struct mx_arm *arm, const double *omega, const double *target) {
  const int T = mx_arm_steps(arm);
  double *xyz = malloc(6 * (size_t)T * sizeof *xyz), sum = 0;
  if (!xyz) exit(1);
  check(mx_arm_tips(arm, xyz, omega));
  check(mx_arm_tips(arm, xyz + 3 * T, target));
  for (int i = 0; i < 3 * T; i++) sum += (xyz[i] - xyz[3 * T + i]) * (xyz[i] - xyz[3 * T + i]);
  free(xyz);
  return 100 * sqrt(sum / T);
}

int main(int argc, char **argv) {
  const char *path = argc > 1 ? argv[1] : "models/arm.safetensors";
  const char *settings[] = { "trajectory.free=yes", argc > 2 ? argv[2] : NULL, NULL };
  struct mx_arm *arm;
  double before = 0, after = 0;
  check(mx_arm_load(&arm, path, settings));
  const int T = mx_arm_steps(arm);
  printf("movements of %d steps of %g s\n", T, mx_arm_step_s(arm));
  double *target = malloc(2 * (size_t)T * sizeof *target), *omega = malloc(2 * (size_t)T * sizeof *omega);
  if (!target || !omega) return 1;
  for (int k = 0; k < MOVEMENTS; k++) {
    check(mx_arm_movement(arm, target, k));
    check(mx_arm_learn(arm, target));
    check(mx_arm_perform(arm, omega, 0));
    const double old = distance_cm(arm, omega, target);
    check(mx_arm_perform(arm, omega, 1));
    const double new = distance_cm(arm, omega, target);
    printf("movement %d: tip %.2f cm off before the update, %.2f cm after\n", k, old, new);
    before += old / MOVEMENTS;
    after += new / MOVEMENTS;
  }
  free(target);
  free(omega);
  mx_arm_free(arm);
  printf("mean: %.2f cm before, %.2f cm after\n", before, after);
  return after < before / 2 ? 0 : 1;  // the check
}
