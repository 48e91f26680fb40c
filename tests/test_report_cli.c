// metaxbar report: pages of a model file, of run folders and of several; measured once; nothing loaded from elsewhere;
// one clear line for whatever is wrong.
#include <sys/stat.h>

#include "base/err.h"
#include "base/json.h"
#include "base/png.h"
#include "folder.h"
#include "image_tree.h"
#include "process.h"

static struct folder tmp;
static struct process p;
static char few[300], arm[300], models[300], out[300];

#define ARGS(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define SMALL "data.kind=builtin", "data.classes=20", "data.validation=0", "data.evaluation_classes=6", "run.threads=1"
#define REPORT "report", "--quiet", "report.tasks=2"
#define REPORT_ARM "report", "--quiet", "report.movements=2"

static void run(const char *const *args) {
  p = (struct process){ .file_limit = p.file_limit };
  process_args(&p, args);
  process_run(&p);
}

static void prepare(void) {
  snprintf(few, sizeof few, "%s", folder_path(&tmp, "few"));
  snprintf(arm, sizeof arm, "%s", folder_path(&tmp, "arm"));
  snprintf(models, sizeof models, "%s", folder_path(&tmp, "models"));
  snprintf(out, sizeof out, "%s", folder_path(&tmp, "page.html"));
  run(ARGS("train", "fewshot", "--quiet", "--run", few, SMALL, "net.channels=8", "train.iterations=2", "train.tasks=2",
           "train.log_every=1"));
  CHECK(p.status == 0, "%s", p.err);
  run(ARGS("train", "arm", "--quiet", "--run", arm, "run.threads=1", "lsg.neurons=20", "trainee.neurons=12",
           "trajectory.steps=60", "train.iterations=2", "train.trajectories=2", "train.log_every=1"));
  CHECK(p.status == 0, "%s", p.err);
}

// The page, to free; NULL where there is none.
static char *page(const char *path) {
  char *text = NULL;
  size_t size;
  CHECK(file_read(path, 1 << 24, &text, &size) == 0 && strlen(text) == size, "%s", err_message());
  return text;
}

// Attributes and style that could load something hold data or a place in the page; no element that loads is there.
static void check_contained(const char *text) {
  static const char *const loads[] = { "src=", "href=", "url(", "srcset=", "action=", "data=", "poster=" };
  static const char *const none[] = { "<link", "<base", "<iframe", "<object", "<embed",
                                      "<img", "@import", "fetch(", "XMLHttpRequest", "import(" };
  for (size_t k = 0; k < sizeof loads/sizeof *loads; k++)
    for (const char *at = text; (at = strstr(at, loads[k])) != NULL; at++) {
      const char *value = at + strlen(loads[k]) + (at[strlen(loads[k])] == '"');
      CHECK(!strncmp(value, "data:image/png;base64,", 22), "%.60s", at);
    }
  for (size_t k = 0; k < sizeof none/sizeof *none; k++) CHECK(!strstr(text, none[k]), "%s is in the page", none[k]);
  CHECK(strstr(text, "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'\""),
        "the policy is missing");
}

// Nothing on stderr but that data differ from those of the training.
static bool quiet(void) { return !p.err[0] || !strncmp(p.err, "metaxbar: data.classes=20, but ", 31); }

static void check_page(const char *path, const char *const *texts) {
  char said[400];
  snprintf(said, sizeof said, "%s\n", path);
  CHECK(p.status == 0 && !strcmp(p.out, said) && quiet(), "%d: %s%s", p.status, p.out, p.err);
  char *text = page(path);
  if (!text) return;
  CHECK(!strncmp(text, "<!doctype html>", 15) && strstr(text, "</html>\n"), "%.100s", text);
  for (; *texts; texts++) CHECK(strstr(text, *texts), "'%s' is not in the page", *texts);
  check_contained(text);
  free(text);
}

static ino_t file_of(const char *path) {
  struct stat st;
  return stat(path, &st) ? 0 : st.st_ino;
}

// A model file: measured once; the same page again; measured anew for other settings.
static void check_model(void) {
  char path[400], json[400];
  snprintf(path, sizeof path, "%s/report.html", models);
  snprintf(json, sizeof json, "%s/builtin-5w5s/showcase/fewshot.json", models);
#define MODEL "report", "models/builtin-5w5s.safetensors", "--run", models, "--quiet", SMALL
  run(ARGS(MODEL, "report.tasks=2"));
  check_page(path, ARGS("<title>metaxbar: builtin-5w5s</title>", "What learning costs.", "Map of the chip.",
                        "classes (evaluation split, protocol alphabets, tasks mixed), learned",
                        "builtin-5w5s.safetensors data.kind=builtin", "report.tasks=2</code>"));
  char *first = page(path);
  const ino_t measured = file_of(json), drawn = file_of(path);
  run(ARGS(MODEL, "report.tasks=2"));
  CHECK(p.status == 0 && measured && file_of(json) == measured, "measured again: %s", p.err);
  char *second = page(path);
  CHECK(file_of(path) != drawn && first && second && !strcmp(first, second), "another page");
  free(first);
  free(second);
  if (TEST_SANITIZED) return;
  run(ARGS(MODEL, "report.tasks=1"));
  CHECK(p.status == 0 && file_of(json) != measured, "not measured again for other settings: %s", p.err);
  first = page(path);
  CHECK(first && strstr(first, "Mean over 1 task of"), "the page of other settings");
  free(first);
}

// Measured anew when an image has changed; where the images are gone, what was measured stays.
static void check_changed_data(void) {
  char path[500], json[400], gone[400];
  snprintf(json, sizeof json, "%s/builtin-5w5s/showcase/fewshot.json", folder_path(&tmp, "changed"));
  snprintf(path, sizeof path, "data.path=%s", folder_path(&tmp, "pictures"));
  snprintf(gone, sizeof gone, "%s", folder_path(&tmp, "elsewhere"));
  image_tree_fill(&tmp, "pictures/", 20, 10);
  char runs[400];
  snprintf(runs, sizeof runs, "%s", folder_path(&tmp, "changed"));
#define CHANGED \
  "report", "models/builtin-5w5s.safetensors", "--run", runs, "data.kind=folder", path, "data.validation=0", \
    "data.evaluation=0.5", "run.threads=1", "report.tasks=1", "--quiet"
  run(ARGS(CHANGED));
  const ino_t measured = file_of(json);
  CHECK(p.status == 0 && measured, "%s", p.err);
  run(ARGS(CHANGED));
  CHECK(p.status == 0 && file_of(json) == measured, "the same images: measured again: %s", p.err);
  image_tree_class(&tmp, "pictures/mark00", 40, 1);
  run(ARGS(CHANGED));
  const ino_t anew = file_of(json);
  CHECK(p.status == 0 && anew != measured, "another image: not measured again: %s", p.err);
  CHECK(rename(path + 10, gone) == 0, "%s", gone);
  run(ARGS(CHANGED));
  CHECK(p.status == 0 && file_of(json) == anew && strstr(p.err, "fewshot.json stays as it is: "), "%d: %s", p.status,
        p.err);
}

// Run folders, one alone, all together, and one whose model is gone.
static void check_runs(void) {
  char path[400], model[400], command[1100];
  snprintf(path, sizeof path, "%s/report.html", few);
  run(ARGS(REPORT, few));
  check_page(path,
             ARGS("<title>metaxbar: few</title>", "Query loss in training", "net.channels=8", "<dt>trained</dt>"));
  snprintf(path, sizeof path, "%s/report.html", arm);
  run(ARGS(REPORT_ARM, arm));
  check_page(path, ARGS("<title>metaxbar: arm</title>", "Task loss in training", "<canvas",
                        "How well movements are performed.", "lsg.neurons=20"));
  snprintf(model, sizeof model, "%s/model.safetensors", arm);
  CHECK(unlink(model) == 0, "%s", model);
  run(ARGS("report", few, arm, "--out", out, "--quiet", "report.tasks=2", "data.path=a 'b'"));
  snprintf(command, sizeof command, "<code>metaxbar report %s %s --out %s report.tasks=2 &#39;data.path=a "
                                    "&#39;\\&#39;&#39;b&#39;\\&#39;&#39;&#39;</code>", few, arm, out);
  check_page(out,
             ARGS("<title>metaxbar: few and 1 more</title>", "New classes from a few drawings", "<canvas", command));
}

static int count(const char *text, const char *what) {
  int n = 0;
  for (; text && (text = strstr(text, what)) != NULL; text += strlen(what)) n++;
  return n;
}

// Coloured characters: a section of their own beside that of drawings, whose captions say what the images are not; the
// task in colours.
static void check_colours(void) {
  static const char note[] = "not CIFAR100-FS, of which the paper shows the same in its figures 3d and 3e";
  char colour[400], path[420];
  struct png_pixels image = { 0 };
  char *data = NULL;
  size_t size = 0;
  snprintf(colour, sizeof colour, "%s", folder_path(&tmp, "colour"));
  run(ARGS("train", "fewshot", "--quiet", "--run", colour, SMALL, "data.channels=3", "data.size=16", "net.channels=8",
           "net.hidden=8", "net.bias=digital", "net.steps=2", "train.iterations=2", "train.tasks=2",
           "train.log_every=1"));
  CHECK(p.status == 0, "%s", p.err);
  run(ARGS(REPORT, few, colour, "--out", out));
  check_page(out, ARGS("<h2>New classes from a few drawings</h2>", "learned from 5 drawings each",
                       "<h2>New classes from a few invented colour images</h2>", "learned from 5 images each",
                       "Left: the images that are learned", note));
  char *text = page(out);
  CHECK(count(text, "Query loss in training") == 4 && count(text, "After the first update, enlarged") == 2 &&
            count(text, note) == 2,
        "%d curves, %d charts of accuracies, %d notes", count(text, "Query loss in training"),
        count(text, "After the first update, enlarged"), count(text, note));
  free(text);
  snprintf(path, sizeof path, "%s/showcase/task.png", colour);
  CHECK(file_read(path, 1 << 20, &data, &size) == 0 && png_rgb_read(&image, path, data, size, 4096, 255) == 0, "%s",
        err_message());
  int coloured = 0;
  for (int k = 0; k < image.H * image.W; k++) coloured += image.pixels[3 * k] != image.pixels[3 * k + 2];
  CHECK(image.H == 5 * 16 && image.W == 10 * 16 && coloured > image.H * image.W / 2, "%d x %d, %d coloured", image.H,
        image.W, coloured);
  free(data);
  png_pixels_release(&image);
  snprintf(path, sizeof path, "%s/model.safetensors", colour);  // invented colours are what it was trained on
  run(ARGS("chip", "program", "--model", path, SMALL, "chip.calibration_rows=32"));
  CHECK(p.status == 0, "%s", p.err);
}

// The task of the page is the first of the evaluation, also where statistics were measured beforehand, and with more
// updates than the model was trained with.
static void check_first_task(void) {
  char model[400], json[400];
  struct json_t *facts, *task, *kinds, *exact, *classes, *row, *all = NULL, *accuracies = NULL;
  snprintf(model, sizeof model, "%s/model.safetensors", few);
  snprintf(json, sizeof json, "%s/showcase/fewshot.json", few);
#define LEARNED "eval.batchnorm=chip", "eval.statistics_images=64", "eval.updates=9"
  run(ARGS("report", few, "--quiet", SMALL, "report.tasks=1", LEARNED));
  CHECK(p.status == 0 && json_read(&facts, json, 1 << 20) == 0, "%s", p.err);
  CHECK(json_field_object(facts, json, "task", &task) == 0 && json_field_array(task, json, "classified", &kinds) == 0 &&
        json_item_object(kinds, json, 0, &exact) == 0 && json_field_array(exact, json, "classes", &classes) == 0, "%s",
        err_message());
  run(ARGS("eval", "fewshot", "--model", model, "--json", SMALL, "eval.tasks=1", LEARNED));
  CHECK(p.status == 0 && json_parse(&all, p.out, strlen(p.out), "result") == 0 &&
        json_field_array(all, "result", "accuracy", &accuracies) == 0, "%s %s", p.err, err_message());
  for (size_t s = 0; accuracies && s <= 9; s++) {
    double accuracy = NAN;
    int64_t class;
    int right = 0;
    CHECK(json_item_array(classes, json, s, &row) == 0 && json_item_f64(accuracies, "", s, 0, 1, &accuracy) == 0, "%s",
          err_message());
    for (size_t q = 0; q < 25; q++) right += json_item_i64(row, json, q, 0, 4, &class) == 0 && (size_t)class == q/5;
    CHECK(fabs(accuracy - right/25.0) < 1e-9, "%d of 25 queries, %g in the evaluation", right, accuracy);
  }
  json_release(facts);
  json_release(all);
}

// Results of another kind of model, which had the same name, do not stand for those of this one.
static void check_other_kind(void) {
  char path[400], json[400];
  snprintf(path, sizeof path, "%s/report.html", few);
  snprintf(json, sizeof json, "%s/showcase/arm.json", few);
  folder_write(&tmp, "few/showcase/arm.json", "{}", 2);
  run(ARGS(REPORT, few));
  CHECK(p.status == 0 && !file_exists(json), "%s", p.err);
}

static void refused(int status, const char *expected, const char *const *args) {
  run(args);
  process_check_line(&p, status, ARGS(expected));
}

// The settings of a run of an older program.
static void check_older(void) {
  char path[400];
  snprintf(path, sizeof path, "%s/settings.ini", few);
  char *text = page(path), longer[1 << 14];
  snprintf(longer, sizeof longer, "%s\n[train]\nretired = 1\n", text);
  folder_write(&tmp, "few/settings.ini", longer, strlen(longer));
  run(ARGS(REPORT, few));
  CHECK(p.status == 0 && strstr(p.err, "train.retired=1: ignored"), "%d %s", p.status, p.err);
  folder_write(&tmp, "few/settings.ini", text, strlen(text));
  free(text);
}

// The settings of a run name a program as the driver of its chip: it is not started, and nothing is recorded.
static void check_driver(void) {
  char path[400], other[1 << 14], started[400], recorded[400];
  snprintf(path, sizeof path, "%s/settings.ini", few);
  snprintf(started, sizeof started, "%s", folder_path(&tmp, "started"));
  snprintf(recorded, sizeof recorded, "%s", folder_path(&tmp, "recorded"));
  char *text = page(path), *chip = strstr(text, "\ndriver = \n"), *record = strstr(text, "\nrecord = \n");
  if (!chip || !record || record < chip) abort();
  snprintf(other, sizeof other, "%.*s\ndriver = exec:touch %s%.*s\nrecord = %s%s", (int)(chip - text), text, started,
           (int)(record - chip - 10), chip + 10, recorded, record + 10);
  folder_write(&tmp, "few/settings.ini", other, strlen(other));
  run(ARGS(REPORT, few));
  CHECK(!file_exists(started) && !file_exists(recorded), "settings.ini has started a program");
  CHECK(p.status == 0 && strstr(p.err, "chip.driver=exec:touch") && strstr(p.err, ": ignored"), "%d %s", p.status,
        p.err);
  folder_write(&tmp, "few/settings.ini", text, strlen(text));
  free(text);
}

static void check_usage(void) {
  run(ARGS("report", "--help"));
  CHECK(p.status == 0 && strstr(p.out, "usage: metaxbar report") && strstr(p.out, "report.movements"), "%s", p.out);
  refused(2, "RUN|MODEL... is missing", ARGS("report"));
  refused(2, "give one with --out FILE.html", ARGS("report", few, arm));
  refused(2, "7 runs, a page holds at most 6", ARGS("report", "1", "2", "3", "4", "5", "6", "7", "--out", out));
  refused(2, "name one with --run DIR", ARGS("report", "models/builtin-5w5s.safetensors"));
  refused(2, "without a name", ARGS("report", "x/...safetensors", "--run", models));
  refused(2, "--model: no such option", ARGS("report", "--model", "models/builtin-5w5s.safetensors"));
  refused(2, "-c: no such option", ARGS("report", few, "-c", "x.ini"));
  refused(2, "--nosuch", ARGS("report", few, "--nosuch"));
  refused(2, "nosuch.rate", ARGS("report", few, "nosuch.rate=1"));
  refused(2, "report.tasks=0", ARGS("report", few, "report.tasks=0"));
  refused(2, "eval.batchnorm=none", ARGS("report", few, "eval.batchnorm=none"));
  refused(2, "the results of both would be in", ARGS("report", "a/m.safetensors", "b/m.safetensors", "--run", models));
  refused(2, "the results of both would be in", ARGS("report", few, few, "--out", out));
  refused(1, "/nosuch: no such run", ARGS("report", folder_path(&tmp, "nosuch")));
  refused(1, "nosuch.safetensors: no such model", ARGS("report", "nosuch.safetensors", "--run", models));
  refused(1, "no model.safetensors", ARGS("report", tmp.path));
  refused(1, "nosuch.csv", ARGS("report", "models/arm-chip.safetensors", "--run", models, "--quiet",
                                "run.threads=1", "target.file=nosuch.csv"));
}

// Settings without effect on any model of the page; a folder for results that are elsewhere.
static void check_effects(void) {
#define ARM "report", "models/arm-any.safetensors", "--run", models, "--quiet"
  refused(2, "report.tasks: has no effect here: it is of other models", ARGS(ARM, "report.tasks=2"));
  refused(2, "eval.tasks: has no effect here: it is of other models", ARGS(ARM, "eval.tasks=2"));
  refused(2, "eval.trajectories: has no effect here: a report sets it", ARGS(ARM, "eval.trajectories=5"));
  refused(2, "synapse.kind: has no effect here: a report sets it", ARGS(ARM, "synapse.kind=chip"));
  refused(2, "target.columns=base: has an effect with target.file only", ARGS(ARM, "target.columns=base"));
  refused(2, "has an effect with random movements, not target.file, only",
          ARGS(ARM, "target.file=nosuch.csv", "report.movements=2"));
  refused(2, "train.rate: has no effect here", ARGS(ARM, "train.rate=0.1"));
  refused(2, "report.sines: has no effect here", ARGS("report", few, "--quiet", "report.sines=2"));
  refused(2, "eval.method: has no effect here: a report sets it", ARGS("report", few, "eval.method=centroid"));
  refused(2, "--run zzz: has an effect with model files only", ARGS("report", few, "--run", "zzz"));
#undef ARM
}

// A model of the other format; a setting has an effect on one of two models, on the chip.
static void check_npz(void) {
  char model[400], path[400];
  snprintf(model, sizeof model, "%s", folder_path(&tmp, "sine.npz"));
  snprintf(path, sizeof path, "%s/report.html", models);
  run(ARGS("model", "convert", "--model", "models/sine.safetensors", "--out", model));
  CHECK(p.status == 0, "%s", p.err);
  run(ARGS("report", model, "models/builtin-5w5s.safetensors", "--run", models, "--quiet", SMALL, "report.sines=3",
           "report.tasks=2", "chip.time_s=10"));
  check_page(path, ARGS("<title>metaxbar: sine and 1 more</title>"));
  snprintf(path, sizeof path, "%s/sine/showcase/sine.json", models);
  CHECK(file_exists(path), "%s", path);
  refused(2, "without a name", ARGS("report", "x/.npz", "--run", models));
}

// Bad files of the results are named; a page that cannot be written leaves the old one.
static void check_files(void) {
  char path[400], message[500];
  run(ARGS(REPORT, few));
  snprintf(path, sizeof path, "%s/showcase/later.csv", few);
  CHECK(p.status == 0 && file_exists(path), "%s", p.err);
  unlink(path);
  refused(1, "/few/showcase/later.csv: No such file", ARGS(REPORT, few));
  folder_write(&tmp, "few/showcase/later.csv", "seconds\nsoon\n", 13);
  refused(1, "/few/showcase/later.csv:2: seconds is 'soon'", ARGS(REPORT, few));
  refused(1, "/dev/full: cannot write", ARGS(REPORT_ARM, arm, "--out", "/dev/full"));
  refused(1, "/nowhere/page.html", ARGS(REPORT_ARM, arm, "--out", "/nowhere/page.html"));
  folder_write(&tmp, "page.html", "old", 3);
  p.file_limit = 20000;
  snprintf(message, sizeof message, "%s: cannot write", out);
  refused(1, message, ARGS(REPORT_ARM, arm, "--out", out));
  p.file_limit = 0;
  char *old = page(out);
  CHECK(old && !strcmp(old, "old"), "the old page is gone");
  free(old);
}

// A run may be called after a setting; a path that the results could not name is refused before anything is measured.
static void check_names(void) {
  char path[400], latin[400];
  snprintf(path, sizeof path, "%s", folder_path(&tmp, "train.rate=0.1"));
  CHECK(rename(few, path) == 0, "%s", path);
  run(ARGS(REPORT, path));
  CHECK(p.status == 0 && strstr(p.out, "/train.rate=0.1/report.html"), "%d: %s", p.status, p.err);
  const int here = open(".", O_RDONLY | O_DIRECTORY);
  if (chdir(tmp.path) == 0) run(ARGS(REPORT, "train.rate=0.1"));
  CHECK(fchdir(here) == 0 && close(here) == 0, "back");
  CHECK(p.status == 0 && !strcmp(p.out, "train.rate=0.1/report.html\n"), "%d: %s", p.status, p.err);
  refused(1, "runs/lr=1: no such run", ARGS(REPORT, "runs/lr=1"));
  refused(2, "lr=1: expected section.name=value", ARGS(REPORT, path, "lr=1"));
  snprintf(latin, sizeof latin, "%s", folder_path(&tmp, "l\xe4ufe"));
  CHECK(rename(path, latin) == 0, "%s", latin);
  refused(2, "l?ufe: a path of a report must be UTF-8 text", ARGS(REPORT, latin));
  CHECK(rename(latin, few) == 0, "%s", few);
  refused(2, "data.path: text is not UTF-8", ARGS(REPORT, few, "data.path=\xe4"));
}

// Links among the files of a run that was received lead nowhere.
static void check_links(void) {
  char path[400], own[400];
  static const char *const names[] = { "report.html", "showcase/later.csv", "showcase" };
  snprintf(own, sizeof own, "%s", folder_path(&tmp, "own"));
  folder_write(&tmp, "own", "precious", 8);
  for (int k = 0; k < 3; k++) {
    snprintf(path, sizeof path, "%s/%s", few, names[k]);
    char old[420];
    snprintf(old, sizeof old, "%s.old", path);
    rename(path, old);
    CHECK(symlink(own, path) == 0, "symlink");
    refused(1, "is a link", ARGS(REPORT, few));
    unlink(path);
    rename(old, path);
  }
  char *text = page(own);
  CHECK(text && !strcmp(text, "precious"), "written through a link");
  free(text);
}

int main(void) {
  if (!process_available()) return 77;
  tmp = folder_make();
  prepare();
  check_usage();
  check_effects();
  check_older();
  check_driver();
  check_model();
  if (!TEST_SANITIZED) check_npz();
  check_first_task();
  check_changed_data();
  check_runs();
  check_colours();
  check_other_kind();
  check_names();
  check_files();
  check_links();
  folder_remove(&tmp);
  return test_summary();
}
