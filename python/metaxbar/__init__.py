"""Networks that learn new tasks from a few examples on a simulated phase-change-memory chip.

    Chip      crossbar cores that hold matrices, with a clock
    FewShot   a classifier that learns new classes of images from a few of each
    Arm       a spiking network that learns a movement of two joints from one demonstration
    drive     joint angles for a simulated or the real arm
    Device    a device model, by its formulas
    run       a command of the program `metaxbar`, such as a training

Arrays are NumPy's: inputs are used in place if they have the stated type and are contiguous in row-major order, and
are converted otherwise; outputs are new arrays. Settings are those of the command line, "section.name=value". Objects
are released by close(), at the end of a `with` block, or when nothing refers to them any more. Different threads may
use different objects at once; calls on one object wait for each other. Equal settings, seeds and calls give equal
results.

The library is METAXBAR_LIBRARY, or libmetaxbar.so.0 beside this package, or the one that the system's loader finds.
"""
from ._arm import Arm, Driven, Path, drive
from ._chip import Chip
from ._device import Device, DeviceValues
from ._errors import (ArgumentError, ArgumentTypeError, BusyError, DivergedError, Error, FileError, FormatError,
                      ProgramError)
from ._fewshot import Answer, FewShot, character
from ._library import LIBRARY, library_version
from ._program import run
from ._version import VERSION as __version__

__all__ = ["Answer", "Arm", "ArgumentError", "ArgumentTypeError", "BusyError", "Chip", "Device", "DeviceValues",
           "DivergedError", "Driven", "Error", "FewShot", "FileError", "FormatError", "LIBRARY", "Path", "ProgramError",
           "__version__", "character", "drive", "library_version", "run"]
