// metaxbar data, train and eval on folders of images: the messages about them, the split and what decides it.
#include "base/err.h"
#include "folder.h"
#include "image_tree.h"
#include "process.h"
#include "unsealed.h"

static struct folder tmp, marks;
static char path[300];  // data.path=MARKS

#define ARGS(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define FOLDER "data.kind=folder", path
#define SMALL                                                                                                          \
  "net.channels=8", "train.tasks=2", "train.iterations=2", "train.shots=1", "train.queries=1", "run.threads=1"

static struct process *run(const char *const *args) {
  static struct process p;
  memset(p.args, 0, sizeof p.args);
  process_args(&p, args);
  process_run(&p);
  return &p;
}

static const char *succeeds(const char *const *args) {
  const struct process *p = run(args);
  CHECK(p->status == 0, "%s %s: %d %s", args[0], args[1], p->status, p->err);
  return p->out;
}

static void refused(int status, const char *text, const char *const *args) {
  process_check_line(run(args), status, ARGS(text));
}

static void check_info(void) {
  const char *out = succeeds(ARGS("data", "info", FOLDER));
  const char *ink = strstr(out, "\nink ");
  CHECK(ink && atof(ink + 5) > 2 && atof(ink + 5) < 40 && strstr(out, "fingerprint "), "%s", out);
  out = succeeds(ARGS("data", "info", FOLDER, "--json"));
  CHECK(strstr(out, "\"skipped_files\": {}") && strstr(out, "\"blank_images\": 0") &&
            strstr(out, "\"fingerprint\": \""),
        "%s", out);
  folder_write(&marks, "mark01/notes.txt", "x", 1);
  const struct process *p = run(ARGS("data", "info", FOLDER, "--json"));
  CHECK(strstr(p->out, "\"skipped_files\": {\".txt\": 1}") && strstr(p->err, "ignored: 1 file: .txt (1)"), "%s%s",
        p->out, p->err);
  unlink(folder_path(&marks, "mark01/notes.txt"));
  CHECK(strstr(p->out, "\"identical_images\": {\"pairs\": 0, ") && strstr(p->out, "\"channels\": 1"), "%s", p->out);
  image_tree_class(&marks, "mark03", 3, 1);
  static unsigned char pixels[IMAGE_TREE_SIDE * IMAGE_TREE_SIDE];
  image_tree_pixels(pixels, 1, 2);
  if (png_grey_write(folder_path(&marks, "mark03/copy.png"), pixels, IMAGE_TREE_SIDE, IMAGE_TREE_SIDE) < 0) abort();
  out = succeeds(ARGS("data", "info", FOLDER));
  CHECK(strstr(out, "\npairs of identical images: 1, ") && strstr(out, "\n  mark01 3 (") &&
            strstr(out, " = mark03 5 ("),
        "%s", out);
  out = succeeds(ARGS("data", "info", FOLDER, "--json"));
  CHECK(strstr(out, "\"list\": [{\"image\": \"mark01 3\", \"part\": \"") && strstr(out, "\"copy\": \"mark03 5\""), "%s",
        out);
  unlink(folder_path(&marks, "mark03/copy.png"));
}

static void check_fetch(void) {
  char folder[320];
  snprintf(folder, sizeof folder, "data.path=%s", folder_path(&tmp, "cifar"));
  setenv("no_proxy", "*", 1);
  refused(1, "http://127.0.0.1:1/sets/cifar-100-binary.tar.gz: ",
          ARGS("data", "fetch", "cifar100", folder, "data.cifar100_url=http://127.0.0.1:1/sets", "--quiet"));
  refused(1, "http://127.0.0.1:1/sets/images_background.zip: ",
          ARGS("data", "fetch", "omniglot", folder, "data.url=http://127.0.0.1:1/sets", "--quiet"));
  refused(2, "data.cifar100_url", ARGS("data", "fetch", "omniglot", folder, "data.cifar100_url=http://127.0.0.1:1"));
  refused(2, "fetch: not a whole action; must be one of fetch omniglot, fetch cifar100\n", ARGS("data", "fetch"));
  CHECK(strstr(succeeds(ARGS("data", "fetch", "--help")), "usage: metaxbar data info"), "help of half an action");
}

// Colour images: the text about them, and a page of them.
static void check_colours(void) {
  struct folder f = folder_make();
  char folder[320], page[300];
  static unsigned char pixels[8 * 8 * 3];
  for (int i = 0; i < 4; i++) {
    char name[32];
    snprintf(name, sizeof name, "c%d/%d.png", i / 2, i);
    for (int k = 0; k < 8 * 8 * 3; k++) pixels[k] = (unsigned char)(k * (i + 1));
    if (png_rgb_write(folder_path(&f, name), pixels, 8, 8) < 0) abort();
  }
  memset(pixels, 90, sizeof pixels);
  if (png_rgb_write(folder_path(&f, "c1/grey.png"), pixels, 8, 8) < 0) abort();
  snprintf(folder, sizeof folder, "data.path=%s", f.path);
  snprintf(page, sizeof page, "%s", folder_path(&tmp, "page.png"));
  const char *out = succeeds(ARGS("data", "info", "data.kind=folder", folder, "data.channels=3", "--out", page));
  CHECK(strstr(out, ": 5 images, seen as 28 x 28 x 3, in colours\n") && strstr(out, "\n1 grey image\n") &&
            !strstr(out, "\nink") && file_exists(page),
        "%s", out);
  out = succeeds(ARGS("data", "info", "data.kind=folder", folder, "data.channels=3", "--json"));
  CHECK(strstr(out, "\"channels\": 3") && strstr(out, "\"grey_images\": 1") && !strstr(out, "\"ink\""), "%s", out);
  refused(2, "data.path: data.kind=folder needs the folder or zip file of images",
          ARGS("data", "info", "data.kind=folder"));
  folder_remove(&f);
}

// A model of colours: trained on three trees with everything that changes images, evaluated on the third; colours and
// ink are not mixed up.
static void check_colour_model(void) {
  struct folder f = folder_make();
  char path_of[3][320], model[300];
  static const char *const settings[] = { "data.path", "data.validation_path", "data.evaluation_path" };
  static unsigned char pixels[8 * 8 * 3];
  for (int i = 0; i < 3 * 5 * 3; i++) {
    char name[64];
    snprintf(name, sizeof name, "%d/all/class%d%d/%d.png", i / 15, i / 15, i / 3 % 5, i % 3);
    for (int k = 0; k < 8 * 8 * 3; k++) pixels[k] = (unsigned char)(k * (i / 3 + 1) + 9 * i);
    if (png_rgb_write(folder_path(&f, name), pixels, 8, 8) < 0) abort();
  }
  for (int s = 0; s < 3; s++) snprintf(path_of[s], sizeof path_of[s], "%s=%s/%d", settings[s], f.path, s);
  snprintf(model, sizeof model, "%s", folder_path(&tmp, "colours/model.safetensors"));
#define TREES "data.kind=folder", path_of[0], path_of[1], path_of[2]
  const struct process *p =
      run(ARGS("train", "fewshot", TREES, SMALL, "data.channels=3", "data.size=16", "data.flip=yes", "data.crop_px=2",
               "data.rotated_classes=yes", "data.cutmix=0.5", "train.validate_tasks=1", "--run",
               folder_path(&tmp, "colours"), "--quiet"));
  CHECK(p->status == 0 && !p->err[0], "%d %s", p->status, p->err);
#define EVAL_OF(model) "eval", "fewshot", "--model", model, TREES, "eval.tasks=2", "eval.queries=1", "eval.shots=1"
  p = run(ARGS(EVAL_OF(model), "--json"));
  CHECK(p->status == 0 && !p->err[0] && strstr(p->out, "\"classes\": 5"), "%s%s", p->out, p->err);
  refused(2, "data.channels=1: ", ARGS(EVAL_OF(model), "data.channels=1"));
  refused(2, "data.channels=3: models/omniglot-learned.safetensors was trained on images of 1 channel",
          ARGS(EVAL_OF("models/omniglot-learned.safetensors"), "data.channels=3"));
  folder_remove(&f);
}

static void check_split(void) {
  char list[300], setting[320], *text;
  size_t size;
  snprintf(list, sizeof list, "%s", folder_path(&tmp, "list"));
  snprintf(setting, sizeof setting, "data.split=%s", list);
  char first[4096];
  snprintf(first, sizeof first, "%s", succeeds(ARGS("data", "split", FOLDER)));
  CHECK(succeeds(ARGS("data", "split", FOLDER, "--out", list))[0] == 0, "something on standard output");
  if (file_read(list, 1 << 16, &text, &size) < 0) abort();
  CHECK(!strcmp(first, text) && strstr(text, "\tmark00\n"), "%s", text);
  free(text);
  CHECK(!strcmp(first, succeeds(ARGS("data", "split", FOLDER, "data.seed=99", setting))),
        "the list is not what data.split made of it");
  refused(2, "data.split=/nosuch", ARGS("data", "split", FOLDER, "data.split=/nosuch"));
}

// Twelve classes, as the manual describes them: too few for a validation.
static void check_train(char *model, size_t size) {
  const char *const dir = folder_path(&tmp, "run");
  const struct process *p =
      run(ARGS("train", "fewshot", FOLDER, SMALL, "data.seed=3", "data.evaluation=0.35", "--run", dir, "--quiet"));
  CHECK(p->status == 0 && strstr(p->err, "training without validation: 5 ways, but there are only ") &&
            strstr(p->err, "data.validation"),
        "%d %s", p->status, p->err);
  refused(
      2, "data.validation=0.1, data.evaluation=0.9",
      ARGS("train", "fewshot", FOLDER, SMALL, "data.evaluation=0.9", "--run", folder_path(&tmp, "none"), "--quiet"));
  snprintf(model, size, "%s", folder_path(&tmp, "run/model.safetensors"));
}

// The number after `key` in JSON.
static int number_of(const char *json, const char *key) {
  const char *at = strstr(json, key);
  return at ? atoi(at + strlen(key)) : -1;
}

// An evaluation uses the split of the model; a note says what the user changes.
static void check_eval(const char *model) {
#define EVAL "eval", "fewshot", "--model", model, FOLDER, "eval.tasks=2", "eval.queries=1", "--json"
  char list[4096];
  int n = 0;
  snprintf(list, sizeof list, "%s", succeeds(ARGS("data", "split", FOLDER, "data.seed=3", "data.evaluation=0.35")));
  for (const char *at = list; (at = strstr(at, "evaluation\t")); at++) n++;
  const struct process *p = run(ARGS(EVAL));
  CHECK(p->status == 0 && number_of(p->out, "\"classes\": ") == n &&
            number_of(p->out, "\"data\": {\"kind\": \"folder\"") == 0,
        "%d classes: %s%s", n, p->out, p->err);
  CHECK(number_of(p->out, "\"seed\": ") == 3 && !p->err[0], "%s%s", p->out, p->err);
  p = run(ARGS(EVAL, "data.seed=1"));
  CHECK(strstr(p->err, "data.seed=1, but ") && strstr(p->err, "was trained with data.seed=3") &&
            number_of(p->out, "\"seed\": ") == 1,
        "%s", p->err);
  p = run(ARGS(EVAL, "data.evaluation=1"));
  CHECK(strstr(p->err, "was trained with data.evaluation=0.35") && number_of(p->out, "\"classes\": ") == 16, "%s",
        p->err);
  refused(2, "eval.batchnorm=chip: measures statistics of training classes",
          ARGS("eval", "fewshot", "--model", "models/omniglot-learned.safetensors", FOLDER, "data.evaluation=1",
               "eval.tasks=2", "eval.batchnorm=chip"));
  p = run(ARGS("eval", "fewshot", "--model", "models/omniglot-learned.safetensors", FOLDER, "data.evaluation=1",
               "eval.tasks=2", "eval.shots=1", "eval.queries=1"));
  CHECK(p->status == 0 && !p->err[0] && strstr(p->out, "batch norm 'support'\n"),
        "other data than it was trained on: %s", p->err);
  refused(2, "eval.per_task=yes: has an effect with --json only",
          ARGS("eval", "fewshot", "--model", "models/omniglot-learned.safetensors", FOLDER, "eval.per_task=yes"));
  const char *out = succeeds(ARGS(EVAL, "eval.per_task=yes", "eval.batchnorm=task"));
  CHECK(strstr(out, "\"task_accuracy\": [[") && strstr(out, "\"version\": \"") &&
            strstr(out, "\"preprocessing\": \"area\"") && strstr(out, "\"balanced_queries\": true") &&
            strstr(out, model),
        "%s", out);
  out = succeeds(ARGS(EVAL));
  CHECK(!strstr(out, "task_accuracy") && strstr(out, "\"balanced_queries\": false"), "%s", out);
}

// Test images are those of the model; a note says what the user changes where training classes are evaluated.
static void check_test_images(void) {
  char model[300];
  const char *out = succeeds(ARGS("data", "info", FOLDER, "data.test_images=1"));
  CHECK(strstr(out, "\ntest images: the last 1 image of every class\n"), "%s", out);
  out = succeeds(ARGS("data", "info", FOLDER, "data.test_images=1", "--json"));
  CHECK(number_of(out, "\"test_images\": ") == 1, "%s", out);
  snprintf(model, sizeof model, "%s", folder_path(&tmp, "tested/model.safetensors"));
  succeeds(ARGS("train", "fewshot", FOLDER, SMALL, "data.seed=3", "data.evaluation=0.35", "data.test_images=2", "--run",
                folder_path(&tmp, "tested"), "--quiet"));
  out = succeeds(ARGS(EVAL));
  CHECK(number_of(out, "\"test_images\": ") == 2, "%s", out);
  refused(2, "data.test_images=2: too few for 3 queries",
          ARGS("eval", "fewshot", "--model", model, FOLDER, "eval.tasks=2", "eval.queries=3"));
  const struct process *p = run(ARGS(EVAL, "data.test_images=1", "eval.split=training"));
  CHECK(p->status == 0 && strstr(p->err, "was trained with data.test_images=2: images that it has seen"), "%s", p->err);
  p = run(ARGS(EVAL, "data.test_images=1"));
  CHECK(p->status == 0 && !p->err[0], "new classes have no images that it has seen: %s", p->err);
  refused(2, "data.test_images=4: class mark", ARGS("data", "info", FOLDER, "data.test_images=4"));
  refused(2, "data.test_images=2: 1 shot and 2 queries need 3 other images, but class mark",
          ARGS("train", "fewshot", FOLDER, "net.channels=8", "train.shots=1", "train.queries=2", "data.test_images=2",
               "--run", folder_path(&tmp, "untrained"), "--quiet"));
}

// A model trained by a list is evaluated by it: the list must be at hand.
static void check_listed(void) {
  char list[300], setting[320], model[300], text[512] = "";
  for (int k = 0; k < 13; k++)
    snprintf(text + strlen(text), sizeof text - strlen(text), "%s\tmark%02d\n", k < 7 ? "train" : "test", k);
  snprintf(list, sizeof list, "%s", folder_path(&tmp, "by_hand.split"));
  snprintf(setting, sizeof setting, "data.split=%s", list);
  snprintf(model, sizeof model, "%s", folder_path(&tmp, "listed/model.safetensors"));
  folder_write(&tmp, "by_hand.split", text, strlen(text));
  succeeds(ARGS("train", "fewshot", FOLDER, SMALL, setting, "--run", folder_path(&tmp, "listed"), "--quiet"));
  refused(2, "data.split=by_hand.split: ", ARGS("eval", "fewshot", "--model", model, FOLDER, "eval.tasks=2"));
  const struct process *p = run(ARGS(EVAL, setting));
  CHECK(p->status == 0 && number_of(p->out, "\"classes\": ") == 6, "%s%s", p->out, p->err);
  CHECK(strstr(p->err, "3 of 16 classes are not listed and left out") && !strstr(p->err, "was trained"), "%s", p->err);
  p = run(ARGS(EVAL, "data.split="));
  CHECK(strstr(p->err, "was trained with data.split=by_hand.split"), "%s", p->err);
}

// Characters dealt out at random: a model is evaluated on those that it has not seen, and a note says what mixes them.
static void check_characters(void) {
  char model[300];
  snprintf(model, sizeof model, "%s", folder_path(&tmp, "dealt/model.safetensors"));
#define DEALT "data.kind=builtin", "data.classes=40", "data.evaluation_classes=20", "data.drawings=5"
#define EVAL_DEALT "eval", "fewshot", DEALT, "eval.tasks=2", "eval.queries=1", "eval.shots=1", "--json", "--model"
  succeeds(ARGS("train", "fewshot", DEALT, SMALL, "data.protocol=characters", "train.validate_tasks=0", "--run",
                folder_path(&tmp, "dealt"), "--quiet"));
  const struct process *p = run(ARGS(EVAL_DEALT, model));
  CHECK(p->status == 0 && strstr(p->out, "\"protocol\": \"characters\"") &&
            number_of(p->out, "\"classes\": ") == 16 && !p->err[0],
        "%s%s", p->out, p->err);
  p = run(ARGS(EVAL_DEALT, model, "data.protocol=alphabets"));
  CHECK(strstr(p->err, "was trained with data.protocol=characters: classes that it has seen"), "%s", p->err);
  p = run(ARGS(EVAL_DEALT, model, "data.seed=5"));
  CHECK(strstr(p->err, "was trained with data.seed=1: classes that it has seen"), "%s", p->err);
  p = run(ARGS(EVAL_DEALT, model, "data.validation=0.3"));
  CHECK(p->status == 0 && !p->err[0], "%s", p->err);
  p = run(ARGS(EVAL_DEALT, "models/builtin-5w5s.safetensors", "data.protocol=characters"));
  CHECK(strstr(p->err, "was trained with data.protocol=alphabets: classes that it has seen"), "%s", p->err);
}

// Copy a model without the settings that begin with `prefix`.
static const char *without(const char *model, const char *prefix, const char *name) {
  char *data;
  size_t size;
  if (file_read(model, 1 << 24, &data, &size) < 0) abort();
  // a key of another name, of the same length: the reader ignores what it does not know
  for (char *at = data; (at = memmem(at, size - (size_t)(at - data), prefix, strlen(prefix))); at++)
    memset(at, 'x', strlen(prefix));
  unseal(data, size);
  folder_write(&tmp, name, data, size);
  free(data);
  return folder_path(&tmp, name);
}

// Files that do not record how their classes were split were split by order; files without settings are not guessed at.
static void check_older(const char *model) {
  char old[300], bare[300], start[320], order[4096];
  snprintf(old, sizeof old, "%s", without(model, "data.split_rule", "old.safetensors"));
  snprintf(bare, sizeof bare, "%s", without(model, "data.preprocessing", "bare.safetensors"));
  snprintf(start, sizeof start, "train.start=%s", bare);
  snprintf(
      order, sizeof order, "%s",
      succeeds(ARGS("data", "info", FOLDER, "data.seed=3", "data.evaluation=0.35", "data.split_rule=order", "--json")));
  const int n = number_of(strstr(order, "\"evaluation\""), "\"classes\": ");
  const struct process *p =
      run(ARGS("eval", "fewshot", "--model", old, FOLDER, "eval.tasks=2", "eval.queries=1", "--json"));
  CHECK(p->status == 0 && number_of(p->out, "\"classes\": ") == n, "%d classes by order: %s%s", n, p->out, p->err);
  p = run(ARGS("eval", "fewshot", "--model", old, FOLDER, "eval.tasks=2", "eval.queries=1", "data.split_rule=name"));
  CHECK(strstr(p->err, "was trained with data.split_rule=order"), "%s", p->err);
  refused(2, "bare.safetensors: no settings in the file: data.preprocessing=published",
          ARGS("eval", "fewshot", "--model", bare, FOLDER, "eval.tasks=2"));
  CHECK(run(ARGS("eval", "fewshot", "--model", bare, FOLDER, "eval.tasks=2", "eval.shots=1", "eval.queries=1",
                 "data.preprocessing=area"))
                ->status == 0,
        "given, and still refused");
  refused(2, "no settings in the file",
          ARGS("train", "fewshot", FOLDER, SMALL, "train.validate_tasks=0", "--run", folder_path(&tmp, "again"),
               "--quiet", start));
}

int main(void) {
  char model[300];
  if (!process_available()) return 77;
  tmp = folder_make();
  marks = folder_make();
  snprintf(path, sizeof path, "data.path=%s", marks.path);
  image_tree_fill(&marks, "", 16, 4);
  check_info();
  check_colours();
  check_colour_model();
  check_split();
  check_fetch();
  check_train(model, sizeof model);
  check_eval(model);
  check_older(model);
  check_listed();
  check_test_images();
  check_characters();
  folder_remove(&tmp);
  folder_remove(&marks);
  return test_summary();
}
