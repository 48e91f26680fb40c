#include "pictures_case.h"

#include "base/err.h"

int pictures_case_open(struct pictures_case *c, const struct options *o) {
  const struct experiment *e;
  *c = (struct pictures_case){ .from = options_sources(o) };
  TRY(experiment_of_file(&e, o->model));
  if (!e->pictures)
    return err_set(ERR_SETTING, "%s: a model of '%s', which does not learn pictures", o->model, e->name);
  experiment_open(&c->x, e);
  e->pictures->begin(c->x.set);
  return experiment_load(&c->x, o->model, &c->from);
}

void pictures_case_close(struct pictures_case *c) {
  if (c->x.e) experiment_close(&c->x);
}

const struct settings_section *pictures_case_sections(void) {
  static struct experiment_case x;
  const struct experiment *const *e = experiments;
  while (!(*e)->pictures) e++;
  if (x.e) experiment_close(&x);
  experiment_open(&x, *e);
  (*e)->pictures->begin(x.set);
  return x.settings.sections;
}
