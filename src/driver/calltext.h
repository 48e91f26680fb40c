// calltext.h - the calls of a driver as JSON: what a process is asked and answers, and what a recording holds.
// docs/drivers.md lists the fields.
#ifndef DRIVER_CALLTEXT_H
#define DRIVER_CALLTEXT_H

#include "driver/driver.h"

struct json_t;

// {"call": "product", "region": 3, "vectors": 2, "input": [...]}. random: with the stream of random numbers.
struct json_t *calltext_request(const struct driver_call *c, bool random);

// {"output": [...]}, or {"error": "timeout", "message": "..."} of a call that failed.
struct json_t *calltext_answer(const struct driver_call *c, bool random);

// Take an answer into the call that asked for it; `where` opens the messages. ERR_FORMAT: a field missing, of another
// type or length. Values are checked by driver_ask.
int calltext_take(struct driver_call *c, const struct json_t *answer, bool random, const char *where);

#endif
