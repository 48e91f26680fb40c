"""Every method computes what the same calls in C compute (calls.c), to the bit."""
import numpy as np
import pytest
from conftest import MODELS, fill

import metaxbar as mx

I, O, B, INK, WAYS, SHOTS = 70, 33, 5, 40, 5, 5


def same(a, b):
    a = np.asarray(a)
    assert a.size == b.size > 0
    np.testing.assert_array_equal(a.ravel(), b)


def make_chip(seed):
    chip = mx.Chip("chip.preset=hermes", "chip.rows=40", seed=seed)
    assert (chip.add("first", I, O), chip.add("second", 9, 2)) == (0, 1)
    chip.build()
    return chip


def test_chip(calls, tmp_path):
    with make_chip(3) as chip, make_chip(4) as copy:
        chip.program("first", fill(1, I, O))
        chip.program(1, fill(2, 9, 2))
        chip.calibrate("second")
        x = fill(3, 64, I)
        chip.calibrate(0, x)
        y = chip.product(0, x[:B])
        same(y, calls["product"][0])
        transposed = chip.product_transposed("first", y)
        same(transposed, calls["transposed"][0])
        chip.update("first", fill(4, I, O))
        chip.advance(86400)
        same(chip.weights("first"), calls["weights"][0])
        same(chip.conducted("first"), calls["conducted"][0])
        now = chip.devices("first", "now_uS")
        assert now.shape == (2, int(chip.number("units_per_sign")), I, O)
        same(now, calls["now_uS"][0])
        for name in ("clock_s", "devices_written", "read_energy_J"):
            same(chip.number(name), calls[name][0])
        chip.save(tmp_path / "chip.safetensors")
        copy.load(tmp_path / "chip.safetensors")
        x = x.ravel()
        x[:B * I] = transposed.ravel()  # the array that calls.c reads again
        same(copy.product("second", x[:B * 9].reshape(B, 9)), calls["loaded"][0])


def draw(model, first, n):
    drawings = [(k, first + d) for k in range(WAYS) for d in range(n)]
    return np.stack([model.image(mx.character(INK, 9, c, d)) for c, d in drawings]), [c for c, _ in drawings]


@pytest.mark.parametrize("turn, kind", enumerate(["synapse.kind=exact", "synapse.kind=chip"]))
def test_fewshot(calls, tmp_path, turn, kind):
    with mx.FewShot(MODELS / "builtin-5w5s.safetensors", kind, "data.classes=40", "learn.reject=0.1") as model:
        same([model.ways, model.shots, model.image_size, model.channels], calls["sizes"][turn])
        model.deploy(seed=5)
        images, labels = draw(model, 0, SHOTS)
        same(images[0], calls["image"][turn])
        queries, _ = draw(model, SHOTS, SHOTS)
        model.adapt(images, labels)
        answer = model.classify(queries)
        same(answer.labels, calls["labels"][turn])
        same(answer.probabilities, calls["probabilities"][turn])
        if kind == "synapse.kind=chip":
            same(model.number("devices_written"), calls["written"][0])
        model.teach(WAYS, images, labels)
        model.save_classes(tmp_path / "classes.safetensors")
        model.load_classes(tmp_path / "classes.safetensors")
        same(model.classify(queries[..., 0]).probabilities, calls["taught"][turn])
        distances, threshold = model.distances(queries)
        same(distances, calls["distances"][turn])
        same(threshold, calls["threshold"][turn])


@pytest.mark.parametrize("turn, kind", enumerate(["synapse.kind=exact", "synapse.kind=chip"]))
def test_arm(calls, turn, kind):
    with mx.Arm(MODELS / "arm.safetensors", kind, "run.seed=7") as arm:
        same(arm.step_s, calls["step_s"][turn])
        arm.begin = [0.1, -0.05]
        same(arm.begin, calls["begin"][turn])
        target = arm.movement(2)
        assert target.shape == (arm.steps, 2)
        same(target, calls["movement"][turn])
        arm.learn(target)
        same(arm.perform(0), calls["before"][turn])
        same(arm.perform(), calls["after"][turn])
        same(arm.tips(arm.perform(1)), calls["tips"][turn])
        path = arm.path(MODELS.parent / "examples" / "paths" / "circle.csv")
        same(np.concatenate([path.target, path.commanded]), calls["path"][turn])
        same(path.rms_cm, calls["path_cm"][turn])
        driven = mx.drive(path.commanded)
        same(np.concatenate([driven.performed.ravel(), driven.time_s]), calls["driven"][turn])


def test_device(calls):
    with mx.Device("device.preset=joshi2020") as device:
        same(device.number("g_max_uS"), calls["g_max_uS"][0])
        same(device.at(7.3, time_s=4000), calls["at"][0])
        grid = device.at([[7.3, 1.0], [2.0, 3.0]], 4000)
        assert grid.drift_mean.shape == (2, 2)
        same([v[0, 0] for v in grid], calls["at"][0])
