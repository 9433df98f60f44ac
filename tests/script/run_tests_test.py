"""script/support/run_tests.sh: tests beside one another all come to their end, and none outlives the script."""

import os
import signal
import subprocess
import time
import unittest
from pathlib import Path

from checkout import checkout

TESTS = """add_test(fails "false")
set_tests_properties(fails PROPERTIES LABELS quick)
add_test(passes "true")
set_tests_properties(passes PROPERTIES LABELS calm)
add_test(late "bash" "-c" "echo $$ > pid && sleep 2 && touch ended")
set_tests_properties(late PROPERTIES LABELS slow)
"""


class RunTests(unittest.TestCase):
    def setUp(self):
        self.folder, self.environment = checkout(self, "common.sh", "run_tests.sh")
        self.build = self.folder / "build/release"
        self.build.mkdir(parents=True)
        (self.build / "CTestTestfile.cmake").write_text(TESTS)

    def start(self, script):
        return subprocess.Popen(["bash", "-c", f'. "$0/common.sh"; . "$0/run_tests.sh"; {script}', self.folder / "script/support"],
                                env=self.environment, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def test_what_fails_first_does_not_end_what_runs_beside_it(self):
        process = self.start('begin_tests ci "slow ones" -L slow; begin_tests ci "quick ones" -L quick; finish_tests; echo not reached')
        printed, said = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1, said)
        self.assertTrue((self.build / "ended").exists())
        self.assertIn('step "quick ones" failed', said)
        self.assertEqual(printed, "100% tests passed, 0 tests failed out of 1\n")

    def test_all_that_passes_says_so_once_per_step(self):
        process = self.start('begin_tests ci "slow ones" -L slow; begin_tests ci "calm ones" -L calm; finish_tests; echo reached')
        printed, said = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, said)
        self.assertEqual(printed, "100% tests passed, 0 tests failed out of 1\n" * 2 + "reached\n")

    def test_an_interrupted_script_leaves_no_test_behind(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            (self.build / "pid").unlink(missing_ok=True)
            process = self.start('begin_tests ci "slow ones" -L slow; finish_tests')
            while not (self.build / "pid").exists() or not (self.build / "pid").read_text().endswith("\n"):
                time.sleep(0.05)
            test = int((self.build / "pid").read_text())
            os.killpg(process.pid, number)
            process.communicate(timeout=60)
            self.assertEqual(process.returncode, -number)
            # The signal was sent to the test itself too, which may die a moment after the script. One that ended has no executable.
            while Path(f"/proc/{test}/exe").exists():
                time.sleep(0.05)
            self.assertFalse((self.build / "ended").exists(), "the test went on to its end")


if __name__ == "__main__":
    unittest.main()
