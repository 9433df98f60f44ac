"""script/study: what it asks of `resolute`, with programs in place of the real ones that only note how they are called."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
# In the place of script/support/common.sh, which installs and builds.
COMMON = """set -euo pipefail
source_root=$(dirname "$(dirname "$(realpath "$0")")")
install_packages() { :; }
fetch_libtorch() { :; }
build_programs() { :; }
mpi_environment() { PATH=$source_root:$PATH; }
"""
RESOLUTE = """#!/bin/sh
echo "$*" >>"$(dirname "$0")/../../../calls"
case "$2" in table) echo '{}' ;; report) echo "STORE/report.html: 1 tables" ;; esac
"""


class Study(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.tree = pathlib.Path(folder.name)
        self.write("script/support/common.sh", COMMON)
        self.write("script/support/results_page.py", "import sys\nsys.stdin.read()\n")
        self.write("script/support/coverage_page.py", "")
        self.write("build/release/bin/resolute", RESOLUTE)
        self.write("mpirun", '#!/bin/sh\nshift 2\nexec "$@"\n')
        self.write("experiments/suites/small_study.toml", 'suite = "small-study"\n')
        shutil.copy(ROOT / "script/study", self.tree / "script/study")

    def write(self, name, text):
        path = self.tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)

    def study(self, *more, suite="small_study", **variables):
        kept = {name: value for name, value in os.environ.items() if name not in ("RESOLUTE_PYTHON", "PYTHONPATH")}
        return subprocess.run([self.tree / "script/study", suite, self.tree / "store", *more], capture_output=True, text=True,
                              cwd=self.tree, timeout=60, check=False, env={**kept, **variables})

    def calls(self):
        return [line.split(" ")[:2] for line in (self.tree / "calls").read_text(encoding="utf-8").splitlines()]

    def test_runs_the_suite_notes_its_tables_and_makes_its_report(self):
        study = self.study()
        self.assertEqual((study.returncode, study.stdout), (0, ""), study.stderr)
        self.assertEqual(self.calls(), [["suite", "run"], ["suite", "table"], ["suite", "report"]])
        self.assertIn("STORE/report.html: 1 tables", study.stderr)

    def test_a_profile_is_that_of_the_run_its_tables_its_note_and_its_report(self):
        self.write("script/support/results_page.py", "import pathlib, sys\nsys.stdin.read()\npathlib.Path('noted').write_text(' '.join(sys.argv[1:]))\n")
        self.assertEqual(self.study("--profile", "cpu").returncode, 0)
        for line in (self.tree / "calls").read_text(encoding="utf-8").splitlines():
            self.assertIn(" --profile cpu", line)
        self.assertRegex((self.tree / "noted").read_text(encoding="utf-8"), r"^note small_study \d+ .*/resolute --profile cpu$")
        self.assertEqual(self.study("--set", "trials=5", "--profile", "cpu").returncode, 0)
        self.assertRegex((self.tree / "noted").read_text(encoding="utf-8"), r"/resolute --set trials=5 --profile cpu$")
        for wrong in (["--profile"], ["--set"], ["--profil", "cpu"], ["another"]):
            self.assertEqual(self.study(*wrong).returncode, 2, wrong)

    def test_a_method_in_python_runs_by_the_users_python_or_by_one_that_is_made(self):
        self.write("experiments/examples/mine.toml", 'suite = "mine"\n[[method]]\nid = "mine"\n')
        for name in ("torch_python", "torchreid"):
            self.write(f"script/support/{name}.sh", "cache=/made; torch_python() { :; }; reader_python() { :; }; torchreid_python() { :; }\n")
        self.write("build/release/bin/resolute", RESOLUTE + 'echo "$RESOLUTE_PYTHON $PYTHONPATH" >>"$(dirname "$0")/../../../pythons"\n')
        for theirs, used in (({}, "/made/torchreid-python/python"), ({"RESOLUTE_PYTHON": "/mine"}, "/mine")):
            (self.tree / "pythons").unlink(missing_ok=True)
            study = self.study(suite="mine", **theirs)
            self.assertEqual(study.returncode, 0, study.stderr)
            self.assertEqual({f"{used} {self.tree}/build/release/python"}, set((self.tree / "pythons").read_text(encoding="utf-8").splitlines()))

    def test_of_a_run_that_fails_nothing_is_told(self):
        self.write("build/release/bin/resolute", RESOLUTE + 'case "$2" in run) exit 70 ;; esac\n')
        self.assertEqual(self.study().returncode, 70)
        self.assertEqual(self.calls(), [["suite", "run"]])


if __name__ == "__main__":
    unittest.main()
