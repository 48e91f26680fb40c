// api.h - what the files behind include/metaxbar.h share: checks of what a caller hands in, and the way between the
// caller's plain float arrays and the padded, aligned ones of the library.
#ifndef API_API_H
#define API_API_H

#include <stddef.h>

#include "base/clocale.h"
#include "base/real.h"
#include "run/run.h"

struct chip;
struct ledger;
struct ledger_params;
struct settings_section;

// First in every function of the interface that reads or writes numbers: with a decimal point, until it returns.
#define API_BEGIN __attribute__((cleanup(clocale_leave), unused)) const locale_t api_before_ = clocale_enter()

// Assign a list that ends with NULL.
int api_settings(const struct settings_section *all, const char *const *settings);
// The same list, or NULL, as a source (run/run.h). Valid as long as it.
struct run_sources api_sources(const char *const *settings);

// ERR_SETTING for one of them that is not in a list of what has an effect (run_check_read).
int api_check_read(const char *const *reads, const char *const *settings);

// ERR_SETTING unless all pointers (NULL ends nothing: n of them) are there; `what` names the function.
int api_present(const char *what, int n, const void *const *pointers);
#define API_PRESENT(what, ...)                                                                                         \
  TRY(api_present(what, (int)(sizeof(const void *[]){ __VA_ARGS__ } / sizeof(void *)), (const void *[]){ __VA_ARGS__ }))

// ERR_DIVERGED naming the first value that is not finite.
int api_finite(const char *what, const float *x, size_t n);

// (rows, columns) <-> (rows, ld). The padded copy is zero beyond the columns, 64-byte aligned, the caller's to free.
real *api_padded(const float *x, size_t rows, size_t columns, size_t ld);
void api_plain(float *x, const real *padded, size_t rows, size_t columns, size_t ld);

// A number about a chip by its name in metaxbar.h; l: what it did.
int api_chip_number(const struct chip *c, const struct ledger *l, const struct ledger_params *p, const char *name,
                    double *value);

#endif
