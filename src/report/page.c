#include "report/page.h"

#include "page_css.h"
#include "page_js.h"
#include "report/html.h"

static void element(FILE *out, const char *name, const char *text) {
  fprintf(out, "<%s>", name);
  html_text(out, text);
  fprintf(out, "</%s>\n", name);
}

void page_begin(FILE *out, const char *title, const char *lead) {
  fputs("<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src "
        "'unsafe-inline'; "
        "script-src 'unsafe-inline'\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
        out);
  element(out, "title", title);
  fprintf(out, "<style>\n%s</style>\n<header>\n", page_css);
  element(out, "h1", title);
  fputs("<p class=\"lead\">", out);
  html_text(out, lead);
  fputs("</p>\n</header>\n<main>\n", out);
}

void page_end(FILE *out) { fprintf(out, "</main>\n<script>\n%s</script>\n</html>\n", page_js); }

void page_section(FILE *out, const char *title) { element(out, "h2", title); }
void page_heading(FILE *out, const char *title) { element(out, "h3", title); }

void page_figure(FILE *out, const char *classes) { fprintf(out, "<figure class=\"%s\">\n", classes); }

void page_caption(FILE *out, const char *lead, const char *text, const char *command) {
  fputs("<figcaption><b>", out);
  html_text(out, lead);
  fputs("</b> ", out);
  html_text(out, text);
  if (command) {
    fputs(" <code>", out);
    html_text(out, command);
    fputs("</code>", out);
  }
  fputs("</figcaption>\n</figure>\n", out);
}
