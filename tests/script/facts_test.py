"""script/facts counts what is there, and how much the product has grown since a commit or since the last tag."""

import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Facts(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.root = Path(scratch.name)
        (self.root / "script").mkdir()
        shutil.copy(ROOT / "script/facts", self.root / "script")
        self.write("CMakeLists.txt", "set(RESOLUTE_PARTS core cli)\n")
        self.write("core/a.cpp", "// line\n" * 100)
        self.write("tests/core/a_test.cpp", "// line\n" * 7)
        self.write("tests/mutants/core-a.patch", "")
        self.git("init", "-q")
        self.commit()

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def git(self, *words):
        subprocess.run(["git", "-C", self.root, "-c", "user.name=a", "-c", "user.email=a@localhost", *words], check=True)

    def commit(self):
        self.git("add", ".")
        self.git("commit", "-qm", "core: begin")

    def facts(self, *words):
        answer = subprocess.run([self.root / "script/facts", *words], check=True, capture_output=True, text=True)
        return [line.split() for line in answer.stdout.splitlines()]

    def test_it_counts_lines_mutants_and_long_files(self):
        self.write("cli/b.cpp", "// line\n" * 401)
        self.write("cli/page.js", "// line\n" * 3)
        found = self.facts()
        for row in ("core 100 0 0", "cli 401 0 3", "product 501 0 3", "tests 7 0 0", "mutants: 1", "files of over 400 lines: 1", "401 cli/b.cpp"):
            self.assertIn(row.split(), found)
        self.assertIn("growth: not known, git does not have 1173ec71".split(), found)

    def test_it_tells_growth_of_the_product_since_the_last_tag_or_a_commit(self):
        self.git("tag", "v0.1.0")
        self.write("core/a.cpp", "// line\n" * 110)
        self.write("tests/core/a_test.cpp", "// line\n" * 700)
        self.commit()
        self.assertEqual("growth: +10.0 % of the product's C++ since v0.1.0 (100 lines);".split(), self.facts()[-1][:11])
        self.git("tag", "v0.2.0")
        self.assertEqual(["growth:", "+0.0"], self.facts()[-1][:2])
        self.assertEqual(["growth:", "+10.0"], self.facts("v0.1.0")[-1][:2])


if __name__ == "__main__":
    unittest.main()
