"""The progress of a program that runs beside (core/progress.h), drawn as tqdm draws its bars."""

import shutil
import socket
import sys
import threading
import time

_EIGHTHS = " ▏▎▍▌▋▊▉"


def is_watched() -> bool:
    """Somebody looks at standard error: a terminal or a notebook."""
    return sys.stderr.isatty() or "ipykernel" in sys.modules


def _clock(seconds: float) -> str:
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute:02}:{second:02}"


def bar(name: str, done: int, total: int, seconds: float, columns: int) -> str:
    """The line for `done` of `total` units, at least 1, after so many seconds."""
    rate = done / seconds if seconds > 0 else 0.0
    left = _clock((total - done) / rate) if rate else "?"
    speed = "?it/s" if not rate else f"{1 / rate:5.2f}s/it" if rate < 1 else f"{rate:5.2f}it/s"
    before, behind = f"{name}: {100 * done / total:3.0f}%|", f"| {done}/{total} [{_clock(seconds)}<{left}, {speed}]"
    width = max(1, columns - len(before) - len(behind))
    full, part = divmod(int(8 * width * min(1.0, done / total)), 8)
    return (before + ("█" * full + (_EIGHTHS[part] if full < width else "")).ljust(width) + behind)[:columns]


class Bars:
    """`number` is of the socket that the program writes to; close_other() once it has it, join() when it has ended."""

    def __init__(self) -> None:
        self._here, self._other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.number = self._other.fileno()
        self._thread = threading.Thread(target=self._draw, daemon=True)

    def close_other(self) -> None:
        self._other.close()
        self._thread.start()

    def join(self) -> None:
        self._here.shutdown(socket.SHUT_RD)  # a child of the program may still hold the other end
        self._thread.join()
        self._here.close()

    def _draw(self) -> None:
        began, last, open_line = dict[str, float](), time.monotonic(), False
        while data := self._here.recv(1 << 16):
            first, second, name = data.decode("utf-8", "replace").rstrip("\n").split(" ", 2)
            done, total = int(first), max(1, int(second))
            seconds = -began.setdefault(name, last) + (last := time.monotonic())
            line = bar(name, done, total, seconds, shutil.get_terminal_size().columns - 1)
            open_line = done < total
            sys.stderr.write("\r" + line + ("" if open_line else "\n"))
            sys.stderr.flush()
        if open_line:
            sys.stderr.write("\n")
