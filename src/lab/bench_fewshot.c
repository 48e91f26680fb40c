// Few-shot learning in software.
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/pool.h"
#include "base/rng.h"
#include "base/signals.h"
#include "lab/bench.h"

enum { REPEATS = 15, ADAPT_REPEATS = 100 };

// One task after another on one thread: features, four updates, classification of the queries.
static int bench_adapt(struct bench *b, const struct fewshot *f, const struct fewshot_model *model, const struct dataset *data) {
  const struct convnet *net = &model->net;
  const struct maml_options options = { .steps = net->steps, .rule = CONVNET_TASK };
  const int shots = (int)f->train.shots, queries = 5;
  struct maml_worker w;
  struct episode e;
  struct rng r = rng_stream(1, RNG_TEST, 0);
  double samples[ADAPT_REPEATS];
  const struct episode_spec spec = dataset_spec(&f->data, DATASET_VALIDATION, net->ways, shots, queries);
  TRY(episode_check(&spec, &data->images, &data->split[DATASET_TRAINING], "training"));
  maml_worker_init(&w, net, shots, queries, &options);
  episode_init(&e, net->ways, shots, queries);
  maml_program(&w, net, model->parameters, &options, NULL);
  for (int k = 0; k < ADAPT_REPEATS; k++) {
    episode_draw(&e, &spec, &data->images, &data->split[DATASET_TRAINING], &r);
    const double begin = clock_s();
    episode_render(&e, &data->images, w.work.y[0], CONV_LANES);
    w.layers[net->blocks]->ops->program(w.layers[net->blocks], model->parameters + net->offset[net->blocks], NULL);
    maml_adapt(&w, net, model->parameters, &options, NULL, NULL);
    samples[k] = clock_s() - begin;
  }
  double operations = 0;
  for (int l = 0; l < net->blocks; l++) {
    const struct conv shape = convnet_shape(net, l, w.work.n[0] + w.work.n[1]);
    operations += conv_flop(&shape);
  }
  struct bench_figure *figure = bench_add(b, "fewshot.adapt_task.1_thread", "s", samples, ADAPT_REPEATS);
  bench_set_work(figure, operations, b->peak1);
  snprintf(figure->note, sizeof figure->note, "%d-way %d-shot, %d updates, %d queries classified", net->ways, shots, net->steps, w.work.n[1]);
  maml_worker_release(&w, net);
  episode_release(&e);
  return 0;
}

static int bench_iteration(struct bench *b, const struct fewshot *f, struct dataset *data, int threads, int tasks, double peak) {
  struct fewshot g = *f;
  double samples[REPEATS + 2], operations;
  char name[64];
  g.run.threads = threads;
  g.train.tasks = tasks;
  TRY(fewshot_train_timed(&g, data, REPEATS + 2, samples, &operations));
  snprintf(name, sizeof name, "fewshot.iteration.%d_tasks.%d_thread%s", tasks, threads, threads > 1 ? "s" : "");
  struct bench_figure *figure = bench_add(b, name, "s", samples + 2, REPEATS);
  bench_set_work(figure, operations, peak);
  snprintf(figure->note, sizeof figure->note, "one meta-training iteration, everything included; operations of the convolutions alone, padding not counted");
  return 0;
}

int bench_fewshot(struct bench *b, struct fewshot *f, const struct fewshot_model *model) {
  const int threads = f->run.threads ? (int)f->run.threads : pool_cores();
  struct dataset data;
  TRY(dataset_load(&data, &f->data, DATASET_BACKGROUND_ONLY));
  int rc = 0;
  const int tasks[] = { 8, 16, 32, 64 };
  for (int k = 0; k < 4 && rc == 0; k++) rc = bench_iteration(b, f, &data, threads, tasks[k], b->peak);
  if (rc == 0) rc = bench_iteration(b, f, &data, 1, 32, b->peak1);
  if (rc == 0) rc = bench_adapt(b, f, model, &data);
  if (rc == 0) bench_memory(b);
  dataset_release(&data);
  return rc;
}

static int remove_entry(const char *path, const struct stat *s, int type, struct FTW *at) {
  (void)s;
  (void)type;
  (void)at;
  return remove(path);
}

// Train in `folder`, evaluate, and add the two figures.
static int learn_in(struct bench *b, struct fewshot *f, const char *folder) {
  struct fewshot_model model;
  struct fewshot_result r;
  char path[600], run[512];
  snprintf(run, sizeof run, "%s/run", folder);
  snprintf(path, sizeof path, "%s/model.safetensors", run);
  const double begin = clock_s();
  TRY(fewshot_train(f, run, 0));
  TRY(fewshot_model_load(&model, f, path, 0, NULL));
  const int rc = fewshot_eval(&r, f, &model);
  double seconds = clock_s() - begin;
  fewshot_model_release(&model);
  TRY(rc);
  double accuracy = r.accuracy[r.n_updates];
  struct bench_figure *figure = bench_add(b, "fewshot.learn", "s", &seconds, 1);
  snprintf(figure->note, sizeof figure->note, "%d iterations from random weights, and %d evaluation tasks", (int)f->train.iterations, r.n_tasks);
  figure = bench_add(b, "fewshot.learn.accuracy", "", &accuracy, 1);
  snprintf(figure->note, sizeof figure->note, "+- %.4f, evaluation classes, batch norm '%s'", r.ci95[r.n_updates], convnet_rule_names[f->eval.batchnorm]);
  fewshot_result_release(&r);
  return 0;
}

int bench_learn(struct bench *b, struct fewshot *f) {
  char folder[] = "/tmp/metaxbar-bench-XXXXXX";
  if (!mkdtemp(folder)) return err_set(ERR_IO, "%s: cannot make a temporary folder", folder);
  signals_watch();
  const int rc = learn_in(b, f, folder);
  signals_unwatch();
  nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  return rc;
}
