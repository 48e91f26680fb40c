#include "arm/pathcolumns.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "arm/jointpath.h"
#include "base/err.h"
#include "base/text.h"

static const double degree = 3.14159265358979323846/180;

// Units of a quantity; the first one is assumed where none is stated.
struct unit {
  const char *name, *others[3];  // deg_s, deg/s
  double factor;
};
static const struct unit angles[] = { { "rad", { NULL }, 1 }, { "deg", { "degree", "degrees", "\u00b0" }, degree },
                                      { 0 } };
static const struct unit speeds[] = { { "rad_s", { "rad/s" }, 1 }, { "deg_s", { "deg/s" }, degree }, { 0 } };
static const struct unit lengths[] = { { "m", { NULL }, 1 }, { "cm", { NULL }, 0.01 }, { "mm", { NULL }, 0.001 },
                                       { 0 } };
static const struct unit times[] = { { "s", { NULL }, 1 }, { "ms", { NULL }, 0.001 }, { 0 } };
static const struct unit counts[] = { { "", { NULL }, 1 }, { 0 } };

static const struct quantity {
  const char *name;
  const struct unit *units;
  bool needs_unit;  // or the name is that of another quantity
} quantities[PATHCOLUMNS_QUANTITIES] = {
  [PATHCOLUMNS_BASE] = { "base", angles, false },
  [PATHCOLUMNS_SHOULDER] = { "shoulder", angles, false },
  [PATHCOLUMNS_X] = { "x", lengths, false },
  [PATHCOLUMNS_Y] = { "y", lengths, false },
  [PATHCOLUMNS_Z] = { "z", lengths, false },
  [PATHCOLUMNS_BASE_SPEED] = { "base", speeds, true },
  [PATHCOLUMNS_SHOULDER_SPEED] = { "shoulder", speeds, true },
  [PATHCOLUMNS_TIME] = { "time", times, false },
  [PATHCOLUMNS_STEP] = { "step", counts, false },
};
static const char known[] = 
    "known are base, shoulder (rad, deg, rad_s, deg_s), x, y, z (m, cm, mm), time (s, ms), step";

static bool is_named(const char *name, const char *text, size_t length) {
  return name && strlen(name) == length && !strncasecmp(name, text, length);
}

static const struct unit *find_unit(const struct unit *units, const char *name, size_t length) {
  for (const struct unit *u = units; u->name; u++) {
    bool found = is_named(u->name, name, length);
    for (int k = 0; k < 3; k++) found = found || is_named(u->others[k], name, length);
    if (found) return u;
  }
  return NULL;
}

// The unit in what follows a quantity's name, "_cm", " [cm]" or nothing; NULL: none that it can have.
static const struct unit *unit_of(const struct quantity *q, const char *rest) {
  if (*rest == 0) return q->needs_unit ? NULL : q->units;
  const char *from = rest + strspn(rest, " _");
  size_t length = strlen(from);
  if (length >= 2 && ((from[0] == '[' && from[length - 1] == ']') || (from[0] == '(' && from[length - 1] == ')'))) {
    from++;
    length -= 2;
  } else if (from == rest) return NULL;  // as in basement
  return find_unit(q->units, from, length);
}

// The quantity of a name, and its unit; -1: it is none.
static int quantity_of(const struct unit **unit, const char *name) {
  for (int k = 0; k < PATHCOLUMNS_QUANTITIES; k++) {
    const struct quantity *q = &quantities[k];
    const size_t length = strlen(q->name);
    if (!strncasecmp(name, q->name, length) && (*unit = unit_of(q, name + length))) return k;
  }
  return -1;
}

bool pathcolumns_is_name(const char *name) {
  const struct unit *unit;
  return quantity_of(&unit, name) >= 0;
}

static int take(struct pathcolumns *c, int column, const char *name, const char *where) {
  const struct unit *unit;
  const int k = quantity_of(&unit, name);
  if (k < 0)
    return err_set(ERR_FORMAT, "%s: column %d: '%.40s' is no column of a path; %s", where, column + 1, name, known);
  if (c->at[k] >= 0)
    return err_set(ERR_FORMAT, "%s: column %d: '%.40s' is there twice", where, column + 1, name);
  c->at[k] = column;
  c->factor[k] = unit->factor;
  c->unit[k] = unit->name;
  c->stated[k] = name[strlen(quantities[k].name)] != 0;
  return 0;
}

// The one group of columns that makes a path.
static int choose(struct pathcolumns *c, const char *where) {
  static const struct { int first, count; } groups[] = { { PATHCOLUMNS_BASE, 2 }, { PATHCOLUMNS_X, 3 },
                                                         { PATHCOLUMNS_BASE_SPEED, 2 } };
  c->count = 0;
  for (int g = 0; g < 3; g++) {
    int missing = -1, present = 0;
    for (int k = groups[g].first; k < groups[g].first + groups[g].count; k++) {
      if (c->at[k] < 0) missing = k;
      else present++;
    }
    if (!present) continue;
    if (missing >= 0)
      return err_set(ERR_FORMAT, "%s: column %s%s is missing", where, quantities[missing].name, g == 2 ? "_rad_s" : "");
    if (c->count) return err_set(ERR_FORMAT, "%s: more than one of angles, points and angular velocities", where);
    c->first = groups[g].first;
    c->count = groups[g].count;
  }
  if (!c->count) return err_set(ERR_FORMAT, "%s: no columns of a path; %s", where, known);
  if (c->at[PATHCOLUMNS_TIME] >= 0 && c->at[PATHCOLUMNS_STEP] >= 0)
    return err_set(ERR_FORMAT, "%s: both time and step; leave one of them out", where);
  return 0;
}

static void begin(struct pathcolumns *c, int n) {
  *c = (struct pathcolumns){ .n = n };
  for (int k = 0; k < PATHCOLUMNS_QUANTITIES; k++) c->at[k] = -1;
}

static int find(const char *const *names, int n, const char *name) {
  for (int k = 0; k < n; k++)
    if (!strcmp(names[k], name)) return k;
  return -1;
}

// The target in a table of this program. In that of an arm, time_s is the arm's own time, which holds each set-point;
// a path without times has none there either.
static int take_own(struct pathcolumns *c, const char *const *names, int n, const char *where) {
  static const char *const point[] = { "target_x_m", "target_y_m", "target_z_m" };
  const bool of_an_arm = find(names, n, "commanded_base_rad") >= 0;
  const int time = find(names, n, of_an_arm ? "target_s" : "time_s"), step = find(names, n, "step");
  for (int i = 0; i < 3; i++) {
    const int k = find(names, n, point[i]);
    if (k >= 0) TRY(take(c, k, names[k] + strlen("target_"), where));
  }
  if (time >= 0) TRY(take(c, time, "time_s", where));
  else if (step >= 0 && !of_an_arm) TRY(take(c, step, "step", where));
  return choose(c, where);
}

int pathcolumns_named(struct pathcolumns *c, const char *const *names, int n, const char *where) {
  begin(c, n);
  if (find(names, n, "target_x_m") >= 0) return take_own(c, names, n, where);
  for (int k = 0; k < n; k++) TRY(take(c, k, names[k], where));
  return choose(c, where);
}

int pathcolumns_assumed(struct pathcolumns *c, int n, const char *where) {
  static const char *const points[] = { "x", "y", "z" };
  if (n != 2 && n != 3)
    return err_set(ERR_FORMAT, "%s: %d column%s without names; only base,shoulder (rad) and x,y,z (m) need none", where,
                   n, text_s(n));
  return pathcolumns_named(c, n == 3 ? points : jointpath_joint_names, n, where);
}

int pathcolumns_units(struct pathcolumns *c, const char *const *units, const char *where) {
  for (int k = 0; k < PATHCOLUMNS_QUANTITIES; k++) {
    if (c->at[k] < 0) continue;
    const char *text = units[c->at[k]];
    const size_t length = strlen(text);
    const bool inside = length >= 2 && strchr("[(", text[0]);
    const struct unit *u = find_unit(quantities[k].units, text + inside, length - 2*(size_t)inside);
    if (!u)
      return err_set(ERR_FORMAT, "%s: column %d: '%.40s' is neither a number nor a unit of %s", where, c->at[k] + 1,
                     text, quantities[k].name);
    if (c->stated[k] && strcmp(u->name, c->unit[k]))
      return err_set(ERR_FORMAT, "%s: column %d: unit '%.40s' below a name in %s", where, c->at[k] + 1, text,
                     c->unit[k]);
    c->factor[k] = u->factor;
    c->unit[k] = u->name;
    c->stated[k] = true;
  }
  return 0;
}

void pathcolumns_text(char text[PATHCOLUMNS_TEXT], const struct pathcolumns *c) {
  int n = 0;
  const int last = c->first + c->count - 1;
  for (int k = c->first; k <= last; k++) {
    n += snprintf(text + n, (size_t)(PATHCOLUMNS_TEXT - n), "%s%s", k > c->first ? ", " : "", quantities[k].name);
    if (k == last || strcmp(c->unit[k], c->unit[k + 1]))
      n += snprintf(text + n, (size_t)(PATHCOLUMNS_TEXT - n), " in %s", c->unit[k]);
  }
}
