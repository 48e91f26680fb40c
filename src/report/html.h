// html.h - text, numbers and files put into HTML and SVG. Whatever was not written in this program (settings, file
// names, names in files) goes through html_text; then it is seen as it is and does nothing.
#ifndef REPORT_HTML_H
#define REPORT_HTML_H

#include <stddef.h>
#include <stdio.h>

// Text for element content and quoted attributes: & < > " ' escaped, bytes that are not UTF-8, control characters
// (but tab and line end) and changes of the direction of writing as U+FFFD.
void html_text(FILE *out, const char *text);

// A number with so many decimals, a real minus sign, a dash for NaN.
void html_number(FILE *out, double v, int decimals);
// A table cell: a number with its error or spread.
void html_cell(FILE *out, double v, double error, int decimals);
// A number with `digits` significant digits and an SI prefix before the unit: 0.00031, "J" is 310 <micro>J.
void html_quantity(FILE *out, double v, int digits, const char *unit);

// data:TYPE;base64,...
void html_data_uri(FILE *out, const char *type, const void *data, size_t size);

#endif
