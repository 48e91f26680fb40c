// note.h - one line for the user that is no error: what was ignored, assumed or overridden. The library is silent
// unless a program sets a handler of notes.
#ifndef BASE_NOTE_H
#define BASE_NOTE_H

#include <stdbool.h>

// Called with one line without its end. From the thread that met it.
typedef void note_handler(const char *line);
note_handler *note_to(note_handler *handler);  // NULL: silence, the default. Returns the one before

void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

// A note about the settings, of no use where they are refused. A program that has called note_hold hears of it once it
// calls note_release or a long computation begins, which calls that too; with keep=false it never does.
void note_setting(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void note_hold(void);
void note_release(bool keep);

#endif
