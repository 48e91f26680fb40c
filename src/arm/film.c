#include "arm/film.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "arm/jointpath.h"
#include "arm/kinematics.h"
#include "arm/physics.h"
#include "base/err.h"
#include "base/file.h"
#include "base/png.h"
#include "base/process.h"
#include "base/progress.h"
#include "base/signals.h"

enum { PNG_W = 1280, PNG_H = 960, FILM_W = 720, FILM_H = 540, RATE = 25, MOST_IMAGES = 250 };

// ---- ffmpeg, fed with raw images

// It never sees the name of the film: what it writes to its output becomes the file.
static int encoder_start(struct process *p, const char *form) {
  char size[32], rate[16];
  snprintf(size, sizeof size, "%dx%d", FILM_W, FILM_H);
  snprintf(rate, sizeof rate, "%d", RATE);
  const char *const mp4[] = { "-c:v", "libx264", "-pix_fmt", "yuv420p", "-crf", "20", "-movflags", "+faststart" };
  const char *const gif[] = { "-filter_complex", "fps=12.5,scale=480:-1:flags=lanczos,split[a][b];[a]palettegen=stats_"
                                                 "mode=full[p];[b][p]paletteuse=dither=bayer" };
  const char *args[40] = { "ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin", "-xerror",
                           "-y", "-f", "rawvideo", "-pix_fmt", "rgb24",    "-s",
                           size, "-r", rate, "-i", "pipe:0" };
  int n = 17;
  const int is_mp4 = !strcmp(form, "mp4");
  for (size_t k = 0; k < (is_mp4 ? sizeof mp4 : sizeof gif)/sizeof *mp4; k++) args[n++] = is_mp4 ? mp4[k] : gif[k];
  args[n++] = "-f";
  args[n++] = form;
  args[n++] = "file:/dev/stdout";  // not pipe:1, which cannot go back to the head of an .mp4
  return process_start(p, args, "ffmpeg");
}

// ---- pictures

static void lines_of(struct physics_line lines[2], const double *target, int n, const double *performed,
                     int n_performed) {
  lines[0] = (struct physics_line){ target, n, { 0.12f, 0.40f, 0.80f, 1 }, 0.006f };
  lines[1] = (struct physics_line){ performed, n_performed, { 0.95f, 0.40f, 0.06f, 1 }, 0.007f };
}

static int write_png(const char *path, struct physics_scene *s, const struct jointpath *p, const double *tips,
                     const double *target) {
  unsigned char *image = err_calloc((size_t)PNG_W*PNG_H, 3);
  struct physics_line lines[2];
  lines_of(lines, target, p->n, tips, p->n);
  int rc = physics_scene_draw(s, image, p->q + JOINTPATH_JOINTS*(p->n - 1), lines, 2);
  if (rc == 0) rc = png_rgb_write(path, image, PNG_H, PNG_W);
  free(image);
  return rc;
}

int film_every(int n) { return n > MOST_IMAGES ? (n + MOST_IMAGES - 1)/MOST_IMAGES : 1; }

static int put_images(FILE *encoder, struct physics_scene *s, const struct jointpath *p, const double *tips,
                      const double *target) {
  unsigned char *image = err_calloc((size_t)FILM_W*FILM_H, 3);
  struct progress bar;
  const int every = film_every(p->n);
  int rc = 0;
  progress_start(&bar, "film", p->n, 0);
  for (int i = 0; i < p->n + every - 1 && rc == 0; i += every) {
    const int k = i < p->n ? i : p->n - 1;
    struct physics_line lines[2];
    lines_of(lines, target, p->n, tips, k + 1);
    rc = physics_scene_draw(s, image, p->q + JOINTPATH_JOINTS*k, lines, 2);
    if (rc == 0) fwrite(image, 3, (size_t)FILM_W*FILM_H, encoder);
    if (rc == 0 && signals_caught()) rc = err_set(ERR_INTERRUPTED, "film stopped by a signal; nothing is written");
    progress_update(&bar, k + 1, NULL);
  }
  progress_finish(&bar);
  free(image);
  return rc;
}

static int write_film(const char *path, const char *form, struct physics_scene *s, const struct jointpath *p,
                      const double *tips, const double *target) {
  struct file_out out;
  struct process encoder;
  TRY(file_out_open(&out, path));
  int rc = encoder_start(&encoder, form);
  if (rc == 0) {
    rc = put_images(encoder.in, s, p, tips, target);
    if (rc < 0) process_stop(&encoder);
    else rc = process_finish(&encoder, out.stream);
  }
  if (rc == 0) return file_out_commit(&out);
  file_out_abort(&out);
  return err_set(rc, "%s: %s", path, err_message());
}

static const char *form_of(const char *path) {
  static const char *const forms[] = { "png", "mp4", "gif" };
  const char *dot = strrchr(path, '.');
  for (int k = 0; dot && k < 3; k++)
    if (!strcasecmp(dot + 1, forms[k])) return forms[k];
  return NULL;
}

static int encoder_check(void) {
  static const char *const args[] = { "ffmpeg", "-version", NULL };
  struct process p;
  TRY(process_start(&p, args, "ffmpeg"));
  return process_finish(&p, NULL);
}

int film_check(const char *path) {
  if (!form_of(path)) return err_set(ERR_SETTING, "%s: a picture or film is .png, .mp4 or .gif", path);
  if (!physics_available())
    return err_set(ERR_SETTING, "%s: this program was built without MuJoCo (package libmujoco-dev), which draws", path);
  if (strcmp(form_of(path), "png") && encoder_check() < 0) return err_set(ERR_IO, "%s: %s", path, err_message());
  return 0;
}

int film_write(const char *path, const struct kinematics *k, const struct jointpath *performed, const double *target) {
  TRY(film_check(path));
  const char *form = form_of(path);
  const int png = !strcmp(form, "png");
  struct physics_scene *s;
  TRY(physics_scene_new(&s, k, png ? PNG_W : FILM_W, png ? PNG_H : FILM_H));
  double *tips = err_calloc((size_t)performed->n, 3*sizeof *tips);
  jointpath_tips(tips, performed, k);
  signals_watch();
  const int rc = png ? write_png(path, s, performed, tips, target) : write_film(path, form, s, performed, tips, target);
  signals_unwatch();
  free(tips);
  physics_scene_free(s);
  return rc;
}
