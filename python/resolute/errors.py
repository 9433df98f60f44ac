"""Errors in the words of the programs: `PROBLEM (WHY); SUGGESTION`."""

import sys
import traceback
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

#: Files between the import that fails and its error begin so: this package's, and Python's own importing.
_BETWEEN = (f"{Path(__file__).parent}/", "<", import_module.__code__.co_filename)


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


def let_packages_win() -> None:
    """Modules of the working folder, which `python -m` puts first, come behind the packages that are installed."""
    if not getattr(sys.flags, "safe_path", False):
        sys.path.append(sys.path.pop(0))


def failed_import(error: ImportError) -> str:
    """A package that is missing, or a module that is there and fails; with file and line of an import outside this package."""
    frames = [one for one in traceback.extract_tb(error.__traceback__) if not one.filename.startswith(_BETWEEN)]
    place = f"{frames[-1].filename}:{frames[-1].lineno}: " if frames else ""
    why, package = " ".join(str(error).split()), (error.name or "").partition(".")[0]
    if isinstance(error, ModuleNotFoundError) and package and sys.modules.get(package) is None and find_spec(package) is None:
        return f"{place}a Python package is missing in {sys.executable} ({why}); install it, or name another Python by RESOLUTE_PYTHON"
    return f"{place}an import fails ({why}); mend that file, or what it imports"


def imported(package: str) -> Any:
    """A package that this one does without. Raises MachineError where it is missing, or fails to be imported."""
    try:
        return import_module(package)
    except ImportError as error:
        raise MachineError(failed_import(error)) from None
