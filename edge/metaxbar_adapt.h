// metaxbar_adapt.h - a microcontroller learns new classes of images from a few examples: the features of a small
// convolutional network with weights and activations of 8 bits, a read-out that starts from class means and is improved
// by the delta rule, and classification. Freestanding C99: no heap, no library, no globals; the memory is the caller's.
// `metaxbar model export` writes the model as an array of C with its sizes (docs/edge.md).
//
// Equations, with the numbers of docs/equations.md; q_c are the 8-bit codes of the features, m_k the mean of class k of
// N, m the mean of all m_k, n_k the examples of class k:
//   C1-C3  features, normalised by the fixed statistics of background images, which are folded into gain and offset
//   K1     w_k = s (m_k - m), b_k = -s |m_k|^2/2
//   K2     w_k -= a sum_i q_i (p_ik - [class of i is k])/n_class(i), p = softmax(w q + b); the same for b with rate a'
// s, a and a' belong to the model. With MXA_FIXED all of this is computed in integers, otherwise in float.
#ifndef METAXBAR_ADAPT_H
#define METAXBAR_ADAPT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifdef MXA_FIXED
typedef int32_t mxa_number;  // in units of 2^-bits, bits being a constant of the model
#else
typedef float mxa_number;
#endif

enum { MXA_MAX_WAYS = 128, MXA_MAX_EXAMPLES = 1024 };

// What a function returns that cannot do its work; it has then written nothing.
enum mxa_error {
  MXA_MODEL = -1,     // this array is no model, is cut off, or has numbers that this core does not know
  MXA_MEMORY = -2,    // the memory is too small or not at a multiple of four, or ways or examples are out of range
  MXA_CLASS = -3,     // the class is above the number of classes so far, or the last one that has room is taken
  MXA_EXAMPLES = -4,  // there is no room for another example
  MXA_EMPTY = -5,     // nothing is learned yet
};

// Hooks for a read-out on hardware of its own, such as a crossbar. Either may be NULL: then this core computes. Both
// return 0 or an error, which ends the call and is passed on.
struct mxa_readout {
  void *context;
  // z (ways) = sum_c h_c w_kc of features h (channels); the biases are added by this core.
  int (*product)(void *context, mxa_number *z, const int8_t *h, int ways);
  // w += dw (ways, channels). The weights are 0 at first.
  int (*update)(void *context, const mxa_number *dw, int ways);
};

struct mxa {
  struct mxa_readout readout;         // set it after mxa_init
  const uint32_t *model, *blocks;     // all of it; its first block
  int side, inputs, channels, n_blocks;  // of the images: height and width, channels; of the features
  int n_updates, bits, offset;        // updates with rates of their own; fixed point; class means have b_k
  int max_ways, max_examples;
  int ways, examples;                 // so far
  int8_t *odd, *even, *patch;         // outputs of odd and of even blocks; inputs of one output pixel
  int8_t *h;                          // (max_examples, channels) features
  uint8_t *label;                     // (max_examples)
  mxa_number *w, *dw;                 // (max_ways, channels)
  mxa_number *b, *db, *z;             // (max_ways)
  int32_t *n;                         // (max_ways) examples of each class
};

// Bytes of the memory that mxa_init needs; 0: not a model, or ways or examples are out of range. The header of the
// model has the same number as a constant.
#define MXA_ROUND(bytes) (((bytes) + 3) & ~3UL)
#define MXA_RAM(odd, even, patch, channels, ways, examples)                                                            \
  (MXA_ROUND(odd) + MXA_ROUND(even) + MXA_ROUND(patch) + MXA_ROUND((channels) * (examples)) + MXA_ROUND(examples) +    \
   (8UL * (channels) + 16UL) * (ways))
size_t mxa_ram(const uint32_t *model, size_t model_bytes, int ways, int examples);

// Begin with an exported model, and memory for so many classes and examples in all. 0 or an enum mxa_error.
int mxa_init(struct mxa *s, const uint32_t *model, size_t model_bytes, void *ram, size_t ram_bytes, int ways,
             int examples);

// h (channels) = features of an image (side, side, inputs), 0 for background and 255 for full ink or light.
void mxa_features(const struct mxa *s, int8_t *h, const uint8_t *image);

// Keep an example, by its features, of a class below the number of classes so far, or of a new one, which has that
// number. 0 or an enum mxa_error.
int mxa_add(struct mxa *s, int label, const int8_t *h);

// Learn the examples: start from class means (K1), then make `updates` updates by the delta rule (K2); beyond those of
// the model they have its last rates. 0 or an error.
int mxa_learn(struct mxa *s, int updates);

// The class of features h, and in s->z (ways) the logits; or an error, which is negative.
int mxa_classify(struct mxa *s, const int8_t *h);

// Forget all classes and examples. The weights are kept until mxa_learn, which changes them to the new ones.
void mxa_forget(struct mxa *s);

#ifdef __cplusplus
}
#endif

#endif
