// numbers.h - a list of numbers in a text setting: "60,3600,86400".
#ifndef BASE_NUMBERS_H
#define BASE_NUMBERS_H

// Numbers separated by commas, each above the one before, all in [low, high], at most n_max. "" is the empty list. Spaces are
// allowed after a comma. Returns how many; ERR_SETTING says what is wrong with which item of the setting `name`.
int numbers_parse(double *list, int n_max, const char *text, double low, double high, const char *name);

#endif
