// text.h - text from outside: UTF-8 or not, and whether a terminal shows it as it is. Plain text is UTF-8 without
// control characters (C0, DEL, C1), line separators, and marks that change the direction of writing: such characters
// command the terminal, or make a name look like another.
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

// The character that text begins with: its bytes (1 to 4) and number; 0 if it is none.
int text_character(const char *text, uint32_t *number);

// Is a character one of plain text?
bool text_shows(uint32_t number);

bool text_is_utf8(const char *text);
bool text_is_plain(const char *text);

// The ending of a word behind a number: "1 image", "2 images"; "1 class", "2 classes".
static inline const char *text_s(int64_t n) { return n == 1 ? "" : "s"; }
static inline const char *text_es(int64_t n) { return n == 1 ? "" : "es"; }
static inline const char *text_ies(int64_t n) { return n == 1 ? "y" : "ies"; }

// How many characters of a plural in "s", for %.*s, name n of them.
int text_named(int64_t n, const char *plural);

// A cell of a CSV file, in quotes; those within are doubled.
void text_quote(const char *text, FILE *out);

// Replace what is not plain by '?', in place.
void text_make_plain(char *text);

#endif
