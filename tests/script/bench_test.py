"""Each area of script/bench at its smallest size, one turn: its figures are parsed. Areas that need a peer which is not installed
run without it. And an area that fails, or is ended, leaves no process behind.

Usage: bench_test.py BIN_FOLDER [AREA]
"""

import json
import math
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BENCH, GUARD = SOURCE / "bench", [sys.executable, SOURCE / "bench/guard.py"]
CACHE = pathlib.Path(os.environ.get("RESOLUTE_CACHE") or
                     pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "resolute")
TORCH = CACHE / "torch-python/python"
BIN = None


def commands(scratch):
    """What script/bench runs of each area; `build` has a test of its own, bench_build_test.py."""
    folder, python = ["--folder", scratch], sys.executable
    return {
        "checkpoint": [python, BENCH / "training/checkpoint.py", BIN / "bench_checkpoint", TORCH, *folder],
        "coverage": [python, BENCH / "statistics/coverage.py", BIN / "bench_coverage"],
        "data_path": [python, BENCH / "data_path/data_path.py", BIN, TORCH, *folder],
        "distances": [python, BENCH / "ranking/distances.py", BIN / "bench_distances", "--python", TORCH],
        "exchange": [python, BENCH / "exchange/exchange.py", BIN / "bench_exchange"],
        "growth": [TORCH, BENCH / "growth/growth.py", BIN, *folder],
        "levels": [python, BENCH / "ranking/levels.py", BIN / "bench_ranking_levels"],
        "methods": [BIN / "bench_method_costs", "--steps", "1", "--backbone", "resnet-small", "--case", "baseline"],
        "orchestrator": [python, BENCH / "orchestrator/orchestrator.py", BIN, CACHE / "hyperqueue-0.27.0", *folder],
        "ranking": [TORCH, BENCH / "ranking/ranking.py", BIN, CACHE / "reid-evaluators-1", *folder],
        "report": [python, BENCH / "program/report.py", BIN / "resolute"],
        "startup": [python, BENCH / "program/startup.py", BIN / "resolute"],
        "training": [python, BENCH / "training/training.py", "--programs", BIN, "--python", TORCH, *folder],
        "watch": [python, BENCH / "program/watch.py", BIN / "resolute"],
    }


def left_by(mark):
    """Processes in whose environment the mark stands."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if f"BENCH_TEST_MARK={mark}".encode() in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_bytes())
        except OSError:
            pass
    return found


class Area(unittest.TestCase):
    def smoke(self, name):
        with tempfile.TemporaryDirectory(prefix="resolute-bench-test-") as scratch:
            command = commands(scratch)[name]
            if TORCH in command and not TORCH.exists():
                self.skipTest("no Python with PyTorch; script/test makes one")
            smoke = {"methods": ["--json"], "coverage": ["--few", "--studies", "2"]}.get(name, ["--smoke", "--json"])
            run = subprocess.run([*GUARD, *command, *smoke], capture_output=True, text=True, timeout=800 if name == "methods" else 600,
                                 env={**os.environ, "TMPDIR": scratch, "BENCH_TEST_MARK": scratch})
            self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
            self.assertEqual(left_by(scratch), [])
        if name == "coverage":
            rows = run.stdout.splitlines()[2:]
            self.assertGreater(len(rows), 5)
            for row in rows:
                self.assertRegex(row, r"^\| .* \| \d+(\.\d+)? % \(")
            return
        document = json.loads(run.stdout)
        if name == "methods":
            self.assertTrue(document)
            return
        self.assertTrue(document["figures"])
        for figure in document["figures"]:
            for key in ("ours", "peer", "ratio"):
                self.assertTrue(math.isfinite(figure[key]) and figure[key] > 0, figure)


def add(name):
    setattr(Area, f"test_{name}", lambda self: self.smoke(name))


class Areas(unittest.TestCase):
    def test_all_of_script_bench_are_here(self):
        text = (SOURCE / "script/bench").read_text(encoding="utf-8")
        self.assertEqual({*re.findall(r"^  \[(\w+)\]=", text, re.M)}, {*commands(""), "build"})

    def test_all_are_run_by_tests(self):
        listed = (SOURCE / "tests/script/CMakeLists.txt").read_text(encoding="utf-8").partition("foreach(area IN ITEMS")[2].partition(")")[0]
        self.assertEqual({area.split()[0] for area in re.findall(r'"([^"]+)"', listed)}, {*commands("")})

    def test_all_run_under_the_guard(self):
        text = (SOURCE / "script/bench").read_text(encoding="utf-8")
        self.assertEqual(re.findall(r"\bexec (?!/usr/bin/python3 \"\$source_root/bench/guard\.py\")", text), [])


class Guard(unittest.TestCase):
    """What is left behind is in sessions of its own, as mpirun's ranks and daemons are."""

    def begin(self, end):
        self.mark = f"guard-{os.getpid()}-{time.monotonic_ns()}"
        return subprocess.Popen([*GUARD, "bash", "-c", f"setsid sleep 600 & (setsid bash -c 'sleep 601 & sleep 602' &); {end}"],
                                env={**os.environ, "BENCH_TEST_MARK": self.mark}, stderr=subprocess.DEVNULL)

    def test_an_area_that_fails_leaves_nothing(self):
        for end, code in [("exit 3", 3), ("exit 0", 0), ("kill -SEGV $$", 128 + signal.SIGSEGV)]:
            self.assertEqual(self.begin(end).wait(60), code, end)
            self.assertEqual(left_by(self.mark), [], end)

    def test_an_area_that_is_ended_leaves_nothing(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            guard = self.begin("sleep 603")
            while len(left_by(self.mark)) < 6:
                time.sleep(0.05)
            guard.send_signal(number)
            self.assertEqual(guard.wait(60), 128 + number)
            self.assertEqual(left_by(self.mark), [])


if __name__ == "__main__":
    BIN = pathlib.Path(sys.argv[1])
    areas = sys.argv[2:]
    for area in areas:
        add(area)
    unittest.main(argv=[sys.argv[0]], defaultTest=["Area"] if areas else ["Areas", "Guard"])
