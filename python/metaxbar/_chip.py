"""The chip: crossbar cores that hold matrices, with a clock."""
from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING, Dict, List, Optional, Tuple, Union

from ._errors import ArgumentError
from ._library import Handle, array, integer, numbers, real, seed_of, settings_list, text
from ._numpy import np

if TYPE_CHECKING:  # takes 14 ms
    from numpy.typing import ArrayLike, NDArray

Matrix = Union[int, str]


class Chip(Handle):
    """A simulated chip, or one behind chip.driver. A matrix is announced (add), placed (build), written (program) and
    calibrated (calibrate) before it is used (product). Every matrix is named by its number, from 0, or its name.

        with Chip("chip.preset=hermes", seed=3) as chip:
            chip.add("w", 70, 33)
            chip.build()
            chip.program("w", w)
            chip.calibrate("w", x)
            y = chip.product("w", x)
    """
    _prefix = "mx_chip_"

    def __init__(self, *settings: str, seed: int = 1):
        """An empty chip. settings: of the sections chip (but chip.time_s), verify and ledger; one without effect beside
        the others is refused. seed: of all random numbers of this chip."""
        self._names: Dict[str, int] = {}
        self._shapes: List[Tuple[int, int]] = []
        super().__init__("new", settings_list("Chip", settings), seed_of("Chip", seed))

    def _matrix(self, method: str, matrix: Matrix) -> Tuple[int, int, int]:
        """Number, inputs and outputs."""
        if isinstance(matrix, str):
            if matrix not in self._names:
                raise ArgumentError(f"Chip.{method}: matrix={matrix!r}: the chip has none of that name")
            m = self._names[matrix]
        else:
            m = integer(f"Chip.{method}: matrix", matrix)
            if not 0 <= m < len(self._shapes):
                raise ArgumentError(f"Chip.{method}: matrix={m}: the chip has {len(self._shapes)}, numbered from 0")
        return (m, *self._shapes[m])

    def add(self, name: str, inputs: int, outputs: int) -> int:
        """Announce a matrix (inputs, outputs), before build(), and return its number. name: 1 to 63 letters, digits
        and _ - . that no other matrix of the chip has."""
        with self._lock:
            m = int(self._call("add", text("Chip.add: name", name), integer("Chip.add: inputs", inputs),
                               integer("Chip.add: outputs", outputs)))
            self._names[name] = m
            self._shapes.append((int(inputs), int(outputs)))
            return m

    def build(self) -> None:
        """Cut the matrices to the size of the cores and place them. The chip takes no further matrix."""
        self._call("build")

    def program(self, matrix: Matrix, w: ArrayLike) -> None:
        """Write the weights w, float32 (inputs, outputs), of at most 1e30. The largest becomes the largest conductance
        (chip.scale). The calibration is lost."""
        m, I, O = self._matrix("program", matrix)
        self._call("program", m, array("Chip.program: w", w, np.float32, I, O))

    def update(self, matrix: Matrix, dw: ArrayLike) -> None:
        """Add dw, float32 (inputs, outputs), to the weights, as far as the devices can (chip.update)."""
        m, I, O = self._matrix("update", matrix)
        self._call("update", m, array("Chip.update: dw", dw, np.float32, I, O))

    def calibrate(self, matrix: Matrix, x: Optional[ArrayLike] = None) -> None:
        """Set the ranges of inputs and outputs and the corrections of the columns. x: a sample of inputs as the matrix
        will see them, float32 (2 to chip.calibration_rows, inputs); None: the last sample again, or N(0, 1/9)."""
        m, I, _ = self._matrix("calibrate", matrix)
        sample = None if x is None else array("Chip.calibrate: x", x, np.float32, None, I)
        n = 0 if sample is None else integer("Chip.calibrate: vectors", len(sample))
        self._call("calibrate", m, sample, n)

    def _multiply(self, function: str, what: str, m: int, x: ArrayLike, n_in: int, n_out: int) -> NDArray[np.float32]:
        given = numbers(what, x)
        one = given.ndim == 1
        vectors = array(what, given.reshape(1, -1) if one else given, np.float32, None, n_in)
        y: NDArray[np.float32] = np.empty((len(vectors), n_out), np.float32)
        self._call(function, m, y, vectors, integer(f"{what}: vectors", len(vectors)))
        return y.reshape(n_out) if one else y

    def product(self, matrix: Matrix, x: ArrayLike) -> NDArray[np.float32]:
        """y = x W on the chip, with noise and converters. x: float32 (B, inputs), B up to 1048576, or one vector
        (inputs). Returns (B, outputs), or (outputs)."""
        m, I, O = self._matrix("product", matrix)
        return self._multiply("product", "Chip.product: x", m, x, I, O)

    def product_transposed(self, matrix: Matrix, d: ArrayLike) -> NDArray[np.float32]:
        """y = W d, as back-propagation through the matrix needs it. d: float32 (B, outputs), or one vector. Returns
        (B, inputs), or (inputs). Not with chip.driver."""
        m, I, O = self._matrix("product_transposed", matrix)
        return self._multiply("product_transposed", "Chip.product_transposed: d", m, d, O, I)

    def advance(self, time_s: float) -> None:
        """Set the clock to time_s, s (0 on a new chip), not less than now. Devices drift, each from its own time of
        writing; calibrated matrices are calibrated again when that is due (chip.recalibrate_s)."""
        self._call("advance", real("Chip.advance: time_s", time_s))

    def _read(self, function: str, matrix: Matrix) -> NDArray[np.float32]:
        m, I, O = self._matrix(function, matrix)
        w = np.empty((I, O), np.float32)
        self._call(function, m, w)
        return w

    def weights(self, matrix: Matrix) -> NDArray[np.float32]:
        """The weights as written, (inputs, outputs), without the errors of the devices."""
        return self._read("weights", matrix)

    def conducted(self, matrix: Matrix) -> NDArray[np.float32]:
        """The weights as the devices conduct them now, (inputs, outputs), without read noise and correction."""
        return self._read("conducted", matrix)

    def devices(self, matrix: Matrix, what: str) -> NDArray[np.float64]:
        """One property of every unit of devices, (2 signs, units_per_sign, inputs, outputs), + first. what: target_uS,
        g_uS (conductance at t0 after writing), nu (drift exponent), q (read noise), stuck_uS, written_s (clock when
        written), writes, fault, or now_uS (conductance at the clock)."""
        m, I, O = self._matrix("devices", matrix)
        v = np.empty((2, int(self.number("units_per_sign")), I, O), np.float64)
        self._call("devices", m, text("Chip.devices: what", what), v, v.size)
        return v

    def number(self, name: str) -> float:
        """A number about the chip: clock_s, cores, devices, units_per_sign, g_max_uS, t0_s; counts since the chip was
        new: products, phases, input_conversions, output_conversions, devices_read, weights_written, devices_written,
        pulses, verify_reads, verify_failed, inputs_clipped, conversions_saturated, most_writes (of one device); their
        cost: read_energy_J, read_time_s, write_energy_J (0 where it is not known), endurance_used (fraction)."""
        return self._number(name)

    def save(self, path: Union[str, "PathLike[str]"]) -> None:
        """Write the state of the chip to a file: all of it as .safetensors or .npz, or the devices alone as .csv;
        another ending is refused."""
        self._call("save", text("Chip.save: path", path))

    def load(self, path: Union[str, "PathLike[str]"]) -> None:
        """Read the state of a chip with the same device model, cores and matrices; the chip must be built. From
        .safetensors or .npz it continues bit for bit; a .csv replaces the devices alone. Not with chip.driver."""
        self._call("load", text("Chip.load: path", path))

    def __enter__(self) -> "Chip":
        return self
