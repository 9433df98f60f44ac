"""A run on a terminal: the line of progress and log lines, read as a terminal shows them.

Usage: screen_test.py RESOLUTE
"""
import fcntl
import os
import pathlib
import pty
import re
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
SUITE = ROOT / "tests/system/tiny.toml"
PROGRAM = pathlib.Path(sys.argv.pop()).resolve()
SEQUENCE = re.compile(r"\x1b\[(\??)([0-9;]*)([A-Za-z])")
PROGRESS = re.compile(r"suite tiny \d+/\d+ \(\d+ %")


class Screen:
    """Lines as they stand on a terminal; a row that wraps belongs to its line."""

    def __init__(self, columns):
        self.columns, self.wraps = columns, True
        self.lines, self.at = [[]], 0
        self.unknown = []

    def letter(self, letter):
        line = self.lines[-1]
        at = self.at if self.wraps else min(self.at, self.columns - 1)
        line[at:at + 1] = [letter]
        self.at = at + 1

    def take(self, text):
        at = 0
        while at < len(text):
            if text[at] == "\x1b":
                found = SEQUENCE.match(text, at)
                assert found, repr(text[at:at + 10])
                kind = found.group(1) + found.group(2) + found.group(3)
                if found.group(3) == "K":
                    del self.lines[-1][self.at:]
                elif kind in ("?7l", "?7h"):
                    self.wraps = kind == "?7h"
                else:
                    self.unknown.append(kind)
                at = found.end()
                continue
            if text[at] == "\r":  # to the begin of the row, which may be the second of a wrapped line
                self.at -= self.at % self.columns if self.wraps else self.at
            elif text[at] == "\n":
                self.lines.append([])
                self.at = 0
            else:
                self.letter(text[at])
            at += 1

    def resize(self, columns):
        """As a terminal does that cuts its rows."""
        self.columns = columns
        del self.lines[-1][columns:]
        self.at = min(self.at, columns - 1)

    def text(self):
        return ["".join(line) for line in self.lines]


def resize(file, columns):
    fcntl.ioctl(file, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))


def pieces_of(file):
    """What is written to the terminal until its last writer has gone, cut between letters and sequences alone."""
    pending, end = b"", time.monotonic() + 240
    while time.monotonic() < end:
        if not select.select([file], [], [], 1)[0]:
            continue
        try:
            pending += os.read(file, 65536)
        except OSError:
            return
        try:
            whole = pending.decode("utf-8")
        except UnicodeDecodeError:
            continue
        if "\x1b" in whole and not SEQUENCE.match(whole, whole.rindex("\x1b")):
            continue
        pending = b""
        yield whole


def on_terminal(words, columns, kind="xterm", look=None, **environment):
    """What a terminal of so many columns shows in the end, and all bytes. look(screen, file) sees it after each piece."""
    ours, theirs = pty.openpty()
    resize(ours, columns)
    screen, said = Screen(columns), ""
    process = subprocess.Popen([PROGRAM, *map(str, words)], stdin=theirs, stdout=theirs, stderr=theirs,
                               env={**os.environ, "TERM": kind, **environment})
    os.close(theirs)
    try:
        for piece in pieces_of(ours):
            said += piece
            screen.take(piece)
            if look:
                look(screen, ours)
        assert process.wait(timeout=60) == 0, said
    finally:
        os.close(ours)
        process.kill()
        process.wait()
    return screen, said


class Screens(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.store = pathlib.Path(self.scratch.name) / "store"
        self.run_words = ["suite", "run", SUITE, "--store", self.store, "--slots", "1", "--set", "trials=1"]

    def tearDown(self):
        self.scratch.cleanup()

    def test_the_line_of_progress_and_log_lines_never_share_a_line_in_windows_of_any_width(self):
        seen, widths = [], iter((100, 40))

        def look(screen, file):
            line = screen.text()[-1]
            if PROGRESS.match(line):
                self.assertLess(len(line), screen.columns + 1, line)
                if not seen or seen[-1] != line:
                    seen.append(line)
                if len(seen) in (2, 4) and screen.columns != (width := next(widths, screen.columns)):
                    screen.resize(width)
                    resize(file, width)

        words = [*self.run_words, "--set", "train.steps=300"]  # seconds: the line comes after two
        screen, said = on_terminal(words, 40, look=look, NO_COLOR="1")
        self.assertGreater(len(seen), 2, said)
        self.assertTrue(any(re.search(r": step \d+/300, ", line) for line in seen), seen)
        self.assertFalse([line for line in seen if "0/s" in line], seen)
        for line in screen.text():
            self.assertFalse("resolute: " in line[1:] or PROGRESS.search(line), line)
        self.assertEqual([], screen.unknown, "no colours")
        self.assertEqual(7, sum(" done: " in line for line in screen.text() if line.startswith("resolute: ")),
                         screen.text())

    def test_who_cannot_clear_a_line_gets_log_lines_alone(self):
        _, said = on_terminal(self.run_words, 80, kind="dumb")
        self.assertNotIn("\x1b", said)
        self.assertFalse(PROGRESS.search(said), said)
        piped = subprocess.run([PROGRAM, *map(str, self.run_words)], capture_output=True, text=True, check=True)
        self.assertFalse({"\r", "\x1b"} & set(piped.stderr + piped.stdout))

    def test_a_watched_status_is_as_wide_as_the_window(self):
        subprocess.run([PROGRAM, *map(str, self.run_words)], capture_output=True, check=True)
        words = ["suite", "status", SUITE, "--store", self.store, "--set", "trials=1", "--watch"]
        for columns in (40, 100):
            _, said = on_terminal(words, columns, NO_COLOR="1")
            rows = SEQUENCE.sub("", said).replace("\r", "").split("\n")
            self.assertLessEqual(max(map(len, rows)), columns)
            self.assertGreater(max(map(len, rows)), 38)


if __name__ == "__main__":
    unittest.main()
