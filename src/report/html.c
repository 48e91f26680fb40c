#include "report/html.h"

#include <math.h>

#include "base/text.h"

void html_text(FILE *out, const char *text) {
  uint32_t c = 0;
  for (int n; *text; text += n ? n : 1) {
    n = text_character(text, &c);
    if (n == 0 || !(text_shows(c) || c == '\t' || c == '\n')) fputs("\xef\xbf\xbd", out);
    else if (c == '&') fputs("&amp;", out);
    else if (c == '<') fputs("&lt;", out);
    else if (c == '>') fputs("&gt;", out);
    else if (c == '"') fputs("&quot;", out);
    else if (c == '\'') fputs("&#39;", out);
    else fwrite(text, 1, (size_t)n, out);
  }
}

// A formatted number, its hyphen as a minus sign.
static void put(FILE *out, const char *text) {
  for (; *text; text++)
    if (*text == '-') fputs("\xe2\x88\x92", out);
    else fputc(*text, out);
}

void html_number(FILE *out, double v, int decimals) {
  char text[400];
  snprintf(text, sizeof text, "%.*f", decimals, fabs(v) < 0.5 * pow(10, -decimals) ? 0 : v);
  if (isfinite(v)) put(out, text);
  else fputs("\xe2\x80\x93", out);
}

void html_quantity(FILE *out, double v, int digits, const char *unit) {
  static const char *const prefix[] = { "f", "p", "n", "\xc2\xb5", "m", "", "k", "M", "G" };
  if (!isfinite(v) || v == 0) {
    html_number(out, v, 0);
    fprintf(out, " %s", unit);
    return;
  }
  int power = (int)floor((log10(fabs(v)) + 1e-12) / 3);
  power = power < -5 ? -5 : power > 3 ? 3 : power;
  const double shown = v / pow(10, 3 * power);
  const int decimals = digits - 1 - (int)floor(log10(fabs(shown)) + 1e-12);
  html_number(out, shown, decimals < 0 ? 0 : decimals);
  fprintf(out, " %s%s", prefix[power + 5], unit);
}

void html_data_uri(FILE *out, const char *type, const void *data, size_t size) {
  static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const unsigned char *p = data;
  fprintf(out, "data:%s;base64,", type);
  for (size_t i = 0; i < size; i += 3) {
    const unsigned left = size - i < 3 ? (unsigned)(size - i) : 3;
    const unsigned v = (unsigned)p[i] << 16 | (left > 1 ? (unsigned)p[i + 1] << 8 : 0) | (left > 2 ? p[i + 2] : 0u);
    for (unsigned k = 0; k < 4; k++) fputc(k <= left ? digit[v >> (18 - 6 * k) & 63] : '=', out);
  }
}

void html_cell(FILE *out, double v, double error, int decimals) {
  fputs("<td>", out);
  html_number(out, v, decimals);
  fputs(" <span class=\"ci\">&#177;&#8239;", out);
  html_number(out, error, decimals);
  fputs("</span></td>", out);
}
