// json.h - JSON read with clear errors, and built and printed for --json. The one file that reaches jansson.
// A value is owned by who made it (json_read, json_parse, json_object_new, json_array_new) until it
// is put into another; what the field functions return is borrowed from its parent.
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct json_t;  // jansson's type

// ---- reading. `where` opens every error message: the file, or file and place in it.

// Parse `size` bytes; duplicate names and trailing text are errors naming file and line.
int json_parse(struct json_t **v, const char *text, size_t size, const char *where);
int json_read(struct json_t **v, const char *path, size_t max);
void json_release(struct json_t *v);

// A required field of object o: missing, of another type or outside [min, max] is an error.
int json_field_i64(const struct json_t *o, const char *where, const char *name, int64_t min, int64_t max, int64_t *out);
int json_field_f64(const struct json_t *o, const char *where, const char *name, double min, double max, double *out);
int json_field_bool(const struct json_t *o, const char *where, const char *name, bool *out);
int json_field_text(const struct json_t *o, const char *where, const char *name, const char **out);
int json_field_array(const struct json_t *o, const char *where, const char *name, struct json_t **out);
int json_field_object(const struct json_t *o, const char *where, const char *name, struct json_t **out);
bool json_has(const struct json_t *o, const char *name);

size_t json_length(const struct json_t *v);  // elements of an array, fields of an object

// Elements of an array, by index; the same errors.
int json_item_i64(const struct json_t *array, const char *where, size_t i, int64_t min, int64_t max, int64_t *out);
int json_item_f64(const struct json_t *array, const char *where, size_t i, double min, double max, double *out);
int json_item_text(const struct json_t *array, const char *where, size_t i, const char **out);
int json_item_array(const struct json_t *array, const char *where, size_t i, struct json_t **out);
int json_item_object(const struct json_t *array, const char *where, size_t i, struct json_t **out);

// Fields of an object in the order of the file: begin with *at = NULL; NULL ends. An o that is no object has none.
struct json_t *json_next(struct json_t *o, void **at, const char **name);
bool json_is_text(const struct json_t *v, const char **text);  // a string? then its text

// Where two values first differ: "input[7] is 3, expected 5" into text, and true; false if they are equal. Fields of
// objects may come in any order.
bool json_differs(char text[200], struct json_t *v, struct json_t *expected);

// ---- building

struct json_t *json_object_new(void);
struct json_t *json_array_new(void);
// Put into an object, or append to an array where name is NULL. A value handed over is owned by o.
void json_put(struct json_t *o, const char *name, struct json_t *v);
// An empty object or array, put there and returned to be filled.
struct json_t *json_add_object(struct json_t *o, const char *name);
struct json_t *json_add_array(struct json_t *o, const char *name);
void json_put_i64(struct json_t *o, const char *name, int64_t v);
void json_put_f64(struct json_t *o, const char *name, double v);
// INFINITY stands for what is not known and becomes null.
void json_put_known(struct json_t *o, const char *name, double v);
void json_put_known_f64s(struct json_t *o, const char *name, const double *v, size_t n);
void json_put_bool(struct json_t *o, const char *name, bool v);
void json_put_text(struct json_t *o, const char *name, const char *v);
void json_put_f64s(struct json_t *o, const char *name, const double *v, size_t n);
void json_put_i64s(struct json_t *o, const char *name, const int64_t *v, size_t n);

// Print with a line end; reals with the fewest of 15 or 17 digits that read back to the same bits.
// A real that was not finite (or a text that was not UTF-8) is refused here by its name, before
// anything is printed. A failing stream is ERR_IO.
int json_print(struct json_t *v, FILE *out);
// The same into memory: *text, of *size characters with the line end, is the caller's to free.
int json_line(char **text, size_t *size, struct json_t *v);
int json_write(struct json_t *v, const char *path);  // to a file (base/file.h)

#endif
