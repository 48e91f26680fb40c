// numbers.h - lists of numbers as text: in a setting, "60,3600,86400", and in a row of a CSV file.
#ifndef BASE_NUMBERS_H
#define BASE_NUMBERS_H

#include <stdio.h>

// Numbers separated by commas, each above the one before, all in [low, high], at most n_max. "" is the empty list.
// Spaces are allowed after a comma. Returns how many; ERR_SETTING says what is wrong with which item of the setting
// `name`.
int numbers_parse(double *list, int n_max, const char *text, double low, double high, const char *name);

// Cells of a row, each after a comma; empty where a number is not finite, that is not known.
void numbers_cells(FILE *out, const double *v, int n);

#endif
