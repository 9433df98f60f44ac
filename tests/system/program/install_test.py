"""What `cmake --install` puts into a folder works from there, as another place than the build and without a right to write."""
import pathlib
import stat
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(sys.argv.pop())
SUITE = ROOT / "tests/system/tiny.toml"


def output_of(*words):
    answer = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=240, check=False)
    assert answer.returncode == 0, f"{words}: {answer.stderr}"
    return answer.stdout


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.prefix = pathlib.Path(cls.folder.name) / "else where"
        output_of("cmake", "--install", BUILD, "--prefix", cls.prefix)
        for path in [cls.prefix, *cls.prefix.rglob("*")]:
            path.chmod(path.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
        cls.program = cls.prefix / "bin/resolute"

    @classmethod
    def tearDownClass(cls):
        for path in [cls.prefix, *cls.prefix.rglob("*")]:
            path.chmod(path.stat().st_mode | stat.S_IWUSR)
        cls.folder.cleanup()

    def test_shipped_suites_are_there_and_plan_as_they_do_with_the_built_program(self):
        store = pathlib.Path(self.folder.name) / "empty"
        shipped = self.prefix / "share/resolute/suites"
        self.assertEqual(sorted(path.name for path in shipped.iterdir()),
                         sorted(path.name for path in (ROOT / "experiments/suites").iterdir()))
        words = ["suite", "plan", shipped / "quickstart.toml", "--store", store]
        self.assertEqual(output_of(self.program, *words), output_of(BUILD / "bin/resolute", *words))

    def test_a_suite_runs_to_its_table(self):
        store = pathlib.Path(self.folder.name) / "store"
        output_of(self.program, "suite", "run", SUITE, "--store", store, "--only", "main/baseline", "--slots", "2")
        table = output_of(self.program, "suite", "table", SUITE, "--store", store)
        self.assertRegex(table, r"Baseline \(HR\) *\|.*\d+\.\d")

    def test_headers_and_tests_stay_behind(self):
        left = [path.name for path in self.prefix.rglob("*") if path.suffix in {".h", ".a"} or "test" in path.name]
        self.assertEqual(left, [])


if __name__ == "__main__":
    unittest.main()
