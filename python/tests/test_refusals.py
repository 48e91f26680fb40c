"""What the package refuses, with the library's line; how objects end; and where the library is looked for."""
import errno
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
    with pytest.raises(mx.BusyError, match="busy") as caught:
        mx.Chip("""chip.driver=exec:sh -c 'read call; echo "{\\"error\\": \\"busy\\"}"'""")
    assert caught.value.code == -5


def test_types():
    """What is not of the type of a parameter: method, parameter and value are named."""
    with chip() as c, mx.Device("device.preset=hermes") as device, mx.Arm(MODELS / "arm.safetensors") as arm:
        calls = [(lambda: mx.Chip(None), "Chip: settings[0]=None"),
                 (lambda: mx.Chip("chip.phases=1", ["chip.preset=hermes"]), "Chip: settings[1]=['chip.preset=hermes']"),
                 (lambda: mx.Chip(seed=0.5), "Chip: seed=0.5"),
                 (lambda: mx.FewShot(3), "FewShot: path=3"),
                 (lambda: mx.FewShot(BUILTIN, 3), "FewShot: settings[0]=3"),
                 (lambda: mx.Arm(None), "Arm: path=None"),
                 (lambda: mx.Device(None), "Device: settings[0]=None"),
                 (lambda: mx.drive(np.zeros((5, 2)), 3), "drive: settings[0]=3"),
                 (lambda: c.add(5, 2, 3), "Chip.add: name=5"),
                 (lambda: c.weights(0.5), "Chip.weights: matrix=0.5"),
                 (lambda: c.advance("5"), "Chip.advance: time_s='5'"),
                 (lambda: c.advance(None), "Chip.advance: time_s=None"),
                 (lambda: c.number(5), "Chip.number: name=5"),
                 (lambda: c.devices("w", 5), "Chip.devices: what=5"),
                 (lambda: c.save(None), "Chip.save: path=None"),
                 (lambda: device.at(1, time_s="1"), "Device.at: time_s='1'"),
                 (lambda: arm.movement("1"), "Arm.movement: k='1'"),
                 (lambda: arm.path(5), "Arm.path: file=5"),
                 (lambda: mx.run(5), "run: command=5"),
                 (lambda: mx.run(["eval", 3]), "run: command: 3"),
                 (lambda: mx.run("--version", progress=5), "run: progress=5")]
        for call, text in calls:
            with pytest.raises(mx.ArgumentError) as caught:
                call()
            assert isinstance(caught.value, (TypeError, mx.Error)) and str(caught.value).startswith(text), caught.value
        c.program("w", np.ones((4, 3)))
        c.advance(np.float32(5))
        assert c.number("clock_s") == 5
        for call, text in [(lambda: c.weights("v"), "Chip.weights: matrix='v'"),
                           (lambda: c.weights(1), "Chip.weights: matrix=1"),
                           (lambda: mx.run("eval 'sine"), "run: command=\"eval 'sine\": No closing quotation"),
                           (lambda: mx.run(""), "run: command=''"),
                           (lambda: mx.run([]), "run: command=[]")]:
            with pytest.raises(mx.ArgumentError) as caught:
                call()
            assert str(caught.value).startswith(text) and not isinstance(caught.value, TypeError), caught.value


def test_files(tmp_path):
    """A FileError says which file and why, as any OSError does."""
    with pytest.raises(mx.FileError) as caught:
        mx.FewShot(tmp_path / "absent: a.safetensors")
    error = caught.value
    assert error.filename == str(tmp_path / "absent: a.safetensors") and error.errno == errno.ENOENT
    assert error.strerror == os.strerror(errno.ENOENT) and str(error) == f"{error.filename}: {error.strerror}"
    with pytest.raises(mx.FileError) as caught:
        mx.Chip(f"chip.table={tmp_path}/absent.ini")
    assert caught.value.filename == f"{tmp_path}/absent.ini" and caught.value.errno == errno.ENOENT
    (tmp_path / "folder.safetensors").mkdir()
    with chip() as c, pytest.raises(mx.FileError, match="folder") as caught:
        c.save(tmp_path / "folder.safetensors")
    assert caught.value.filename == str(tmp_path / "folder.safetensors")
    with chip() as c:
        for name in ("x.txt", "x", "x.npz.gz", "csv"):
            for refused in (c.save, c.load):
                with pytest.raises(mx.ArgumentError, match="must end in .safetensors, .npz or .csv"):
                    refused(tmp_path / name)
    assert not (tmp_path / "x.txt").exists()


def test_settings_without_effect():
    fewshot, arm = BUILTIN, MODELS / "arm.safetensors"
    for kind, model, settings in ((mx.FewShot, fewshot, "eval.tasks=3 learn.room=3 chip.time_s=3 synapse.bits=3"),
                                  (mx.Arm, arm, "eval.later_s=100 eval.trajectories=100 chip.time_s=3")):
        for setting in settings.split():
            with pytest.raises(mx.ArgumentError, match="effect") as caught:
                kind(model, setting)
            assert setting.split("=")[0] in str(caught.value)
    with pytest.raises(mx.ArgumentError, match="verify.gain=0.5: has an effect with chip.programming=verify"):
        mx.Chip("verify.gain=0.5")
    with pytest.raises(mx.ArgumentError, match="device.points.*effect"):
        mx.Device("device.points=3")


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
