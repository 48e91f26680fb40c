#include "run/checkpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/note.h"
#include "base/param.h"
#include "base/settings.h"
#include "base/tensorfile.h"
#include "kernel/peak.h"
#include "run/training.h"

static const char FORMAT[] = "metaxbar checkpoint", VERSION[] = "2";

static const char VECTORS[] = "vector_bytes";  // later: not in all checkpoints

static const char *vectors(char text[16]) {
  snprintf(text, 16, "%d", peak_vector_bytes());
  return text;
}

int checkpoint_save(const struct checkpoint *c) {
  char path[FILE_PATH_SIZE], text[16];
  rundir_path(c->run, RUNDIR_CHECKPOINT, path);
  struct tensorfile_writer *w = tensorfile_create(path);
  const int64_t n = (int64_t)c->n, one = 1, n_tally = c->n_tally;
  const struct checkpoint_state *s = c->state;
  tensorfile_put_text(w, "format", FORMAT);
  tensorfile_put_text(w, "version", VERSION);
  tensorfile_put_text(w, VECTORS, vectors(text));
  settings_store(c->sections, NULL, w);
  tensorfile_put_real(w, "parameters", 1, &n, c->parameters);
  tensorfile_put_real(w, "adam.moment1", 1, &n, c->moment1);
  tensorfile_put_real(w, "adam.moment2", 1, &n, c->moment2);
  tensorfile_put_i64(w, "iteration", 1, &one, &s->iteration);
  tensorfile_put_i64(w, "tally.count", 1, &one, &s->tallied);
  tensorfile_put_f64(w, "tally.sums", 1, &n_tally, s->tally);
  tensorfile_put_f64(w, "best.score", 1, &one, &s->best);
  tensorfile_put_i64(w, "best.iteration", 1, &one, &s->best_iteration);
  return tensorfile_commit(w);
}

static int check_setting(const struct checkpoint *c, const struct tensorfile *tf, const struct settings_section *s,
                         const struct param *p) {
  char key[128], now[PARAM_TEXT_SIZE], usual[PARAM_TEXT_SIZE];
  snprintf(key, sizeof key, "%s.%s", s->name, p->name);
  if (!c->matters(c->context, key)) return 0;
  const char *then = tensorfile_metadata(tf, key);
  param_value(p, s->params, now);
  param_default_value(p, usual);
  if (!then && p->later) then = usual;
  if (then && !strcmp(then, now)) return 0;
  if (then && !strcmp(key, "train.iterations") && strtoll(now, NULL, 10) > strtoll(then, NULL, 10)) return 0;
  return err_set(ERR_SETTING, "%s: was written with %s=%s, now %s", tensorfile_name(tf), key, then ? then : "(nothing)",
                 now);
}

// A checkpoint continues only the run it came from.
static int same_settings(const struct checkpoint *c, const struct tensorfile *tf) {
  for (const struct settings_section *s = c->sections; s->name; s++)
    for (const struct param *p = s->table; p->type != PARAM_TYPE_END; p++) TRY(check_setting(c, tf, s, p));
  return 0;
}

static void note_extension(const struct checkpoint *c, const struct tensorfile *tf) {
  const char *then = tensorfile_metadata(tf, "train.iterations"), *schedule = tensorfile_metadata(tf, "train.schedule");
  const bool cosine = schedule && !strcmp(schedule, training_schedule_names[TRAINING_COSINE]);
  if (then && strtoll(then, NULL, 10) < c->iterations)
    note("%s: extended from %s to %lld iterations%s", tensorfile_name(tf), then, (long long)c->iterations,
         cosine ? "; the cosine schedule continues as if it had been that long from the start" : "");
}

static void note_vectors(const struct tensorfile *tf) {
  char now[16];
  const char *then = tensorfile_metadata(tf, VECTORS);
  if (then && strcmp(then, vectors(now)))
    note("%s: was written by a program with vectors of %s bytes; this one has %s and rounds otherwise",
         tensorfile_name(tf), then, now);
}

static int read(const struct checkpoint *c, struct tensorfile *tf) {
  const int64_t n = (int64_t)c->n, one = 1, n_tally = c->n_tally;
  const char *version = tensorfile_metadata(tf, "version");
  struct checkpoint_state *s = c->state;
  if (!version || strcmp(version, VERSION))
    return err_set(ERR_FORMAT, "%s: __metadata__: version=%s: this program reads checkpoints of version %s",
                   tensorfile_name(tf), version ? version : "(nothing)", VERSION);
  TRY(same_settings(c, tf));
  note_extension(c, tf);
  note_vectors(tf);
  TRY(tensorfile_real(tf, "parameters", 1, &n, c->parameters));
  TRY(tensorfile_real(tf, "adam.moment1", 1, &n, c->moment1));
  TRY(tensorfile_real(tf, "adam.moment2", 1, &n, c->moment2));
  TRY(tensorfile_i64(tf, "iteration", 1, &one, &s->iteration));
  TRY(tensorfile_i64(tf, "tally.count", 1, &one, &s->tallied));
  TRY(tensorfile_f64(tf, "tally.sums", 1, &n_tally, s->tally));
  TRY(tensorfile_f64(tf, "best.score", 1, &one, &s->best));
  TRY(tensorfile_i64(tf, "best.iteration", 1, &one, &s->best_iteration));
  if (s->iteration < 0 || s->iteration > c->iterations)
    return err_set(ERR_FORMAT, "%s: iteration %lld: outside [0, %lld]", tensorfile_name(tf), (long long)s->iteration,
                   (long long)c->iterations);
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
