"""What the package refuses, with the library's line; how objects end; and where the library is looked for."""
import gc
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from conftest import MODELS, SOURCE

import metaxbar as mx
from metaxbar import _library

BUILTIN = MODELS / "builtin-5w5s.safetensors"


def chip():
    c = mx.Chip("chip.preset=hermes")
    c.add("w", 4, 3)
    c.build()
    return c


def test_every_function_is_declared():
    header = (SOURCE / "include" / "metaxbar.h").read_text()
    declared = dict(re.findall(r"^MX_API [^;]*?\b(mx_\w+)\(([^;]*?)\);", header, re.M))
    assert set(declared) == set(_library.FUNCTIONS)
    for name, arguments in declared.items():
        n = 0 if arguments == "void" else arguments.count(",") + 1
        assert n == len(_library.FUNCTIONS[name][1]), name


def test_codes():
    with pytest.raises(mx.ArgumentError, match="colour") as caught:
        mx.Chip("chip.colour=red")
    assert isinstance(caught.value, (mx.Error, ValueError)) and caught.value.code == -3
    with pytest.raises(mx.FileError, match="^/nowhere"):
        mx.FewShot("/nowhere")
    with pytest.raises(OSError, match="/nowhere"):
        mx.Arm("/nowhere")
    with pytest.raises(mx.FormatError):
        mx.FewShot(SOURCE / "README.md")
    with pytest.raises(mx.DivergedError, match="value 5 is nan"):
        chip().program("w", [[0, 0, 0], [0, 0, np.nan], [0, 0, 0], [0, 0, 0]])


def test_shapes():
    with chip() as c:
        c.program("w", np.ones((4, 3)))
        c.calibrate("w")
        assert c.product("w", np.zeros(4)).shape == (3,)
        assert c.product("w", np.zeros((2, 4), order="F")).shape == (2, 3)
        for bad in (np.zeros((2, 3)), np.zeros((0, 4)), np.zeros((1, 2, 4)), [["a", "b", "c", "d"]]):
            with pytest.raises(mx.ArgumentError):
                c.product("w", bad)
        for bad in ("v", 1, -1, 2**32, 0.5):
            with pytest.raises(mx.ArgumentError):
                c.weights(bad)
        with pytest.raises(mx.ArgumentError, match=r"shape \(3, 4\)"):
            c.program("w", np.ones((3, 4)))
    with pytest.raises(mx.ArgumentError, match="seed"):
        mx.Chip(seed=2**64)
    with pytest.raises(mx.ArgumentError, match="character 0"):
        mx.Chip("chip.preset=hermes\0x")
    with pytest.raises(mx.ArgumentError):
        mx.Chip().add("w", 2**32 + 4, 3)
    with mx.Arm(MODELS / "arm.safetensors") as arm:
        with pytest.raises(mx.ArgumentError):
            arm.learn(np.zeros((arm.steps - 1, 2)))
        with pytest.raises(mx.ArgumentError):
            arm.begin = [0, 0, 0]
    with pytest.raises(mx.ArgumentError, match="shape"):
        mx.drive(np.zeros((5, 3)))
    with pytest.raises(mx.ArgumentError, match="colour") as caught:
        mx.drive(np.zeros((5, 2)), "arm.colour=red")
    assert len(caught.value.driven.performed) == 0


def test_images():
    with mx.FewShot(BUILTIN, "data.classes=20") as m:
        S = m.image_size
        with pytest.raises(mx.ArgumentError, match="mx_fewshot_deploy"):
            m.adapt(np.zeros((2, S, S)), [0, 1])
        m.deploy()
        for shape in ((2, S, S - 1), (2, S, S, 3), (S, S), (0, S, S)):
            with pytest.raises(mx.ArgumentError):
                m.adapt(np.zeros(shape), [0, 1][:shape[0]])
        for labels in ([0], [0, 2**32], [0, 0.5], [0, 5], [[0, 1]]):
            with pytest.raises(mx.ArgumentError):
                m.adapt(np.zeros((2, S, S)), labels)
        for shape in ((4, 4, 4), (4,), (0, 4), (4, 4, 3)):
            with pytest.raises(mx.ArgumentError):
                m.image(np.zeros(shape, np.uint8))
        with pytest.raises(mx.ArgumentError, match="float64"):
            m.image(np.zeros((4, 4)))


def test_no_copies():
    x = np.zeros((2, 4), np.float32)
    assert _library.array("x", x, np.float32, None, 4) is x


def test_ends():
    c = chip()
    c.close()
    c.close()
    with pytest.raises(mx.ArgumentError, match="closed"):
        c.build()
    freed = []
    c = chip()
    c.close = lambda: freed.append(1)
    del c
    gc.collect()
    assert freed == [1]


def test_threads():
    """A chip that several threads use at once, and one that is closed meanwhile."""
    c, failures = chip(), []
    c.program("w", np.ones((4, 3)))

    def work():
        try:
            for _ in range(50):
                c.product("w", np.ones((8, 4), np.float32))
        except mx.ArgumentError as error:
            failures.append(str(error))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    c.close()
    for thread in threads:
        thread.join()
    assert all("closed" in failure for failure in failures)


def python(code, **environment):
    kept = {k: v for k, v in os.environ.items() if k != "METAXBAR_LIBRARY"}
    return subprocess.run([sys.executable, "-c", code], env={**kept, **environment}, capture_output=True, text=True,
                          cwd="/")  # -c looks in the current folder first


def test_library_is_found(tmp_path):
    package = Path(mx.__file__).parent
    shutil.copytree(package, tmp_path / "metaxbar")
    show = "import metaxbar; print(metaxbar.LIBRARY)"
    absent = python(show, PYTHONPATH=str(tmp_path), METAXBAR_LIBRARY="/nowhere.so")
    assert "ImportError: metaxbar: cannot load" in absent.stderr and "/nowhere.so" in absent.stderr
    empty = python(show, PYTHONPATH=str(tmp_path), LD_LIBRARY_PATH="/nowhere")
    assert empty.returncode == 0 or str(tmp_path / "metaxbar" / _library.NAME) + ": not there" in empty.stderr
    wrong = python(show, PYTHONPATH=str(tmp_path), METAXBAR_LIBRARY="libm.so.6")
    assert "ImportError: metaxbar: libm.so.6 has no mx_version" in wrong.stderr
    beside = tmp_path / "metaxbar" / _library.NAME
    beside.symlink_to(Path(mx.LIBRARY).resolve())
    assert python(show, PYTHONPATH=str(tmp_path)).stdout.strip() == str(beside)


def test_versions():
    assert mx.__version__ == mx.library_version()
