// text.h - text from outside: UTF-8 or not, and whether a terminal shows it as it is. Plain text is UTF-8 without
// control characters (C0, DEL, C1), line separators, and marks that change the direction of writing: such characters
// command the terminal, or make a name look like another.
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stdint.h>

// The character that text begins with: its bytes (1 to 4) and number; 0 if it is none.
int text_character(const char *text, uint32_t *number);

// Is a character one of plain text?
bool text_shows(uint32_t number);

bool text_is_utf8(const char *text);
bool text_is_plain(const char *text);

// Replace what is not plain by '?', in place.
void text_make_plain(char *text);

#endif
