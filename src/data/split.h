// split.h - which classes are for training, which for validation, which for evaluation.
//
// By name: a group (imageset.h) belongs to a part because of its own name and the seed alone, so that a class that is
// added or removed moves no other. With h = FNV-1a (base/checksum.h) of the name's bytes,
//   u = (mix(h xor mix(seed)) >> 11) / 2^53,  mix(z) the output of SplitMix64 (Steele et al., OOPSLA 2014) at state z,
// it is evaluation where u < evaluation, validation where u < evaluation + (1 - evaluation) validation, else training.
// The numbers of classes are therefore near the fractions, not at them.
//
// By list: a file of lines "part<TAB>class", or a folder with the lists train.txt, val.txt and test.txt, a class name a
// line (the published form of CIFAR100-FS and others). Parts: train, training; val, valid, validation; test, eval,
// evaluation.
#ifndef DATA_SPLIT_H
#define DATA_SPLIT_H

#include <stddef.h>
#include <stdint.h>

enum dataset_split { DATASET_TRAINING, DATASET_VALIDATION, DATASET_EVALUATION, DATASET_SPLITS };

// The part with this name (n bytes); -1 if there is none.
int split_named(const char *name, size_t n);

enum dataset_split split_by_name(const char *name, uint64_t seed, double evaluation, double validation);

// A fraction of n as a count: at least 1 if the fraction is above 0 and n above 1.
int split_share(double fraction, int n);

// Assign the groups 0 .. n-1 in random order: the first to evaluation, the next to validation, the rest to training.
// The outcome depends on their number and order.
void split_deal(int *part_of_group, int n, int n_evaluation, int n_validation, uint64_t seed);

struct split_list {
  int n, capacity;
  struct split_entry {
    char *class_name;
    int part;
  } *entries;  // (n) owned
};

// Errors name the file, the line and what it holds.
int split_list_load(struct split_list *list, const char *path);
// The same from the text of a file of lines "part<TAB>class", called `name` in messages.
int split_list_parse(struct split_list *list, const char *name, const char *text, size_t size);
void split_list_release(struct split_list *list);

// The entry of a class; -1 if there is none.
int split_list_find(const struct split_list *list, const char *class_name);

#endif
