// offscreen.h - an OpenGL context without window or display (EGL on a surfaceless platform, in software where
// there is no graphics card). The one door to EGL; METAXBAR_EGL=0 leaves it out.
#ifndef ARM_OFFSCREEN_H
#define ARM_OFFSCREEN_H

struct offscreen;

// Make a context and make it current on this thread.
int offscreen_new(struct offscreen **o);
void offscreen_free(struct offscreen *o);

#endif
