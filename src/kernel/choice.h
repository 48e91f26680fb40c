// choice.h - kernels of two instruction sets in one program (cmake -DMETAXBAR_KERNELS=x86-64-v4): all functions of
// this folder are compiled for both, and called through pointers that are set when the program is loaded. Sums in
// vectors of another width are rounded otherwise; METAXBAR_KERNELS=x86-64-v3 in the environment gives the bits of
// processors without the larger set.
#ifndef KERNEL_CHOICE_H
#define KERNEL_CHOICE_H

#include "kernel/adam.h"
#include "kernel/conv.h"
#include "kernel/dot16.h"
#include "kernel/events.h"
#include "kernel/lif.h"
#include "kernel/maxpool.h"
#include "kernel/noise.h"
#include "kernel/norm.h"
#include "kernel/normtangent.h"
#include "kernel/peak.h"
#include "kernel/pursuit.h"
#include "kernel/softmax.h"

// The linker finds two of each that is missing here.
#define CHOICE_KERNELS(X)                                                                                              \
  X(adam_step)                                                                                                         \
  X(conv_shape) X(conv_flop) X(conv_forward) X(conv_forward_ref) X(conv_backward_data) X(conv_backward_weights)        \
  X(conv_backward_ref)                                                                                                 \
  X(dot16_forward) X(dot16_forward_ref) X(dot16_steps)                                                                 \
  X(events_init) X(events_bytes) X(events_at) X(events_close) X(events_decay) X(events_dot) X(events_dot_ref)          \
  X(events_integrate) X(events_integrate_ref) X(events_outer) X(events_outer_ref)                                      \
  X(lif_fire) X(lif_fire_ref) X(lif_spike)                                                                             \
  X(maxpool_forward) X(maxpool_backward) X(maxpool_quarter) X(maxpool_quarter_backward) X(maxpool_tangent)             \
  X(noise_dither) X(noise_exp) X(noise_normal) X(noise_normal_ref) X(noise_uniform)                                    \
  X(norm_forward) X(norm_forward_ref) X(norm_backward) X(norm_rectify) X(norm_statistics) X(norm_sums)                 \
  X(normtangent_forward) X(normtangent_forward_ref) X(normtangent_sums) X(normtangent_backward)                        \
  X(normtangent_backward_ref) X(normtangent_backward_sums)                                                             \
  X(peak_run) X(peak_vector_bytes)                                                                                     \
  X(pursuit_gram) X(pursuit_products) X(pursuit_take) X(pursuit_take_ref)                                              \
  X(softmax_forward) X(softmax_backward) X(softmax_correct) X(softmax_cross_entropy)

#ifdef CHOICE_SUFFIX  // before a file of kernels: its functions get names of their own
#define X(f) extern __typeof__(f) f __asm__(#f CHOICE_SUFFIX);
CHOICE_KERNELS(X)
#undef X
#endif

// Instruction set of the kernels: METAXBAR_ARCH or METAXBAR_KERNELS of the build.
const char *choice_name(void);

// ERR_SETTING where the environment asks for kernels that the program or the processor has not.
int choice_check(void);

#endif
