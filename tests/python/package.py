"""What the tests of the Python package share: the package of the build that is tested, and a pack of drawn people.

Usage of each test: NAME_test.py BUILD_FOLDER [UNITTEST_ARGUMENT...]
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import typing
import unittest
from pathlib import Path

BUILD = Path(sys.argv.pop(1)).resolve()
sys.path.insert(0, str(BUILD / "python"))
SOURCE = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("RESOLUTE_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "resolute")

import resolute


def program(*arguments):
    return subprocess.run([BUILD / "bin/resolute", *map(str, arguments)], check=True, capture_output=True, text=True).stdout


class PackTest(unittest.TestCase):
    """A test with a pack of 12 drawn people in Market-1501's layout, 8 images of each, at 64 x 32."""

    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.folder = Path(cls.scratch.name)
        program("data", "synth", "--out", cls.folder / "raw", "--layout", "market1501", "--identities", 12, "--height", 90, "--width", 40)
        cls.pack = resolute.ingest("market1501", cls.folder / "raw", cls.folder / "store", height=64, width=32, rates=[2, 3, 4])
        cls.split = cls.pack.split(partition="official")

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()


def _made(name):
    found = CACHE / name / "python"
    if found.exists():
        return found
    if os.environ.get("RESOLUTE_NEEDS_TORCH_PYTHON"):
        raise AssertionError(f"{found} is missing")
    return None


def torch_python():
    """A Python that has torch and NumPy; None where script/test has made none."""
    return _made("torch-python")


def torchreid_python():
    """One that has torchvision, torchreid and timm too."""
    return _made("torchreid-python")


def method_environment(python, **more):
    """For `resolute` with methods that this Python runs."""
    return {**os.environ, "PATH": f"{python.parent}:{BUILD / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(BUILD / "python"),
            "OMP_NUM_THREADS": "1", "RESOLUTE_PYTHON": str(python), **more}


def left_in(store):
    """What a run leaves and what must not depend on how it went."""
    kept = ("result.json", "features.h5", "queries.csv")
    return {str(path.relative_to(store)): path.read_bytes() for path in store.glob("jobs/*/*/*")
            if path.name in kept or path.name.startswith("weights-")}


def wait_until(found):
    for _ in range(6000):
        if answer := found():
            return answer
        time.sleep(0.02)
    raise AssertionError("it took over two minutes")


class MethodTest(unittest.TestCase):
    """A test of a method in Python: `calm` is the store of `mine.toml`, one of FILES, as it ran undisturbed."""

    FILES: typing.ClassVar[dict[str, str]] = {}

    @classmethod
    def setUpClass(cls):
        python = torch_python()
        if python is None:
            raise unittest.SkipTest("torch is not there")
        scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(scratch.cleanup)
        cls.folder, cls.environment = Path(scratch.name), method_environment(python)
        for name, text in cls.FILES.items():
            (cls.folder / name).write_text(text)
        cls.calm = cls.folder / "calm"
        ran = subprocess.run(cls.suite("run", cls.calm, "--slots", "1"), **cls.surroundings(), check=False)
        assert ran.returncode == 0, ran.stderr
        cls.training, cls.evaluation = (next(path.parent.name for path in cls.calm.glob("jobs/*/*/spec.json")
                                             if json.loads(path.read_text())["kind"] == kind) for kind in ("training", "evaluation"))

    @classmethod
    def suite(cls, command, store, *more, file="mine.toml"):
        return [BUILD / "bin/resolute", "suite", command, file, "--store", store, *more]

    @classmethod
    def surroundings(cls):
        return {"cwd": cls.folder, "env": cls.environment, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}

    def untrained(self, name):
        """A copy of the calm store without what trainings and evaluations left; and the training's folder."""
        store = self.folder / name
        shutil.copytree(self.calm, store)
        for job in (self.training, self.evaluation):
            for path in (store / "jobs" / job[:2] / job).iterdir():
                if path.name != "spec.json":
                    path.unlink()
        return store, store / "jobs" / self.training[:2] / self.training


def needs_matplotlib(test):
    """A class of tests or a test that imports matplotlib, of the readers' Python; skipped where script/test has made none."""
    sys.path[:0] = [str(CACHE / name / "packages") for name in ("reader-python", "torch-python")]
    found = importlib.util.find_spec("matplotlib") is not None
    if not found and os.environ.get("RESOLUTE_NEEDS_TORCH_PYTHON"):
        raise AssertionError(f"{CACHE / 'reader-python'} has no matplotlib")
    return unittest.skipUnless(found, "script/test installs matplotlib")(test)


def refused(test, call, *words):
    """The call raises InputError with all of the words in its one line."""
    with test.assertRaises(resolute.InputError) as caught:
        call()
    text = str(caught.exception)
    for word in words:
        test.assertIn(word, text)
    test.assertNotIn("\n", text)
