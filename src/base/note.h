// note.h - what a user should know although nothing failed: one line of plain text to whoever listens. Nobody does in a
// program that uses the library; the command line prints notes on stderr.
#ifndef BASE_NOTE_H
#define BASE_NOTE_H

void note_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

// Set once, before threads are started. NULL: nobody. The text has no line end.
void note_listen(void (*listener)(const char *text));

#endif
