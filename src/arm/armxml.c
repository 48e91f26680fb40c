#include "arm/armxml.h"

#include <stdio.h>
#include <stdlib.h>

#include "arm/jointpath.h"
#include "arm/kinematics.h"

static const double turret_m = 0.17, elbow_m = -0.098, pedestal_m = 0.75;

static const char look[] =
  "<visual>\n"
  "  <headlight ambient='.30 .30 .32' diffuse='.22 .22 .22' specular='.05 .05 .05'/>\n"
  "  <quality shadowsize='2048' offsamples='4'/>\n"
  "  <map znear='.02' zfar='40' haze='.45' shadowclip='1.2'/>\n"
  "  <rgba haze='.93 .94 .96 1'/>\n"
  "</visual>\n"
  "<asset>\n"
  "  <texture name='sky' type='skybox' builtin='gradient' rgb1='.97 .98 .99' rgb2='.80 .84 .90' width='256' "
  "height='256'/>\n"
  "  <texture name='tiles' type='2d' builtin='checker' rgb1='.92 .93 .94' rgb2='.85 .87 .89' width='256' "
  "height='256'/>\n"
  "  <material name='floor' texture='tiles' texrepeat='2 2' texuniform='true' reflectance='0' specular='0'/>\n"
  "  <material name='stone' rgba='.60 .62 .66 1' specular='.1'/>\n"
  "  <material name='body' rgba='.91 .90 .87 1' specular='.5' shininess='.6'/>\n"
  "  <material name='joint' rgba='.20 .22 .26 1' specular='.6' shininess='.7'/>\n"
  "  <material name='accent' rgba='.86 .33 .12 1' specular='.5' shininess='.6'/>\n"
  "</asset>\n"
  "<default>\n"
  "  <joint damping='2' armature='0.5'/>\n"
  "  <geom contype='0' conaffinity='0' mass='0' material='body'/>\n"
  "</default>\n";

static void write_ground(FILE *f) {
  fprintf(f, "<light directional='true' pos='.6 -.8 2' dir='-.4 .5 -1' diffuse='.48 .47 .45' specular='.25 .25 .25'/>\n"
             "<light directional='true' pos='-1 1 2' dir='.6 -.4 -.7' diffuse='.16 .17 .20' castshadow='false'/>\n");
  fprintf(f, "<geom type='plane' size='12 12 .1' pos='0 0 %g' material='floor'/>\n", -pedestal_m);
  fprintf(f, "<geom type='cylinder' size='.13 %g' pos='0 0 %g' material='stone'/>\n", pedestal_m/2, -pedestal_m/2);
  fprintf(f, "<geom type='cylinder' size='.24 .015' pos='0 0 %g' material='stone'/>\n", 0.015 - pedestal_m);
  fprintf(f, "<geom type='cylinder' size='.16 .012' pos='0 0 -.012' material='joint'/>\n");
  fprintf(f, "<geom type='cylinder' size='.12 %g' pos='0 0 %g'/>\n", turret_m/2, turret_m/2);
}

// Turret and upper arm; each link has one geom that carries its mass (ARM: 3.6, 9.8, 5.5, 2.2 kg).
static void write_upper(FILE *f, const struct kinematics *k) {
  const double up = k->d1 - turret_m;
  fprintf(f, "<body name='turret' pos='0 0 %.17g'><joint name='base' axis='0 0 -1'/>\n", turret_m);
  fprintf(f, "<geom type='cylinder' size='.115 .02' pos='0 0 .02' material='joint'/>\n");
  fprintf(f, "<geom type='box' size='.075 .045 %g' pos='%g .02 %g' mass='3.6'/>\n", up/2, k->a1/2, up/2);
  fprintf(f, "<geom type='cylinder' size='.075 .068' pos='%g 0 %g' zaxis='0 1 0'/>\n", k->a1, up);
  fprintf(f, "<body name='upper' pos='%.17g 0 %.17g'><joint name='shoulder' axis='0 -1 0'/>\n", k->a1, up);
  fprintf(f, "<geom type='cylinder' size='.058 .012' pos='0 -.08 0' zaxis='0 1 0' material='joint'/>\n");
  fprintf(f, "<geom type='capsule' size='.046' fromto='0 -.062 0 %g -.062 0' mass='9.8'/>\n", k->a2);
  fprintf(f, "<geom type='box' size='%g .008 .02' pos='%g -.108 0' material='accent'/>\n", 0.3*k->a2, 0.5*k->a2);
}

static void write_fore(FILE *f, const struct kinematics *k) {
  const double wrist_m = k->d - elbow_m;
  fprintf(f, "<body name='fore' pos='%.17g %.17g 0'><joint name='elbow' axis='0 -1 0'/>\n", k->a2, elbow_m);
  fprintf(f, "<geom type='cylinder' size='.052 .07' pos='0 .045 0' zaxis='0 1 0' material='joint'/>\n");
  fprintf(f, "<geom type='capsule' size='.037' fromto='0 %g 0 %g %g 0' mass='5.5'/>\n", 0.6*wrist_m, k->a3, wrist_m);
  fprintf(f, "<body name='hand' pos='%.17g %.17g 0'><joint name='wrist' axis='0 1 0'/>\n", k->a3, wrist_m);
  fprintf(f, "<geom type='cylinder' size='.042 .045' zaxis='0 1 0' material='joint'/>\n");
  fprintf(f, "<geom type='capsule' size='.026' fromto='0 0 0 %g 0 0' mass='2.2'/>\n", 0.62*k->a4);
  fprintf(f, "<geom type='box' size='.016 .045 .018' pos='%g 0 0' material='joint'/>\n", 0.72*k->a4);
  for (int side = -1; side <= 1; side += 2)
    fprintf(f, "<geom type='box' size='%g .006 .012' pos='%g %g 0' material='joint'/>\n", 0.13*k->a4, 0.86*k->a4,
            side*0.032);
  fprintf(f, "<geom type='sphere' size='.009' pos='%g 0 0' material='accent'/>\n", k->a4);
  fprintf(f, "<site name='tip' pos='%.17g 0 0' size='.001' rgba='0 0 0 0'/>\n</body></body></body></body>\n", k->a4);
}

char *armxml_text(const struct kinematics *k, double gravity_m_s2, double step_s, double gain, int W, int H) {
  char *text;
  size_t size;
  FILE *f = open_memstream(&text, &size);
  if (!f) abort();
  fprintf(f, "<mujoco model='ED-Scorbot'>\n<compiler angle='radian'/>\n");
  fprintf(f, "<option timestep='%.17g' integrator='implicit' gravity='0 0 %.17g'/>\n", step_s, -gravity_m_s2);
  fprintf(f, "<visual><global offwidth='%d' offheight='%d'/></visual>\n%s<worldbody>\n", W, H, look);
  write_ground(f);
  write_upper(f, k);
  write_fore(f, k);
  fprintf(f, "</worldbody>\n<actuator>\n");
  for (int j = 0; j < JOINTPATH_JOINTS; j++)
    fprintf(f, "<velocity joint='%s' kv='%.17g'/>\n", jointpath_joint_names[j], gain);
  fprintf(f, "</actuator>\n</mujoco>\n");
  if (fclose(f) != 0) abort();
  return text;
}
