// param.h - tables that describe the settings of a module: the one place for defaults, limits,
// units, choices and help. Parsing, printing and checking are written once, here.
//
// A module owns a struct of plain fields and one table:
//   static const char *const rules[] = { "task", "support", NULL };
//   const struct param net_param_table[] = {
//     PARAM_I64(struct net_params, channels, 56, 1, 1024, "feature maps of every block"),
//     PARAM_F64(struct net_params, alpha, 0.1, 0, 10, "inner learning rate"),
//     PARAM_CHOICE(struct net_params, rule, 0, rules, "whose statistics normalise the queries"),
//     PARAM_BOOL(struct net_params, rotate, 1, "turn each class by a random quarter"),
//     PARAM_TEXT(struct net_params, path, "", "folder of the archives"),
//     { 0 },
//   };
// Field types: int64_t (I64, CHOICE, BOOL), double (F64), char[PARAM_TEXT_SIZE] (TEXT).
#ifndef BASE_PARAM_H
#define BASE_PARAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { PARAM_TEXT_SIZE = 512 };

enum param_type { PARAM_TYPE_END, PARAM_TYPE_I64, PARAM_TYPE_F64, PARAM_TYPE_CHOICE, PARAM_TYPE_BOOL, PARAM_TYPE_TEXT };

struct param {
  enum param_type type;
  const char *name;            // field name, with its unit as suffix
  size_t offset;               // of the field in the module's params struct
  double value;                // default (index of the default for a choice)
  double min, max;             // inclusive limits
  const char *text;            // default of a text
  const char *const *choices;  // NULL-terminated names; the field holds the index
  const char *help;
  bool later;  // newer than the first models: in files only where it is not the default
  bool user;   // a text that names what is run or written: from the user alone, not from files of programs
};

// The last argument is the help text; ", .later = true" and ", .user = true" may follow.
#define PARAM_I64(owner, field, def, lo, hi, ...)                                                                      \
  {                                                                                                                    \
    .type = PARAM_TYPE_I64, .name = #field, .offset = offsetof(owner, field), .value = def, .min = lo, .max = hi,      \
    .help = __VA_ARGS__                                                                                                \
  }
#define PARAM_F64(owner, field, def, lo, hi, ...)                                                                      \
  {                                                                                                                    \
    .type = PARAM_TYPE_F64, .name = #field, .offset = offsetof(owner, field), .value = def, .min = lo, .max = hi,      \
    .help = __VA_ARGS__                                                                                                \
  }
#define PARAM_CHOICE(owner, field, def, names, ...)                                                                    \
  {                                                                                                                    \
    .type = PARAM_TYPE_CHOICE, .name = #field, .offset = offsetof(owner, field), .value = def, .choices = names,       \
    .help = __VA_ARGS__                                                                                                \
  }
#define PARAM_BOOL(owner, field, def, ...)                                                                             \
  {                                                                                                                    \
    .type = PARAM_TYPE_BOOL, .name = #field, .offset = offsetof(owner, field), .value = def, .max = 1,                 \
    .help = __VA_ARGS__                                                                                                \
  }
#define PARAM_TEXT(owner, field, def, ...)                                                                             \
  { .type = PARAM_TYPE_TEXT, .name = #field, .offset = offsetof(owner, field), .text = def, .help = __VA_ARGS__ }

void param_defaults(const struct param *table, void *params);
void param_default(const struct param *p, void *params);  // of one setting

// Assign one setting from text. Unknown names, trailing text and values out of range are errors.
int param_set(const struct param *table, void *params, const char *name, const char *value);

// The value of one setting as text that param_set reads back to the same bits.
void param_value(const struct param *p, const void *params, char text[PARAM_TEXT_SIZE]);
void param_default_value(const struct param *p, char text[PARAM_TEXT_SIZE]);

// Help text: one line per setting with its default and its limits or choices.
void param_help(const struct param *table, const char *section, FILE *out);

#endif
