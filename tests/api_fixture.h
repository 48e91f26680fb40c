// api_fixture.h - calls of the public interface that must succeed, or be refused with a message.
#ifndef TESTS_API_FIXTURE_H
#define TESTS_API_FIXTURE_H

#include "metaxbar.h"
#include "test.h"

#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })

// The call fails with this code, and the message says what.
#define REFUSES(call, code, text)                                                                  \
  do {                                                                                             \
    const int refused_rc = (call);                                                                 \
    CHECK(refused_rc == (code) && strstr(mx_last_error(), text), "%d, %s", refused_rc, mx_last_error()); \
  } while (0)
#define WORKS(call) CHECK((call) >= 0, "%s", mx_last_error())

#endif
