"""The commands `resolute` and `resolute-worker` of an installed wheel, and `python -m resolute`: this process becomes the program.

Three commands are in Python: `figures` draws a suite's figures, `curves` its trainings while they run, and `work FILE.py… run …` is the
worker of a suite's methods in Python."""

import os
import sys
from pathlib import Path

from .errors import failed_import, let_packages_win

_PROGRAMS = Path(__file__).parent / "bin"


def _become(name: str) -> None:
    program = str(_PROGRAMS / name)
    os.environ.setdefault("RESOLUTE_PYTHON", sys.executable)  # for what a suite has in Python
    try:
        os.execv(program, [program, *sys.argv[1:]])
    except OSError as error:
        sys.exit(f"resolute: '{program}' cannot be started ({error.strerror}); install the wheel again")


def resolute() -> None:
    command, words = sys.argv[1:2], sys.argv[2:]
    if command == ["curves"]:
        from . import curves

        sys.exit(curves.main(words))
    if command == ["figures"]:
        from . import figures

        figures.main(words)
    elif command == ["work"]:
        try:
            from .worker import work_by_specification
        except ImportError as error:
            print(f"resolute: {failed_import(error)}", file=sys.stderr)
            sys.exit(2)
        work_by_specification(words)
    else:
        _become("resolute")


def worker() -> None:
    _become("resolute-worker")


if __name__ == "__main__":
    let_packages_win()
    resolute()
