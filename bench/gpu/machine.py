"""The machine that bench/gpu/run measures: its device, its programs, the torch beside them, the time that is left."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parents[2]
TORCH = "2.11.0"
SHARE = 6  # of the budget one program has, for a turn or a file of tests
# These stop one figure and not the others: a player that has ended, one that hangs, no time, a file that is not what it should be.
TROUBLES = (SystemExit, OSError, ValueError, KeyError, subprocess.SubprocessError)


def fail(text, code):
    print(f"bench/gpu/run: {text}", file=sys.stderr)
    sys.exit(code)


def ask(command, environment=None, limit=None):
    return subprocess.run(command, env=environment, text=True, capture_output=True, timeout=limit)


def words(options):
    return [word for name, value in options.items() for word in (f"--{name}", str(value))]


def find_torch(given):
    """The folder of torch, and a Python that imports it (None if --torch names one that none imports)."""
    code = "import importlib.util as u; print(u.find_spec('torch').submodule_search_locations[0])"
    pythons = dict.fromkeys(filter(None, [sys.executable, shutil.which("python3"), shutil.which("python")]))
    found = [(pathlib.Path(answer.stdout.strip()), python) for python in pythons
             if (answer := ask([python, "-c", code])).returncode == 0]
    if given:
        folder = pathlib.Path(given).resolve()
        folder = folder.parent if folder.name == "lib" else folder
        found = [(folder, next((python for where, python in found if where.resolve() == folder), None))]
    if not found:
        fail("no python3 here imports torch; give --torch DIR", 2)
    folder, python = found[0]
    if not (folder / "lib/libtorch_cpu.so").exists():
        fail(f"'{folder}' holds no lib/libtorch_cpu.so; give --torch DIR", 2)
    version = re.search(r"__version__ = '([^']*)'", (folder / "version.py").read_text())
    if not version or version[1].split("+")[0] != TORCH:
        fail(f"torch {version[1] if version else '?'} in '{folder}' is not {TORCH}, which the bundle was built with", 2)
    return folder, python


class Time:
    """The time that is left for figures."""
    def __init__(self, seconds):
        self.begun = time.monotonic()
        self.end = self.begun + seconds
        self.slowest = 0

    def spent(self):
        return time.monotonic() - self.begun

    @contextlib.contextmanager
    def figure(self):
        """Raises TimeoutError where a figure as slow as the slowest before would end too late."""
        begun = time.monotonic()
        if begun + self.slowest > self.end:
            raise TimeoutError(f"it would end after {(self.end - self.begun) / 60:.0f} minutes")
        try:
            yield
        finally:
            self.slowest = max(self.slowest, time.monotonic() - begun)


class Machine:
    """tested: what RESOLUTE_TEST_DEVICE is, where that is not the device"""
    def __init__(self, root, libraries, python, environment, budget, device="cuda", tested=None, ranks=None):
        self.root, self.bin, self.device, self.tested, self.python = root, root / "bin", device, tested or device, python
        self.longest = budget / SHARE
        # The driver may be found through this variable too.
        paths = ":".join(filter(None, [str(libraries), environment.get("LD_LIBRARY_PATH")]))
        self.environment = environment | {"LD_LIBRARY_PATH": paths, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        answer = self.ask("resolute-worker", "describe", device)
        if answer.returncode != 0:
            fail((answer.stderr.strip().splitlines() or [f"resolute-worker ended with code {answer.returncode}"])[-1], 2)
        self.description = json.loads(answer.stdout)
        self.is_gpu = self.tested == "cuda"
        self.ranks = ranks or self.gpus()
        self.counts = []  # the table of what steps ask of the device

    def ask(self, program, *arguments):
        return ask([self.bin / program, *arguments], self.environment, self.longest)

    def resolute(self, *arguments):
        """Its standard output. Raises ValueError where it fails."""
        answer = self.ask("resolute", *map(str, arguments))
        if answer.returncode != 0:
            raise ValueError(f"resolute {' '.join(map(str, arguments[:2]))} ended with code {answer.returncode}: {answer.stderr[-800:]}")
        return answer.stdout

    def gpus(self):
        count = 1  # the worker has opened one
        if shutil.which("nvidia-smi"):
            # A slice of a GPU has a line of its own, indented.
            count = sum(line.startswith("GPU ") for line in ask(["nvidia-smi", "-L"]).stdout.splitlines()) or 1
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        return max(1, min(count, len(visible.split(","))) if visible else count)

    def precisions(self):
        """Those that the device has: factors of TF32 came with capability 8.0."""
        capability = re.search(r"\bcapability=(\d+)", self.description["numeric_class"])
        return [precision for precision in ("bf16", "tf32", "f32") if precision != "tf32" or capability is None or int(capability[1]) >= 8]

    def test(self, arguments, report, more=None):
        """({test: passed, skipped or failed}, lines that a test printed about what it measured)"""
        environment = self.environment | {"RESOLUTE_TEST_DEVICE": self.tested, "RESOLUTE_TEST_RANKS": str(self.ranks)} | (more or {})
        try:
            answer = ask([self.bin / "test_gpu", *arguments, f"--gtest_output=json:{report}"], environment, self.longest)
        except subprocess.TimeoutExpired as late:
            print((late.stdout or b"").decode(errors="replace")[-2000:], file=sys.stderr)
            return {f"all in {self.longest:.0f} s": "failed"}, []
        sys.stderr.write(answer.stdout + answer.stderr)
        if not report.exists():
            return {f"a report, not code {answer.returncode}": "failed"}, []
        outcomes = {}
        for test in (test for suite in json.loads(report.read_text())["testsuites"] for test in suite["testsuite"]):
            if test.get("status") != "NOTRUN":
                outcomes[test["name"]] = ("failed" if "failures" in test else "skipped" if test.get("result") == "SKIPPED" else "passed")
        self.counts += [line for line in answer.stdout.splitlines() if line.startswith("| ")]
        return outcomes, [line for line in answer.stdout.splitlines() if ": the losses of" in line or ": the hash of" in line]

    def limits(self):
        """Operations of one image's step, and operations a second of a large matrix product in each precision; nothing without a GPU or
        Python, or where it fails."""
        if not self.is_gpu or self.python is None:
            return None
        answer = ask([self.python, HERE / "bench/peers/ddp_training.py", "--device", "cuda", "--limits"], self.environment)
        if answer.returncode != 0:
            print(f"the peer's limits are not known: {answer.stderr[-800:]}", file=sys.stderr)
            return None
        return json.loads(answer.stdout)

    def clocks(self):
        """Lines of Markdown: what nvidia-smi says of clocks, power, ECC and the bus; none without it."""
        names = ("name,driver_version,clocks.sm,clocks.max.sm,clocks.mem,clocks.max.mem,power.draw,power.limit,ecc.mode.current,"
                 "ecc.errors.uncorrected.volatile.total,pcie.link.gen.current,pcie.link.width.current,compute_mode")
        answer = ask(["nvidia-smi", f"--query-gpu={names}", "--format=csv,noheader"]) if shutil.which("nvidia-smi") else None
        if answer is None or answer.returncode != 0:
            return []
        rows = [line.split(", ") for line in answer.stdout.splitlines()]
        head = ["asked of nvidia-smi"] + [f"GPU {number}" for number in range(len(rows))]
        return table(head, [[f"`{name}`", *values] for name, *values in zip(names.split(","), *rows)])


def table(head, rows):
    """Lines of Markdown."""
    return ["| " + " | ".join(map(str, row)) + " |" for row in [head, ["---"] * len(head), *rows]]
