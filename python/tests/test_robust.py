"""Whatever a caller hands over, or does from two threads, is computed or refused by an exception."""
import copy
import pickle
import threading

import numpy as np
import pytest
from conftest import MODELS, fill

import metaxbar as mx

I, O = 70, 33
BUILTIN = MODELS / "builtin-5w5s.safetensors"


def chip(seed=1):
    c = mx.Chip("chip.preset=hermes", seed=seed)
    c.add("w", I, O)
    c.build()
    c.program("w", fill(1, I, O))
    c.calibrate("w", fill(2, 64, I))
    return c


def opened():
    """One object of each kind."""
    return [chip(), mx.FewShot(BUILTIN, "data.classes=20"), mx.Arm(MODELS / "arm.safetensors"),
            mx.Device("device.preset=hermes")]


NOT_NUMBERS = {"none": None, "text": "x", "digits": [["1"] * I], "nones": [[None] * I], "ragged": [[1], [1, 2]],
               "complex": np.zeros((2, I), complex), "dictionary": {}, "dates": np.zeros((2, I), "datetime64[s]")}


@pytest.mark.parametrize("bad", NOT_NUMBERS.values(), ids=NOT_NUMBERS)
def test_not_numbers(bad):
    with chip() as c, mx.FewShot(BUILTIN, "data.classes=20") as m, mx.Arm(MODELS / "arm.safetensors") as arm:
        refused = [lambda: c.product("w", bad), lambda: c.program("w", bad), lambda: c.update("w", bad),
                   lambda: m.image(bad), lambda: m.adapt(bad, [0]), lambda: m.teach(2, bad, [0]),
                   lambda: m.adapt(np.zeros((1, 28, 28)), bad), lambda: m.classify(bad), lambda: m.distances(bad),
                   lambda: arm.learn(bad), lambda: arm.tips(bad), lambda: mx.drive(bad)]
        refused += [] if bad is None else [lambda: c.calibrate("w", bad)]  # None: a default sample
        for call in refused:
            with pytest.raises(mx.ArgumentError):
                call()


def test_not_scalars():
    with chip() as c, mx.Device("device.preset=hermes") as device:
        for call in (lambda: c.advance("1"), lambda: c.advance(None), lambda: device.at(1, time_s="1"),
                     lambda: device.at("1"), lambda: device.at([1, None]), lambda: device.at(1j)):
            with pytest.raises(mx.ArgumentError):
                call()


def layouts(x):
    """The same numbers in other types, orders and places."""
    apart = np.zeros((2 * len(x), 2 * x.shape[1]), np.float32)
    apart[::2, ::2] = x
    unaligned = np.frombuffer(b"." + x.tobytes(), np.uint8)[1:].view(np.float32).reshape(x.shape)
    assert not unaligned.flags.aligned
    read_only = x.copy()
    read_only.flags.writeable = False
    return {"float64": x.astype(np.float64), "columns": np.asfortranarray(x), "apart": apart[::2, ::2],
            "backwards": np.ascontiguousarray(x[::-1, ::-1])[::-1, ::-1], "swapped": x.astype(">f4"),
            "unaligned": unaligned, "read only": read_only, "list": x.tolist()}


def test_layouts():
    """Every call on a new chip, since reading has noise: the same bits whatever the array."""
    x = fill(3, 5, I)
    with chip() as c:
        expected = c.product("w", x)
    for name, same in layouts(x).items():
        with chip() as c:
            np.testing.assert_array_equal(c.product("w", same), expected, err_msg=name)


def test_no_memory():
    """Arrays that would take 2^58 bytes, as a copy or as a result."""
    endless = np.broadcast_to(np.zeros(I, np.float32), (2**50, I))
    with chip() as c:
        with pytest.raises((MemoryError, mx.ArgumentError)):
            c.product("w", endless)
        with pytest.raises((MemoryError, mx.ArgumentError)):
            c.calibrate("w", endless)
        with pytest.raises((MemoryError, mx.ArgumentError)):
            mx.drive(np.broadcast_to(np.zeros(2), (2**52, 2)))
        with pytest.raises((MemoryError, mx.ArgumentError)):  # 2^31 and more vectors of no size
            c.product("w", np.broadcast_to(np.zeros(I, np.float32), (2**31, I))[:, :0])
        assert c.product("w", np.zeros(I)).shape == (O,)


def test_closed():
    calls = [[lambda c: c.build(), lambda c: c.product("w", np.zeros(I)), lambda c: c.weights("w"),
              lambda c: c.number("devices"), lambda c: c.advance(1), lambda c: c.save("/nowhere")],
             [lambda m: m.ways, lambda m: m.deploy(), lambda m: m.classify(np.zeros((1, 28, 28))),
              lambda m: m.image(np.zeros((4, 4), np.uint8)), lambda m: m.number("devices")],
             [lambda a: a.steps, lambda a: a.begin, lambda a: a.movement(0), lambda a: a.perform(), lambda a: a.path()],
             [lambda d: d.number("t0_s"), lambda d: d.at(1)]]
    for thing, all_of_it in zip(opened(), calls):
        thing.close()
        for call in all_of_it:
            with pytest.raises(mx.ArgumentError, match="closed"):
                call(thing)


def test_no_copies():
    """A copy would release the same object of the library a second time."""
    for thing in opened():
        with thing:
            for make in (copy.copy, copy.deepcopy, pickle.dumps):
                with pytest.raises(TypeError, match="cannot be copied"):
                    make(thing)


def in_threads(*works):
    """What each returns, or its exception."""
    results = [None] * len(works)

    def run(k):
        try:
            results[k] = works[k]()
        except Exception as error:
            results[k] = error

    threads = [threading.Thread(target=run, args=(k,)) for k in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_objects_in_two_threads():
    """Two objects at once compute what each computes alone."""
    def work(seed):
        with chip(seed) as c:
            return [c.product("w", fill(5, 8, I)) for _ in range(20)]

    alone = [work(seed) for seed in (1, 2)]
    np.testing.assert_array_equal(in_threads(lambda: work(1), lambda: work(2)), alone)


def test_errors_in_two_threads():
    """Each thread has the message of its own error."""
    def work(name):
        seen = []
        for _ in range(50):
            with pytest.raises(mx.ArgumentError) as caught:
                mx.Chip(f"chip.{name}=1")
            seen.append(str(caught.value))
        return seen

    for name, seen in zip(("red", "green"), in_threads(lambda: work("red"), lambda: work("green"))):
        assert all(f"chip.{name}" in message for message in seen), seen


def test_equal_pictures(tmp_path):
    """Classes that cannot be told apart are refused, and what was taught before stays as it was."""
    images, labels = fill(6, 4, 28, 28), [0, 1, 0, 1]
    model = mx.FewShot(BUILTIN, "data.classes=20")
    with pytest.raises(mx.FormatError, match="their pictures are equal"):
        model.teach(2, np.concatenate([images[:1], images[:1]]), [0, 1])
    model.teach(2, images, labels)
    before = model.classify(images)
    with pytest.raises(mx.FormatError, match="their pictures are equal"):
        model.teach(2, images, labels)
    after = model.classify(images)
    assert model.ways == 2 and (after.probabilities == before.probabilities).all()
    model.save_classes(tmp_path / "two.safetensors")
    other = mx.FewShot(BUILTIN, "data.classes=20")
    other.load_classes(tmp_path / "two.safetensors")
    assert (other.classify(images).labels == before.labels).all()


def test_one_object_in_two_threads():
    """A classifier that is taught, asked and closed at once: answers for one state or the other, or refusals."""
    S = 28
    images, labels = fill(6, 4, S, S), [0, 1, 0, 1]
    model = mx.FewShot(BUILTIN, "data.classes=20")
    model.teach(2, images, labels)

    def teach():
        for k in range(1, 6):  # equal pictures would be refused
            model.teach(2, images * (1 - k / 100), labels)

    def classify():
        return [model.classify(images) for _ in range(10)]

    taught, answers, _ = in_threads(teach, classify, lambda: [model.distances(images) for _ in range(10)])
    assert taught is None
    for answer in answers:
        assert answer.probabilities.shape[1] % 2 == 0
        np.testing.assert_allclose(answer.probabilities.sum(axis=1), 1, rtol=1e-5)
    ended = in_threads(classify, model.close, classify)
    assert all(not isinstance(e, Exception) or "closed" in str(e) for e in ended)
