#include "experiment/fewshot/queries.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"

bool queries_is_list(const struct fewshot_eval_params *p) {
  return strcmp(p->queries_per_class, "equal") != 0 && strcmp(p->queries_per_class, "random") != 0;
}

// A list of whole numbers into listed; their sum.
static int queries_parse(int *listed, const char *text, int ways) {
  const long limit = 1000;  // as of eval.queries
  int n = 0, sum = 0;
  for (const char *at = text;; n++) {
    char *end;
    const long v = strtol(at, &end, 10);
    if (!isdigit((unsigned char)*at) || (*end && *end != ',') || v > limit)
      return err_set(ERR_SETTING, "eval.queries_per_class=%s: item %d is not a number of queries, 0 to %ld; or equal, "
                                  "or random", text, n + 1, limit);
    listed[n] = (int)v;
    sum += (int)v;
    if (!*end) break;
    at = end + 1;
  }
  if (n + 1 != ways)
    return err_set(ERR_SETTING, "eval.queries_per_class=%s: %d number%s for %d ways", text, n + 1, text_s(n + 1), ways);
  if (sum == 0) return err_set(ERR_SETTING, "eval.queries_per_class=%s: no query", text);
  return sum;
}

int queries_spec(struct episode_spec *spec, int *listed, const struct fewshot *f, int ways) {
  const struct fewshot_eval_params *p = &f->eval;
  *spec = dataset_spec(&f->data, DATASET_EVALUATION, ways, (int)p->shots, (int)p->queries);
  spec->random_queries = !strcmp(p->queries_per_class, "random");
  if (!queries_is_list(p)) return 0;
  const int sum = queries_parse(listed, p->queries_per_class, ways);
  if (sum < 0) return sum;
  spec->listed = listed;
  spec->queries = (sum + ways - 1) / ways;
  return 0;
}
