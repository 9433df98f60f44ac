"""Errors in the words of the programs: `PROBLEM (WHY); SUGGESTION`."""

import sys
from importlib import import_module
from typing import Any


class Error(Exception):
    """Any error of this package; str() is one line."""


class InputError(Error, ValueError):
    """An argument, a file or a setting is wrong or broken."""


class CorruptError(Error):
    """A pack or another file of a store has changed since it was written."""


class MachineError(Error, OSError):
    """The machine refuses, for now or until something is mended: a full disk, a missing library, a server that is away."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


def missing_package(error: ImportError) -> str:
    return f"a Python package is missing in {sys.executable} ({error}); install it, or name another Python by RESOLUTE_PYTHON"


def imported(package: str) -> Any:
    """A package that this one does without. Raises MachineError where it is missing."""
    try:
        return import_module(package)
    except ImportError as error:
        raise MachineError(missing_package(error)) from None
