"""The shared library: where it is, its functions, and what all objects share."""
from __future__ import annotations

import ctypes
import operator
import os
import threading
from ctypes import POINTER, c_char_p, c_double, c_int, c_size_t, c_uint64, c_void_p
from typing import TYPE_CHECKING, Any, Optional, Sequence, Tuple

from ._errors import ArgumentError, ArgumentTypeError, failure
from ._numpy import np
from ._version import VERSION

if TYPE_CHECKING:  # takes 14 ms
    from numpy.typing import ArrayLike, NDArray

NAME = "libmetaxbar.so." + VERSION.split(".")[0]  # the first number of the version is that of the binary interface
SETTINGS, OUT = POINTER(c_char_p), POINTER(c_void_p)

# Result and arguments of every function of metaxbar.h; arrays are addresses.
FUNCTIONS = {
    "mx_version": (c_char_p, []),
    "mx_last_error": (c_char_p, []),
    "mx_driver_simulated": (c_void_p, []),
    "mx_chip_new": (c_int, [OUT, SETTINGS, c_uint64]),
    "mx_chip_free": (None, [c_void_p]),
    "mx_chip_add": (c_int, [c_void_p, c_char_p, c_int, c_int]),
    "mx_chip_build": (c_int, [c_void_p]),
    "mx_chip_program": (c_int, [c_void_p, c_int, c_void_p]),
    "mx_chip_update": (c_int, [c_void_p, c_int, c_void_p]),
    "mx_chip_calibrate": (c_int, [c_void_p, c_int, c_void_p, c_int]),
    "mx_chip_product": (c_int, [c_void_p, c_int, c_void_p, c_void_p, c_int]),
    "mx_chip_product_transposed": (c_int, [c_void_p, c_int, c_void_p, c_void_p, c_int]),
    "mx_chip_advance": (c_int, [c_void_p, c_double]),
    "mx_chip_weights": (c_int, [c_void_p, c_int, c_void_p]),
    "mx_chip_conducted": (c_int, [c_void_p, c_int, c_void_p]),
    "mx_chip_devices": (c_int, [c_void_p, c_int, c_char_p, c_void_p, c_size_t]),
    "mx_chip_number": (c_int, [c_void_p, c_char_p, POINTER(c_double)]),
    "mx_chip_save": (c_int, [c_void_p, c_char_p]),
    "mx_chip_load": (c_int, [c_void_p, c_char_p]),
    "mx_fewshot_load": (c_int, [OUT, c_char_p, SETTINGS]),
    "mx_fewshot_free": (None, [c_void_p]),
    "mx_fewshot_ways": (c_int, [c_void_p]),
    "mx_fewshot_shots": (c_int, [c_void_p]),
    "mx_fewshot_image_size": (c_int, [c_void_p]),
    "mx_fewshot_channels": (c_int, [c_void_p]),
    "mx_fewshot_image": (c_int, [c_void_p, c_void_p, c_void_p, c_int, c_int]),
    "mx_fewshot_colours": (c_int, [c_void_p, c_void_p, c_void_p, c_int, c_int]),
    "mx_fewshot_deploy": (c_int, [c_void_p, c_uint64]),
    "mx_fewshot_adapt": (c_int, [c_void_p, c_void_p, c_void_p, c_int]),
    "mx_fewshot_classify": (c_int, [c_void_p, c_void_p, c_void_p, c_void_p, c_int]),
    "mx_fewshot_teach": (c_int, [c_void_p, c_int, c_void_p, c_void_p, c_int]),
    "mx_fewshot_distances": (c_int, [c_void_p, c_void_p, POINTER(c_double), c_void_p, c_int]),
    "mx_fewshot_save_classes": (c_int, [c_void_p, c_char_p]),
    "mx_fewshot_load_classes": (c_int, [c_void_p, c_char_p]),
    "mx_fewshot_number": (c_int, [c_void_p, c_char_p, POINTER(c_double)]),
    "mx_character": (c_int, [c_void_p, c_int, c_uint64, c_int, c_int]),
    "mx_arm_load": (c_int, [OUT, c_char_p, SETTINGS]),
    "mx_arm_free": (None, [c_void_p]),
    "mx_arm_steps": (c_int, [c_void_p]),
    "mx_arm_step_s": (c_double, [c_void_p]),
    "mx_arm_movement": (c_int, [c_void_p, c_void_p, c_int]),
    "mx_arm_begin": (c_int, [c_void_p, c_void_p]),
    "mx_arm_begin_at": (c_int, [c_void_p, c_void_p]),
    "mx_arm_learn": (c_int, [c_void_p, c_void_p]),
    "mx_arm_perform": (c_int, [c_void_p, c_void_p, c_int]),
    "mx_arm_tips": (c_int, [c_void_p, c_void_p, c_void_p]),
    "mx_arm_path": (c_int, [c_void_p, c_char_p]),
    "mx_arm_path_angles": (c_int, [c_void_p, c_void_p, c_void_p]),
    "mx_arm_path_cm": (c_double, [c_void_p]),
    "mx_arm_drive": (c_int, [c_void_p, c_void_p, POINTER(c_int), c_void_p, c_int, SETTINGS]),
    "mx_device_new": (c_int, [OUT, SETTINGS]),
    "mx_device_free": (None, [c_void_p]),
    "mx_device_number": (c_int, [c_void_p, c_char_p, POINTER(c_double)]),
    "mx_device_at": (c_int, [c_void_p, c_double, c_double] + 4 * [POINTER(c_double)]),
}


def _find() -> Tuple[ctypes.CDLL, str]:
    named, beside = os.environ.get("METAXBAR_LIBRARY"), os.path.join(os.path.dirname(__file__), NAME)
    tried = []
    for where, path in [("METAXBAR_LIBRARY", named)] if named else [("beside the package", beside), ("system", NAME)]:
        if where == "beside the package" and not os.path.exists(path):
            tried.append(f"{path}: not there")
            continue
        try:
            return ctypes.CDLL(path), path
        except OSError as error:
            tried.append(f"{error} ({where})")
    raise ImportError("metaxbar: cannot load its library; METAXBAR_LIBRARY=FILE names one. Tried: " + "; ".join(tried))


def _open() -> Tuple[ctypes.CDLL, str]:
    lib, path = _find()
    for name, (result, arguments) in FUNCTIONS.items():
        try:
            function = getattr(lib, name)
        except AttributeError:
            raise ImportError(f"metaxbar: {path} has no {name}: it is older than this package ({VERSION})") from None
        function.restype, function.argtypes = result, arguments
    version = lib.mx_version().decode()
    if version.split(".")[0] != VERSION.split(".")[0]:
        raise ImportError(f"metaxbar: {path} is version {version}, this package needs {VERSION.split('.')[0]}.*")
    return lib, path


_lib, LIBRARY = _open()


def library_version() -> str:
    """The version of the library, such as "0.2.0"."""
    return str(_lib.mx_version().decode())


def call(name: str, *arguments: Any) -> Any:
    """What a function returns; an exception if that is a negative number. Arrays are handed over by their addresses;
    as arguments here they live until it returns."""
    addresses = [a.ctypes.data if isinstance(a, np.ndarray) else a for a in arguments]
    try:
        result = getattr(_lib, name)(*addresses)
    except ctypes.ArgumentError as error:
        raise ArgumentTypeError(f"{name}: {error}") from None
    if result < 0:
        texts = [os.fsdecode(a) for a in arguments if isinstance(a, bytes)]
        raise failure(int(result), os.fsdecode(_lib.mx_last_error()), texts)
    return result


# ---- arguments

# what: "method: parameter", or "method" of its settings, for the text of the error.

def integer(what: str, value: Any, low: int = -2**31, high: int = 2**31 - 1) -> int:
    """An integer that the C type can hold; ctypes would cut off its upper bits."""
    try:
        n = operator.index(value)
    except TypeError:
        raise ArgumentTypeError(f"{what}={value!r}: an integer is needed") from None
    if not low <= n <= high:
        raise ArgumentError(f"{what}={n}: from {low} to {high}")
    return n


def real(what: str, value: Any) -> float:
    """A real number, also one of NumPy; not a text, which float() would read."""
    if not isinstance(value, (str, bytes, bytearray)):
        try:
            return float(value)
        except (TypeError, ValueError, OverflowError):
            pass
    raise ArgumentTypeError(f"{what}={value!r}: a number is needed")


def seed_of(method: str, value: Any) -> int:
    return integer(f"{method}: seed", value, 0, 2**64 - 1)


def text(what: str, value: Any) -> bytes:
    """A path or another text without the character 0, at which C would end it."""
    try:
        data = os.fsencode(value)
    except TypeError:
        raise ArgumentTypeError(f"{what}={value!r}: a text is needed") from None
    except UnicodeError as error:
        raise ArgumentError(f"{what}={value!r}: {error}") from None
    if b"\0" in data:
        raise ArgumentError(f"{what}={value!r}: a text with the character 0")
    return data


def settings_list(method: str, settings: Sequence[str]) -> Any:
    texts = [text(f"{method}: settings[{k}]", s) for k, s in enumerate(settings)]
    return (c_char_p * (len(texts) + 1))(*texts, None)


def numbers(what: str, x: ArrayLike) -> NDArray[Any]:
    """x as an array of real numbers; NumPy would read them from texts, drop imaginary parts, and make nan of None."""
    try:
        a = np.asarray(x)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"{what}: {error}") from None
    if a.dtype.kind not in "biuf":
        raise ArgumentError(f"{what}: {a.dtype} in place of real numbers")
    return a


def array(what: str, x: ArrayLike, dtype: Any, *shape: Optional[int]) -> NDArray[Any]:
    """x, or a copy if its type, order or alignment differs; sizes that are None may be any."""
    a = numbers(what, x)
    if a.ndim != len(shape) or any(n is not None and n != m for n, m in zip(shape, a.shape)):
        wanted = ", ".join("any" if n is None else str(n) for n in shape)
        raise ArgumentError(f"{what}: shape {a.shape} in place of ({wanted})")
    return np.require(a, dtype, ["C_CONTIGUOUS", "ALIGNED"])


class Handle:
    """An object of the library. Calls on it wait for each other, so that none meets a released object."""
    _prefix = ""

    def __init__(self, maker: str, *arguments: Any):
        self._lock, self._pointer = threading.RLock(), c_void_p()
        call(self._prefix + maker, ctypes.byref(self._pointer), *arguments)

    def _call(self, name: str, *arguments: Any) -> Any:
        with self._lock:
            if not self._pointer:
                raise ArgumentError(f"{self._prefix}{name}: the object has been closed")
            return call(self._prefix + name, self._pointer, *arguments)

    def _number(self, name: str) -> float:
        value = c_double()
        self._call("number", text(f"{type(self).__name__}.number: name", name), ctypes.byref(value))
        return value.value

    def close(self) -> None:
        """Release the object; later calls fail. Closing twice does nothing."""
        with self._lock:
            if self._pointer:
                getattr(_lib, self._prefix + "free")(self._pointer)
                self._pointer = c_void_p()

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError(f"{type(self).__name__}: an object of the library cannot be copied or pickled")

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_pointer"):
            self.close()
