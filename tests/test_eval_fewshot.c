// Evaluation: results that do not depend on the number of threads; baselines; several chips, later times and ledgers;
// settings that contradict each other.
#include "chip/chip_private.h"
#include "base/err.h"
#include "base/rng.h"
#include "base/stat.h"
#include "experiment/experiment.h"
#include "experiment/fewshot/queries.h"
#include "experiment/fewshot/result.h"
#include "folder.h"
#include "image_tree.h"
#include "test.h"

static struct fewshot_result evaluate(const struct fewshot *f, const struct fewshot_model *m) {
  struct fewshot_result r;
  CHECK(fewshot_load_and_eval(&r, f, m) == 0, "%s", err_message());
  return r;
}

// A random network for tasks of so many ways, and settings to evaluate it on invented characters.
static struct fewshot_model builtin(struct fewshot *f, int ways) {
  struct fewshot_model m = { 0 };
  struct rng r = rng_stream(13, RNG_TEST, 0);
  fewshot_init(f);
  CHECK(settings_set(f->sections, "data.kind=builtin") == 0 && settings_set(f->sections, "data.classes=30") == 0, "%s",
        err_message());
  CHECK(settings_set(f->sections, "data.evaluation_classes=30") == 0, "%s", err_message());
  f->data.drawings = 10;
  f->net.channels = 7;
  f->net.ways = ways;
  f->eval.tasks = TEST_SANITIZED ? 4 : 12;
  f->eval.shots = 3;
  f->eval.queries = 2;
  f->eval.statistics_images = 60;
  CHECK(convnet_init(&m.net, &f->net, (int)f->data.size, 1) == 0, "%s", err_message());
  m.parameters = err_aligned(m.net.n, sizeof(real));
  convnet_start(&m.net, m.parameters, 0.05, &r);
  return m;
}

// The numbers that are printed, from the accuracies of the tasks, task k on chip k mod n_chips; 10 queries each.
static void check_numbers(const struct fewshot_result *r) {
  const int columns = r->n_updates + 1, last = r->n_updates;
  double chip[8] = { 0 }, mean = 0, square = 0;
  for (int s = 0; s < columns; s++) {
    const struct stat_interval i = stat_grouped(r->task_accuracy + s, r->n_tasks, columns, r->n_chips, 10);
    CHECK(r->accuracy[s] == i.mean && r->ci95[s] == i.ci95, "after %d updates %g +- %g", s, r->accuracy[s], r->ci95[s]);
  }
  for (int k = 0; k < r->n_tasks*columns; k++)
    CHECK(fabs(10*r->task_accuracy[k] - rint(10*r->task_accuracy[k])) < 1e-9, "%g of 10 queries", r->task_accuracy[k]);
  for (int c = 0; c < r->n_chips; c++) {
    int n = 0;
    for (int k = c; k < r->n_tasks; k += r->n_chips, n++) chip[c] += r->task_accuracy[k*columns + last];
    chip[c] /= n;
    CHECK_REL(r->chip_accuracy[c], chip[c], 1e-12);
    mean += chip[c]/r->n_chips;
  }
  for (int c = 0; c < r->n_chips; c++) square += pow(chip[c] - mean, 2);
  if (r->n_chips > 1) CHECK_REL(r->chip_std, sqrt(square/(r->n_chips - 1)), 1e-9);
  struct experiment_headline h;
  struct experiment_scores scores;
  fewshot_experiment.headline(&h, r);
  fewshot_experiment.scores(&scores, r);
  CHECK(h.value == 100*r->accuracy[last] && h.before == 100*r->accuracy[0] && h.ci95 == 100*r->ci95[last],
        "%g +- %g %%", h.value, h.ci95);
  double addressed = 0;
  for (int s = 0; s < r->n_updates; s++) addressed += r->devices_addressed[s];
  CHECK(scores.first[scores.stride] == r->task_accuracy[columns + last] && scores.trials == 10 &&
            scores.devices_addressed == addressed,
        "%d trials, %g devices", scores.trials, scores.devices_addressed);
}

// "      4       87.50 ...": per cent after the last update.
static void check_text(const struct fewshot_result *r, const struct fewshot *f, const struct fewshot_model *m) {
  char *text = NULL, row[64], ci95[STAT_TEXT];
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  fewshot_result_print(r, f, m, out);
  fclose(out);
  snprintf(row, sizeof row, "\n%7d  %10.2f  %7s ", r->n_updates, 100*r->accuracy[r->n_updates],
           stat_ci95_text(ci95, 100*r->ci95[r->n_updates], 2));
  CHECK(strstr(text, row) != NULL, "no '%s' in %s", row + 1, text);
  free(text);
}

static void test_builtin(void) {
  struct fewshot f;
  struct fewshot_model m = builtin(&f, 5);
  struct fewshot_result r[2];
  for (int kind = 0; kind < 2; kind++)
    for (int rule = 0; rule < (kind ? 1 : 3); rule += TEST_RACES_ONLY ? CONVNET_FIXED : 1)
      for (int method = 0; method < 3; method++) {
        f.eval.batchnorm = rule;
        f.eval.method = method;
        f.synapse.kind = kind;
        f.eval.scratch_updates = 3;
        for (int k = 0; k < 2; k++) {
          f.run.threads = k ? 3 : 1;
          const int rc = fewshot_load_and_eval(&r[k], &f, &m);
          if (method == 2 && rule == CONVNET_FIXED) {
            CHECK(rc == ERR_SETTING && strstr(err_message(), "eval.batchnorm=chip"), "%s", err_message());
          } else {
            CHECK(rc == 0, "%s", err_message());
            const int last = r[k].n_updates;
            CHECK(r[k].loss[last] > 0.1 && r[k].loss[last] < 20, "rule %d method %d: loss %g", rule, method,
                  r[k].loss[last]);
            CHECK(r[k].accuracy[last] > (method == 1 ? 0.3 : 0) && r[k].accuracy[last] <= 1,
                  "rule %d method %d: accuracy %g", rule, method, r[k].accuracy[last]);
          }
          if (rc == 0) check_numbers(&r[k]);
          if (rc < 0) r[k] = (struct fewshot_result){ 0 };
          r[k].seconds = 0;
        }
        const size_t n = (size_t)r[0].n_tasks * (size_t)(r[0].n_updates + 1);
        CHECK(!n || !memcmp(r[0].task_accuracy, r[1].task_accuracy, n * sizeof(double)),
              "rule %d method %d: depends on threads", rule, method);
        CHECK(!memcmp(r[0].loss, r[1].loss, sizeof r[0].loss), "rule %d method %d: losses depend on threads", rule,
              method);
        for (int k = 0; k < 2; k++) fewshot_result_release(&r[k]);
      }
  fewshot_model_release(&m);
}

// Enough ways that the read-out is the largest matrix; its transposed copy must fit.
static void test_many_ways(void) {
  struct fewshot f;
  struct fewshot_model m = builtin(&f, 200);
  f.data.evaluation_classes = 200;
  f.eval.shots = f.eval.queries = 1;
  f.eval.tasks = 1;
  f.eval.method = 2;
  f.eval.scratch_updates = 1;
  f.run.threads = 1;
  struct fewshot_result r = evaluate(&f, &m);
  fewshot_result_release(&r);
  f.data.evaluation_classes = 199;
  CHECK(fewshot_load_and_eval(&r, &f, &m) == ERR_SETTING && strstr(err_message(), "200") &&
            strstr(err_message(), "199"),
        "%s", err_message());
  fewshot_model_release(&m);
}

static void on_chips(struct fewshot *f) {
  f->synapse.kind = RUN_CHIP;
  f->chip.calibration_rows = 32;
  f->eval.tasks = 7;
  f->eval.chips = 3;
  strcpy(f->eval.later_s, "60,3600,2592000");
}

// Counts that are integers per task, added in doubles.
static void check_ledger(const struct fewshot_result *r, const struct fewshot *f) {
  struct ledger_mean sum = { 0 };
#define X(name, help)                                                                              \
  for (int s = 0; s < r->n_updates; s++) sum.name += r->update[s].name;                            \
  CHECK(fabs(sum.name - r->updates.name) <= 1e-9 * sum.name, #name ": the updates do not add up"); \
  CHECK(fabs(r->support.name + sum.name + r->inference.name - r->task.name) <= 1e-9 * r->task.name, \
        #name ": the task is not its parts");
  LEDGER_COUNTS(X)
#undef X
  CHECK_REL(r->support.cost.read_energy_J + r->updates.cost.read_energy_J + r->inference.cost.read_energy_J,
            r->task.cost.read_energy_J, 1e-12);
  CHECK_REL(r->task.cost.read_energy_J, r->task.phases * 13.2e-9, 1e-12);
  for (int s = 0; s < r->n_updates; s++) {
    CHECK_REL(r->update[s].devices_written, r->devices_written[s], 1e-12);
    CHECK(r->update[s].products == 15 && r->update[s].input_conversions <= 15*7 * 2 &&
              r->update[s].input_conversions > 15*7,
          "15 support images through 7 rows");
    CHECK(r->update[s].devices_read == r->update[s].input_conversions * 5 * 2,
          "a pulse reads 2 devices of each of 5 columns");
    CHECK(r->devices_addressed[s] == 4 * r->update[s].weights_written &&
              r->devices_addressed[s] >= r->devices_written[s],
          "4 devices of a weight");
    CHECK_REL(r->update[s].cost.endurance_used, 1 / f->ledger.endurance, 1e-12);
  }
  CHECK(r->inference.products > 5 * 10 && r->support.devices_written == 0 && r->inference.devices_written == 0,
        "only updates write");
  CHECK(r->deployment.devices_written == (double)r->devices.all && r->deployment.products > 0,
        "deployment: writing and calibration");
  CHECK_REL(r->task.cost.endurance_used, 4 / f->ledger.endurance, 1e-12);
  // 7 channels: 9 x 7 + 3 x 63 x 7 + 7 x 5 weights, and 4 x 7 offsets
  CHECK(r->devices.all == 4*1421 && r->devices.with_offsets == 4*(1421 + 28) && r->devices.readout == 4*35,
        "%ld devices", r->devices.all);
}

// 3 later times, by hand: 5 matrices, one tile each, are recalibrated on 32 inputs, in a task the read-out again. 10
// queries of
// 28 x 28 make 14*14 + 7*7 + 4*4 + 2*2 = 265 products each and one of the read-out, 15 support images where the rule
// needs them.
static void check_later_ledger(const struct fewshot_result *r, enum convnet_rule rule) {
  CHECK(r->later_chip.products == 3*5*32 && r->later_chip.phases > 0, "%g products recalibrate a chip",
        r->later_chip.products);
  CHECK(r->later_readout.products == 3*32 && r->later_readout.devices_read > 0, "%g recalibrate a read-out",
        r->later_readout.products);
  const int images = rule == CONVNET_SUPPORT ? 25 : 10;
  CHECK(r->later_inference.products == 3*(images*265 + 10), "%g products later", r->later_inference.products);
  CHECK(r->later_chip.devices_written + r->later_readout.devices_written + r->later_inference.devices_written == 0,
        "nothing is written later");
  CHECK(r->task.products < r->later_inference.products, "%g products of a task contain later ones", r->task.products);
}

static void test_chips(void) {
  struct fewshot f;
  struct fewshot_model m = builtin(&f, 5);
  struct fewshot_result r[2], one;
  on_chips(&f);
  for (f.eval.batchnorm = 0; f.eval.batchnorm < (TEST_RACES_ONLY ? 1 : 3); f.eval.batchnorm++) {
    for (int k = 0; k < 2; k++) {
      f.run.threads = k + 1;
      r[k] = evaluate(&f, &m);
      r[k].seconds = 0;
    }
    CHECK(r[0].n_chips == 3 && r[0].n_later == 3 && r[0].later_s[2] == 2592000, "%d chips, %d times", r[0].n_chips,
          r[0].n_later);
    CHECK(!memcmp(r[0].task_accuracy, r[1].task_accuracy, 7*5 * sizeof(double)), "accuracies depend on threads");
    CHECK(!memcmp(r[0].later_accuracy, r[1].later_accuracy, sizeof r[0].later_accuracy),
          "later accuracies depend on threads");
    CHECK(!memcmp(r[0].loss, r[1].loss, sizeof r[0].loss) && !memcmp(&r[0].task, &r[1].task, sizeof r[0].task),
          "losses or ledger depend on threads");
    const struct ledger_mean *later[2][3] = { { &r[0].later_chip, &r[0].later_readout, &r[0].later_inference },
                                              { &r[1].later_chip, &r[1].later_readout, &r[1].later_inference } };
    for (int k = 0; k < 3; k++)
      CHECK(!memcmp(later[0][k], later[1][k], sizeof *later[0][k]), "part %d at later times depends on threads", k);
    check_numbers(&r[0]);
    check_text(&r[0], &f, &m);
    check_later_ledger(&r[1], (enum convnet_rule)f.eval.batchnorm);
    if (f.eval.batchnorm == 0) check_ledger(&r[0], &f);
    f.eval.chips = 1;  // the first chip is that of a single one
    one = evaluate(&f, &m);
    int same[3] = { 1, 1, 1 };
    for (int k = 0; k < 7; k++)
      same[k % 3] &= !memcmp(one.task_accuracy + k*5, r[0].task_accuracy + k*5, 5 * sizeof(double));
    CHECK(same[0] && !(same[1] && same[2]), "tasks of the chips as on the first: %d %d %d", same[0], same[1], same[2]);
    f.eval.chips = 3;
    fewshot_result_release(&one);
    for (int k = 0; k < 2; k++) fewshot_result_release(&r[k]);
  }
  fewshot_model_release(&m);
}

// Every hour from an hour on: 1 calibration until the second time, 719 until the third.
static void test_schedule(void) {
  struct fewshot f;
  struct fewshot_model m = builtin(&f, 5);
  on_chips(&f);
  f.chip.recalibrate_s = 3600;
  f.eval.tasks = 3;
  struct fewshot_result r = evaluate(&f, &m);
  CHECK(r.later_chip.products == 720*5*32 && r.later_readout.products == 720*32,
        "%g and %g products of calibrations", r.later_chip.products, r.later_readout.products);
  fewshot_result_release(&r);
  fewshot_model_release(&m);
}

// Without drift and noise nothing happens while time passes; with drift alone and no correction, it does.
static void test_later(void) {
  struct fewshot f;
  struct fewshot_model m = builtin(&f, 5);
  on_chips(&f);
  f.chip.read_scale = f.chip.drift_scale = 0;
  f.chip.correction = CHIP_NONE;
  struct fewshot_result r = evaluate(&f, &m);
  for (int k = 0; k < 3; k++)
    CHECK(r.later_accuracy[k] == r.accuracy[4], "%g s later %g, not %g", r.later_s[k], r.later_accuracy[k],
          r.accuracy[4]);
  CHECK(r.later_ci95[2] == r.ci95[4], "+- %g later, not %g", r.later_ci95[2], r.ci95[4]);
  fewshot_result_release(&r);
  f.chip.drift_scale = 8;
  r = evaluate(&f, &m);
  CHECK(r.later_accuracy[2] != r.accuracy[4], "a month of strong drift, and the same %g", r.accuracy[4]);
  fewshot_result_release(&r);
  fewshot_model_release(&m);
}

// A network all of whose layers adapt.
static struct fewshot_model layers(struct fewshot *f) {
  struct rng r = rng_stream(13, RNG_TEST, 1);
  struct fewshot_model m = builtin(f, 5);
  fewshot_model_release(&m);
  f->net.adapt = CONVNET_ALL;
  f->data.validation = 0.3;
  CHECK(convnet_init(&m.net, &f->net, (int)f->data.size, 1) == 0, "%s", err_message());
  m.parameters = err_aligned(m.net.n, sizeof(real));
  convnet_start(&m.net, m.parameters, 0.05, &r);
  return m;
}

// The class of an image among those of a task.
static int way_of(const struct episode *e, const struct imageset *set, int image) {
  for (int w = 0; w < e->ways; w++)
    if (image >= set->first[e->classes[w]] && image < set->first[e->classes[w] + 1]) return w;
  return -1;
}

// Every task against the same one adapted here.
static void check_tasks(const struct fewshot_result *r, const struct fewshot *f, const struct fewshot_model *m) {
  const struct maml_options o = { .steps = 4, .rule = (enum convnet_rule)f->eval.batchnorm };
  struct dataset data;
  struct maml_worker w;
  struct episode e;
  CHECK(fewshot_load(&data, f) == 0, "%s", err_message());
  struct episode_spec spec;
  int listed[QUERIES_MAX_LISTED];
  CHECK(queries_spec(&spec, listed, f, 5) == 0, "%s", err_message());
  static const enum dataset_split splits[] = { DATASET_EVALUATION, DATASET_VALIDATION, DATASET_TRAINING };
  const enum dataset_split split = splits[f->eval.split];
  maml_worker_init(&w, &m->net, 3, 2, &o);
  episode_init(&e, 5, 3, 2);
  for (int k = 0; k < r->n_tasks; k++) {
    struct rng draw = rng_stream((uint64_t)f->run.seed, f->eval.split ? RNG_VALIDATE : RNG_EVALUATE, (uint32_t)k);
    episode_draw(&e, &spec, &data.images, &data.split[split], &draw);
    episode_render(&e, &data.images, w.work.y[0], VECTOR_PADDING);
    for (int q = 0; q < 10; q++) w.label[15 + q] = way_of(&e, &data.images, e.views[15 + q].image);
    maml_program(&w, &m->net, m->parameters, &o, NULL);
    maml_adapt(&w, &m->net, m->parameters, &o, NULL, NULL);
    for (int s = 0; s <= 4; s++)
      CHECK(r->task_accuracy[k*5 + s] == w.record.correct[s]/10.0, "rule %d task %d: %g after %d updates, not %g",
            (int)f->eval.batchnorm, k, r->task_accuracy[k*5 + s], s, w.record.correct[s]/10.0);
  }
  episode_release(&e);
  maml_worker_release(&w, &m->net);
  dataset_release(&data);
}

static void test_layers(void) {
  struct fewshot f;
  struct fewshot_model m = layers(&f);
  struct fewshot_result r;
  for (f.eval.batchnorm = 0; f.eval.batchnorm < (TEST_RACES_ONLY ? 1 : 2); f.eval.batchnorm++)
    for (f.eval.split = 0; f.eval.split < (TEST_RACES_ONLY ? 1 : 3); f.eval.split++) {
      r = evaluate(&f, &m);
      check_numbers(&r);
      if (!TEST_RACES_ONLY) check_tasks(&r, &f, &m);
      fewshot_result_release(&r);
    }
  f.eval.split = 0;
  f.eval.batchnorm = CONVNET_FIXED;
  CHECK(fewshot_load_and_eval(&r, &f, &m) == ERR_SETTING &&
            strstr(err_message(), "eval.batchnorm=chip: train.adapt=all changes"),
        "'%s'", err_message());
  fewshot_model_release(&m);
}

// Other numbers of queries of the classes, ten in all: of the read-out and of all layers, whatever the rule.
static void test_queries_per_class(void) {
  static const char *const of[] = { "eval.queries_per_class=random", "eval.queries_per_class=7,0,2,0,1" };
  struct fewshot f;
  struct fewshot_result r;
  for (int k = 0; k < 4; k++) {
    struct fewshot_model m = k / 2 ? layers(&f) : builtin(&f, 5);
    CHECK(settings_set(f.sections, of[k % 2]) == 0, "%s", err_message());
    for (f.eval.batchnorm = 0; f.eval.batchnorm < 2; f.eval.batchnorm++) {
      r = evaluate(&f, &m);
      check_numbers(&r);
      check_tasks(&r, &f, &m);
      CHECK(r.n_queries == 10 && r.queries == (k % 2 ? 0 : 2), "%d of %d", r.queries, r.n_queries);
      fewshot_result_release(&r);
    }
    fewshot_model_release(&m);
  }
  struct fewshot_model m = builtin(&f, 5);
  for (f.eval.method = 0; f.eval.method < 2; f.eval.method++) {  // no multiple of the ways, more threads than tasks
    f.eval.tasks = 2;
    f.run.threads = 3;
    CHECK(settings_set(f.sections, "eval.queries_per_class=4,3,0,0,0") == 0, "%s", err_message());
    r = evaluate(&f, &m);
    for (int k = 0; k < 2*(r.n_updates + 1); k++)
      CHECK(fabs(7*r.task_accuracy[k] - rint(7*r.task_accuracy[k])) < 1e-9, "%g of 7", r.task_accuracy[k]);
    CHECK(r.n_queries == 7, "%d queries", r.n_queries);
    fewshot_result_release(&r);
  }
  fewshot_model_release(&m);
}

// On chips every layer is rewritten; without drift and noise nothing happens while time passes.
static void test_layers_on_chips(void) {
  struct fewshot f;
  struct fewshot_model m = layers(&f);
  struct fewshot_result r;
  on_chips(&f);
  f.chip.read_scale = f.chip.drift_scale = 0;
  f.chip.correction = CHIP_NONE;
  for (f.eval.batchnorm = 0; f.eval.batchnorm < (TEST_RACES_ONLY ? 1 : 2); f.eval.batchnorm++) {
    r = evaluate(&f, &m);
    check_numbers(&r);
    check_text(&r, &f, &m);
    for (int s = 0; s < r.n_updates; s++) {
      double sum = 0;
      for (int l = 0; l <= m.net.readout; l++) {
        CHECK(r.devices_written_layers[s][l] > 0, "update %d writes nothing in layer %d", s, l);
        sum += r.devices_written_layers[s][l];
      }
      CHECK_REL(sum, r.devices_written[s], 1e-12);
      CHECK_REL(r.update[s].devices_written, r.devices_written[s], 1e-12);
    }
    CHECK(r.devices.adapting == r.devices.all && r.support.products > 4*15*265 && r.updates.products == 0,
          "%ld devices adapt, the support takes %g products", r.devices.adapting, r.support.products);
    for (int k = 0; k < 3; k++)
      CHECK(r.later_accuracy[k] == r.accuracy[4], "%g s later %g, not %g", r.later_s[k], r.later_accuracy[k],
            r.accuracy[4]);
    fewshot_result_release(&r);
  }
  fewshot_model_release(&m);
}

static void set_all(struct fewshot *f, const char *const *assignments) {
  for (; *assignments; assignments++) CHECK(settings_set(f->sections, *assignments) == 0, "%s", err_message());
}

// Features that are the mean over views: of views that are all but equal they are those of one, at later times the same
// views are seen, and the number of threads changes nothing.
static void test_views(void) {
  static const char *const still[] = { "data.distort_rotation_deg=1e-9", "data.distort_scale=0", "data.distort_shear=0",
                                       "data.distort_translation_px=0", NULL };
  static const char *const moved[] = { "data.distort_rotation_deg=20", "eval.views=4", NULL };
  struct fewshot f;
  struct fewshot_model m = builtin(&f, 5);
  for (int method = FEWSHOT_ADAPT; method <= FEWSHOT_CENTROID; method++) {
    f.eval.method = method;
    f.eval.views = 1;
    set_all(&f, still);
    struct fewshot_result one = evaluate(&f, &m);
    f.eval.views = 4;
    struct fewshot_result same = evaluate(&f, &m);
    const int last = one.n_updates;
    CHECK_REL(same.loss[last], one.loss[last], sizeof(real) == 8 ? 1e-9 : 1e-4);
    set_all(&f, moved);
    struct fewshot_result other = evaluate(&f, &m);
    f.run.threads = 3;
    struct fewshot_result again = evaluate(&f, &m);
    CHECK(fabs(other.loss[last]/one.loss[last] - 1) > 1e-3, "views change nothing: loss %g", other.loss[last]);
    CHECK(again.loss[last] == other.loss[last], "the loss depends on threads: %g, %g", again.loss[last],
          other.loss[last]);
    f.run.threads = 1;
    fewshot_result_release(&one);
    fewshot_result_release(&same);
    fewshot_result_release(&other);
    fewshot_result_release(&again);
  }
  f.eval.method = FEWSHOT_ADAPT;
  on_chips(&f);
  f.chip.read_scale = f.chip.drift_scale = 0;
  f.chip.correction = CHIP_NONE;
  struct fewshot_result r = evaluate(&f, &m);
  CHECK(r.later_accuracy[2] == r.accuracy[4] && r.later_ci95[2] == r.ci95[4], "later %g, not %g", r.later_accuracy[2],
        r.accuracy[4]);
  f.eval.views = 1;
  struct fewshot_result single = evaluate(&f, &m);
  CHECK_REL(r.support.products, 4*single.support.products, 1e-12);
  fewshot_result_release(&r);
  fewshot_result_release(&single);
  fewshot_model_release(&m);
}

// The views of an image are the same in every task: a task that comes twice has the same loss, whatever the method.
static void test_views_of_tasks(void) {
#define TASK                                                                                                           \
  "{\"classes\": [\"mark00\", \"mark01\", \"mark02\", \"mark03\", \"mark04\"],"                                        \
  " \"support\": [[1], [1], [1], [1], [1]], \"query\": [[2], [2], [2], [2], [2]]}"
  static const char once[] = "{\"tasks\": [" TASK "]}", twice[] = "{\"tasks\": [" TASK ", " TASK "]}";
  const struct folder tmp = folder_make();
  struct fewshot f;
  struct fewshot_model m = builtin(&f, 5);
  image_tree_fill(&tmp, "marks/", 5, 2);
  folder_write(&tmp, "once.json", once, strlen(once));
  folder_write(&tmp, "twice.json", twice, strlen(twice));
  f.data.kind = DATASET_FOLDER;
  f.data.evaluation = 1;
  f.data.validation = 0;
  f.eval.views = 3;
  snprintf(f.data.path, sizeof f.data.path, "%s", folder_path(&tmp, "marks"));
  for (int method = FEWSHOT_ADAPT; method <= FEWSHOT_CENTROID; method++) {
    f.eval.method = method;
    snprintf(f.eval.tasks_file, sizeof f.eval.tasks_file, "%s", folder_path(&tmp, "once.json"));
    struct fewshot_result one = evaluate(&f, &m);
    snprintf(f.eval.tasks_file, sizeof f.eval.tasks_file, "%s", folder_path(&tmp, "twice.json"));
    struct fewshot_result two = evaluate(&f, &m);
    CHECK(two.n_tasks == 2 && one.loss[0] == two.loss[0], "method %d: loss %g of a task, %g of the same two", method,
          one.loss[0], two.loss[0]);
    fewshot_result_release(&one);
    fewshot_result_release(&two);
  }
  fewshot_model_release(&m);
  folder_remove(&tmp);
#undef TASK
}

static void refused(struct fewshot *f, const struct fewshot_model *m, const char *assignment, const char *expected) {
  struct fewshot g = *f;
  struct fewshot_result r;
  CHECK(settings_set(f->sections, assignment) == 0, "%s", err_message());
  CHECK(fewshot_load_and_eval(&r, f, m) == ERR_SETTING && strstr(err_message(), expected), "'%s'", err_message());
  *f = g;
}

static void test_refused(void) {
  struct fewshot f;
  struct fewshot_model m = builtin(&f, 5);
  on_chips(&f);
  refused(&f, &m, "eval.queries_per_class=1,2", "eval.queries_per_class=1,2: 2 numbers for 5 ways");
  refused(&f, &m, "eval.queries_per_class=0,0,0,0,0", "eval.queries_per_class=0,0,0,0,0: no query");
  refused(&f, &m, "eval.queries_per_class=1,-2,0,0,0", "item 2 is not a number of queries, 0 to 1000");
  refused(&f, &m, "eval.queries_per_class=1,2.5,0,0,0", "item 2 is not a number of queries");
  refused(&f, &m, "eval.queries_per_class=1,2,0,0,", "item 5 is not a number of queries");
  refused(&f, &m, "eval.queries_per_class=1,2,0,0,1001", "item 5 is not a number of queries");
  refused(&f, &m, "eval.queries_per_class=all", "eval.queries_per_class=all: item 1 is not a number of queries");
  refused(&f, &m, "eval.queries_per_class=0,8,0,0,0", "3 shots and 8 queries need 11 images, but class");
  refused(&f, &m, "eval.later_s=60,30", "eval.later_s=60,30: item 2 is 30, not above 60");
  refused(&f, &m, "eval.later_s=1e300", "outside");
  refused(&f, &m, "eval.later_s=0", "outside");
  refused(&f, &m, "eval.later_s=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17", "more than 16");
  refused(&f, &m, "eval.chips=8", "eval.chips=8: more chips than tasks, 7");
  refused(&f, &m, "eval.method=centroid", "only eval.method=adapt");
  refused(&f, &m, "synapse.kind=exact", "eval.later_s=60,3600,2592000: only the devices of synapse.kind=chip");
  f.chip.columns = 8;
  refused(&f, &m, "chip.rows=64", "chip.cores=2: the model needs 4 cores of 64 x 8");
  f.eval.later_s[0] = 0;
  refused(&f, &m, "synapse.kind=quantised", "eval.chips=3: there are chips with synapse.kind=chip only");
  f.eval.views = 2;
  f.eval.chips = 1;
  f.synapse.kind = RUN_EXACT;
  refused(&f, &m, "eval.method=scratch", "eval.views=2: needs a read-out that alone adapts");
  refused(&f, &m, "data.preprocessing=published", "eval.views=2: data.preprocessing=published distorts no images");
  f.data.distort_rotation_deg = f.data.distort_scale = f.data.distort_shear = f.data.distort_translation_px = 0;
  refused(&f, &m, "data.turn=yes", "eval.views=2: all views are the same");
  fewshot_model_release(&m);
}

int main(void) {
  test_builtin();
  test_chips();
  test_layers();
  test_layers_on_chips();
  if (!TEST_RACES_ONLY) {
    test_schedule();
    test_later();
    test_views();
    test_views_of_tasks();
    test_refused();
    test_many_ways();
    test_queries_per_class();
  }
  return test_summary();
}
