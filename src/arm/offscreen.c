#include "arm/offscreen.h"

#include <stdlib.h>

#include "base/err.h"

#if METAXBAR_EGL
#include <EGL/egl.h>
#include <EGL/eglext.h>

struct offscreen {
  EGLDisplay display;
  EGLContext context;
};

static int make_current(struct offscreen *o) {
  static const EGLint attributes[] = { EGL_SURFACE_TYPE, EGL_PBUFFER_BIT, EGL_RENDERABLE_TYPE, EGL_OPENGL_BIT,
                                       EGL_NONE };
  EGLConfig config = NULL;
  EGLint n = 0;
  o->display = eglGetPlatformDisplay(EGL_PLATFORM_SURFACELESS_MESA, EGL_DEFAULT_DISPLAY, NULL);
  if (o->display == EGL_NO_DISPLAY || !eglInitialize(o->display, NULL, NULL)) return -1;
  if (!eglChooseConfig(o->display, attributes, &config, 1, &n) || n < 1 || !eglBindAPI(EGL_OPENGL_API)) return -1;
  o->context = eglCreateContext(o->display, config, EGL_NO_CONTEXT, NULL);
  if (o->context == EGL_NO_CONTEXT) return -1;
  return eglMakeCurrent(o->display, EGL_NO_SURFACE, EGL_NO_SURFACE, o->context) ? 0 : -1;
}

int offscreen_new(struct offscreen **o) {
  *o = err_calloc(1, sizeof **o);
  if (make_current(*o) == 0) return 0;
  const int code = (int)eglGetError();
  offscreen_free(*o);
  *o = NULL;
  return err_set(ERR_IO,
                 "cannot draw: no OpenGL without a display here (EGL error 0x%x; packages libegl1, libgl1-mesa-dri)",
                 (unsigned)code);
}

void offscreen_free(struct offscreen *o) {
  if (!o) return;
  if (o->display != EGL_NO_DISPLAY) {
    eglMakeCurrent(o->display, EGL_NO_SURFACE, EGL_NO_SURFACE, EGL_NO_CONTEXT);
    if (o->context != EGL_NO_CONTEXT) eglDestroyContext(o->display, o->context);
    eglTerminate(o->display);
    eglReleaseThread();
  }
  free(o);
}

#else

int offscreen_new(struct offscreen **o) {
  *o = NULL;
  return err_set(ERR_SETTING, "cannot draw: this program was built without EGL (package libegl-dev)");
}

void offscreen_free(struct offscreen *o) { (void)o; }

#endif
