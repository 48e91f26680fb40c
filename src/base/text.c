#include "base/text.h"

#include <string.h>

int text_character(const char *text, uint32_t *number) {
  static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };  // fewer bytes would do below
  const unsigned char *s = (const unsigned char *)text;
  const int more = *s < 0x80 ? 0 : *s >> 5 == 6 ? 1 : *s >> 4 == 14 ? 2 : *s >> 3 == 30 ? 3 : -1;
  if (*s == 0 || more < 0) return 0;
  uint32_t c = more ? *s & (0x3fu >> more) : *s;
  for (int k = 1; k <= more; k++) {
    if (s[k] >> 6 != 2) return 0;
    c = c << 6 | (s[k] & 0x3f);
  }
  if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) return 0;
  *number = c;
  return more + 1;
}

bool text_shows(uint32_t c) {
  const bool control = c < ' ' || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029;
  const bool direction =
    c == 0x61c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
  return !control && !direction;
}

bool text_is_utf8(const char *text) {
  uint32_t c;
  for (int n; *text; text += n)
    if (!(n = text_character(text, &c))) return false;
  return true;
}

bool text_is_plain(const char *text) {
  uint32_t c;
  for (int n; *text; text += n)
    if (!(n = text_character(text, &c)) || !text_shows(c)) return false;
  return true;
}

int text_named(int64_t n, const char *plural) { return (int)strlen(plural) - (n == 1); }

void text_quote(const char *text, FILE *out) {
  fputc('"', out);
  for (; *text; text++) {
    if (*text == '"') fputc(*text, out);
    fputc(*text, out);
  }
  fputc('"', out);
}

void text_make_plain(char *text) {
  char *to = text;
  uint32_t c;
  for (int n; *text; text += n) {
    n = text_character(text, &c);
    const bool shows = n && text_shows(c);
    if (!shows) *to++ = '?';
    for (int k = 0; shows && k < n; k++) *to++ = text[k];
    if (!n) n = 1;
  }
  *to = 0;
}
