#include "run/checkpoint.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/format.h"
#include "base/param.h"
#include "base/settings.h"
#include "base/tensorfile.h"

int checkpoint_save(const struct checkpoint *c) {
  char path[FILE_PATH_SIZE];
  rundir_path(c->run, RUNDIR_CHECKPOINT, path);
  struct tensorfile_writer *w = tensorfile_create(path);
  const int64_t n = (int64_t)c->n, one = 1, n_tally = c->n_tally;
  format_put(w, FORMAT_CHECKPOINT);
  settings_store(c->sections, NULL, w);
  tensorfile_put_real(w, "parameters", 1, &n, c->parameters);
  tensorfile_put_real(w, "adam.moment1", 1, &n, c->moment1);
  tensorfile_put_real(w, "adam.moment2", 1, &n, c->moment2);
  tensorfile_put_i64(w, "iteration", 1, &one, c->iteration);
  tensorfile_put_i64(w, "tally.count", 1, &one, c->tallied);
  tensorfile_put_f64(w, "tally.sums", 1, &n_tally, c->tally);
  return tensorfile_commit(w);
}

// A checkpoint continues only the run it came from.
static int same_settings(const struct checkpoint *c, const struct tensorfile *tf) {
  for (const struct settings_section *s = c->sections; s->name; s++)
    for (const struct param *p = s->table; p->type != PARAM_TYPE_END; p++) {
      char key[128], now[PARAM_TEXT_SIZE];
      snprintf(key, sizeof key, "%s.%s", s->name, p->name);
      if (!c->matters(c->context, key)) continue;
      const char *then = tensorfile_metadata(tf, key);
      param_value(p, s->params, now);
      if (!then || strcmp(then, now))
        return err_set(ERR_SETTING, "%s: was written with %s=%s, now %s", tensorfile_name(tf), key, then ? then : "(nothing)", now);
    }
  return 0;
}

static int read(const struct checkpoint *c, struct tensorfile *tf) {
  const int64_t n = (int64_t)c->n, one = 1, n_tally = c->n_tally;
  TRY(format_check(tf, FORMAT_CHECKPOINT));
  TRY(same_settings(c, tf));
  TRY(tensorfile_real(tf, "parameters", 1, &n, c->parameters));
  TRY(tensorfile_real(tf, "adam.moment1", 1, &n, c->moment1));
  TRY(tensorfile_real(tf, "adam.moment2", 1, &n, c->moment2));
  TRY(tensorfile_i64(tf, "iteration", 1, &one, c->iteration));
  TRY(tensorfile_i64(tf, "tally.count", 1, &one, c->tallied));
  TRY(tensorfile_f64(tf, "tally.sums", 1, &n_tally, c->tally));
  if (*c->iteration < 0 || *c->iteration > c->iterations)
    return err_set(ERR_FORMAT, "%s: iteration %lld: outside [0, %lld]", tensorfile_name(tf), (long long)*c->iteration, (long long)c->iterations);
  return 0;
}

int checkpoint_load(const struct checkpoint *c) {
  char path[FILE_PATH_SIZE];
  struct tensorfile *tf;
  rundir_path(c->run, RUNDIR_CHECKPOINT, path);
  TRY(tensorfile_open(&tf, path));
  const int rc = read(c, tf);
  tensorfile_close(tf);
  return rc;
}
