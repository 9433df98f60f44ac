"""The programs, as child processes: their errors become exceptions with the same words."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from typing import Any, TextIO

from ._bars import Bars
from ._library import PROGRAMS
from .errors import Error, InputError, MachineError

_INPUT, _INTERRUPTED = 2, 75


def argument(path: str | os.PathLike[str]) -> str:
    """A file's name as no option, whatever it begins with."""
    name = os.fsdecode(path)
    return os.path.join(".", name) if name.startswith("-") else name


def option(name: str, value: object) -> list[str]:
    """An option and its value, in one word where the value looks like an option: "--help" asks for no help. True: the option
    alone; False, None: nothing."""
    if value is None or value is False:
        return []
    word = "--" + name.replace("_", "-")
    if value is True:
        return [word]
    text = os.fsdecode(value) if isinstance(value, (bytes, os.PathLike)) else str(value)
    return [f"{word}={text}"] if text.startswith("-") else [word, text]


def _pass_on(stream: TextIO, lines: deque[str]) -> None:
    for line in stream:
        if line.strip():
            lines.append(line.strip())
        try:
            sys.stderr.write(line)
        except (AttributeError, OSError, ValueError):
            pass  # there is none, or it takes no such letters; the program goes on only while somebody reads


def run(arguments: Sequence[str], bars: bool = False) -> str:
    """Runs `resolute ARGUMENTS`, waits, and returns its standard output. Its standard error is passed on as it comes, and with `bars`
    its progress is drawn there. Ctrl-C reaches the program, which ends in order. Raises InputError (exit code 2), KeyboardInterrupt (75),
    MachineError (another)."""
    program = PROGRAMS / "resolute"
    drawn = Bars() if bars else None
    environment = {"RESOLUTE_PYTHON": sys.executable, **os.environ, **({"RESOLUTE_PROGRESS_FD": str(drawn.number)} if drawn else {})}
    try:
        child = subprocess.Popen([str(program), *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 encoding="utf-8", errors="backslashreplace", env=environment, pass_fds=[drawn.number] if drawn else [])
    except OSError as error:
        raise MachineError(f"'{program}' cannot be started ({error.strerror})") from None
    except ValueError as error:
        raise InputError(f"an argument cannot be given to a program ({error})") from None
    finally:
        if drawn:
            drawn.close_other()
    assert child.stdout and child.stderr
    lines: deque[str] = deque(maxlen=1)
    reader = threading.Thread(target=_pass_on, args=(child.stderr, lines), daemon=True)
    reader.start()
    try:
        out = child.stdout.read()
    except KeyboardInterrupt:  # where there is a terminal, it has sent it to the program too
        child.send_signal(signal.SIGINT)
        child.stdout.read()
        raise
    finally:
        code = child.wait()
        reader.join()
        if drawn:
            drawn.join()
        child.stdout.close()
        child.stderr.close()
    if code == 0:
        return out
    words = lines[0].removeprefix("resolute: ") if lines else f"'resolute {' '.join(arguments[:2])}' ended with exit code {code}"
    if code == _INTERRUPTED:
        raise KeyboardInterrupt(words)
    raise (InputError if code == _INPUT else MachineError)(words)


def run_json(arguments: Sequence[str], bars: bool = False) -> Any:
    """run(), its standard output read as one JSON document."""
    text = run(arguments, bars)
    try:
        return json.loads(text)
    except ValueError:
        raise Error(f"'resolute {arguments[0]}' wrote no JSON document") from None
