// page.h - the frame of the report: one HTML file that needs nothing else, and may fetch nothing else (its policy says
// so to the browser). Titles and captions are texts; what a figure shows is written to the same stream between
// page_figure and page_caption. page.css is its style, arm.js its only script; both are part of the program.
#ifndef REPORT_PAGE_H
#define REPORT_PAGE_H

#include <stdio.h>

void page_begin(FILE *out, const char *title, const char *lead);
void page_end(FILE *out);

void page_section(FILE *out, const char *title);
void page_heading(FILE *out, const char *title);  // within a section

void page_figure(FILE *out, const char *classes);  // of the figure, may be ""
// What is seen, and the command that measures it (may be NULL). lead: its first words, set apart.
void page_caption(FILE *out, const char *lead, const char *text, const char *command);

#endif
