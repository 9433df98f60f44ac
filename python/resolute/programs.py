"""The programs, as child processes: their errors become exceptions with the same words."""

import codecs
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import IO, Any

from ._bars import Bars
from ._library import PROGRAMS
from .errors import Error, InputError, MachineError

_INPUT, _INTERRUPTED = 2, 75

#: Milliseconds: a program that goes on for so long after a line has not failed with it.
_MOMENT = 1000

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


class _Words(threading.Thread):
    """A program's standard error, passed on line by line. The last line waits: the exception of a program that fails says it, and nobody
    else."""

    def __init__(self, stream: IO[bytes]):
        super().__init__(daemon=True)
        self._stream, self._waiting = stream, ""
        self.last = ""  # line that is not blank

    def pass_on(self) -> None:
        waiting, self._waiting = self._waiting, ""
        try:
            sys.stderr.write(waiting)
        except (AttributeError, OSError, ValueError):
            pass  # there is none, or it takes no such letters; the program goes on only while somebody reads

    def run(self) -> None:
        decoder, poll, begun = codecs.getincrementaldecoder("utf-8")("backslashreplace"), select.poll(), ""
        poll.register(self._stream)
        while True:
            if not poll.poll(_MOMENT if self._waiting else None):
                self.pass_on()
                continue
            data = os.read(self._stream.fileno(), 1 << 16)
            *lines, begun = (begun + decoder.decode(data, final=not data)).split("\n")
            if begun and not data:
                lines.append(begun)
            for line in lines:
                if line.strip():
                    self.pass_on()
                    self.last = line.strip()
                self._waiting += line + "\n"
            if not data:
                return


def run(arguments: Sequence[str], bars: bool = False) -> str:
    """Runs `resolute ARGUMENTS`, waits, and returns its standard output. Its standard error is passed on as it comes, and with `bars`
    its progress is drawn there. Ctrl-C reaches the program, which ends in order. Raises InputError (exit code 2), KeyboardInterrupt (75),
    MachineError (another), whose words are then its last line's."""
    program = PROGRAMS / "resolute"
    drawn = Bars() if bars else None
    environment = {"RESOLUTE_PYTHON": sys.executable, **os.environ, **({"RESOLUTE_PROGRESS_FD": str(drawn.number)} if drawn else {})}
    try:
        child = subprocess.Popen([str(program), *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment,
                                 pass_fds=[drawn.number] if drawn else [])
    except OSError as error:
        raise MachineError(f"'{program}' cannot be started ({error.strerror})") from None
    except ValueError as error:
        raise InputError(f"an argument cannot be given to a program ({error})") from None
    finally:
        if drawn:
            drawn.close_other()
    assert child.stdout and child.stderr
    words, out = _Words(child.stderr), None
    words.start()
    try:
        out = child.stdout.read()
    except KeyboardInterrupt:  # where there is a terminal, it has sent it to the program too
        child.send_signal(signal.SIGINT)
        child.stdout.read()
        raise
    finally:
        code = child.wait()
        words.join()
        if out is None or code == 0:
            words.pass_on()
        if drawn:
            drawn.join()
        child.stdout.close()
        child.stderr.close()
    if code == 0:
        return out.decode("utf-8", "backslashreplace")
    why = words.last.removeprefix("resolute: ") or f"'resolute {' '.join(arguments[:2])}' ended with exit code {code}"
    if code == _INTERRUPTED:
        raise KeyboardInterrupt(why)
    raise (InputError if code == _INPUT else MachineError)(why)


def run_json(arguments: Sequence[str], bars: bool = False) -> Any:
    """run(), its standard output read as one JSON document."""
    text = run(arguments, bars)
    try:
        return json.loads(text)
    except ValueError:
        raise Error(f"'resolute {arguments[0]}' wrote no JSON document") from None
