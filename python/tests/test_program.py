"""Beside the command line program: the same results, to the bit; and run()."""
import errno
import json
import os
import signal
import struct
import threading
import zlib

import numpy as np
import pytest
from conftest import MODELS

import metaxbar as mx


def write_png(path, grey):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    height, width = grey.shape
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)) +
                     chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row.tobytes() for row in grey))) +
                     chunk(b"IEND", b""))


def test_movement():
    result = json.loads(mx.run("eval arm --json", "--model", str(MODELS / "arm.safetensors"), "eval.trajectories=1"))
    with mx.Arm(MODELS / "arm.safetensors") as arm:
        target = arm.movement(0)
        arm.learn(target)
        performed = [arm.perform(0), arm.perform(1)]
        for omega, expected in zip(performed, (result["before"], result)):
            rmse = np.sqrt(np.mean((omega - target)**2, axis=0))
            assert rmse.tolist() == pytest.approx([mean for mean, _ in expected["omega_rmse_rad_s"]], rel=1e-12)
            off = np.sum((arm.tips(omega) - arm.tips(target))**2, axis=1)
            assert 100 * np.sqrt(np.mean(off)) == pytest.approx(expected["rms_distance_cm"]["mean"], rel=1e-12)


def test_device():
    rows = json.loads(mx.run("device --json device.preset=hermes device.points=3"))["rows"]
    with mx.Device("device.preset=hermes") as device:
        at = device.at([row["g_target_uS"] for row in rows])
        day = device.at([row["g_target_uS"] for row in rows], device.number("t0_s") + 86400)
    assert at.programming_sigma_uS.tolist() == [row["sigma_prog_uS"] for row in rows]
    assert at.drift_mean.tolist() == [row["drift_mean"] for row in rows]
    assert at.drift_spread.tolist() == [row["drift_std"] for row in rows]
    assert at.read_sigma_uS.tolist() == [row["sigma_read_t0_uS"] for row in rows]
    assert day.read_sigma_uS.tolist() == [row["sigma_read_1day_uS"] for row in rows]


def test_pictures(tmp_path):
    model = str(MODELS / "builtin-5w5s.safetensors")
    for c in range(3):
        for d in range(4):
            write_png(tmp_path / "marks" / f"class{c}" / f"{d}.png", 255 - mx.character(50, 3, c, d))
    ink = mx.character(50, 3, 1, 9)
    write_png(tmp_path / "one.png", 255 - ink)
    mx.run(["learn", "--model", model, "--support", str(tmp_path / "marks"), "--out", str(tmp_path / "learned")])
    answer = json.loads(mx.run("classify --json --model", model, "--state", str(tmp_path / "learned"),
                               str(tmp_path / "one.png")))["pictures"][0]
    with mx.FewShot(model) as classifier:
        classifier.load_classes(tmp_path / "learned")
        assert classifier.ways == 3
        image = classifier.image(ink)[None]
        found = classifier.classify(image)
        distances, _ = classifier.distances(image)
    assert answer["probabilities"] == found.probabilities[0].tolist()
    assert answer["likeliest"] == f"class{found.labels[0]}"
    assert answer["distance"] == distances[0]


def test_failures():
    with pytest.raises(mx.ProgramError, match="^metaxbar train fewshot: .*colour") as caught:
        mx.run("train fewshot --run /nowhere data.colour=red", progress=None)
    assert caught.value.status == 1 or caught.value.status == 2
    for command, reason in (("nonsense", "^metaxbar: nonsense: no such command"), ("eval", "^metaxbar eval: words are"),
                            ("eval arm", "^metaxbar eval arm: --model FILE is missing")):
        with pytest.raises(mx.ProgramError, match=reason) as caught:
            mx.run(command, progress=None)
        assert caught.value.status == 2


def test_program_is_absent(monkeypatch):
    monkeypatch.setenv("METAXBAR", "/nowhere/metaxbar")
    with pytest.raises(mx.FileError, match="/nowhere/metaxbar") as caught:
        mx.run("--version")
    assert caught.value.filename == "/nowhere/metaxbar" and caught.value.errno == errno.ENOENT
    monkeypatch.delenv("METAXBAR")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(mx.FileError, match="METAXBAR=FILE"):
        mx.run("--version")


def test_progress(tmp_path):
    lines = []
    train = "train fewshot data.kind=builtin data.classes=60 train.tasks=2 train.iterations=2 --run"
    mx.run(train, str(tmp_path / "run"), progress=lines.append)
    assert any(line.startswith("train [") for line in lines)
    assert (tmp_path / "run" / "model.safetensors").exists()


def test_interrupt(tmp_path):
    """Ctrl-C in this process: the training writes its checkpoint, and KeyboardInterrupt comes after that."""
    run = tmp_path / "run"
    done = threading.Event()

    def interrupt():
        while not (run / "metrics.csv").exists() or len((run / "metrics.csv").read_text().splitlines()) < 2:
            if done.wait(0.02):
                return
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            mx.run("train fewshot data.kind=builtin data.classes=60 train.tasks=2 train.iterations=1000000 --run",
                   str(run), progress=None)
    finally:
        done.set()
        thread.join()
    assert (run / "checkpoint.safetensors").exists()


def test_callback_that_fails(tmp_path):
    def fail(line):
        raise RuntimeError(line)
    with pytest.raises(RuntimeError):
        mx.run("train fewshot data.kind=builtin data.classes=60 train.tasks=2 train.iterations=2 --run",
               str(tmp_path / "run"), progress=fail)
