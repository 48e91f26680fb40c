#!/usr/bin/env python3
"""Write the paths of this folder that are longer than one movement: word.csv, pick_and_place.csv, figure_eight.csv.

    examples/paths/make_paths.py [FOLDER]

A "page" stands around the arm: base angle to the right, shoulder angle upward (rad).
Kinematics: R = a1 + a cos(shoulder), tip = (R cos base + d sin base, -R sin base + d cos base, d1 + a sin(shoulder)).
"""
import math
import sys

A1, A, D, D1 = 0.05, 0.87, -0.033, 0.3585  # m

# "arm" in one stroke, drawn by hand on squared paper; x to the right, y upward, small letters 1 high
WORD = [(0, 0), (0.35, 0.4), (0.75, 0.93), (0.42, 1.0), (0.1, 0.55), (0.2, 0.05), (0.5, 0.12), (0.8, 0.6), (0.88, 1.0),
        (0.85, 0.4), (1.0, 0.0), (1.3, 0.35), (1.55, 1.05), (1.7, 0.88), (1.95, 0.92), (1.97, 0.45), (2.1, 0.0),
        (2.4, 0.4), (2.6, 1.0), (2.6, 0.5), (2.58, 0.0), (2.75, 0.7), (2.97, 1.0), (3.1, 0.6), (3.08, 0.0), (3.25, 0.7),
        (3.47, 1.0), (3.6, 0.5), (3.68, 0.05), (3.9, 0.1), (4.1, 0.4)]


def smooth(x):  # minimum jerk from 0 to 1
    x = min(max(x, 0), 1)
    return x**3*(10 - x*(15 - 6*x))


def tip(base, shoulder):
    r = A1 + A*math.cos(shoulder)
    return (r*math.cos(base) + D*math.sin(base), -r*math.sin(base) + D*math.cos(base), D1 + A*math.sin(shoulder))


def spline(points, n=40):  # Catmull-Rom through the points
    p = [points[0]] + points + [points[-1]]
    curve = []
    for a, b, c, d in zip(p, p[1:], p[2:], p[3:]):
        for k in range(n):
            t = k/n
            curve.append([b[j] + t/2*(c[j] - a[j] + t*(2*a[j] - 5*b[j] + 4*c[j] - d[j] + t*(3*(b[j] - c[j]) + d[j] - a[j])))
                          for j in range(2)])
    return curve + [list(points[-1])]


def word(seconds=10, step=0.02):
    curve = [(0.3*x - 0.62, 0.35*y - 0.15) for x, y in spline(WORD)]
    clock = [0]  # hands write slowly where the line is curved: speed ~ curvature^(-1/3)
    for a, b, c in zip(curve[:1] + curve, curve, curve[1:]):
        length, ahead = math.dist(b, c), math.atan2(c[1] - b[1], c[0] - b[0])
        turn = abs(math.remainder(ahead - math.atan2(b[1] - a[1], b[0] - a[0]), math.tau)) if a != b else 0
        clock.append(clock[-1] + length*(turn/length + 3)**(1/3))
    n = round(seconds/step)
    pace = [smooth(k/n/0.05)*smooth((1 - k/n)/0.05) for k in range(n + 1)]  # from rest to rest
    at, done = 0, 0
    for k in range(n + 1):
        done += pace[k]
        now = clock[-1]*done/sum(pace)
        while at + 2 < len(clock) and clock[at + 1] < now:
            at += 1
        w = (now - clock[at])/(clock[at + 1] - clock[at])
        yield (k*step, *(curve[at][j] + w*(curve[at + 1][j] - curve[at][j]) for j in range(2)))


def pick_and_place(step=0.02):  # home, to the left and down, a rest, in an arc to the right, a rest, home
    moves = [(0.5, 1.5, (-0.8, -0.4)), (3.0, 2.0, (0.7, -0.4)), (6.0, 1.5, (0, 0))]  # begins at, takes (s), to
    base, shoulder = 0, 0
    for k in range(round(8/step) + 1):
        t, at, lift = k*step, (0, 0), 0
        for begins, takes, to in moves:
            x = (t - begins)/takes
            at = [at[j] + (to[j] - at[j])*smooth(x) for j in range(2)]
            lift += 0.3*smooth(2*x)*smooth(2 - 2*x) if begins == 3.0 else 0
        yield (t, *(1000*c for c in tip(at[0], at[1] + lift)))


def figure_eight(seconds=6, step=0.02):
    for k in range(round(seconds/step) + 1):
        phase = 2*math.pi*smooth(k*step/seconds)
        yield k*step, 25*math.sin(phase), 12*math.sin(2*phase)


PATHS = [('word', word, 'time_s,base_rad,shoulder_rad', 5,
          'the word arm in one stroke of 10 s, through points drawn by hand: joint angles'),
         ('pick_and_place', pick_and_place, 'time_s,x_mm,y_mm,z_mm', 3,
          'from home to the left, a rest, in an arc to the right, a rest, home, 8 s: the tip in mm'),
         ('figure_eight', figure_eight, 'time_s,base_deg,shoulder_deg', 4,
          'a figure of eight around home in 6 s, from rest to rest: joint angles in degrees')]

if __name__ == '__main__':
    folder = sys.argv[1] if len(sys.argv) > 1 else '.'
    for name, points, header, digits, about in PATHS:
        with open(f'{folder}/{name}.csv', 'w', encoding='ascii') as out:
            out.write(f'# {about}; written by make_paths.py\n{header}\n')
            for t, *q in points():
                out.write(f'{t:.2f},' + ','.join(f'{v:.{digits}f}' for v in q) + '\n')
