"""step() of script/support/common.sh: what it says on a terminal and elsewhere, how it fails, what is left of it after a
signal."""

import os
import pty
import re
import signal
import subprocess
import time
import unittest
from pathlib import Path

from checkout import checkout

NINJA = 'like_ninja() { for n in 1 2 3; do echo "[$n/3] Building"; sleep 1.2; done; }; '
ENDED = re.compile(r"made up +\d+ s\n")


def left_on_screen(written):
    """Lines as a terminal shows them at the end: what was erased is gone."""
    lines = [line.rstrip("\r").rsplit("\r\x1b[K", 1)[-1] for line in written.split("\n")]
    return "\n".join(lines)


class Step(unittest.TestCase):
    def setUp(self):
        self.folder, self.environment = checkout(self, "common.sh")
        self.environment["TERM"] = "xterm"
        self.environment.pop("NO_COLOR", None)

    def start(self, script, **streams):
        return subprocess.Popen(["bash", "-c", f'. "$0"; {script}', self.folder / "script/support/common.sh"],
                                env=self.environment, start_new_session=True, **streams)

    def elsewhere(self, script):
        process = self.start(script, stderr=subprocess.PIPE, text=True)
        _, said = process.communicate(timeout=60)
        return process.returncode, said

    def on_terminal(self, script):
        ours, theirs = pty.openpty()
        process = self.start(script, stderr=theirs)
        os.close(theirs)
        said = b""
        try:
            while block := os.read(ours, 4096):
                said += block
        except OSError:  # how a terminal says that nobody holds its other end
            pass
        os.close(ours)
        process.wait(timeout=60)
        return said.decode().replace("\r\n", "\n")

    def test_on_a_terminal_one_line_is_written_anew_and_erased(self):
        said = self.on_terminal(NINJA + 'step "made up" like_ninja')
        shown = re.findall(r"\r\x1b\[K\x1b\[\?7l([^\x1b]*)\x1b\[\?7h", said)
        self.assertIn("made up  2/3  66 %  under 1 min left", shown)
        self.assertEqual(said.count("\n"), 1)
        self.assertRegex(left_on_screen(said), ENDED)
        self.assertNotIn("%", left_on_screen(said))

    def test_elsewhere_lines_are_plain_and_come_at_their_time(self):
        code, said = self.elsewhere(NINJA + 'progress_every=1; step "made up" like_ninja')
        self.assertEqual(code, 0)
        self.assertNotRegex(said, r"[\r\x1b]")
        lines = said.splitlines(keepends=True)
        self.assertIn("made up  2/3  66 %  under 1 min left\n", lines)
        self.assertRegex(lines[-1], ENDED)
        _, said = self.elsewhere('step "made up" sleep 1.2')
        self.assertRegex(said, r"\A" + ENDED.pattern + r"\Z")

    def test_a_line_is_said_each_minute(self):
        self.assertEqual(self.elsewhere('echo "$progress_every" >&2')[1], "60\n")

    def test_without_colour_and_on_a_dumb_terminal_lines_are_plain(self):
        for name, value in (("NO_COLOR", "1"), ("TERM", "dumb")):
            with self.subTest(name):
                self.environment.update({"TERM": "xterm", "NO_COLOR": "", name: value})
                said = self.on_terminal('progress_every=1; step "made up" sleep 2.2')
                self.assertRegex(said, r"\A(made up  \d s\n)+" + ENDED.pattern + r"\Z")

    def test_counts_are_those_of_the_end_and_promise_what_is_left(self):
        for log, seconds, line in [
                ("[7/456] Building A\n[123/456] Building B\nB.cpp:1: warning [1/2]\n", 60, "x  123/456  26 %  about 3 min left"),
                ("[0/2] Re-running CMake\n", 60, "x  0/2  0 %"),
                ("[22/456] Building A\n", 60, "x  22/456  4 %"),
                ("[456/456] Linking\n", 60, "x  456/456  100 %"),
                ("  1/300 Test #17: a/b ....   Passed\n 24/300 Test  #3: c/d ....***Failed\n", 24,
                 "x  24/300  8 %  about 5 min left"),
                ("Get:1 http://somewhere 12/34 Packages\n", 65, "x  65 s")]:
            with self.subTest(line):
                (self.folder / "log").write_text(log, encoding="utf-8")
                self.assertEqual(self.elsewhere(f"progress x '{self.folder}/log' {seconds} >&2"), (0, line))

    def test_a_failure_shows_the_end_of_the_log(self):
        code, said = self.elsewhere('half() { seq 100; (exit 7); echo "went on"; }; step "made up" half; echo "went on" >&2')
        self.assertEqual(code, 1)
        log = self.folder / "build/logs/made-up.log"
        self.assertEqual(said, f'resolute: step "made up" failed (exit code 7); its log is {log}, which ends:\n' +
                         "".join(f"{n}\n" for n in range(76, 101)))
        self.assertEqual(self.on_terminal('half() { sleep 1.5; false; }; step "made up" half').count("\n"), 1)

    def test_an_exit_code_whose_line_ends_a_second_later_is_that_code(self):
        halves = 'echo() { printf %s "$1"; sleep 1.5; printf "\\n"; }; '
        for command, code in (("true", 0), ("false", 1)):
            self.assertEqual(self.elsewhere(halves + f'step "made up" {command}')[0], code)

    def test_a_signal_ends_all_of_a_step(self):
        # As ninja does it: a child in a process group of its own. Bash's own in the background ignore SIGINT.
        script = ('tree() { setsid sleep 300 & (sleep 300; true) & echo "$BASHPID $(jobs -p | xargs)" >"$source_root/started"; '
                  'wait; }; grace=1; step "made up" tree')
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            with self.subTest(number):
                (self.folder / "started").unlink(missing_ok=True)
                process = self.start(script, stderr=subprocess.PIPE, text=True)
                deadline = time.monotonic() + 30
                while not (self.folder / "started").exists() or not (self.folder / "started").read_text():
                    self.assertLess(time.monotonic(), deadline)
                    time.sleep(0.05)
                time.sleep(0.2)
                session = self.session(process.pid)
                self.assertGreaterEqual(len(session), 5)
                process.send_signal(number)
                # Nobody holds stderr any more, or this would not return.
                _, said = process.communicate(timeout=30)
                self.assertEqual(process.returncode, -number)
                self.assertEqual(said, "")
                while left := [one for one in session if self.alive(one)]:
                    self.assertLess(time.monotonic(), deadline, left)
                    time.sleep(0.05)

    @staticmethod
    def alive(process):
        try:
            return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] not in "ZX"
        except OSError:
            return False

    @classmethod
    def session(cls, process):
        """A process and all below it."""
        children = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="utf-8").split()
        return [process, *(below for child in children for below in cls.session(int(child)))]


if __name__ == "__main__":
    unittest.main()
