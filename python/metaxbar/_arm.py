"""The arm: a spiking network learns a movement of two joints from one demonstration, by one update."""
from os import PathLike
from typing import Union

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._library import Handle, array, integer, settings_list, text


class Arm(Handle):
    """Both networks of an arm. Movements are angular velocities of base and shoulder, float64 (T, 2), rad/s.

        with Arm("models/arm.safetensors") as arm:
            target = arm.movement(0)
            arm.learn(target)
            path = arm.tips(arm.perform())
    """
    _prefix = "mx_arm_"

    def __init__(self, path: Union[str, "PathLike[str]"], *settings: str):
        """Load a model file. settings: of `metaxbar eval arm`; run.seed: of all random numbers. With synapse.kind=chip
        the network that moves the arm is written to a chip."""
        super().__init__("load", text(path), settings_list(settings))

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
        self._call("movement", omega.ctypes.data, integer("k", k))
        return omega

    @property
    def begin(self) -> NDArray[np.float64]:
        """Angles of base and shoulder (2), rad, at which movements begin. Setting it makes the arm forget what it has
        learned."""
        angles = np.empty(2, np.float64)
        self._call("begin", angles.ctypes.data)
        return angles

    @begin.setter
    def begin(self, angles: ArrayLike) -> None:
        self._call("begin_at", array("begin", angles, np.float64, 2).ctypes.data)

    def learn(self, omega: ArrayLike) -> None:
        """Show a movement (T, 2), rad/s, and make the one update, each time from the state as loaded."""
        self._call("learn", array("omega", omega, np.float64, self.steps, 2).ctypes.data)

    def perform(self, updates: int = 1) -> NDArray[np.float64]:
        """What the joints do, (T, 2), rad/s: after the update (updates=1) or before it (0). With arm.stops=yes they
        stop at their limits."""
        omega = np.empty((self.steps, 2), np.float64)
        self._call("perform", omega.ctypes.data, integer("updates", updates))
        return omega

    def tips(self, omega: ArrayLike) -> NDArray[np.float64]:
        """The path of the tip, (T, 3), m. The joints start at `begin` and are not held within any limits."""
        xyz = np.empty((self.steps, 3), np.float64)
        self._call("tips", xyz.ctypes.data, array("omega", omega, np.float64, self.steps, 2).ctypes.data)
        return xyz

    def __enter__(self) -> "Arm":
        return self
