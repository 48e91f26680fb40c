// sweeppage.h - the page of a sweep: a chart of the score over the first setting that is a number, a line for each
// combination of the others, the means over the seeds, and every point. From the table of the sweep (sweep.json) alone.
#ifndef REPORT_SWEEPPAGE_H
#define REPORT_SWEEPPAGE_H

struct json_t;

// where: the file that the table is from, for messages.
int sweeppage_write(const char *path, struct json_t *table, const char *where);

#endif
