#include "experiment/fewshot/published.h"

#include <stddef.h>
#include <string.h>

const struct published published[] = {
  { DATASET_OMNIGLOT, "MAML, all layers adapt (Finn et al., ICML 2017)", "64", "98.7 +- 0.4", "99.9 +- 0.1" },
  { DATASET_OMNIGLOT, "MAML++, all layers adapt (Antoniou et al., ICLR 2019)", "64", "99.47", "99.93 +- 0.09" },
  { DATASET_OMNIGLOT, "prototypical networks (Snell et al., NeurIPS 2017)", "64", "98.8", "99.7" },
  { DATASET_CIFAR100, "MAML, all layers adapt (Finn et al., ICML 2017)", "64", "58.9", "71.5" },
  { DATASET_CIFAR100, "ANIL, the read-out adapts (Raghu et al., ICLR 2020), first order", "", "56.2", "68.6" },
  { DATASET_CIFAR100, "prototypical networks (Snell et al., NeurIPS 2017)", "64", "55.5", "72.0" },
  { DATASET_CIFAR100, "prototypical networks", "96, 192, 384, 512", "57.9", "76.7" },
  { DATASET_CIFAR100, "R2D2 (Bertinetto et al., ICLR 2019)", "64", "60.0", "76.1" },
  { DATASET_CIFAR100, "R2D2", "96, 192, 384, 512", "64.0", "78.9" },
  { 0 },
};

const char *published_source(const char *data) {
  if (!strcmp(data, dataset_kind_name(DATASET_OMNIGLOT)))
    return "As printed in these papers. Their protocol is easier than data.protocol=alphabets: 1200 of all 1623 "
           "characters are for training, so that no alphabet is new, and rotations are classes of their own "
           "(data.protocol=characters here).";
  if (!strcmp(data, dataset_kind_name(DATASET_CIFAR100)))
    return "As Bertinetto et al. print them, ANIL as the repository PaddleFSL does. They halve the image by the "
           "maximum after a convolution at full size, which takes four times the operations of a stride of 2.";
  return NULL;
}
