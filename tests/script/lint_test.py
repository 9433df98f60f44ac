"""script/lint: its second compiler looks at what changed, a file at a time; its check of subjects takes `part: verb what` alone."""

import json
import subprocess
import tempfile
import unittest
from pathlib import Path

SUPPORT = Path(__file__).resolve().parents[2] / "script/support"
LOOK = SUPPORT / "second_compiler.py"
FAULT = "\ninline int unused_in(int count) { return 0; }\n"


class SecondCompiler(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.root = Path(scratch.name).resolve()
        self.write("core/first.h", "#pragma once\n")
        self.write("core/first.cpp", '#include "core/first.h"\n')
        self.write("core/second.cpp", "// alone\n")
        unity = self.write("build/release/unity_0.cxx",
                           f'#include "{self.root}/core/first.cpp"\n#include "{self.root}/core/second.cpp"\n')
        self.write("build/release/compile_commands.json", json.dumps([{
            "directory": str(self.root), "file": str(unity),
            "command": f"/usr/bin/c++ -I{self.root} --param ggc-min-heapsize=1 -std=c++20 -o unity.o -c {unity}"}]))
        self.write(".gitignore", "/build/\n")
        self.git("init", "-q")
        self.git("add", ".")
        self.git("-c", "user.name=a", "-c", "user.email=a@localhost", "commit", "-qm", "core: begin")

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def git(self, *words):
        subprocess.run(["git", "-C", self.root, *words], check=True)

    def look(self, *words):
        return subprocess.run(["/usr/bin/python3", LOOK, self.root, *words], check=False, capture_output=True, text=True, timeout=300)

    def test_a_changed_header_and_a_changed_source_are_looked_at_and_nothing_else(self):
        self.assertEqual((0, "lint: looked at 0 files, 0 with findings\n"), (self.look("HEAD").returncode, self.look("HEAD").stdout))
        for name in ["core/first.h", "core/second.cpp"]:
            with self.subTest(name):
                self.write(name, (self.root / name).read_text() + FAULT)
                found = self.look("HEAD")
                self.assertEqual(1, found.returncode, found.stdout + found.stderr)
                self.assertIn(f"{self.root / name}:", found.stdout)
                self.assertIn("unused parameter 'count'", found.stdout)
                self.assertIn("looked at 1 files, 1 with findings", found.stdout)
                self.git("checkout", "-q", name)

    def test_a_large_change_is_looked_at_in_part_and_says_so(self):
        self.write("core/first.cpp", '#include "core/first.h"\n// more\n')
        self.write("core/second.cpp", "// still alone\n")
        found = self.look("HEAD", "1")
        self.assertEqual((0, "lint: looked at 1 files, 0 with findings\n"), (found.returncode, found.stdout), found.stderr)
        self.assertIn("1 of 2 changed files", found.stderr)

    def test_a_commit_that_is_not_here_is_refused(self):
        refused = self.look("1234567")
        self.assertEqual(2, refused.returncode)
        self.assertIn("'1234567'", refused.stderr)

    def test_subjects_of_commits_since_another_are_judged(self):
        def judge():
            return subprocess.run([SUPPORT / "commit-msg", "--since", "HEAD~1"], check=False, capture_output=True, cwd=self.root).returncode

        for subject, code in (("core: say why", 0), ("core: the reason", 1)):
            self.git("-c", "user.name=a", "-c", "user.email=a@localhost", "commit", "-q", "--allow-empty", "-m", subject)
            self.assertEqual(code, judge(), subject)


class Subjects(unittest.TestCase):
    def judged(self, message):
        with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
            file.write(message)
            file.flush()
            return subprocess.run([SUPPORT / "commit-msg", file.name], check=False, capture_output=True, text=True)

    def test_a_part_and_a_verb_in_72_columns_pass(self):
        for subject in ["core: take a closed folder for closed", "cli, suites: name the row", "cli/report: draw bars", "Merge branch 'x'",
                        "tests: " + "x" * 65, "docs: write naïve 10 × 10 as it is", "# of git's\ncore: begin\n\nwhy\n", "core: begin\n" + "a diff\n" * 50000]:
            with self.subTest(subject[:80]):
                self.assertEqual(0, self.judged(subject).returncode, self.judged(subject).stderr)

    def test_others_are_refused_by_what_they_lack(self):
        for subject, lack in {"tests: " + "x" * 66: "73 columns", "Take a closed folder": "no part", "core:take it": "no part",
                              "gpu: what fresh eyes found": "no verb", "tests: a mutant": "no verb", "Core: take it": "no part"}.items():
            with self.subTest(subject):
                self.assertEqual(1, self.judged(subject).returncode)
                self.assertIn(lack, self.judged(subject).stderr)


if __name__ == "__main__":
    unittest.main()
