"""Draw a folder of invented marks, a sub-folder of PNG images for each, with nothing but the standard library.

    python3 draw_marks.py FOLDER [CLASSES_PER_SET] [DRAWINGS]

A mark is three curved strokes. Every drawing moves their points a little, as a hand does. The numbers of marks and
drawings name the random streams, so the same command draws the same images.
"""
import os
import random
import struct
import sys
import zlib

SETS, SIDE, PEN = 3, 48, 1.6  # folders of classes; pixels of a side; half the width of a stroke, in pixels


def png(pixels):
    """A grey PNG file of SIDE x SIDE bytes."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + bytes(pixels[y * SIDE:(y + 1) * SIDE]) for y in range(SIDE))
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def stroke(pixels, a, b, c):
    """Darken the pixels near the curve from a to c that b bends."""
    for k in range(SIDE + 1):
        t = k / SIDE
        x, y = (SIDE * ((1 - t)**2 * a[i] + 2 * t * (1 - t) * b[i] + t**2 * c[i]) for i in (0, 1))
        for v in range(max(0, int(y) - 2), min(SIDE, int(y) + 4)):
            for u in range(max(0, int(x) - 2), min(SIDE, int(x) + 4)):
                distance = ((u - x)**2 + (v - y)**2)**0.5
                grey = 255 * min(1, max(0, distance - PEN))
                pixels[v * SIDE + u] = min(pixels[v * SIDE + u], round(grey))


def draw(mark, drawing):
    shape, hand = random.Random(f"mark {mark}"), random.Random(f"mark {mark}, drawing {drawing}")
    pixels = [255] * (SIDE * SIDE)
    for _ in range(3):
        points = [[shape.uniform(0.1, 0.9) + hand.uniform(-0.06, 0.06) for _ in "xy"] for _ in "abc"]
        stroke(pixels, *points)
    return png(pixels)


def main():
    if len(sys.argv) < 2:
        sys.exit("usage: draw_marks.py FOLDER [CLASSES_PER_SET] [DRAWINGS]")
    classes, drawings = (int(sys.argv[k]) if len(sys.argv) > k else n for k, n in ((2, 10), (3, 12)))
    for mark in range(SETS * classes):
        folder = os.path.join(sys.argv[1], f"set{mark // classes}", f"mark{mark % classes}")
        os.makedirs(folder, exist_ok=True)
        for drawing in range(drawings):
            with open(os.path.join(folder, f"{drawing:02d}.png"), "wb") as file:
                file.write(draw(mark, drawing))
    print(f"{SETS * classes} marks, {drawings} drawings each")


main()
