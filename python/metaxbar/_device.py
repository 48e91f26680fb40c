"""A device model, by its formulas."""
from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, NamedTuple, Union

from ._library import Handle, numbers, real, settings_list
from ._numpy import np

if TYPE_CHECKING:  # takes 14 ms
    from numpy.typing import ArrayLike, NDArray
    Values = Union[float, NDArray[np.float64]]


class DeviceValues(NamedTuple):
    """Formulas of a unit at a conductance and a time, of the shape of g_uS: standard deviation of the conductance
    reached by writing, uS; mean and spread of the drift exponent; standard deviation of one read, uS."""
    programming_sigma_uS: Values
    drift_mean: Values
    drift_spread: Values
    read_sigma_uS: Values


class Device(Handle):
    """A device model.

        Device("device.preset=hermes").at(10.0, time_s=3600).programming_sigma_uS
    """
    _prefix = "mx_device_"

    def __init__(self, *settings: str):
        """settings: device.preset=joshi2020|hermes|hermes1|published-code or device.table=FILE.ini."""
        super().__init__("new", settings_list("Device", settings))

    def number(self, name: str) -> float:
        """A constant: g_max_uS, t0_s, t_read_s, or devices (that a unit consists of)."""
        return self._number(name)

    def at(self, g_uS: ArrayLike, time_s: float = 0) -> DeviceValues:
        """Evaluate the formulas for units written to g_uS, 0 to g_max_uS, a number or an array of any shape, and read
        time_s seconds later; earlier than t0_s counts as t0_s."""
        g = numbers("Device.at: g_uS", g_uS).astype(np.float64)
        time = real("Device.at: time_s", time_s)
        rows = np.empty((4, *g.shape), np.float64)
        for k in np.ndindex(g.shape):
            v = [ctypes.c_double() for _ in range(4)]
            self._call("at", g[k], time, *[ctypes.byref(x) for x in v])
            rows[(slice(None), *k)] = [x.value for x in v]
        return DeviceValues(*(rows if g.ndim else rows.tolist()))

    def __enter__(self) -> "Device":
        return self
