"""A bundle on a machine that has nothing of ours but torch: bench/gpu/run --dry is killed in the middle and run again.

Usage: gpu_run_test.py TORCH
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench/gpu"))
from page import Page  # noqa: E402

TORCH = None


class Bundle(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="resolute-gpu-run-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        subprocess.run([ROOT / "script/bundle", cls.folder / "bundle.tar.gz", "--built"], check=True)
        subprocess.run(["tar", "xf", "bundle.tar.gz"], cwd=cls.folder, check=True)

    def start(self, *arguments):
        (home := self.folder / "home").mkdir(exist_ok=True)
        self.environment = {"PATH": "/usr/bin:/bin", "HOME": str(home), "TMPDIR": str(home), "OF_THIS_TEST": str(self.folder),
                            "LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
        return subprocess.Popen([self.folder / "resolute/bench/gpu/run", "--dry", "--torch", TORCH, *arguments], cwd=self.folder,
                                env=self.environment, stderr=subprocess.PIPE, text=True)

    def run_whole(self, *arguments):
        run = self.start(*arguments)
        _, said = run.communicate(timeout=600)
        return run.returncode, said

    def until(self, holds, seconds):
        end = time.monotonic() + seconds
        while not holds():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.02)

    def left(self, program=""):
        mark, found = f"OF_THIS_TEST={self.folder}".encode(), []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (process / "environ").read_bytes().split(b"\0") and program in (process / "cmdline").read_text():
                    found.append(process.name)
            except OSError:
                pass
        return found

    def test_a_killed_run_leaves_what_it_has_and_the_next_one_adds_to_it(self):
        file = self.folder / "out/RESULTS.md"

        def page():
            return file.read_text(encoding="utf-8") if file.exists() else ""

        cut_off = "- `rain in f32`: was not measured: the run was cut off in it\n"
        run = self.start("--only", "methods", "--results", "out")
        self.until(lambda: cut_off in page() and self.left("bench_training") or run.poll() is not None, 300)
        run.send_signal(signal.SIGKILL)
        run.communicate()
        self.assertEqual(-signal.SIGKILL, run.returncode, "it had ended before")
        self.until(lambda: not self.left(), 30)
        first = page()
        self.assertIn("\n| baseline, f32 | ", first)
        self.assertIn(cut_off + "- `cadnet in f32`: was not measured: the run has not come to it\n", first)
        self.assertNotIn("`baseline in f32`", first)
        self.assertEqual(["RESULTS.md"], [each.name for each in file.parent.iterdir()])

        code, said = self.run_whole("--only", "profile", "--results", "out")
        self.assertEqual(0, code, said)
        self.assertIn("### Where does the time of train_f32_w1_b4 go?", page())
        self.assertEqual(first.split("<!-- gpu: end -->")[0].splitlines()[-6:], page().split("<!-- gpu: end -->")[0].splitlines()[-6:])
        self.assertIn("\n| baseline, f32 | ", page())

    def test_figures_of_another_device_and_folders_that_cannot_be_written_are_refused_at_once(self):
        (self.folder / "other").mkdir()
        Page(self.folder / "other/RESULTS.md", "1 × `H200`; numeric class `gpu=H200`.", False)
        for results, said in [("other", "figures of another device"), ("/proc/none", "cannot be written")]:
            code, error = self.run_whole("--only", "profile", "--results", results)
            self.assertEqual(2, code, error)
            self.assertIn(said, error.strip().splitlines()[-1])


if __name__ == "__main__":
    TORCH = sys.argv.pop(1) if len(sys.argv) > 1 else os.environ["LIBTORCH_ROOT"]
    unittest.main()
