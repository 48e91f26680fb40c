// cifar.h - CIFAR-100 (Krizhevsky, Learning multiple layers of features from tiny images, 2009): 100 classes of 600
// colour images, 32 x 32, as the official cifar-100-binary.tar.gz has them, or its unpacked folder:
//   fine_label_names.txt   the name of each class, a line each
//   train.bin, test.bin    records of 3074 bytes: superclass (0..19), class (0..99), 32 x 32 red, green, blue values
// and its split for few-shot learning, CIFAR100-FS (Bertinetto et al., ICLR 2019): 64 classes for training, 16 for
// validation, 20 for evaluation, the images of train.bin and test.bin together.
#ifndef DATA_CIFAR_H
#define DATA_CIFAR_H

#include <stddef.h>

#include "data/imageset.h"
#include "data/tar.h"

// The part of CIFAR100-FS (enum dataset_split) that a class belongs to; -1: it is no class of CIFAR-100.
int cifar_part(const char *class_name);

// Add the classes of some parts (bit s for part s) in the order of their labels, each a group of its own; the images of
// train.bin, then those of test.bin, in their order. path: the archive, the unpacked folder, or a folder that holds
// one of them. Errors name the file, and the record and what it holds: labels out of range, records cut off, classes
// of which images are missing, an unknown class or one that is named twice.
int cifar_load(struct imageset *set, const char *path, unsigned parts);

// The same of members that have been read.
enum { CIFAR_NAMES, CIFAR_TRAIN, CIFAR_TEST, CIFAR_MEMBERS };
extern const struct tar_member cifar_members[CIFAR_MEMBERS];
int cifar_add(struct imageset *set, const struct tar_member *members, const char *where, unsigned parts);

#endif
