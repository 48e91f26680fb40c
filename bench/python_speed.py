"""What Python costs: the import of the package, and a product of the chip from Python against the same from C.

    METAXBAR_LIBRARY=build/libmetaxbar.so PYTHONPATH=python python3 bench/python_speed.py build/python_calls

The product is that of 256 vectors with a matrix (256, 256). Products from C and Python are timed in turn. All times are
medians of processor time, since other work of the machine delays the rest.
"""
import statistics
import subprocess
import sys
import time

import numpy as np

SIDE, PRODUCTS, IMPORTS = 256, 101, 15


def import_s():
    """Of the package and of NumPy alone, each in a new interpreter."""
    def of(module):
        code = f"import time; t = time.process_time(); import {module}; print(time.process_time() - t)"
        return float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)
    times = [(of("metaxbar"), of("numpy")) for _ in range(IMPORTS)]
    return [statistics.median(t) for t in zip(*times)]


def product_s(calls):
    """From Python and from C."""
    import metaxbar
    random = np.random.default_rng(1)
    w, x = (random.uniform(-1, 1, (SIDE, SIDE)).astype(np.float32) for _ in range(2))
    times = []
    with metaxbar.Chip("chip.preset=hermes", seed=1) as chip, \
            subprocess.Popen([calls, "--time"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as c:
        chip.add("w", SIDE, SIDE)
        chip.build()
        chip.program("w", w)
        chip.calibrate("w", x)
        for _ in range(PRODUCTS):
            begin = time.process_time()
            chip.product("w", x)
            python = time.process_time() - begin
            c.stdin.write("\n")
            c.stdin.flush()
            times.append((python, float(c.stdout.readline())))
    return [statistics.median(t) for t in zip(*times)]


def main():
    package, numpy = import_s()
    print(f"import metaxbar   {1e3 * package:6.1f} ms, and at the first array NumPy {1e3 * numpy:.1f} ms")
    python, c = product_s(sys.argv[1])
    print(f"product of chip   {1e3 * python:6.2f} ms from Python, {1e3 * c:.2f} ms from C: {python / c:.3f} times")


if __name__ == "__main__":
    main()
