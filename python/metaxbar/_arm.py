"""The arm: a spiking network learns a movement of two joints from one demonstration, by one update."""
from __future__ import annotations

import ctypes
from os import PathLike
from typing import TYPE_CHECKING, NamedTuple, Optional, Union

from ._errors import Error
from ._library import Handle, array, call, integer, settings_list, text
from ._numpy import np

if TYPE_CHECKING:  # takes 14 ms
    from numpy.typing import ArrayLike, NDArray


class Path(NamedTuple):
    """What Arm.path returns: angles of base and shoulder, (n, 2), rad, of the path and as commanded after the updates,
    and the distance of the tip from the path, root mean square over time, cm."""
    target: NDArray[np.float64]
    commanded: NDArray[np.float64]
    rms_cm: float


class Driven(NamedTuple):
    """What drive returns: measured angles of base, shoulder, elbow and wrist, (n, 4), rad, and their times, (n), s."""
    performed: NDArray[np.float64]
    time_s: NDArray[np.float64]


def drive(q: ArrayLike, *settings: str) -> Driven:
    """Let an arm take the angles q, (n, 2), rad, of base and shoulder one after the other: a simulated one, or the real
    one over MQTT. settings: of `metaxbar arm`. An exception has what was performed before the failure as `driven`."""
    given = settings_list("drive", settings)
    angles = array("drive: q", q, np.float64, None, 2)
    n, done = integer("drive: set-points", len(angles)), ctypes.c_int()
    performed, time_s = np.zeros((n, 4)), np.zeros(n)
    try:
        call("mx_arm_drive", performed, time_s, ctypes.byref(done), angles, n, given)
    except Error as error:
        error.driven = Driven(performed[:done.value], time_s[:done.value])
        raise
    return Driven(performed, time_s)


class Arm(Handle):
    """Both networks of an arm. Movements are angular velocities of base and shoulder, float64 (T, 2), rad/s.

        with Arm("models/arm.safetensors") as arm:
            target = arm.movement(0)
            arm.learn(target)
            path = arm.tips(arm.perform())
    """
    _prefix = "mx_arm_"

    def __init__(self, path: Union[str, "PathLike[str]"], *settings: str):
        """Load a model file. settings: of `metaxbar eval arm`; run.seed: of all random numbers; target.*: of path().
        Settings of the evaluation (eval.*) and others without effect are refused. With synapse.kind=chip the network
        that moves the arm is written to a chip."""
        super().__init__("load", text("Arm: path", path), settings_list("Arm", settings))

    @property
    def steps(self) -> int:
        """Number of steps T of a movement."""
        return int(self._call("steps"))

    @property
    def step_s(self) -> float:
        """Duration of a step, s."""
        return float(self._call("step_s"))

    def movement(self, k: int) -> NDArray[np.float64]:
        """Draw the random movement of number k, from 0: (T, 2), rad/s. It sets `begin`; the arm forgets what it has
        learned."""
        omega = np.empty((self.steps, 2), np.float64)
        self._call("movement", omega, integer("Arm.movement: k", k))
        return omega

    @property
    def begin(self) -> NDArray[np.float64]:
        """Angles of base and shoulder (2), rad, at which movements begin. Setting it makes the arm forget what it has
        learned."""
        angles = np.empty(2, np.float64)
        self._call("begin", angles)
        return angles

    @begin.setter
    def begin(self, angles: ArrayLike) -> None:
        self._call("begin_at", array("Arm.begin: angles", angles, np.float64, 2))

    def learn(self, omega: ArrayLike) -> None:
        """Show a movement (T, 2), rad/s, and make the one update, each time from the state as loaded. Each call has
        random numbers (noise of the chip, rounding) of its own."""
        self._call("learn", array("Arm.learn: omega", omega, np.float64, self.steps, 2))

    def perform(self, updates: int = 1) -> NDArray[np.float64]:
        """What the joints do, (T, 2), rad/s: after the update (updates=1) or before it (0). With arm.stops=yes they
        stop at their limits."""
        omega = np.empty((self.steps, 2), np.float64)
        self._call("perform", omega, integer("Arm.perform: updates", updates))
        return omega

    def tips(self, omega: ArrayLike) -> NDArray[np.float64]:
        """The path of the tip, (T, 3), m. The joints start at `begin` and are not held within any limits."""
        xyz = np.empty((self.steps, 3), np.float64)
        self._call("tips", xyz, array("Arm.tips: omega", omega, np.float64, self.steps, 2))
        return xyz

    def path(self, file: Optional[Union[str, "PathLike[str]"]] = None) -> Path:
        """Learn and perform a path of any length, from a CSV file; None: that of the setting target.file. A path longer
        than a movement is learned as a chain of movements. Movements begin at home again."""
        with self._lock:
            n = self._call("path", None if file is None else text("Arm.path: file", file))
            target, commanded = np.empty((n, 2)), np.empty((n, 2))
            self._call("path_angles", target, commanded)
            return Path(target, commanded, float(self._call("path_cm")))

    def __enter__(self) -> "Arm":
        return self
