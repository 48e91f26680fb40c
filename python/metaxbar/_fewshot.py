"""Few-shot learning: a classifier learns new classes by a few updates of its last layer."""
from __future__ import annotations

import ctypes
from os import PathLike
from typing import TYPE_CHECKING, NamedTuple, Tuple, Union

from ._errors import ArgumentError
from ._library import Handle, array, call, integer, numbers, seed_of, settings_list, text
from ._numpy import np

if TYPE_CHECKING:  # takes 14 ms
    from numpy.typing import ArrayLike, NDArray


class Answer(NamedTuple):
    """What FewShot.classify returns: the likeliest class of each image, int32 (n), and the probability of each class,
    float32 (n, ways)."""
    labels: NDArray[np.int32]
    probabilities: NDArray[np.float32]


def character(size: int, seed: int, character: int, drawing: int) -> NDArray[np.uint8]:
    """Draw an invented character, to try things without a data set: (size, size), 255 full ink, 0 background. size: 8
    to 4096. seed: of the set of characters. character, drawing: numbers from 0."""
    n = integer("character: size", size, 8, 4096)
    ink = np.empty((n, n), np.uint8)
    call("mx_character", ink, n, seed_of("character", seed), integer("character: character", character),
         integer("character: drawing", drawing))
    return ink


class FewShot(Handle):
    """A classifier in software, with quantised weights, or on a chip.

        with FewShot("models/builtin-5w5s.safetensors", "synapse.kind=chip") as model:
            model.deploy(seed=1)
            model.adapt(images, labels)
            answer = model.classify(queries)

    Images are float32 (n, S, S, C) as image() makes them, (n, S, S) where C is 1.
    """
    _prefix = "mx_fewshot_"

    def __init__(self, path: Union[str, "PathLike[str]"], *settings: str):
        """Load a model file. settings: of `metaxbar eval fewshot` and `learn`, above all
        synapse.kind=exact|quantised|chip, chip.*, and eval.batchnorm=support (each query is classified alone) or task
        (the queries of a call are normalised together). Those of tasks that the program draws (eval.tasks, eval.ways,
        ...) and others without effect are refused."""
        super().__init__("load", text("FewShot: path", path), settings_list("FewShot", settings))

    @property
    def ways(self) -> int:
        """Classes of a task, or those taught."""
        return int(self._call("ways"))

    @property
    def shots(self) -> int:
        """Support images of each class with which the model was trained."""
        return int(self._call("shots"))

    @property
    def image_size(self) -> int:
        """Height and width S of an image, pixels."""
        return int(self._call("image_size"))

    @property
    def channels(self) -> int:
        """Channels C of an image: 1 (ink) or 3 (red, green, blue)."""
        return int(self._call("channels"))

    def image(self, pixels: ArrayLike) -> NDArray[np.float32]:
        """Bring an image to the form that the model takes. pixels: uint8 (H, W), 255 full ink and 0 background, for a
        model of one channel; or (H, W, 3), red, green, blue, of which the central square is used. H and W: 1 to 4096.
        Returns (S, S, C)."""
        p = numbers("FewShot.image: pixels", pixels)
        if p.dtype != np.uint8 or p.ndim not in (2, 3):
            raise ArgumentError(f"FewShot.image: pixels: {p.dtype} {p.shape} in place of uint8 (H, W) or (H, W, 3)")
        p = array("FewShot.image: pixels", p, np.uint8, None, None, *[3] * (p.ndim - 2))
        image = np.empty((self.image_size, self.image_size, 1 if p.ndim == 2 else 3), np.float32)
        self._call("image" if p.ndim == 2 else "colours", image, p,
                   integer("FewShot.image: H", p.shape[0]), integer("FewShot.image: W", p.shape[1]))
        return image

    def _images(self, method: str, images: ArrayLike) -> Tuple[NDArray[np.float32], int]:
        S, C, what = self.image_size, self.channels, f"FewShot.{method}: images"
        a = numbers(what, images)
        a = array(what, a, np.float32, *((None, S, S) if a.ndim == 3 and C == 1 else (None, S, S, C)))
        return a, integer(what, len(a))

    @staticmethod
    def _labels(method: str, labels: ArrayLike, n: int) -> NDArray[np.int32]:
        what = f"FewShot.{method}: labels"
        a = numbers(what, labels)
        if a.dtype.kind not in "iu" and a.size:
            raise ArgumentError(f"{what}: {a.dtype} in place of integers")
        if a.size and not (-2**31 <= int(a.min()) and int(a.max()) < 2**31):
            raise ArgumentError(f"{what}: beyond the integers of the library")
        return array(what, a, np.int32, n)

    def deploy(self, seed: int = 1) -> None:
        """Write the weights to arrays of synapse.kind: on a chip, a new one, calibrated on background images, at
        chip.time_s seconds after writing, or the one saved in synapse.state. seed: of the chip and of all tasks learned
        on it."""
        self._call("deploy", seed_of("FewShot.deploy", seed))

    def adapt(self, images: ArrayLike, labels: ArrayLike) -> None:
        """Learn a task, each time from the state as deployed. images: 1 to 1024 support images; labels: class of each,
        0 to ways - 1."""
        x, n = self._images("adapt", images)
        self._call("adapt", x, self._labels("adapt", labels, n), n)

    def classify(self, images: ArrayLike) -> Answer:
        """Classify images by the task learned last, or by the classes taught."""
        x, n = self._images("classify", images)
        with self._lock:
            labels, probabilities = np.empty(n, np.int32), np.empty((n, self.ways), np.float32)
            self._call("classify", labels, probabilities, x, n)
        return Answer(labels, probabilities)

    def teach(self, classes: int, images: ArrayLike, labels: ArrayLike) -> None:
        """Teach new classes beside those taught before, as `metaxbar learn` does: any number, each with any number of
        images. labels: 0 to classes - 1 for the new ones; every class has an image. It needs no deploy()."""
        x, n = self._images("teach", images)
        self._call("teach", integer("FewShot.teach: classes", classes), x, self._labels("teach", labels, n), n)

    def distances(self, images: ArrayLike) -> Tuple[NDArray[np.float64], float]:
        """Distances (n) of the features of images from the nearest mean of a class taught, and the threshold beyond
        which an image is of none of them (learn.reject, learn.threshold; infinite if there is none)."""
        x, n = self._images("distances", images)
        d, threshold = np.empty(n, np.float64), ctypes.c_double()
        self._call("distances", d, ctypes.byref(threshold), x, n)
        return d, threshold.value

    def save_classes(self, path: Union[str, "PathLike[str]"]) -> None:
        """Write the classes taught to a file, .safetensors or .npz, with the state of the chip if there is one."""
        self._call("save_classes", text("FewShot.save_classes: path", path))

    def load_classes(self, path: Union[str, "PathLike[str]"]) -> None:
        """Read the classes that this model was taught, by save_classes() or `metaxbar learn`, in place of those that it
        has."""
        self._call("load_classes", text("FewShot.load_classes: path", path))

    def number(self, name: str) -> float:
        """A number about the chip that the model is deployed on, by a name of Chip.number()."""
        return self._number(name)

    def __enter__(self) -> "FewShot":
        return self
