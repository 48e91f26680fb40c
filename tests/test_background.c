// test_background.c - which images calibrate a chip in an evaluation: those of training classes alone, and built-in
// characters where none is left, whatever the images of the user are.
#include "base/checksum.h"
#include "base/err.h"
#include "base/note.h"
#include "base/rng.h"
#include "chip/chip_private.h"
#include "experiment/fewshot/background.h"
#include "experiment/fewshot/result.h"
#include "image_tree.h"
#include "test.h"

enum { WAYS = 3, CLASSES = 12, IMAGES = 4, OTHER = 500 };  // characters from OTHER on take the place of those before

static char noted[1024];

static void keep_note(const char *line) { snprintf(noted, sizeof noted, "%s", line); }

static struct fewshot_model start(struct fewshot *f, const char *path) {
  struct fewshot_model m = { 0 };
  struct rng r = rng_stream(13, RNG_TEST, 0);
  fewshot_init(f);
  f->data.kind = DATASET_FOLDER;
  snprintf(f->data.path, sizeof f->data.path, "%s", path);
  f->data.validation = 0.25;
  f->data.evaluation = 0.5;
  f->net.channels = 5;
  f->net.ways = WAYS;
  f->synapse.kind = RUN_CHIP;
  f->eval.tasks = 3;
  f->eval.shots = f->eval.queries = 2;
  f->run.threads = 1;
  CHECK(convnet_init(&m.net, &f->net, (int)f->data.size, 1) == 0, "%s", err_message());
  m.parameters = err_aligned(m.net.n, sizeof(real));
  convnet_start(&m.net, m.parameters, 0.05, &r);
  return m;
}

// Of all inputs that the chip of an evaluation was calibrated with.
static uint64_t inputs_of(const struct fewshot *f, const struct fewshot_model *m) {
  uint64_t h = CHECKSUM_START;
  struct dataset data;
  struct chip *c;
  noted[0] = 0;
  CHECK(fewshot_load(&data, f) == 0, "%s", err_message());
  CHECK(fewshot_deploy(&c, f, m, &data, (int)f->eval.shots, 1) == 0, "%s", err_message());
  for (int k = 0; k < c->n_matrices; k++) {
    const struct chip_matrix *a = &c->matrices[k];
    CHECK(a->n_sample > 0, "matrix %d was not calibrated", k);
    h = checksum_bytes(h, a->sample, sizeof(real) * (size_t)a->n_sample * (size_t)vector_padded(a->base.I));
  }
  chip_free(c);
  dataset_release(&data);
  return h;
}

static double loss_of(const struct fewshot *f, const struct fewshot_model *m) {
  struct fewshot_result r;
  CHECK(fewshot_load_and_eval(&r, f, m) == 0, "%s", err_message());
  const double loss = r.loss[r.n_updates];
  fewshot_result_release(&r);
  return loss;
}

// Classes of each part.
static void parts_of(int part[CLASSES], const struct fewshot *f) {
  struct dataset d;
  char name[16];
  CHECK(dataset_load(&d, &f->data, DATASET_EVERYTHING) == 0, "%s", err_message());
  for (int c = 0; c < CLASSES; c++) {
    snprintf(name, sizeof name, "mark%02d", c);
    part[c] = image_tree_part(&d, name);
  }
  dataset_release(&d);
}

// Draw the classes of one part with characters from `first` on.
static void draw(const struct folder *f, const int part[CLASSES], int which, int first) {
  char name[16];
  for (int c = 0; c < CLASSES; c++) {
    snprintf(name, sizeof name, "mark%02d", c);
    if (part[c] == which) image_tree_class(f, name, first + c, IMAGES);
  }
}

// Of another picture in a part: do the inputs of the calibration change, and the loss of the tasks?
static void test_parts(void) {
  const struct folder folder = folder_make();
  struct fewshot f;
  struct fewshot_model m = start(&f, folder.path);
  int part[CLASSES];
  image_tree_fill(&folder, "", CLASSES, IMAGES);
  parts_of(part, &f);
  const uint64_t inputs = inputs_of(&f, &m);
  const double loss = loss_of(&f, &m);
  CHECK(!noted[0], "%s", noted);
  for (int s = 0; s < DATASET_SPLITS; s++) {
    draw(&folder, part, s, OTHER);
    CHECK((inputs_of(&f, &m) != inputs) == (s == DATASET_TRAINING), "%s images and the calibration",
          dataset_split_name((enum dataset_split)s));
    CHECK((loss_of(&f, &m) != loss) == (s != DATASET_VALIDATION), "%s images and the tasks",
          dataset_split_name((enum dataset_split)s));
    draw(&folder, part, s, 0);
  }
  f.synapse.kind = RUN_EXACT;  // where nothing is calibrated, training classes play no part
  const double exact = loss_of(&f, &m);
  draw(&folder, part, DATASET_TRAINING, OTHER);
  CHECK(loss_of(&f, &m) == exact, "training images and the tasks in software");
  fewshot_model_release(&m);
  folder_remove(&folder);
}

// All classes of a folder for evaluation, and of built-in characters, split as those of Omniglot, for validation.
static void test_stand_in(void) {
  const struct folder folder = folder_make();
  struct fewshot f;
  struct fewshot_model m = start(&f, folder.path);
  const int all[CLASSES] = { 0 };
  draw(&folder, all, 0, 0);
  const uint64_t own = inputs_of(&f, &m);
  f.data.evaluation = 1;
  const uint64_t stand_in = inputs_of(&f, &m);
  CHECK(strstr(noted, "built-in characters serve as background images") && stand_in != own, "'%s'", noted);
  const double loss = loss_of(&f, &m);
  draw(&folder, all, 0, OTHER);
  CHECK(inputs_of(&f, &m) == stand_in, "images of a folder calibrate the chip of their own evaluation");
  CHECK(loss_of(&f, &m) != loss, "other images have the same loss");
  f.eval.batchnorm = CONVNET_FIXED;
  struct fewshot_result r;
  CHECK(fewshot_load_and_eval(&r, &f, &m) == ERR_SETTING && strstr(err_message(), "statistics of training classes"),
        "%s", err_message());
  f.eval.batchnorm = CONVNET_SUPPORT;
  f.data.kind = DATASET_BUILTIN;
  f.data.evaluation_classes = f.data.classes = 30;
  f.data.drawings = 6;
  const uint64_t training = inputs_of(&f, &m);
  CHECK(!noted[0] && training != stand_in, "%s", noted);
  f.data.validation = 1;
  CHECK(inputs_of(&f, &m) == stand_in && noted[0], "other characters stand in for characters: '%s'", noted);
  fewshot_model_release(&m);
  folder_remove(&folder);
}

int main(void) {
  note_to(keep_note);
  test_parts();
  test_stand_in();
  return test_summary();
}
