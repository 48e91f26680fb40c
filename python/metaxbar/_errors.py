"""Exceptions; their text is the line that the library or the program reports."""
from __future__ import annotations

import errno
import os
from typing import Any, Optional, Sequence


class Error(Exception):
    """What every call of this package raises when it fails. `code` is that of the library (enum mx_error)."""
    code = 0
    driven: Any = None  # of a failed drive()


class FileError(Error, OSError):
    """A file cannot be read or written. `filename` is None where the line names no file, `errno` and `strerror` are
    None where the reason is not one of the operating system."""
    code = -1

    def __init__(self, line: str, filename: Optional[str] = None):
        super().__init__(line)
        self.filename = filename
        for number in errno.errorcode:
            reason = os.strerror(number)
            if line.endswith(": " + reason):
                self.errno, self.strerror = number, reason
                if filename is None:
                    self.filename = line[:-len(reason) - 2].removesuffix(": cannot write")
                break

    def __str__(self) -> str:
        return str(self.args[0])


class FormatError(Error, ValueError):
    """The content of a file is not what it should be."""
    code = -2


class ArgumentError(Error, ValueError):
    """A setting or an argument is not valid, or another call has to come first."""
    code = -3


class ArgumentTypeError(ArgumentError, TypeError):
    """An argument is of a type that the call does not take."""


class DivergedError(Error, ArithmeticError):
    """A value is not finite."""
    code = -4


class BusyError(Error):
    """Somebody else uses the chip or drives the arm."""
    code = -5


class ProgramError(Error):
    """A command of the program failed. `status` is its exit status: 1 failed, 2 usage, negative: ended by a signal."""

    def __init__(self, message: str, status: int):
        super().__init__(message)
        self.status = status


BY_CODE = {kind.code: kind for kind in (FormatError, ArgumentError, DivergedError, BusyError)}


def failure(code: int, line: str, texts: Sequence[str]) -> Error:
    """The exception of a call that failed with this line; texts: its arguments, among them the path of its file."""
    if code == FileError.code:
        return FileError(line, next((t for t in texts if line.startswith(t + ": ")), None))
    return BY_CODE.get(code, Error)(line)
