// Downloads from a small server on this machine: whole, resumed, without ranges, damaged, too long,
// cut off, missing, unreachable, stopped; and MD5 against RFC 1321.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"
#include "data/fetch.h"
#include "data/md5.h"
#include "folder.h"
#include "test.h"

enum { SIZE = 200000 };

static char content[SIZE + 1];
static _Atomic int requests, ranges;  // since the last reset
static char asked[128];               // the beginning of the last request
static struct fetch_file file[2] = { { "set.zip", SIZE, NULL } };

// ---- the server: the first folder of the address says how it behaves

static void answer(int s, const char *request) {
  char head[256];
  long from = 0;
  const char *range = strcasestr(request, "range: bytes=");
  const int honest = !strncmp(request, "GET /good/", 10) || !strncmp(request, "GET /cut/", 9);
  if (range && honest) from = strtol(range + 13, NULL, 10);
  requests++;
  snprintf(asked, sizeof asked, "%.*s", (int)sizeof asked - 1, request);
  ranges += from > 0;
  size_t size = SIZE - (size_t)from, sent = 0;
  if (!strncmp(request, "GET /long/", 10)) size = SIZE + 1;
  if (!strncmp(request, "GET /short/", 11)) size = SIZE / 2;
  if (!strncmp(request, "GET /missing/", 13))
    snprintf(head, sizeof head, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"), size = 0;
  else if (from > 0)
    snprintf(head, sizeof head,
             "HTTP/1.1 206 Partial\r\nContent-Range: bytes %ld-%d/%d\r\nContent-Length: %zu\r\nConnection: "
             "close\r\n\r\n",
             from, SIZE - 1, SIZE, size);
  else snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", size);
  send(s, head, strlen(head), MSG_NOSIGNAL);
  if (!strncmp(request, "GET /cut/", 9)) size /= 2;
  static char bytes[SIZE + 1];
  memcpy(bytes, content, sizeof bytes);
  if (!strncmp(request, "GET /wrong/", 11)) bytes[SIZE / 3] ^= 1;
  while (sent < size) {
    const ssize_t n = send(s, bytes + from + sent, size - sent, MSG_NOSIGNAL);
    if (n <= 0) break;
    sent += (size_t)n;
  }
}

static void *serve(void *listener) {
  for (;;) {
    const int s = accept(*(int *)listener, NULL, NULL);
    if (s < 0) return NULL;
    char request[4096] = "";
    size_t n = 0;
    while (n < sizeof request - 1 && !strstr(request, "\r\n\r\n")) {
      const ssize_t got = recv(s, request + n, sizeof request - 1 - n, 0);
      if (got <= 0) break;
      n += (size_t)got;
      request[n] = 0;
    }
    answer(s, request);
    shutdown(s, SHUT_WR);
    while (recv(s, request, sizeof request, 0) > 0) {}
    close(s);
  }
}

static int start_server(int *listener) {
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
  socklen_t length = sizeof address;
  pthread_t thread;
  *listener = socket(AF_INET, SOCK_STREAM, 0);
  if (*listener < 0 || bind(*listener, (struct sockaddr *)&address, length) < 0 || listen(*listener, 8) < 0 ||
      getsockname(*listener, (struct sockaddr *)&address, &length) < 0 ||
      pthread_create(&thread, NULL, serve, listener) != 0)
    return 0;
  return ntohs(address.sin_port);
}

// ---- the client

static int port;

static int get(const struct folder *f, const char *behaviour, fetch_progress *progress) {
  char url[128];
  snprintf(url, sizeof url, "http://127.0.0.1:%d/%s", port, behaviour);
  requests = ranges = 0;
  return fetch_files(f->path, url, file, progress, NULL);
}

static int is_right(const struct folder *f) {
  char *data;
  size_t size;
  if (file_read(folder_path(f, "set.zip"), 2 * SIZE, &data, &size) < 0) return 0;
  const int right = size == SIZE && memcmp(data, content, SIZE) == 0 && !file_exists(folder_path(f, "set.zip.part"));
  free(data);
  return right;
}

// ---- another download: what it does at a moment is done in the function that fetch_files calls then

static void (*before_lock)(void);
static struct folder shared;
static bool renamed_under_lock;

int flock(int fd, int how) {
  void (*const first)(void) = before_lock;
  before_lock = NULL;
  if (first) first();
  return (int)syscall(SYS_flock, fd, how);
}

int rename(const char *from, const char *to) {
  const int fd = open(from, O_RDONLY | O_CLOEXEC);
  renamed_under_lock = fd >= 0 && syscall(SYS_flock, fd, LOCK_EX | LOCK_NB) < 0;
  close(fd);
  return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

static void write_part(void) { folder_write(&shared, "set.zip.part", content, 150001); }
static void complete_part(void) {
  char part[300];
  folder_write(&shared, "set.zip.part", content, SIZE);
  snprintf(part, sizeof part, "%s", folder_path(&shared, "set.zip.part"));
  renameat(AT_FDCWD, part, AT_FDCWD, folder_path(&shared, "set.zip"));
}

static void test_beside(void) {
  shared = folder_make();
  before_lock = write_part;
  CHECK(get(&shared, "good", NULL) == 0 && ranges == 1 && is_right(&shared), "goes on from what another got: %d, %s",
        ranges, err_message());
  CHECK(renamed_under_lock, "the lock ends before the file has its name");
  unlink(folder_path(&shared, "set.zip"));
  before_lock = complete_part;
  CHECK(get(&shared, "good", NULL) == ERR_BUSY && is_right(&shared), "what another has completed: %s", err_message());
  CHECK(get(&shared, "good", NULL) == 0 && requests == 0, "%s", err_message());
  folder_remove(&shared);
}

static void test_whole(void) {
  struct folder f = folder_make();
  CHECK(get(&f, "good", NULL) == 0 && requests == 1 && ranges == 0 && is_right(&f), "%d requests: %s", requests,
        err_message());
  CHECK(get(&f, "good", NULL) == 0 && requests == 0 && is_right(&f), "what is there is kept: %d requests", requests);
  folder_write(&f, "set.zip", content, SIZE - 1);
  CHECK(get(&f, "good", NULL) == ERR_FORMAT && requests == 0 &&
            strstr(err_message(), "199999 bytes instead of 200000; not the official file"),
        "%s", err_message());
  folder_remove(&f);
}

static void test_resume(void) {
  struct folder f = folder_make();
  folder_write(&f, "set.zip.part", content, 150001);
  CHECK(get(&f, "good", NULL) == 0 && requests == 1 && ranges == 1 && is_right(&f), "%d, %d: %s", requests, ranges,
        err_message());
  unlink(folder_path(&f, "set.zip"));
  folder_write(&f, "set.zip.part", content, 1000);
  CHECK(get(&f, "plain", NULL) == 0 && is_right(&f), "a server without ranges starts over: %d, %s", requests,
        err_message());
  unlink(folder_path(&f, "set.zip"));
  folder_write(&f, "set.zip.part", content + 1, 1000);  // damaged part: right only after a second, whole download
  CHECK(get(&f, "good", NULL) == 0 && requests == 2 && ranges == 1 && is_right(&f), "%d: %s", requests, err_message());
  unlink(folder_path(&f, "set.zip"));
  folder_write(&f, "set.zip.part", content, SIZE);
  CHECK(get(&f, "good", NULL) == 0 && requests == 0 && is_right(&f), "a complete part only gets its name: %d",
        requests);
  unlink(folder_path(&f, "set.zip"));
  folder_write(&f, "set.zip.part", content, SIZE + 1);
  CHECK(get(&f, "good", NULL) == 0 && requests == 1 && ranges == 0 && is_right(&f), "a part too long starts over: %s",
        err_message());
  unlink(folder_path(&f, "set.zip"));
  CHECK(get(&f, "cut", NULL) == ERR_IO && file_exists(folder_path(&f, "set.zip.part")), "cut off: %s", err_message());
  CHECK(!file_exists(folder_path(&f, "set.zip")) && get(&f, "good", NULL) == 0 && ranges == 1 && is_right(&f), "%s",
        err_message());
  folder_remove(&f);
}

static void refused(const char *behaviour, enum err code, const char *message) {
  struct folder f = folder_make();
  const int rc = get(&f, behaviour, NULL);
  CHECK(rc == (int)code && strstr(err_message(), message), "%s: %d %s", behaviour, rc, err_message());
  CHECK(!file_exists(folder_path(&f, "set.zip")), "%s: a file is there", behaviour);
  folder_remove(&f);
}

static int stop_halfway(void *context, const struct fetch_file *of, int64_t done) {
  (void)context;
  return done > of->size / 4;
}

static void test_refusals(void) {
  refused("wrong", ERR_FORMAT, "set.zip.part: MD5 ");
  refused("long", ERR_FORMAT, "longer than the 200000 bytes expected");
  refused("short", ERR_FORMAT, "100000 bytes instead of 200000");
  refused("missing", ERR_IO, "/missing/set.zip: the server answers 404");
  struct folder f = folder_make();
  CHECK(get(&f, "good", stop_halfway) == ERR_INTERRUPTED && !file_exists(folder_path(&f, "set.zip")), "%s",
        err_message());
  CHECK(get(&f, "good", NULL) == 0 && is_right(&f), "goes on: %s", err_message());
  unlink(folder_path(&f, "set.zip"));
  CHECK(fetch_files(f.path, "http://127.0.0.1:1", file, NULL, NULL) == ERR_IO && strstr(err_message(),
                                                                                        "127.0.0.1:1/set.zip: "), "%s",
                                                                                        err_message());
  CHECK(fetch_files(f.path, "file:///etc", file, NULL, NULL) == ERR_IO, "other protocols are refused: %s",
        err_message());
  CHECK(fetch_files("/proc/nonexistent", "http://127.0.0.1:1", file, NULL, NULL) == ERR_IO, "%s", err_message());
  folder_remove(&f);
}

// A folder that was received: its .part is a link to a file of the user's.
static void test_link(void) {
  struct folder f = folder_make();
  char *text;
  size_t size;
  folder_write(&f, "own", "precious", 8);
  CHECK(symlink(folder_path(&f, "own"), folder_path(&f, "set.zip.part")) == 0, "symlink");
  CHECK(get(&f, "good", NULL) == ERR_IO && strstr(err_message(), "set.zip.part: is a link"), "%s", err_message());
  CHECK(file_read(folder_path(&f, "own"), SIZE, &text, &size) == 0 && size == 8 && !strcmp(text, "precious"),
        "written through the link");
  free(text);
  folder_remove(&f);
}

// The official archives: their names, and that other files of these names are refused.
static void test_official(void) {
  static const struct { const struct fetch_file *files; const char *name, *size; } sets[] = {
    { fetch_omniglot, "images_background.zip", "9464212" }, { fetch_cifar100, "cifar-100-binary.tar.gz", "168513733" },
  };
  for (int k = 0; k < 2; k++) {
    struct folder f = folder_make();
    char url[64], request[96], message[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/good", port);
    snprintf(request, sizeof request, "GET /good/%s HTTP", sets[k].name);
    snprintf(message, sizeof message, "%s.part: 200000 bytes instead of %s", sets[k].name, sets[k].size);
    CHECK(fetch_files(f.path, url, sets[k].files, NULL, NULL) == ERR_FORMAT && strstr(err_message(), message) &&
              !strncmp(asked, request, strlen(request)),
          "%s: %s", asked, err_message());
    CHECK(strlen(sets[k].files[0].md5) == 32, "%s", sets[k].files[0].md5);
    folder_remove(&f);
  }
}

static void test_md5(void) {
  static const char *const vectors[][2] = {
    { "", "d41d8cd98f00b204e9800998ecf8427e" },
    { "a", "0cc175b9c0f1b6a831c399e269772661" },
    { "message digest", "f96b697d7cb7938d525a2f31aaf161d0" },
    { "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", "d174ab98d277d9f5a5611c2c9f419d9f" },
    { "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
      "57edf4a22be3c955ac49da2e2107b67a" },
  };
  for (size_t k = 0; k < 5; k++)
    for (size_t cut = 0; cut <= strlen(vectors[k][0]); cut++) {  // in two pieces
      struct md5 m;
      char hex[33];
      md5_init(&m);
      md5_update(&m, vectors[k][0], cut);
      md5_update(&m, vectors[k][0] + cut, strlen(vectors[k][0]) - cut);
      md5_final(&m, hex);
      CHECK(strcmp(hex, vectors[k][1]) == 0, "'%s' cut at %zu: %s", vectors[k][0], cut, hex);
    }
}

int main(void) {
  int listener;
  static char digest[33];
  struct md5 m;
  test_md5();
  for (int i = 0; i < SIZE; i++) content[i] = (char)((unsigned)i * 2654435761u >> 24);
  md5_init(&m);
  md5_update(&m, content, SIZE);
  md5_final(&m, digest);
  file[0].md5 = digest;
  unsetenv("http_proxy");  // the server is on this machine
  unsetenv("all_proxy");
  unsetenv("ALL_PROXY");
  port = start_server(&listener);
  if (!port) {
    printf("SKIP downloads: no socket on this machine\n");
    return test_failed ? test_summary() : 77;
  }
  test_whole();
  test_beside();
  test_resume();
  test_refusals();
  test_link();
  test_official();
  return test_summary();
}
