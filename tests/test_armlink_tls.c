// The link to the real arm through TLS and with passwords: every failure has its true reason, in one line.
#include "arm/armlink.h"
#include "test.h"

#if METAXBAR_MOSQUITTO
#include "armlink_fixture.h"

// An authority, a broker's certificates good and bad, and a client's, all made here. %1$s is the folder.
static const char make[] =
  "cd %s || exit 1\n"
  "exec >/dev/null 2>&1\n"
  "request() { openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=$2 -addext"
  " subjectAltName=DNS:$2 -keyout $1.key -out $1.req; }\n"
  "authority() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=$1"
  " -keyout $1.key -out $1.pem; }\n"
  "sign() { openssl ca -config ca.cnf -batch -notext -in $1.req -out $1.pem -startdate $2 -enddate $3; }\n"
  "cat >ca.cnf <<END\n[ca]\ndefault_ca=it\n[it]\ndir=.\ndatabase=index\nserial=serial\nnew_certs_dir=.\n"
  "certificate=ca.pem\nprivate_key=ca.key\ndefault_md=sha256\npolicy=any\ncopy_extensions=copy\nunique_subject=no\n"
  "[any]\ncommonName=supplied\nEND\n"
  ": >index; echo 01 >serial\n"
  "authority ca && authority other &&\n"
  "request good localhost && sign good 20000101000000Z 20991231000000Z &&\n"
  "request host elsewhere.example && sign host 20000101000000Z 20991231000000Z &&\n"
  "request expired localhost && sign expired 20000101000000Z 20010101000000Z &&\n"
  "request early localhost && sign early 20900101000000Z 20991231000000Z &&\n"
  "request client arm && sign client 20000101000000Z 20991231000000Z &&\n"
  "openssl ec -aes128 -passout pass:secret -in client.key -out locked.key && chmod a+r *\n";

static bool make_certificates(void) {
  char script[sizeof make + sizeof folder.path];
  snprintf(script, sizeof script, make, folder.path);
  return system(script) == 0 && file_exists(folder_path(&folder, "locked.key"));
}

static void use_file(char setting[PARAM_TEXT_SIZE], const char *name) {
  snprintf(setting, PARAM_TEXT_SIZE, "%s", *name ? folder_path(&folder, name) : "");
}

// A broker with the certificate `name`, "": without TLS.
static void start(const char *name, const char *more) {
  char extra[3000] = "";
  if (*name)
    snprintf(extra, sizeof extra, "certfile %s.pem\nkeyfile %s.key\ncafile %s\n%s", folder_path(&folder, name),
             folder_path(&folder, name), folder_path(&folder, "ca.pem"), more);
  fixture_broker(*name ? extra : more);
}

static void check(int code, const char *reason) {
  struct jointpath p;
  const int rc = armlink_perform(&p, &params, &commanded);
  CHECK(rc == code && strstr(err_message(), reason), "expected '%s', not %d: %s", reason, rc, err_message());
  CHECK(!strstr(err_message(), "secret") && !strchr(err_message(), '\n'), "%s", err_message());
}

static const char open_to_all[] = "allow_anonymous true\n", let_in[] = "EDScorbotSim: no robot of this name";

static void check_broker_certificates(void) {
  static const struct { const char *broker, *trusted, *reason; } cases[] = {
    { "good", "ca.pem", let_in },
    { "good", "other.pem", "the certificate of the MQTT broker is not accepted: " },
    { "good", "", "the certificate of the MQTT broker is not accepted: " },
    { "host", "ca.pem", "the certificate of the MQTT broker is not for the host name link.host" },
    { "expired", "ca.pem", "the certificate of the MQTT broker is not accepted: certificate has expired" },
    { "early", "ca.pem", "the certificate of the MQTT broker is not accepted: certificate is not yet valid" },
    { "", "ca.pem", "no TLS at this port" },
  };
  for (size_t k = 0; k < sizeof cases/sizeof *cases; k++) {
    start(cases[k].broker, open_to_all);
    use_file(params.broker.ca_file, cases[k].trusted);
    check(ERR_IO, cases[k].reason);
    stand_in_end(broker.pid);
  }
  start("good", open_to_all);
  params.broker.ca_file[0] = 0;
  params.broker.tls = 0;
  check(ERR_IO, "the port may expect TLS (link.tls=yes)");
  params.broker.tls = 1;
  stand_in_end(broker.pid);
}

static void check_client_certificates(void) {
  static const struct { const char *cert, *key; int code; const char *reason; } cases[] = {
    { "client.pem", "client.key", ERR_IO, let_in },
    { "", "", ERR_IO, " a client certificate (link.cert_file, link.key_file)" },
    { "other.pem", "other.key", ERR_IO, " trust the client certificate link.cert_file" },
    { "client.pem", "good.key", ERR_IO, "link.key_file is not the key of link.cert_file" },
    { "client.pem", "locked.key", ERR_IO, "link.key_file holds no private key without a pass phrase" },
    { "ca.cnf", "client.key", ERR_IO, "link.cert_file holds no certificate" },
    { "client.pem", "", ERR_SETTING, "link.key_file is missing" },
    { "", "client.key", ERR_SETTING, "link.cert_file is missing" },
    { "nowhere.pem", "client.key", ERR_SETTING, "nowhere.pem: cannot be read: No such file" },
  };
  start("good", "allow_anonymous true\nrequire_certificate true\n");
  use_file(params.broker.ca_file, "ca.pem");
  for (size_t k = 0; k < sizeof cases/sizeof *cases; k++) {
    use_file(params.broker.cert_file, cases[k].cert);
    use_file(params.broker.key_file, cases[k].key);
    check(cases[k].code, cases[k].reason);
  }
  params.broker.cert_file[0] = params.broker.key_file[0] = 0;
  stand_in_end(broker.pid);
}

// A whole movement, last wills and all; the robot is at a port of its own, without TLS.
static void check_movement(void) {
  struct jointpath p;
  char plain[100];
  const struct broker inside = { .port = broker_free_port() };
  snprintf(plain, sizeof plain, "allow_anonymous true\nlistener %d 127.0.0.1\n", inside.port);
  start("good", plain);
  broker_wait(inside.port);
  use_file(params.broker.ca_file, "ca.pem");
  alone = false;
  const pid_t robot = robot_start(&folder, &inside, &(struct manners){ 0 });
  const int rc = armlink_perform(&p, &params, &commanded);
  CHECK(rc == 0 && p.n == N, "%s", err_message());
  robot_dismiss(robot, &inside);
  read_heard();
  CHECK(!strcmp(heard, "1 3 5 8 11 "), "heard %s", heard);
  jointpath_release(&p);
  stand_in_end(broker.pid);
  alone = true;
}

static int lowest_descriptor(void) {
  const int fd = dup(STDERR_FILENO);
  close(fd);
  return fd;
}

// Nothing is sent in clear where TLS was meant.
static void check_files(void) {
  char *const files[] = { params.broker.ca_file, params.broker.cert_file, params.broker.key_file };
  params.broker.tls = 0;
  params.broker.port = 1;
  memset(files[0], 0, PARAM_TEXT_SIZE);
  for (int k = 0; k < 3; k++) {
    use_file(files[k], "ca.pem");
    check(ERR_SETTING, "ca.pem: needs link.tls=yes");
    files[k][0] = 0;
  }
  params.broker.tls = 1;
  use_file(params.broker.ca_file, "nowhere.pem");
  check(ERR_SETTING, "nowhere.pem: cannot be read: No such file");
  const int before = lowest_descriptor();
  folder_write(&folder, "empty.pem", "", 0);
  use_file(params.broker.ca_file, "empty.pem");
  check(ERR_SETTING, "empty.pem: cannot be read: no text");
  snprintf(params.broker.ca_file, PARAM_TEXT_SIZE, "%s", folder.path);
  check(ERR_SETTING, ": cannot be read: Is a directory");
  CHECK(lowest_descriptor() == before, "a file is still open");
  params.broker.ca_file[0] = 0;
  params.broker.tls = 0;
}

static void check_passwords(void) {
  char line[1300];
  snprintf(line, sizeof line, "mosquitto_passwd -c -b %s arm secret 2>/dev/null", folder_path(&folder, "users"));
  if (system(line) != 0) {
    printf("SKIP user and password: mosquitto_passwd is absent\n");
    return;
  }
  snprintf(line, sizeof line, "allow_anonymous false\npassword_file %s\n", folder_path(&folder, "users"));
  start("", line);
  strcpy(params.broker.host, "127.0.0.1");
  check(ERR_IO, "the MQTT broker refuses: Connection Refused: not authorised");
  strcpy(params.broker.user, "arm");
  strcpy(params.broker.password, "secret2");
  check(ERR_IO, "the MQTT broker refuses: Connection Refused: not authorised");
  strcpy(params.broker.password, "secret");
  check(ERR_IO, let_in);
  params.broker.user[0] = 0;
  check(ERR_SETTING, "link.user is missing");
  stand_in_end(broker.pid);
}

int main(void) {
  if (!fixture_possible()) return 77;
  fixture_start();
  alone = true;
  check_passwords();
  params.broker.password[0] = 0;
  strcpy(params.broker.host, "localhost");
  params.broker.tls = 1;
  if (make_certificates()) {
    check_broker_certificates();
    check_client_certificates();
    check_movement();
    check_files();
  } else {
    printf("SKIP TLS: openssl is absent\n");
  }
  return fixture_end();
}

#else

int main(void) {
  printf("SKIP built without libmosquitto\n");
  return 77;
}

#endif
