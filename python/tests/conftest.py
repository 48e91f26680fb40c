"""Where the tests find the build: METAXBAR, METAXBAR_LIBRARY, METAXBAR_CALLS (python_calls) and METAXBAR_SOURCE."""
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

SOURCE = Path(os.environ.get("METAXBAR_SOURCE", Path(__file__).parents[2]))
MODELS = SOURCE / "models"


@pytest.fixture(scope="session")
def calls(tmp_path_factory):
    """What python_calls prints: the numbers of each name, in the order in which it has printed that name."""
    folder = tmp_path_factory.mktemp("calls")
    printed = subprocess.run([os.environ["METAXBAR_CALLS"], MODELS, folder], check=True, capture_output=True, text=True)
    found = {}
    for line in printed.stdout.splitlines():
        name, *numbers = line.split(" ")
        found.setdefault(name, []).append(np.array([float.fromhex(n) for n in numbers if n[-1] not in "pt"]))
    return found


def fill(seed, *shape):
    """The numbers in (-1, 1) of `fill` in calls.c."""
    x = np.empty(int(np.prod(shape)), np.float32)
    for i in range(x.size):
        seed = (seed * 1664525 + 1013904223) % 2**32
        x[i] = np.float32(seed) / np.float32(2147483648) - np.float32(1)
    return x.reshape(shape)
