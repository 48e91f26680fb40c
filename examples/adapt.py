"""Teach a network five characters from five drawings each, from Python, with nothing but the standard library.

    h = features(image),  p = softmax(h W),  W <- W - alpha h^T (p - onehot)/n        four times

    python3 adapt.py [models/builtin-5w5s.safetensors] [synapse.kind=exact|quantised|chip]

METAXBAR_LIBRARY names the library where the system does not find it.
"""
import ctypes
import os
import sys

WAYS, SHOTS, QUERIES, INK = 5, 5, 5, 56

mx = ctypes.CDLL(os.environ.get("METAXBAR_LIBRARY", "libmetaxbar.so.0"))
mx.mx_last_error.restype = ctypes.c_char_p
mx.mx_version.restype = ctypes.c_char_p


def check(code):
    if code < 0:
        sys.exit("adapt.py: " + mx.mx_last_error().decode())
    return code


def settings(*texts):
    return (ctypes.c_char_p * (len(texts) + 1))(*[text.encode() for text in texts], None)


class Classifier:
    def __init__(self, path, *texts, seed=1):
        self.model = ctypes.c_void_p()
        check(mx.mx_fewshot_load(ctypes.byref(self.model), path.encode(), settings(*texts)))
        check(mx.mx_fewshot_deploy(self.model, ctypes.c_uint64(seed)))
        self.size = check(mx.mx_fewshot_image_size(self.model))

    def __del__(self):
        mx.mx_fewshot_free(self.model)

    def draw(self, characters, drawings):
        """Images of invented characters, class by class, and their labels."""
        chosen = [(label, c, d) for label, c in enumerate(characters) for d in drawings]
        images = (ctypes.c_float * (len(chosen) * self.size**2))()
        ink = (ctypes.c_ubyte * INK**2)()
        for k, (_, character, drawing) in enumerate(chosen):
            image = ctypes.byref(images, 4 * k * self.size**2)
            check(mx.mx_character(ink, INK, ctypes.c_uint64(7), character, drawing))
            check(mx.mx_fewshot_image(self.model, image, ink, INK, INK))
        return images, [label for label, _, _ in chosen]

    def adapt(self, images, labels):
        check(mx.mx_fewshot_adapt(self.model, images, (ctypes.c_int * len(labels))(*labels), len(labels)))

    def classify(self, images):
        n = len(images) // self.size**2
        labels = (ctypes.c_int * n)()
        check(mx.mx_fewshot_classify(self.model, labels, None, images, n))
        return list(labels)


def main():
    path = sys.argv[1] if len(sys.argv) > 1 else "models/builtin-5w5s.safetensors"
    kind = sys.argv[2] if len(sys.argv) > 2 else "synapse.kind=exact"
    classifier = Classifier(path, kind)
    print("metaxbar", mx.mx_version().decode(), kind)
    right = total = 0
    for task in range(4):
        characters = range(1000 + WAYS * task, 1000 + WAYS * (task + 1))
        classifier.adapt(*classifier.draw(characters, range(SHOTS)))
        images, expected = classifier.draw(characters, range(SHOTS, SHOTS + QUERIES))
        correct = sum(a == b for a, b in zip(classifier.classify(images), expected))
        print(f"task {task + 1}: {correct} of {len(expected)} right")
        right, total = right + correct, total + len(expected)
    print(f"{right} of {total}; chance is {total // WAYS}")
    sys.exit(0 if right >= 0.9 * total else 1)  # the check


main()
