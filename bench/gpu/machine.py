"""The machine that bench/gpu/run measures: its device, its programs, the torch beside them, the time that is left."""

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
PATIENCE, SMI_PATIENCE = 60, 10  # seconds for what a run asks before its items begin, and for nvidia-smi, which hangs with its driver
# A scheduler or launcher says these to the processes of its own jobs: they would meet the peers, too.
OF_LAUNCHERS = {"MASTER_ADDR", "MASTER_PORT", "RANK", "LOCAL_RANK", "WORLD_SIZE"}


def fail(text, code):
    print(f"bench/gpu/run: {text}", file=sys.stderr)
    sys.exit(code)


def ask(command, environment=None, limit=PATIENCE):
    """A program that ended, with its output; one that did not in time has the code 124. limit: seconds, or None in an item, which has one"""
    try:
        return subprocess.run(command, env=environment, encoding="utf-8", errors="replace",
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "", f"{pathlib.Path(command[0]).name} did not answer in {limit:.0f} s")
    except OSError as error:
        return subprocess.CompletedProcess(command, 126, "", str(error))


def words(options):
    return [word for name, value in options.items() for word in (f"--{name}", str(value))]


def version_of(torch):
    """That of a folder of torch, or why it is of no use."""
    if not (torch / "lib/libtorch_cpu.so").exists():
        return f"'{torch}' holds no lib/libtorch_cpu.so"
    try:
        version = re.search(r"__version__ = '([^'+]*)", (torch / "version.py").read_text(encoding="utf-8"))
    except OSError as error:
        return str(error)
    return version[1] if version else f"'{torch}/version.py' names no version"


def find_torch(given):
    """The folder of torch, and a Python that imports it (None if --torch names one that none imports)."""
    code = "import importlib.util as u; print(u.find_spec('torch').submodule_search_locations[0])"
    pythons = dict.fromkeys(filter(None, [sys.executable, shutil.which("python3"), shutil.which("python")]))
    found = [(pathlib.Path(answer.stdout.strip()), python) for python in pythons
             if (answer := ask([python, "-c", code])).returncode == 0 and answer.stdout.strip()]
    if given:
        folder = pathlib.Path(given).resolve()
        folder = folder.parent if folder.name == "lib" else folder
        found = [(folder, next((python for where, python in found if where.resolve() == folder), None))]
    if not found:
        fail("no python3 here imports torch; give --torch DIR", 2)
    versions = {folder: version_of(folder) for folder, _ in found}
    for folder, python in found:
        if versions[folder] == TORCH:
            return folder, python
    fail(f"the bundle was built with torch {TORCH} (found: {', '.join(versions.values())}); give --torch DIR", 2)


class Machine:
    """tested: what RESOLUTE_TEST_DEVICE is, where that is not the device"""
    def __init__(self, root, libraries, python, device="cuda", tested=None, ranks=None):
        self.root, self.bin, self.device, self.tested, self.python = root, root / "bin", device, tested or device, python
        self.libraries = libraries
        answer = ask([self.bin / "resolute-worker", "describe", device], self.environment)
        if answer.returncode != 0:
            fail((answer.stderr.strip().splitlines() or [f"resolute-worker ended with code {answer.returncode}"])[-1], 2)
        self.description = json.loads(answer.stdout)
        self.is_gpu = self.tested == "cuda"
        self.ranks = ranks or int(self.description.get("gpus", 1))

    @property
    def outside(self):
        """A peer's environment."""
        inherited = {name: value for name, value in os.environ.items() if name not in OF_LAUNCHERS}
        return inherited | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}

    @property
    def environment(self):
        # The driver may be found through this variable too.
        paths = ":".join(filter(None, [str(self.libraries), os.environ.get("LD_LIBRARY_PATH")]))
        return self.outside | {"LD_LIBRARY_PATH": paths}

    def resolute(self, *arguments):
        """Its standard output. Raises ValueError where it fails."""
        answer = ask([self.bin / "resolute", *map(str, arguments)], self.environment, None)
        if answer.returncode != 0:
            raise ValueError(f"resolute {' '.join(map(str, arguments[:2]))} ended with code {answer.returncode}: {answer.stderr[-800:]}")
        return answer.stdout

    def precisions(self):
        """Those that the device has: factors of TF32 and bf16 came with capability 8.0."""
        capability = re.search(r"\bcapability=(\d+)", self.description["numeric_class"])
        return ["f32"] if capability and int(capability[1]) < 8 else ["bf16", "tf32", "f32"]

    def line(self):
        """What was measured."""
        name = self.description.get("gpu", self.description["device"])
        return f"{self.ranks} × `{name}`; numeric class `{self.description['numeric_class']}`."

    def test(self, arguments, more=None):
        """({test: passed, skipped or failed}, lines that it printed)"""
        report = pathlib.Path(os.environ["TMPDIR"]) / "report.json"
        environment = self.environment | {"RESOLUTE_TEST_DEVICE": self.tested, "RESOLUTE_TEST_RANKS": str(self.ranks)} | (more or {})
        answer = ask([self.bin / "test_gpu", *arguments, f"--gtest_output=json:{report}"], environment, None)
        sys.stderr.write(answer.stdout + answer.stderr)
        if not report.exists():
            return {f"a report, not code {answer.returncode}": "failed"}, []
        outcomes = {}
        for test in (test for suite in json.loads(report.read_text())["testsuites"] for test in suite["testsuite"]):
            if test.get("status") != "NOTRUN":
                outcomes[test["name"]] = ("failed" if "failures" in test else "skipped" if test.get("result") == "SKIPPED" else "passed")
        return outcomes, answer.stdout.splitlines()

    def limits(self):
        """Operations of one image's step, and operations a second of a large matrix product in each precision. Raises ValueError where it
        fails."""
        answer = ask([self.python, HERE / "bench/peers/ddp_training.py", "--device", "cuda", "--limits"], self.outside, None)
        if answer.returncode != 0:
            raise ValueError(f"the peer's limits are not known: {answer.stderr[-800:]}")
        return json.loads(answer.stdout.strip().splitlines()[-1])


ASKED = ["name", "driver_version", "clocks.sm", "clocks.max.sm", "clocks.mem", "clocks.max.mem", "power.draw", "power.limit",
         "ecc.mode.current", "ecc.errors.uncorrected.volatile.total", "pcie.link.gen.current", "pcie.link.width.current", "compute_mode"]


def asked_of_nvidia_smi():
    """{property: values of all GPUs}; nothing without it. A driver may know a property by another name, or not at all."""
    if not shutil.which("nvidia-smi"):
        return {}

    def values(names):
        """None where it fails."""
        answer = ask(["nvidia-smi", f"--query-gpu={','.join(names)}", "--format=csv,noheader"], limit=SMI_PATIENCE)
        rows = [[value.strip() for value in line.split(",")] for line in answer.stdout.splitlines()]
        rows = [row for row in rows if len(row) == len(names)]  # and none of what it says of a GPU that is gone
        return dict(zip(names, zip(*rows))) if answer.returncode == 0 else None

    begun = time.monotonic()
    found = values(ASKED)
    if found is None and time.monotonic() - begun < SMI_PATIENCE:
        found = {name: seen for each in ASKED for name, seen in (values([each]) or {}).items()}
    return found or {}
