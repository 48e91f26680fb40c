#!/usr/bin/env python3
"""made_up_data.py FOLDER: data in the places and formats that the documents name, for test_commands.sh.

DIR: the two archives of Omniglot. data/cifar100: CIFAR-100 as its archive unpacks. cifar-fs-{train,val,test}.zip:
CIFAR100-FS as images. Numbers and names of classes and images are those of the data sets where the program demands
them, the images are random.
"""
import os
import random
import re
import struct
import sys
import zipfile
import zlib

os.makedirs(sys.argv[1] + "/DIR")
os.makedirs(sys.argv[1] + "/data/cifar100")
draw = random.Random(1)


def png(rows, side, depth, kind):
    """PNG of rows of bytes, of `depth` bits a value; kind 0: grey, 2: in colours."""
    def part(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    head = struct.pack(">IIBBBBB", side, side, depth, kind, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows), 1)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", pixels) + part(b"IEND", b"")


def strokes(side=105):
    """Four black strokes on white, one bit a pixel."""
    rows = [(1 << 112) - 1] * side
    for _ in range(4):
        (a, b), (c, d) = [[draw.randrange(15, side - 15) for _ in range(2)] for _ in range(2)]
        for k in range(201):
            x, y = a + (c - a) * k // 200, b + (d - b) * k // 200
            for row in range(y - 2, y + 3):
                rows[row] &= ~(31 << x)
    return [row.to_bytes(14, "big") for row in rows]


# Omniglot: some hundred drawings serve for all
drawings = [png(strokes(), 105, 1, 0) for _ in range(401)]
for part, first, alphabets, characters in ("images_background", 0, 30, 964), ("images_evaluation", 30, 20, 659):
    with zipfile.ZipFile(f"{sys.argv[1]}/DIR/{part}.zip", "w") as archive:
        for c in range(characters):
            folder = f"{part}/Alphabet{first + c % alphabets}/character{c // alphabets + 1:02}"
            for d in range(20):
                archive.writestr(f"{folder}/{c:04}_{d + 1:02}.png", drawings[(c * 7 + d) % len(drawings)])

# CIFAR-100: 20 images of each class for training, 100 for test
source = open(os.path.join(os.path.dirname(__file__), "../src/data/cifar.c")).read()
parts = re.search(r"cifar_parts.*?\};", source, re.S)[0].split("DATASET_")[2:]
parts = [" ".join(re.findall(r'"([a-z_ ]+)"', part)).split() for part in parts]
names = sorted(sum(parts, []))
with open(f"{sys.argv[1]}/data/cifar100/fine_label_names.txt", "w") as out:
    out.write("\n".join(names) + "\n")
for file, each in ("train", 20), ("test", 100):
    with open(f"{sys.argv[1]}/data/cifar100/{file}.bin", "wb") as out:
        for k in range(each * len(names)):
            out.write(bytes([k % 20, k % len(names)]) + draw.randbytes(3 * 32 * 32))

# CIFAR100-FS
for part, classes in zip(("train", "val", "test"), parts):
    with zipfile.ZipFile(f"{sys.argv[1]}/cifar-fs-{part}.zip", "w") as archive:
        for name in classes:
            for k in range(10):
                archive.writestr(f"cifar-fs-{part}/{name}/{k}.png", png([draw.randbytes(3 * 32)] * 32, 32, 8, 2))
