"""The commands `resolute` and `resolute-worker` of an installed wheel, and `python -m resolute`: this process becomes the program.

`python -m resolute work FILE.py… run …` is the worker of a suite's methods in Python instead, `python -m resolute figures` draws a suite's
figures."""

import os
import sys
from pathlib import Path

_PROGRAMS = Path(__file__).parent / "bin"


def _become(name: str) -> None:
    program = str(_PROGRAMS / name)
    os.environ.setdefault("RESOLUTE_PYTHON", sys.executable)  # for a suite's methods in Python
    try:
        os.execv(program, [program, *sys.argv[1:]])
    except OSError as error:
        sys.exit(f"resolute: '{program}' cannot be started ({error.strerror}); install the wheel again")


def resolute() -> None:
    _become("resolute")


def worker() -> None:
    _become("resolute-worker")


if __name__ == "__main__":
    if sys.argv[1:2] == ["figures"]:
        from .figures import main

        main(sys.argv[2:])
    elif sys.argv[1:2] == ["work"]:
        from .worker import work_by_specification

        work_by_specification(sys.argv[2:])
    else:
        resolute()
