#!/usr/bin/env python3
"""script/new_method in a copy of the sources: what it writes, what the compiler says of it, what it refuses. The long test
worked_examples builds a method of it and runs its test."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
COPIED = ["methods", "workers/training", "tests/methods"]
PAGES = ["docs/suite_keys.md", "docs/inside/formats/specification.md"]


class NewMethod(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        for folder in COPIED:
            shutil.copytree(ROOT / folder, self.root / folder)
        (self.root / "docs/inside/formats").mkdir(parents=True)
        for page in PAGES:
            shutil.copy(ROOT / page, self.root / page)
        for folder in ("core", "settings", "networks", "experiments", "datasets"):
            os.symlink(ROOT / folder, self.root / folder)

    def run_script(self, *arguments):
        return subprocess.run([ROOT / "script/new_method", *arguments, "--root", self.root], capture_output=True, text=True, check=False)

    def files(self):
        return {path.relative_to(self.root).as_posix(): path.read_bytes()
                for folder in [*COPIED, "docs"] for path in (self.root / folder).rglob("*") if path.is_file()}

    def test_it_changes_the_files_that_it_lists_and_no_other(self):
        before = self.files()
        listed = self.run_script("pixel_wise", "--dry-run")
        self.assertEqual(listed.returncode, 0, listed.stderr)
        self.assertEqual(before, self.files())
        self.assertEqual(self.run_script("pixel_wise").returncode, 0)
        after = self.files()
        self.assertEqual({f"new {path}" for path in after.keys() - before.keys()}
                         | {f"edit {path}" for path in before if before[path] != after[path]}, set(listed.stdout.splitlines()))

    def test_the_rest_of_the_program_compiles_with_the_method(self):
        for name in ("pixel_wise", "zz9"):
            self.assertEqual(self.run_script(name).returncode, 0)
        for file in ("methods/zz9/row.cpp", "methods/rules.cpp"):
            compiled = subprocess.run(["g++", "-std=c++20", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-fsyntax-only",
                                       f"-I{self.root}", self.root / file], capture_output=True, text=True, check=False)
            self.assertEqual(compiled.returncode, 0, compiled.stderr)

    def test_keys_stay_sorted_and_names_too(self):
        for name in ("pixel_wise", "zz9", "abc"):
            self.assertEqual(self.run_script(name).returncode, 0)
        rows = re.findall(r"^\| `([\w.]+)` ", (self.root / "docs/suite_keys.md").read_text().split("\n\n| key", 2)[1], re.MULTILINE)
        self.assertEqual(rows, sorted(rows))
        names = re.search(r"method_names\(\),\s*ElementsAre\(([^)]*)\)", (self.root / "tests/methods/row_test.cpp").read_text())[1]
        self.assertEqual([*re.findall(r"\w+", names)], sorted(re.findall(r"\w+", names)))
        self.assertIn('"zz9"', names)

    def test_a_name_that_cannot_be_is_refused_and_nothing_is_written(self):
        before = self.files()
        for name, why in {"rain": "is there already", "trunk_method": "a type of that name", "class": "cannot be", "train": "cannot be",
                          "device": "cannot be", "9x": "is no name", "a__b": "is no name", "a_": "is no name", "": "is no name",
                          "Ünï": "is no name", "../x": "is no name", "a b": "is no name"}.items():
            refused = self.run_script(name)
            self.assertEqual(refused.returncode, 2, name)
            self.assertRegex(refused.stderr, f"^new_method: .*{why}.*\n$")
            self.assertNotIn("Traceback", refused.stderr)
        self.assertEqual(before, self.files())

    def test_sources_that_it_does_not_know_are_left_alone(self):
        for path in ("methods/options.h", "workers/training/make_method.cpp", "tests/methods/CMakeLists.txt", "docs/suite_keys.md"):
            text = (self.root / path).read_text()
            (self.root / path).write_text("// something else\n")
            before = self.files()
            refused = self.run_script("pixel_wise")
            self.assertEqual(refused.returncode, 2)
            self.assertIn(f"{path} is not as this script knows it", refused.stderr)
            self.assertEqual(before, self.files())
            (self.root / path).write_text(text)


if __name__ == "__main__":
    unittest.main()
