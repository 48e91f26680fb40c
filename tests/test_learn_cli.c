// metaxbar learn and classify on folders of pictures: what they print and write, further classes, a chip, and all that
// is refused, with one line and nothing written.
#include <dirent.h>
#include <sys/stat.h>

#include "base/err.h"
#include "folder.h"
#include "image_tree.h"
#include "jpeg_write.h"
#include "process.h"
#include "unsealed.h"

#define MODEL "models/builtin-5w5s.safetensors"
#define ARGS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static struct folder tmp;
static char support[300], more[300], queries[300], state[300], wider[300];

static struct process *run(const char *const *args) {
  static struct process p;
  memset(p.args, 0, sizeof p.args);
  process_args(&p, args);
  process_run(&p);
  return &p;
}

static const char *succeeds(const char *const *args) {
  const struct process *p = run(args);
  CHECK(p->status == 0, "%s: %d %s", args[0], p->status, p->err);
  return p->out;
}

static void says(const char *out, const char *text) { CHECK(strstr(out, text), "'%s' is not in:\n%s", text, out); }

static void refused(int status, const char *text, const char *const *args) {
  process_check_line(run(args), status, ARGS(text));
}

// Class folder DIR/NAME with drawings [from, from + n) of character c.
static void drawings(const char *dir, const char *name, int c, int from, int n) {
  static unsigned char pixels[IMAGE_TREE_SIDE*IMAGE_TREE_SIDE];
  for (int d = from; d < from + n; d++) {
    char file[256];
    void *data;
    size_t size;
    snprintf(file, sizeof file, "%s/%s/%02d.png", dir, name, d);
    image_tree_pixels(pixels, c, d);
    if (png_encode(&data, &size, pixels, IMAGE_TREE_SIDE, IMAGE_TREE_SIDE, 1) < 0) abort();
    folder_write(&tmp, file, data, size);
    free(data);
  }
}

static void make_pictures(void) {
  drawings("support", "alder", 0, 0, 5);
  drawings("support", "<b>birch", 1, 0, 2);
  drawings("support", "trees/cedar", 2, 0, 4);
  drawings("more", "\"oak\"", 3, 0, 3);
  drawings("queries", "alder", 0, 9, 3);
  drawings("queries", "birch", 1, 9, 3);
  drawings("queries", "oak", 3, 9, 3);
  snprintf(support, sizeof support, "%s/support", tmp.path);
  snprintf(more, sizeof more, "%s/more", tmp.path);
  snprintf(queries, sizeof queries, "%s/queries", tmp.path);
  snprintf(state, sizeof state, "%s/state.safetensors", tmp.path);
  snprintf(wider, sizeof wider, "%s/wider.safetensors", tmp.path);
}

static int count(const char *out, const char *text) {
  int n = 0;
  for (const char *at = out; (at = strstr(at, text)); at++) n++;
  return n;
}

#define LEARN "learn", "--model", MODEL, "--support", support, "--out"
#define ADD "learn", "--model", MODEL, "--add", more, "--state"
#define CLASSIFY "classify", "--model", MODEL, "--state"

static void check_learn(void) {
  const char *out = succeeds(ARGS(LEARN, state));
  says(out, "alder               5\n");
  says(out, "<b>birch            2\n");
  says(out, "trees/cedar         4\n");
  says(out, "none of these beyond distance ");
  CHECK(!strstr(out, "new"), "%s", out);
  out = succeeds(ARGS(ADD, state, "--out", wider, "--json"));
  says(out, "{\"name\": \"\\\"oak\\\"\", \"pictures\": 3, \"new\": true}");
  says(out, "{\"name\": \"alder\", \"pictures\": 5, \"new\": false}");
  says(out, "\"held_out\": 14, ");
  char arrays[300], answer[4096];
  snprintf(arrays, sizeof arrays, "%s", folder_path(&tmp, "state.npz"));
  succeeds(ARGS(LEARN, arrays));
  snprintf(answer, sizeof answer, "%s", succeeds(ARGS(CLASSIFY, arrays, queries, "--csv")));
  says(answer, "picture,class,likeliest,probability,distance\n");
  says(succeeds(ARGS(CLASSIFY, state, queries, "--csv")), answer);
  says(succeeds(ARGS(LEARN, folder_path(&tmp, "all"), "learn.reject=0")), "no threshold: every picture gets a class\n");
  says(succeeds(ARGS(LEARN, folder_path(&tmp, "all"), "learn.reject=1e-300")),
       "no threshold: every picture gets a class\n");
  out = succeeds(ARGS(LEARN, folder_path(&tmp, "all"), "learn.threshold=4", "--json"));
  says(out, "\"threshold\": 4.0, \"held_out\": 0");
}

static void check_classify(void) {
  char first[400];
  snprintf(first, sizeof first, "%s/alder/09.png", queries);
  const char *out = succeeds(ARGS(CLASSIFY, state, first));
  says(out, "alder          ");
  CHECK(count(out, "\n") == 2 && !strncmp(out, "picture ", 8), "%s", out);
  out = succeeds(ARGS(CLASSIFY, wider, queries, "learn.threshold=1000"));
  CHECK(count(out, "  alder  ") >= 2 && count(out, "  <b>birch ") >= 2 && count(out, "  \"oak\" ") >= 2, "%s", out);
  CHECK(!strstr(out, "none of these"), "%s", out);
  out = succeeds(ARGS(CLASSIFY, wider, queries, "learn.threshold=0.001"));
  CHECK(count(out, "none of these") == 9 && count(out, "nearest to") == 9, "%s", out);
  out = succeeds(ARGS(CLASSIFY, wider, first, queries, "--csv", "learn.threshold=1000"));
  CHECK(count(out, "\n") == 11 && !strncmp(out, "picture,class,likeliest,probability,distance\n", 45), "%s", out);
  says(out, ",\"\"\"oak\"\"\",\"\"\"oak\"\"\",");
  out = succeeds(ARGS(CLASSIFY, wider, first, "--json"));
  says(out, "{\"classes\": [\"<b>birch\", \"alder\", \"trees/cedar\", \"\\\"oak\\\"\"], \"threshold\": ");
  says(out, "\"none\": false, \"likeliest\": \"alder\", \"probability\": 0.");
  says(out, "\"probabilities\": [");
}

// The line of a table that begins with this picture, "" if there is none.
// What is passed over among the pictures is said.
static void check_passed_over(void) {
  char odd[300];
  drawings("odd", "alder", 0, 9, 1);
  folder_write(&tmp, "odd/notes.txt", "x", 1);
  snprintf(odd, sizeof odd, "%s", folder_path(&tmp, "odd"));
  CHECK(symlink("/nonexistent", folder_path(&tmp, "odd/gone.png")) == 0, "no link");
  CHECK(mkfifo(folder_path(&tmp, "odd/pipe.png"), 0600) == 0, "no pipe");
  const struct process *p = run(ARGS(CLASSIFY, state, odd));
  CHECK(p->status == 0 && count(p->out, "alder/09.png") == 1, "%d: %s", p->status, p->out);
  says(p->err, "/odd: neither PNG nor JPEG, ignored: 1 file: .txt (1)\n");
  says(p->err, "/odd/gone.png: No such file or directory, ignored\n");
  says(p->err, "/odd/pipe.png: neither a folder nor a file, ignored\n");
}

static const char *line_of(char line[512], const char *out, const char *picture) {
  const char *at = strstr(out, picture);
  snprintf(line, 512, "%.*s", at ? (int)strcspn(at, "\n") : 0, at ? at : "");
  return line;
}

// Several views of each picture: recorded, the same for classify and further classes, and the same answers to the bit
// on any number of threads and for pictures in another order.
static void check_views(void) {
  char of[300], two[300], single[300], out[1 << 14], a[400], b[400], line[2][512];
  snprintf(of, sizeof of, "%s", folder_path(&tmp, "views"));
  snprintf(two, sizeof two, "%s", folder_path(&tmp, "two"));
  snprintf(single, sizeof single, "%s", folder_path(&tmp, "single"));
  snprintf(a, sizeof a, "%s/alder/09.png", queries);
  snprintf(b, sizeof b, "%s/oak/11.png", queries);
  says(succeeds(ARGS(LEARN, of, "learn.views=4", "data.distort_rotation_deg=25", "--json")), "\"views\": 4");
  snprintf(out, sizeof out, "%s", succeeds(ARGS(CLASSIFY, of, queries, "--csv", "run.threads=1")));
  CHECK(!strcmp(out, succeeds(ARGS(CLASSIFY, of, queries, "--csv", "run.threads=2"))), "threads matter");
  CHECK(!strcmp(out, succeeds(ARGS(CLASSIFY, of, queries, "--csv", "learn.views=4"))), "not 4 views by default");
  CHECK(strcmp(out, succeeds(ARGS(CLASSIFY, of, queries, "--csv", "learn.views=1"))), "one view is as good");
  const char *turned = succeeds(ARGS(CLASSIFY, of, b, a, "--csv"));
  for (int k = 0; k < 2; k++)
    CHECK(!strcmp(line_of(line[0], out, k ? b : a), line_of(line[1], turned, k ? b : a)) && *line[0],
          "in another order:\n%s\n%s", line[0], line[1]);
  says(succeeds(ARGS(ADD, of, "--out", two, "--json")), "\"views\": 4");
  says(succeeds(ARGS(CLASSIFY, two, queries, "--json")), "\"views\": 4");
  succeeds(ARGS(LEARN, single));
  snprintf(out, sizeof out, "%s", succeeds(ARGS(CLASSIFY, single, queries, "--csv")));
  succeeds(ARGS(LEARN, single, "learn.views=1"));
  CHECK(!strcmp(out, succeeds(ARGS(CLASSIFY, single, queries, "--csv"))), "learn.views=1 changes something");
  snprintf(single, sizeof single, "%s", folder_path(&tmp, "none"));
  refused(2, "learn.views: has no effect here", ARGS(ADD, of, "--out", single, "learn.views=2"));
  refused(2, "chip.time_s=60: has an effect with classes that were learned on a chip only",
          ARGS(CLASSIFY, of, queries, "chip.time_s=60"));
  refused(2, "data.flip: has no effect here", ARGS(CLASSIFY, of, queries, "data.flip=yes"));
  refused(2, "data.flip=yes: has an effect with learn.views above 1 only", ARGS(LEARN, single, "data.flip=yes"));
  refused(2, "learn.views=257", ARGS(LEARN, single, "learn.views=257"));
  refused(2, "learn.views=2: all views are the same",
          ARGS(LEARN, single, "learn.views=2", "data.distort_rotation_deg=0", "data.distort_scale=0",
               "data.distort_shear=0", "data.distort_translation_px=0"));
  CHECK(!file_exists(single), "something was written");
}

// A JPEG file, one in the place of a PNG file, and a page.
static void check_sheet(void) {
  char page[300], photo[300], *text;
  static unsigned char pixels[IMAGE_TREE_SIDE*IMAGE_TREE_SIDE];
  size_t size;
  snprintf(page, sizeof page, "%s", folder_path(&tmp, "page.html"));
  snprintf(photo, sizeof photo, "%s", folder_path(&tmp, "a&b<i>.jpg"));
  image_tree_pixels(pixels, 1, 11);
  jpeg_write(photo, pixels, IMAGE_TREE_SIDE, IMAGE_TREE_SIDE, 1, 95);
  succeeds(ARGS(CLASSIFY, wider, queries, photo, "--sheet", page));
  CHECK(file_read(page, 1 << 24, &text, &size) == 0, "%s", err_message());
  CHECK(count(text, "src=\"data:image/png;base64,iVBOR") == 10, "%d pictures", count(text, "data:image/png"));
  says(text, "a&amp;b&lt;i&gt;.jpg");
  says(text, "&lt;b&gt;birch");
  CHECK(!strstr(text, "<b>birch") && !strstr(text, "<i>"), "text as markup");
  free(text);
}

// The same answers on any number of threads; the chip's state is continued, and not changed, by a classification.
static void check_chip(void) {
  char chip[300], grown[300], before[1 << 14];
  char *data[2];
  size_t size[2];
  snprintf(chip, sizeof chip, "%s", folder_path(&tmp, "chip"));
  snprintf(grown, sizeof grown, "%s", folder_path(&tmp, "grown"));
  const char *out = succeeds(ARGS(LEARN, chip, "synapse.kind=chip", "learn.updates=2"));
  says(out, " devices written for the classes\n");
  CHECK(file_read(chip, 1 << 28, &data[0], &size[0]) == 0, "%s", err_message());
  out = succeeds(ARGS(CLASSIFY, chip, queries, "run.threads=1", "learn.threshold=1000"));
  snprintf(before, sizeof before, "%s", out);
  CHECK(count(before, "  alder  ") >= 2 && count(before, "  <b>birch ") >= 2, "%s", before);
  for (int k = 0; k < 2; k++) {
    out = succeeds(ARGS(CLASSIFY, chip, queries, k ? "run.threads=3" : "run.threads=1", "learn.threshold=1000"));
    CHECK(!strcmp(before, out), "other answers:\n%s%s", before, out);
  }
  CHECK(file_read(chip, 1 << 28, &data[1], &size[1]) == 0, "%s", err_message());
  CHECK(size[0] == size[1] && !memcmp(data[0], data[1], size[0]), "the state has changed");
  free(data[0]);
  free(data[1]);
  CHECK(strcmp(before, succeeds(ARGS(CLASSIFY, chip, queries, "chip.time_s=1e6", "learn.threshold=1000"))), "no drift");
  says(succeeds(ARGS(ADD, chip, "--out", grown)), "\"oak\"               3  new\n");
  says(succeeds(ARGS(CLASSIFY, grown, queries, "--json")), "\"trees/cedar\", \"\\\"oak\\\"\"]");
  refused(2, "synapse.kind: has no effect here", ARGS(ADD, chip, "--out", wider, "synapse.kind=exact"));
  refused(2, "time", ARGS(CLASSIFY, grown, queries, "chip.time_s=-1"));
}

// ---- a chip behind a driver

static char drivers[1024];  // folder of the shared objects

// A driver that keeps its cells in this file of the folder; "": in none.
static const char *driver(const char *name, const char *arguments, const char *keep) {
  static char text[4][3000];
  static int next;
  char *to = text[next++ % 4];
  snprintf(to, sizeof text[0], "chip.driver=%s/%s.so:%s chip.cores=2%s%s", drivers, name, arguments,
           *keep ? " keep=" : "", *keep ? folder_path(&tmp, keep) : "");
  return to;
}

#define ON_CHIP "synapse.kind=chip", "run.seed=3", "learn.updates=2", "chip.time_s=1000"
#define HERMES "chip.preset=hermes seed=3"

static void same_file(const char *path, const char *before, size_t size) {
  char *now;
  size_t n;
  CHECK(file_read(path, 1 << 28, &now, &n) == 0, "%s", err_message());
  CHECK(n == size && !memcmp(now, before, n), "%s has changed", path);
  free(now);
}

// The driver keeps the cells of the chip, the file the rest; together they are, to the bit, the chip inside.
static void check_driver(void) {
  char in[300], out[300], before[1 << 14];
  const char *kept = driver("simulator", HERMES, "cells");
  snprintf(in, sizeof in, "%s", folder_path(&tmp, "in"));
  snprintf(out, sizeof out, "%s", folder_path(&tmp, "out"));
  succeeds(ARGS(LEARN, in, ON_CHIP));
  says(succeeds(ARGS(LEARN, out, ON_CHIP, kept)), " devices written for the classes\n");
  for (int k = 0; k < 3; k++) {
    const char *time = k == 2 ? "chip.time_s=1e5" : "run.threads=2";
    snprintf(before, sizeof before, "%s", succeeds(ARGS(CLASSIFY, in, queries, "--csv", time)));
    const char *now = succeeds(ARGS(CLASSIFY, out, queries, "--csv", time, driver("simulator", HERMES, "cells")));
    CHECK(!strcmp(before, now), "other answers than inside:\n%s%s", before, now);
    if (k == 0) {
      succeeds(ARGS(ADD, in, "--out", in));
      succeeds(ARGS(ADD, out, "--out", out, driver("simulator", HERMES, "cells")));
    }
  }
}

// A driver that keeps its cells but not its output ranges is told them again; one that chooses others is refused.
static void check_ranges(void) {
  char in[300], out[300], before[1 << 14];
  snprintf(in, sizeof in, "%s", folder_path(&tmp, "in"));
  snprintf(out, sizeof out, "%s", folder_path(&tmp, "out"));
  succeeds(ARGS(LEARN, in, ON_CHIP));
  succeeds(ARGS(LEARN, out, ON_CHIP, driver("simulator", HERMES, "ranges")));
  snprintf(before, sizeof before, "%s", succeeds(ARGS(CLASSIFY, in, queries, "--csv")));
  const char *forgetful = driver("broken", "forgets_ranges " HERMES, "ranges");
  const char *now = succeeds(ARGS(CLASSIFY, out, queries, "--csv", forgetful));
  CHECK(!strcmp(before, now), "other answers than inside:\n%s%s", before, now);
  refused(1, "the chip was calibrated with",
          ARGS(CLASSIFY, out, queries, driver("broken", "charge " HERMES, "ranges")));
}

// The file and the chip that was taught must both be there.
static void check_other_driver(void) {
  char simulated[300], out[300];
  snprintf(simulated, sizeof simulated, "%s", folder_path(&tmp, "in"));
  snprintf(out, sizeof out, "%s", folder_path(&tmp, "out"));
  refused(2, "the classes are on a chip behind a driver: chip.driver says which", ARGS(CLASSIFY, out, queries));
  refused(2, "are on a simulated chip", ARGS(CLASSIFY, simulated, queries, driver("simulator", HERMES, "cells")));
  refused(2, "are not on a chip", ARGS(CLASSIFY, state, queries, driver("simulator", HERMES, "cells")));
  refused(1, "does not keep its cells", ARGS(CLASSIFY, out, queries, driver("simulator", HERMES, "")));
  refused(1, "state of another chip: chip.device is hermes, simulated, here hermes1",
          ARGS(CLASSIFY, out, queries, driver("simulator", "chip.preset=hermes1", "")));
  succeeds(ARGS(LEARN, wider, ON_CHIP, driver("simulator", HERMES, "cells")));  // without "oak"
  refused(1, "of readout differs by ", ARGS(CLASSIFY, out, queries, driver("simulator", HERMES, "cells")));
  refused(1, "of readout differs by ",
          ARGS(ADD, out, "--out", out, driver("simulator", HERMES, "cells"), "chip.driver_tolerance=0.01"));
  says(succeeds(ARGS(CLASSIFY, wider, queries, driver("simulator", HERMES, "cells"))), "picture ");
}

// A driver that fails ends a lesson with one line, and the file that was there stays.
static void check_driver_fails(void) {
  static const char *const faults[][2] = {
    { "chip.driver_faults=product@40=lost", "the connection to the chip is lost" },
    { "chip.driver_faults=program@8=timeout", "no answer in time" },
    { "chip.driver_faults=read@1=failed", "read of region 0" },
  };
  char *data;
  size_t size;
  succeeds(ARGS(LEARN, wider, ON_CHIP, driver("simulator", HERMES, "fails")));
  CHECK(file_read(wider, 1 << 28, &data, &size) == 0, "%s", err_message());
#define UNSAVED "; nothing was saved, and cells may have been programmed"
  for (int k = 0; k < 3; k++)
    process_check_line(run(ARGS(LEARN, wider, ON_CHIP, driver("simulator", HERMES, "other"), faults[k][0])), 1,
                       ARGS(faults[k][1], UNSAVED));
  process_check_line(run(ARGS(LEARN, wider, ON_CHIP, driver("broken", "not_a_number " HERMES, ""))), 1,
                     ARGS("weight[0]=nan", UNSAVED));
  process_check_line(run(ARGS(ADD, wider, "--out", wider, driver("simulator", HERMES, "fails"), faults[0][0])), 1,
                     ARGS(faults[0][1], UNSAVED));
  refused(1, "no answer within 0.1 s",
          ARGS(LEARN, wider, ON_CHIP, "chip.driver=exec:sleep 100", "chip.driver_timeout_s=0.1"));
  if (system("python3 -c 0 2>/dev/null")) printf("SKIP a process that ends: python3 is absent\n");
  else
    process_check_line(run(ARGS(LEARN, wider, ON_CHIP,
                                "chip.driver=exec:python3 -c \"import itertools, runpy, sys; "
                                "sys.stdin = itertools.islice(sys.stdin, 12); "
                                "runpy.run_path('examples/driver/lab.py')\"")), 1,
                       ARGS("ended with exit status 0", UNSAVED));
  same_file(wider, data, size);
  free(data);
}

// A model file without settings, as the published weights are, needs data.preprocessing in every command.
static void check_bare(void) {
  char bare[300], learned[300], *data;
  size_t size;
  snprintf(bare, sizeof bare, "%s", folder_path(&tmp, "bare.safetensors"));
  snprintf(learned, sizeof learned, "%s", folder_path(&tmp, "learned"));
  CHECK(file_read(MODEL, 1 << 26, &data, &size) == 0, "%s", err_message());
  memcpy(memmem(data, size, "\"data.preprocessing\"", 20), "\"xata.preprocessing\"", 20);
  unseal(data, size);
  folder_write(&tmp, "bare.safetensors", data, size);
  free(data);
#define BARE "--model", bare
  refused(2, "no settings in the file", ARGS("learn", BARE, "--support", support, "--out", learned));
  succeeds(ARGS("learn", BARE, "--support", support, "--out", learned, "data.preprocessing=published"));
  succeeds(ARGS("learn", BARE, "--add", more, "--state", learned, "--out", learned, "data.preprocessing=published"));
  says(succeeds(ARGS("classify", BARE, "--state", learned, queries, "data.preprocessing=published")), "picture ");
}

static int n_files(const char *path) {
  DIR *dir = opendir(path);
  int n = 0;
  while (dir && readdir(dir)) n++;
  if (dir) closedir(dir);
  return n;
}

static void check_support_refused(void) {
  char bad[300], out[300], grey[300];
  snprintf(out, sizeof out, "%s", folder_path(&tmp, "none"));
  const int before = n_files(tmp.path);
#define BAD(folder) (snprintf(bad, sizeof bad, "%s/" folder, tmp.path), bad)
#define FROM(folder) ARGS("learn", "--model", MODEL, "--support", BAD(folder), "--out", out)
  refused(1, "absent", FROM("absent"));
  drawings("bad/latin", "f\xfcr", 1, 0, 3);
  drawings("bad/latin", "oak", 2, 0, 3);
  refused(1, "latin: folder f?r: names of classes must be UTF-8", FROM("bad/latin"));
  file_make_dirs(BAD("bad/empty"));
  refused(1, "no PNG or JPEG images in class folders", FROM("bad/empty"));
  drawings("bad/one", "alone", 0, 0, 2);
  refused(2, "one class, alone: there must be two at least", FROM("bad/one"));
  drawings("bad/hollow", "first", 0, 0, 2);
  drawings("bad/hollow", "second", 1, 0, 2);
  folder_write(&tmp, "bad/hollow/third/notes.txt", "x", 1);
  process_check_line(run(FROM("bad/hollow")), 1, ARGS("class third: no PNG or JPEG images"));
  drawings("bad/damaged", "first", 0, 0, 2);
  folder_write(&tmp, "bad/damaged/second/0.png", "no picture", 10);
  refused(1, "bad/damaged: second/0.png: not a PNG image", FROM("bad/damaged"));
  for (int k = 0; k < 2; k++) drawings("bad/equal", k ? "second" : "first", 0, 0, 1);
  refused(1, "classes 'first' and 'second': their pictures are equal", FROM("bad/equal"));
  for (int k = 0; k < 1025; k++) {
    char name[64];
    snprintf(name, sizeof name, "%04d", k);
    drawings("bad/many", name, k % 50, 0, 1);
  }
  refused(2, "1025 classes: a read-out has at most 1024", FROM("bad/many"));
  snprintf(grey, sizeof grey, "%s/support", tmp.path);
  refused(1, "none of 11 images has any colour",
          ARGS("learn", "--model", "models/cifar-5w5s.safetensors", "--support", grey, "--out", out));
  CHECK(!file_exists(out) && n_files(tmp.path) == before + 1, "something was written");  // the folder bad
}

static void check_settings_refused(void) {
  char out[300];
  snprintf(out, sizeof out, "%s", folder_path(&tmp, "none"));
  refused(2, "--support DIR or --add DIR", ARGS("learn", "--model", MODEL, "--out", out));
  refused(2, "--add DIR, --state FILE: further classes need both",
          ARGS("learn", "--model", MODEL, "--add", more, "--out", out));
  refused(2, "learn.reject=0.7", ARGS(LEARN, out, "learn.reject=0.7"));
  refused(2, "learn.threshold=-1", ARGS(LEARN, out, "learn.threshold=-1"));
  refused(2, "learn.reject=0.3: has an effect with learn.threshold=0 only",
          ARGS(LEARN, out, "learn.threshold=4", "learn.reject=0.3"));
#define SEED "run.seed=3: has an effect with a chip"
  refused(2, SEED ", quantised weights or learn.views above 1 only", ARGS(LEARN, out, "run.seed=3"));
  refused(2, SEED ", quantised weights or learn.views above 1 only", ARGS(ADD, state, "--out", out, "run.seed=3"));
  refused(2, SEED " or learn.views above 1 only", ARGS(CLASSIFY, state, queries, "run.seed=3"));
  refused(2, "learn.threshold=x", ARGS(CLASSIFY, state, queries, "learn.threshold=x"));
  refused(2, "learn.room=3: has an effect with synapse.kind=chip only", ARGS(LEARN, out, "learn.room=3"));
  refused(2, "synapse.bits=3: has an effect with synapse.kind=quantised only", ARGS(LEARN, out, "synapse.bits=3"));
  refused(2, "data.preprocessing=published: the classes of ",
          ARGS(CLASSIFY, state, queries, "data.preprocessing=published"));
  refused(2, "were learned with area", ARGS(ADD, state, "--out", out, "data.preprocessing=published"));
  refused(2, "learn.room: has no effect here", ARGS(ADD, state, "--out", out, "learn.room=3"));
  refused(2, "eval.tasks: has no effect here", ARGS(CLASSIFY, state, queries, "eval.tasks=3"));
  const char *help = succeeds(ARGS("learn", "--help"));
  CHECK(strstr(help, "chip.time_s") && strstr(help, "chip.driver ") && strstr(help, "chip.record "), "%s", help);
  refused(1, "nosuch", ARGS(LEARN, out, "synapse.kind=chip", "chip.driver=nosuch"));
  refused(2, "chip.driver_timeout_s=5: has an effect with chip.driver=exec:COMMAND only",
          ARGS(LEARN, out, "synapse.kind=chip", "chip.driver=nosuch", "chip.driver_timeout_s=5"));
  refused(2, "chip.driver=nosuch: has an effect with synapse.kind=chip only", ARGS(LEARN, out, "chip.driver=nosuch"));
  refused(2, "models/sine.safetensors: a model of 'sine', which does not learn pictures",
          ARGS("learn", "--model", "models/sine.safetensors", "--support", support, "--out", out));
  refused(1, "/proc/none", ARGS(LEARN, "/proc/none"));
  refused(2, "mine.csv: the ending of the name must be .safetensors or .npz",
          ARGS(LEARN, folder_path(&tmp, "mine.csv")));
  refused(2, "more.txt: the ending of the name must be .safetensors or .npz",
          ARGS(ADD, state, "--out", folder_path(&tmp, "more.txt")));
  CHECK(!file_exists(folder_path(&tmp, "mine.csv")) && !file_exists(folder_path(&tmp, "more.txt")), "written");
  refused(2, "--csv: has no effect beside --json", ARGS(CLASSIFY, state, queries, "--csv", "--json"));
  CHECK(!file_exists(out), "something was written");
}

static void check_state_refused(void) {
  char out[300], bad[300], *data;
  size_t size;
  snprintf(out, sizeof out, "%s", folder_path(&tmp, "none"));
  snprintf(bad, sizeof bad, "%s", folder_path(&tmp, "cut"));
  CHECK(file_read(state, 1 << 26, &data, &size) == 0, "%s", err_message());
  folder_write(&tmp, "cut", data, size / 2);
  free(data);
  refused(1, bad, ARGS(CLASSIFY, bad, queries));
  refused(1, "classes were taught to another model",
          ARGS("classify", "--model", "models/omniglot-learned.safetensors", "--state", state, queries));
  refused(2, "class <b>birch was taught before",
          ARGS("learn", "--model", MODEL, "--add", support, "--state", state, "--out", out));
  refused(1, "not a file of taught classes", ARGS(CLASSIFY, MODEL, queries));
  refused(1, "/nosuch", ARGS(CLASSIFY, "/nosuch", queries));
  CHECK(!file_exists(out), "something was written");
}

static void check_pictures_refused(void) {
  char page[300], bad[300];
  snprintf(page, sizeof page, "%s", folder_path(&tmp, "no.html"));
  snprintf(bad, sizeof bad, "%s", folder_path(&tmp, "text.png"));
  folder_write(&tmp, "text.png", "no picture", 10);
  refused(1, "text.png: not a PNG image", ARGS(CLASSIFY, state, queries, bad, "--sheet", page));
  refused(1, "/nosuch.png", ARGS(CLASSIFY, state, "/nosuch.png", "--sheet", page));
  file_make_dirs(folder_path(&tmp, "bad/empty"));
  snprintf(bad, sizeof bad, "%s", folder_path(&tmp, "bad/empty"));
  refused(1, "no PNG or JPEG images in this folder", ARGS(CLASSIFY, state, bad));
  refused(2, "IMAGE|FOLDER... is missing", ARGS(CLASSIFY, state));
  CHECK(!file_exists(page), "a page was written");
}

// A model of colours takes colours, few of them being grey.
static void check_colours(void) {
  static unsigned char pixels[40*30*3];
  char colours[300], learned[300], grey[400];
  for (int i = 0; i < 6; i++) {
    char name[64];
    snprintf(name, sizeof name, "colours/%s/%d.png", i < 3 ? "red" : "blue", i);
    for (int k = 0; k < 40*30*3; k++)
      pixels[k] = (unsigned char)((k % 3 == (i < 3 ? 0 : 2) ? 200 : 20) + (k*(i + 3)) % 50);
    if (png_rgb_write(folder_path(&tmp, name), pixels, 30, 40) < 0) abort();
  }
  snprintf(colours, sizeof colours, "%s/colours", tmp.path);
  snprintf(learned, sizeof learned, "%s", folder_path(&tmp, "learned"));
  succeeds(ARGS("learn", "--model", "models/cifar-5w5s.safetensors", "--support", colours, "--out", learned));
  const char *out = succeeds(ARGS("classify", "--model", "models/cifar-5w5s.safetensors", "--state", learned, colours,
                                  "learn.threshold=1e6", "--csv", "--sheet", folder_path(&tmp, "colours.html")));
  CHECK(count(out, ",\"red\",\"red\",") == 3 && count(out, ",\"blue\",\"blue\",") == 3, "%s", out);
  snprintf(grey, sizeof grey, "%s/alder/09.png", queries);
  refused(1, "none of 1 picture has any colour",
          ARGS("classify", "--model", "models/cifar-5w5s.safetensors", "--state", learned, grey));
}

int main(void) {
  if (!process_available()) return 77;
  snprintf(drivers, sizeof drivers, "%.*s", (int)(strrchr(getenv("METAXBAR"), '/') - getenv("METAXBAR")),
           getenv("METAXBAR"));
  tmp = folder_make();
  make_pictures();
  check_learn();
  check_chip();
  if (!TEST_RACES_ONLY) {
    check_classify();
    check_passed_over();
    check_views();
    check_sheet();
    check_bare();
    check_support_refused();
    check_settings_refused();
    check_state_refused();
    check_pictures_refused();
    check_colours();
    check_driver();
    check_other_driver();
    check_driver_fails();
    check_ranges();
  }
  folder_remove(&tmp);
  return test_summary();
}
