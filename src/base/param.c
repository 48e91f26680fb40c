#include "base/param.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"

static void store(const struct param *p, void *params, double v, int64_t i) {
  char *field = (char *)params + p->offset;
  if (p->type == PARAM_TYPE_F64) memcpy(field, &v, sizeof v);
  else memcpy(field, &i, sizeof i);
}

static void store_text(const struct param *p, void *params, const char *text) {
  char *field = (char *)params + p->offset;
  memset(field, 0, PARAM_TEXT_SIZE);  // every byte is set: two equal settings compare equal
  memcpy(field, text, strlen(text));
}

void param_default(const struct param *p, void *params) {
  if (p->type == PARAM_TYPE_TEXT) store_text(p, params, p->text);
  else store(p, params, p->value, (int64_t)p->value);
}

void param_defaults(const struct param *table, void *params) {
  for (const struct param *p = table; p->type != PARAM_TYPE_END; p++) param_default(p, params);
}

static int set_text(const struct param *p, void *params, const char *value) {
  if (strlen(value) >= PARAM_TEXT_SIZE)
    return err_set(ERR_SETTING, "%s: text longer than %d characters", p->name, PARAM_TEXT_SIZE - 1);
  if (!text_is_utf8(value)) return err_set(ERR_SETTING, "%s: text is not UTF-8: %s", p->name, value);
  if (!text_is_plain(value)) return err_set(ERR_SETTING, "%s: control character in text", p->name);
  store_text(p, params, value);
  return 0;
}

static int set_choice(const struct param *p, void *params, const char *value) {
  static const char *const yes_no[] = { "no", "yes", NULL };
  const char *const *names = p->type == PARAM_TYPE_BOOL ? yes_no : p->choices;
  char list[256] = "";
  for (int k = 0; names[k]; k++) {
    if (!strcmp(names[k], value)) {
      store(p, params, 0, k);
      return 0;
    }
    const size_t used = strlen(list);
    snprintf(list + used, sizeof list - used, "%s%s", k ? ", " : "", names[k]);
  }
  return err_set(ERR_SETTING, "%s=%s: must be one of %s", p->name, value, list);
}

int param_set(const struct param *table, void *params, const char *name, const char *value) {
  const struct param *p = table;
  while (p->type != PARAM_TYPE_END && strcmp(p->name, name)) p++;
  if (p->type == PARAM_TYPE_END) return err_set(ERR_SETTING, "%s: no such setting", name);
  if (p->type == PARAM_TYPE_TEXT) return set_text(p, params, value);
  if (p->type == PARAM_TYPE_CHOICE || p->type == PARAM_TYPE_BOOL) return set_choice(p, params, value);

  char *end;
  int64_t i = 0;
  double v = 0;
  errno = 0;
  if (p->type == PARAM_TYPE_F64) v = strtod(value, &end);
  else v = (double)(i = strtoll(value, &end, 10));
  if (end == value || *end || !isfinite(v) || (errno && p->type == PARAM_TYPE_I64))
    return err_set(ERR_SETTING, "%s=%s: not a%s number", name, value, p->type == PARAM_TYPE_I64 ? " whole" : "");
  const bool rounded = p->type == PARAM_TYPE_I64 && v == p->max && i > (int64_t)p->max;  // to the limit
  if (v < p->min || v > p->max || rounded)
    return err_set(ERR_SETTING, "%s=%s: outside [%.9g, %.9g]", name, value, p->min, p->max);
  store(p, params, v, i);
  return 0;
}

void param_value(const struct param *p, const void *params, char text[PARAM_TEXT_SIZE]) {
  const char *field = (const char *)params + p->offset;
  if (p->type == PARAM_TYPE_TEXT) {
    memcpy(text, field, PARAM_TEXT_SIZE);
    return;
  }
  int64_t i;
  memcpy(&i, field, sizeof i);
  if (p->type == PARAM_TYPE_F64) {
    double v;
    memcpy(&v, field, sizeof v);
    snprintf(text, PARAM_TEXT_SIZE, "%.15g", v);
    if (strtod(text, NULL) != v) snprintf(text, PARAM_TEXT_SIZE, "%.17g", v);
  } else if (p->type == PARAM_TYPE_CHOICE) {
    snprintf(text, PARAM_TEXT_SIZE, "%s", p->choices[i]);
  } else if (p->type == PARAM_TYPE_BOOL) {
    snprintf(text, PARAM_TEXT_SIZE, "%s", i ? "yes" : "no");
  } else {
    snprintf(text, PARAM_TEXT_SIZE, "%" PRId64, i);
  }
}

void param_default_value(const struct param *p, char text[PARAM_TEXT_SIZE]) {
  char field[PARAM_TEXT_SIZE] = "";
  struct param alone = *p;
  alone.offset = 0;
  param_default(&alone, field);
  param_value(&alone, field, text);
}

static void help_limits(const struct param *p, FILE *out) {
  if (p->type == PARAM_TYPE_BOOL) fprintf(out, "no|yes, default %s", p->value != 0 ? "yes" : "no");
  else if (p->type == PARAM_TYPE_TEXT) fprintf(out, "text%s%s", *p->text ? ", default " : "", p->text);
  else if (p->type == PARAM_TYPE_CHOICE) {
    for (int k = 0; p->choices[k]; k++) fprintf(out, "%s%s", k ? "|" : "", p->choices[k]);
    fprintf(out, ", default %s", p->choices[(int)p->value]);
  } else if (p->type == PARAM_TYPE_I64) {
    fprintf(out, "%.0f to %.0f, default %.0f", p->min, p->max, p->value);
  } else {
    fprintf(out, "%g to %g, default %g", p->min, p->max, p->value);
  }
}

void param_help(const struct param *table, const char *section, FILE *out) {
  for (const struct param *p = table; p->type != PARAM_TYPE_END; p++) {
    char name[80];
    snprintf(name, sizeof name, "%s.%s", section, p->name);
    fprintf(out, "  %-26s %s (", name, p->help);
    help_limits(p, out);
    fprintf(out, ")\n");
  }
}
