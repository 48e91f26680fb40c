// film.h - a picture or film of the arm performing a path: .png shows its end, .mp4 and .gif all of it, an image
// for each set-point, or of long paths for every second, third, ..., through ffmpeg. Needs MuJoCo and EGL
// (arm/physics.h, arm/offscreen.h), no display.
#ifndef ARM_FILM_H
#define ARM_FILM_H

struct jointpath;
struct kinematics;

// ERR_SETTING unless the file's name ends in .png, .mp4 or .gif and this program can draw; ERR_IO without ffmpeg for a
// film.
int film_check(const char *path);

// Set-points from one image of a film to the next: a film has at most 250 images, and one more of the end.
int film_every(int n_setpoints);

// performed: the joints; target (n, 3) m: where the tip should have been at the same points.
int film_write(const char *path, const struct kinematics *k, const struct jointpath *performed, const double *target);

#endif
