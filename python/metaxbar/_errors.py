"""Exceptions; their text is the line that the library or the program reports."""


from typing import Any


class Error(Exception):
    """What every call of this package raises when it fails. `code` is that of the library (enum mx_error)."""
    code = 0
    driven: Any = None  # of a failed drive()


class FileError(Error, OSError):
    """A file cannot be read or written."""
    code = -1


class FormatError(Error, ValueError):
    """The content of a file is not what it should be."""
    code = -2


class ArgumentError(Error, ValueError):
    """A setting or an argument is not valid, or another call has to come first."""
    code = -3


class DivergedError(Error, ArithmeticError):
    """A value is not finite."""
    code = -4


class ProgramError(Error):
    """A command of the program failed. `status` is its exit status: 1 failed, 2 usage, negative: ended by a signal."""

    def __init__(self, message: str, status: int):
        super().__init__(message)
        self.status = status


BY_CODE = {kind.code: kind for kind in (FileError, FormatError, ArgumentError, DivergedError)}
