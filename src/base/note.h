// note.h - one line for the user that is no error: what was ignored, assumed or overridden. The library is silent
// unless a program sets a handler of notes.
#ifndef BASE_NOTE_H
#define BASE_NOTE_H

// Called with one line without its end. From the thread that met it.
typedef void note_handler(const char *line);
note_handler *note_to(note_handler *handler);  // NULL: silence, the default. Returns the one before

void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
