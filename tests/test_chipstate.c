// A saved chip continues bit for bit, clock and random numbers included; the CSV carries every device
// to the same bits; states of other chips and other models and damaged files are refused and change nothing.
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/rng.h"
#include "chip/chip_private.h"
#include "chip/chipstate_private.h"
#include "test.h"
#include "unsealed.h"

enum { I = 45, O = 20, OP = 32, B = 8 };
static struct arena arena;
static char path[64], csv_path[64];
static bool read_memory;  // of new chips

static struct chip *new_chip(const char *preset, int rows) {
  struct chip_params p;
  param_defaults(chip_param_table, &p);
  param_defaults(verify_param_table, &p.verify);
  CHECK(param_set(chip_param_table, &p, "preset", preset) == 0, "%s", err_message());
  p.rows = rows;
  p.scale = CHIP_SCALE_CORE;
  p.columns = 16;
  p.cores = 8;
  p.fault_set = 0.01;
  p.adc_offset_spread = 0.5;
  p.calibration_rows = 20;
  p.read_memory = read_memory;
  struct chip *c = NULL;
  CHECK(chip_new(&c, &p, 3) == 0, "%s", err_message());
  chip_add(c, "first", I, O);
  chip_add(c, "second", 7, 5);
  CHECK(chip_build(c) == 0, "%s", err_message());
  return c;
}

static real *new_matrix(int rows, int columns, uint32_t stream) {
  real *w = ARENA_NEW(&arena, (size_t)rows * (size_t)vector_padded(columns), real);
  struct rng r = rng_stream(5, RNG_TEST, stream);
  for (int i = 0; i < rows; i++)
    for (int o = 0; o < vector_padded(columns); o++)
      w[i*vector_padded(columns) + o] = o < columns ? (real)rng_normal(&r) : 0;
  return w;
}

// A life: written, used, updated, grown old.
static struct chip *used_chip(void) {
  struct chip *c = new_chip("hermes", 30);
  struct synapse *a = chip_synapse(c, 0), *b = chip_synapse(c, 1);
  real *y = ARENA_NEW(&arena, B*OP, real);
  const struct conv s = conv_shape(B, 1, 1, I, O, 1, 1, 0);
  a->ops->program(a, new_matrix(I, O, 1), NULL);
  b->ops->program(b, new_matrix(7, 5, 2), NULL);
  chip_observe(c, true);
  a->ops->product(a, y, new_matrix(B, I, 3), &s, NULL);
  chip_observe(c, false);
  chip_calibrate(c, &c->rng);
  CHECK(chip_advance(c, 1234.5, &c->rng) == 0, "advance");
  a->ops->update(a, new_matrix(I, O, 4), NULL);
  CHECK(chip_advance(c, 9999, &c->rng) == 0, "advance");
  return c;
}

// What the chip answers from here on: products, an update and a later time, all from its own stream.
static void future(struct chip *c, real *y) {
  struct synapse *a = chip_synapse(c, 0);
  const struct conv s = conv_shape(B, 1, 1, I, O, 1, 1, 0);
  const real *x = new_matrix(B, I, 6);
  a->ops->product(a, y, x, &s, &c->rng);
  a->ops->update(a, new_matrix(I, O, 7), NULL);
  CHECK(chip_advance(c, 20000, &c->rng) == 0, "advance");
  a->ops->product(a, y + B*OP, x, &s, &c->rng);
}

static void test_reload(void) {
  struct chip *c = used_chip(), *d = new_chip("hermes", 30), *e = used_chip();
  real *y = ARENA_NEW(&arena, 2*B*OP, real), *z = ARENA_NEW(&arena, 2*B*OP, real);
  CHECK(chipstate_save(c, path) == 0, "%s", err_message());
  CHECK(chipstate_save_csv(c, csv_path) == 0, "%s", err_message());
  CHECK(chipstate_load(d, path) == 0, "%s", err_message());
  CHECK(d->clock_s == c->clock_s && !memcmp(&d->ledger, &c->ledger, sizeof c->ledger), "clock or ledger");
  for (int k = 0; k < c->n_pieces; k++)
    CHECK(!memcmp(c->tiles[k].block, d->tiles[k].block, c->tiles[k].size) && c->tiles[k].lsb == d->tiles[k].lsb,
          "tile %d", k);
  future(c, y);
  future(d, z);
  CHECK(!memcmp(y, z, 2*B*OP * sizeof *y), "the reloaded chip goes another way");

  // every device spoilt, then put back from the CSV
  const struct tile *t = &e->tiles[0];
  const float before = t->g_uS[OP/2];
  for (size_t u = 0; u < tile_units(t, &e->design); u++) t->g_uS[u] = t->nu[u] = 0;
  CHECK(chipstate_load_csv(e, csv_path) == 0, "%s", err_message());
  CHECK(t->g_uS[OP/2] == before, "device read back as %.9g", (double)t->g_uS[OP/2]);
  future(e, z);
  CHECK(!memcmp(y, z, 2*B*OP * sizeof *y), "the chip from CSV goes another way");
  chip_free(c);
  chip_free(d);
  chip_free(e);
}

static void refused(struct chip *c, int rc, const char *why) {
  CHECK(rc < 0 && strstr(err_message(), why), "%d, %s: expected '%s'", rc, err_message(), why);
  CHECK(c->clock_s == 0 && !c->matrices[0].programmed, "a refused file left traces");
}

#define UNIT(rest)                                                                                                     \
  "# clock_s=5\nmatrix,row,column,sign,unit,target_uS,g_uS,nu,q,stuck_uS,written_s,writes,fault\n"                     \
  "first,0,0,+,0,1," rest "\n"

static void test_refusals(void) {
  struct chip *other = new_chip("joshi2020", 30), *larger = new_chip("hermes", 40), *same = new_chip("hermes", 30);
  refused(other, chipstate_load(other, path), "state of another chip");
  refused(larger, chipstate_load(larger, path), "state of another chip");
  refused(same, chipstate_load(same, csv_path), csv_path);
  char *text;
  size_t size;
  CHECK(file_read(path, 1 << 24, &text, &size) == 0, "%s", err_message());
  for (size_t cut = 0; cut < size; cut += size / 7)
    refused(same, chipstate_load_stream(same, fmemopen(text, cut ? cut : 1, "r"), "cut"), "cut");
  free(text);
  const struct { const char *text, *why; } bad[] = {
    { "", "the first line must be" }, { "# clock_s=-1\n", "clock_s" },
    { "# clock_s=0,x\n", "more than a number" }, { "# clock_s=5\nmatrix\n", "after the lines" },
    { "# clock_s=5\n# chip.device=joshi2020\n", "state of another chip: chip.device is joshi2020, here hermes" },
    { "# clock_s=5\n# chip.colour=red\n", "chip.colour: no such" }, { "# clock_s=5\n# x\n", "key=value" },
    { "# clock_s=5\nmatrix,row,column,sign,unit,target_uS,g_uS,nu,q,stuck_uS,written_s,writes,fault\n", "0 units" },
    { "# clock_s=5\nmatrix,row,column,sign,unit,target_uS,g_uS,nu,q,stuck_uS,written_s,writes,fault\n"
      "first,0,0,+,0,1,nan,0,0,0,0,1,0\n", "g_uS=nan" },
    { "# clock_s=5\nmatrix,row,column,sign,unit,target_uS,g_uS,nu,q,stuck_uS,written_s,writes,fault\n"
      "first,0,0,+,0,21,1,0,0,0,0,1,0\n", "target_uS=21" },
    { "# clock_s=5\nmatrix,row,column,sign,unit,target_uS,g_uS,nu,q,stuck_uS,written_s,writes,fault\n"
      "first,0,0,+,0,1,1,0,0,0,6,1,0\n", "written_s=6" },
    { "# clock_s=5\nmatrix,row,column,sign,unit,target_uS,g_uS,nu,q,stuck_uS,written_s,writes,fault\n"
      "third,0,0,+,0,1,1,0,0,0,0,1,0\n", "matrix=third" },
    { UNIT("1e6,0,0,0,0,1,0"), "g_uS=1e+06" }, { UNIT("1,0,0,0,0,1,1.5"), "fault=1.5: must be a whole number" },
    { UNIT("1,0,0,0,0,1.5,0"), "writes=1.5" }, { UNIT("1,0,0,0,0,1,2"), "a device stuck at SET conducts" },
  };
  for (unsigned k = 0; k < sizeof bad / sizeof *bad; k++)
    refused(same, chipstate_parse_csv(same, bad[k].text, strlen(bad[k].text), "text"), bad[k].why);
  static const char zero[] = UNIT("1,0,0,0,0,1,0\0,7");
  refused(same, chipstate_parse_csv(same, zero, sizeof zero - 1, "text"), "text:3: a zero byte");
  chip_free(other);
  chip_free(larger);
  chip_free(same);
}

// ---- which weights it was written with

// The state in `path` with one part of its header replaced by another of the same length.
static int load_changed(struct chip *c, const char *from, const char *to) {
  char *text;
  size_t size;
  CHECK(file_read(path, 1 << 24, &text, &size) == 0, "%s", err_message());
  unseal(text, size);
  char *at = memmem(text, size, from, strlen(from));
  CHECK(at && strlen(to) == strlen(from), "%s is not in the file", from);
  memcpy(at, to, strlen(to));
  const int rc = chipstate_load_stream(c, fmemopen(text, size, "r"), "changed");
  free(text);
  return rc;
}

// The state in csv_path without the line that begins so.
static int load_without(struct chip *c, const char *line) {
  char *text;
  size_t size;
  CHECK(file_read(csv_path, 1 << 24, &text, &size) == 0, "%s", err_message());
  char *at = strstr(text, line), *after = at ? strchr(at, '\n') + 1 : text;
  CHECK(at, "%s is not in the table", line);
  memmove(at, after, size - (size_t)(after - text) + 1);
  const int rc = chipstate_parse_csv(c, text, size - (size_t)(after - at), "table");
  free(text);
  return rc;
}

// The table in csv_path with another number at the end of every line of a unit, and an empty line.
static int load_measured(struct chip *c, const char *now_uS) {
  char *text;
  size_t size;
  CHECK(file_read(csv_path, 1 << 24, &text, &size) == 0, "%s", err_message());
  char *all = calloc(size, 2), *to = all;
  for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
    const bool unit = *line != '#' && strncmp(line, "matrix,", 7) != 0;
    const int length = unit ? (int)(strrchr(line, ',') - line + 1) : (int)strlen(line);
    to += sprintf(to, "%.*s%s\n", length, line, unit ? now_uS : "");
  }
  to += sprintf(to, "\n");
  const int rc = chipstate_parse_csv(c, all, (size_t)(to - all), "measured");
  free(all);
  free(text);
  return rc;
}

// Conductances measured at the clock are those at the clock, and drift on from there.
static void test_measured(void) {
  struct chip *c = used_chip();
  const struct tile *t = &c->tiles[0];
  CHECK(chipstate_save_csv(c, csv_path) == 0 && load_measured(c, "12.5") == 0, "%s", err_message());
  double worst = 0, drifted = 0;
  for (int u = 0; u < t->columns; u++) worst = fmax(worst, fabs((double)chipstate_now_uS(t, c, (size_t)u) - 12.5));
  CHECK(worst < 1e-4, "a conductance is %g uS from what was measured", worst);
  CHECK(fabs((double)t->g[0][0] - 12.5) < 1e-4, "products see %g uS", (double)t->g[0][0]);
  CHECK(chip_advance(c, 99990, &c->rng) == 0, "%s", err_message());
  drifted = 12.5*pow((99990 - t->written_s[0])/(9999 - t->written_s[0]), -(double)t->nu[0]);
  CHECK(fabs((double)chipstate_now_uS(t, c, 0)/drifted - 1) < 1e-4, "%g uS later, expected %g",
        (double)chipstate_now_uS(t, c, 0), drifted);
  chip_free(c);
}

// A chip just written with the weights of used_chip, or with others in its second matrix.
static struct chip *written_chip(uint32_t second) {
  struct chip *c = new_chip("hermes", 30);
  struct synapse *a = chip_synapse(c, 0), *b = chip_synapse(c, 1);
  a->ops->program(a, new_matrix(I, O, 1), NULL);
  b->ops->program(b, new_matrix(7, 5, second), NULL);
  return c;
}

static void refuses_weights(struct chip *c, int rc, const char *file, uint64_t found) {
  char values[2][17];
  const uint64_t own = c->matrices[1].checksum;
  snprintf(values[0], sizeof values[0], "%016llx", (unsigned long long)found);
  snprintf(values[1], sizeof values[1], "%016llx", (unsigned long long)own);
  const char *const says[] = { file, "another model", "second", values[0], values[1] };
  CHECK(rc == ERR_FORMAT, "%d: loaded onto other weights", rc);
  for (int k = 0; k < 5; k++) CHECK(strstr(err_message(), says[k]), "no '%s' in: %s", says[k], err_message());
  CHECK(c->clock_s == 0, "a refused file left traces");
}

static void test_weights(void) {
  struct chip *used = used_chip(), *same = written_chip(2), *other = written_chip(8), *blank = new_chip("hermes", 30);
  const uint64_t sum = used->matrices[1].checksum;
  CHECK(sum && sum == same->matrices[1].checksum && sum != other->matrices[1].checksum && !blank->matrices[1].checksum,
        "checksums");
  CHECK(used->matrices[0].checksum == same->matrices[0].checksum, "updates change the checksum");
  CHECK(chipstate_save(used, path) == 0 && chipstate_save_csv(used, csv_path) == 0, "%s", err_message());
  refuses_weights(other, chipstate_load(other, path), path, sum);
  refuses_weights(other, chipstate_load_csv(other, csv_path), csv_path, sum);
  CHECK(chipstate_load(blank, path) == 0 && blank->matrices[1].checksum == sum,
        "a chip without weights takes the file's: %s", err_message());
  CHECK(load_changed(same, "chip.matrix.1.weights", "chip.matrix.1.weighty") == ERR_FORMAT &&
            strstr(err_message(), "chip.matrix.1.weights missing"),
        "%s", err_message());
  char is[32], bad[32];
  snprintf(is, sizeof is, "\"%016llx\"", (unsigned long long)sum);
  snprintf(bad, sizeof bad, "\"%15llx.\"", (unsigned long long)sum >> 4);
  CHECK(load_changed(same, is, bad) == ERR_FORMAT && strstr(err_message(), "16 hexadecimal digits"), "%s",
        err_message());
  CHECK(load_without(other, "# chip.matrix.1.weights=") == 0, "a table that does not say: %s", err_message());
  CHECK(chipstate_load(same, path) == 0, "%s", err_message());
  CHECK(other->clock_s == used->clock_s && same->clock_s == used->clock_s && same->matrices[1].checksum == sum,
        "not loaded");
  chip_renew(same, 4);
  CHECK(same->matrices[0].checksum == 0, "an unwritten chip has weights");
  chip_free(used);
  chip_free(same);
  chip_free(other);
  chip_free(blank);
}

// ---- states that contradict themselves

static void test_contradictions(void) {
  struct chip *used = used_chip(), *young = written_chip(2), *blank = new_chip("hermes", 30), *same = written_chip(2);
  chip_calibrate(young, &young->rng);
  // the clock goes back
  CHECK(chipstate_save_csv(young, csv_path) == 0 && chipstate_load_csv(used, csv_path) == 0, "%s", err_message());
  CHECK(used->clock_s == 0 && used->matrices[0].calibrated_s == 0, "calibrated at %g s, at %g s",
        used->matrices[0].calibrated_s, used->clock_s);
  CHECK(chipstate_save(used, path) == 0 && chipstate_load(same, path) == 0, "%s", err_message());
  // devices, but no weights
  CHECK(chipstate_load_csv(blank, csv_path) == 0 && chipstate_save(blank, path) == 0, "%s", err_message());
  CHECK(chipstate_load(same, path) == ERR_FORMAT && strstr(err_message(), "matrix.0.state: not programmed"), "%s",
        err_message());
  young->ledger.core[0].phases = -1;
  CHECK(chipstate_save(young, path) == 0 && chipstate_load(same, path) == ERR_FORMAT &&
            strstr(err_message(), "phases = -1"),
        "%s", err_message());
  young->ledger.core[0].phases = 1;
  young->matrices[1].calibrated_s = 5;
  CHECK(chipstate_save(young, path) == 0 && chipstate_load(same, path) == ERR_FORMAT &&
            strstr(err_message(), "calibrated at 5 s of 0"),
        "%s", err_message());
  chip_free(used);
  chip_free(young);
  chip_free(blank);
  chip_free(same);
}

static void test_paths(void) {
  struct chip *c = new_chip("hermes", 30);
  static const char *const bad[] = { "state", "state.txt", "state.csv.gz", "state.safetensors.bak", "" };
  for (unsigned k = 0; k < sizeof bad / sizeof *bad; k++) {
    CHECK(chipstate_check_path("--out ", bad[k]) == ERR_SETTING && strstr(err_message(), "--out ") &&
              strstr(err_message(), bad[k]) && strstr(err_message(), ".safetensors, .npz or .csv"),
          "%s: %s", bad[k], err_message());
    CHECK(chipstate_read(c, bad[k]) == ERR_SETTING && chipstate_write(c, bad[k]) == ERR_SETTING, "%s: %s", bad[k],
          err_message());
  }
  CHECK(chipstate_check_path("", "a/b.safetensors") == 0 && chipstate_check_path("", "b.csv") == 0, "%s",
        err_message());
  chip_free(c);
}

int main(void) {
  arena_init(&arena, 4 << 20);
  snprintf(path, sizeof path, "/tmp/test_chipstate.%d.safetensors", (int)getpid());
  snprintf(csv_path, sizeof csv_path, "/tmp/test_chipstate.%d.csv", (int)getpid());
  test_reload();
  read_memory = true;
  test_reload();
  read_memory = false;
  test_refusals();
  test_measured();
  test_weights();
  test_contradictions();
  test_paths();
  unlink(path);
  unlink(csv_path);
  arena_release(&arena);
  return test_summary();
}
