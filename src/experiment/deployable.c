#include "experiment/deployable.h"

#include <string.h>

#include "base/err.h"
#include "experiment/fewshot/deploy.h"
#include "experiment/arm/deploy.h"

void deployable_init(struct deployable *d) {
  memset(d, 0, sizeof *d);
  fewshot_init(&d->fewshot);
  reach_init(&d->reach);
}

int deployable_open(struct deployable *d, const char *path) {
  d->path = path;
  return reach_model_is(&d->arm, path);
}

int deployable_load(struct deployable *d, const char *config, int n_assignments, char *const *assignments) {
  if (config) TRY(settings_load(d->arm ? d->reach.sections : d->fewshot.sections, config));
  return d->arm ? reach_model_load(&d->mover, &d->reach, d->path, n_assignments, assignments)
                : fewshot_model_load(&d->classifier, &d->fewshot, d->path, n_assignments, assignments);
}

void deployable_release(struct deployable *d) {
  fewshot_model_release(&d->classifier);
  reach_model_release(&d->mover);
}

const struct ledger_params *deployable_ledger(const struct deployable *d) { return d->arm ? &d->reach.ledger : &d->fewshot.ledger; }

int deployable_plan(struct chip **c, const struct deployable *d) {
  const struct fewshot *f = &d->fewshot;
  return d->arm ? reach_chip_plan(c, &d->reach, &d->mover, (uint64_t)d->reach.run.seed)
                : deploy_plan(c, &f->chip, (uint64_t)f->run.seed, &d->classifier.net);
}

struct json_t *deployable_map_json(const struct chip *c, const struct deployable *d) {
  struct json_t *map = chip_map_json(c);
  if (d->arm) return map;
  const struct deploy_devices n = deploy_devices(c, &d->classifier.net);
  deploy_devices_put(map, &n);
  return map;
}

void deployable_map_print(const struct chip *c, const struct deployable *d, FILE *out) {
  chip_map_print(c, out);
  if (d->arm) {
    fprintf(out, "%ld devices\n", chip_devices(c));
    return;
  }
  const struct deploy_devices n = deploy_devices(c, &d->classifier.net);
  deploy_devices_print(&n, out);
}

static int program_classifier(struct chip **c, const struct fewshot *f, const struct fewshot_model *m) {
  struct dataset data;
  TRY(dataset_load(&data, &f->data, DATASET_BACKGROUND_ONLY | DATASET_STAND_IN));
  const int rc = fewshot_deploy(c, f, m, &data, (int)f->eval.shots, (uint64_t)f->run.seed);
  dataset_release(&data);
  return rc;
}

int deployable_program(struct chip **c, const struct deployable *d) {
  return d->arm ? reach_chip_deploy(c, 1, &d->reach, &d->mover, reach_workers(&d->reach)) : program_classifier(c, &d->fewshot, &d->classifier);
}
