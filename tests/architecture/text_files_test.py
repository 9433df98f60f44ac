"""Every text file in the tree ends in a newline and has no trailing blanks or marks of a merge; sources follow .clang-format."""

import re
import shutil
import subprocess
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT = {".h", ".cpp", ".py", ".md", ".toml", ".json", ".cmake", ".txt", ".sh", ""}
FOLDERS = ["bench", "cli", "cmake", "core", "datasets", "docs", "experiments", "methods", "networks", "operations", "orchestrator",
           "report", "results", "script", "settings", "slurm", "tests", "workers"]


def files():
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and path.suffix in TEXT and "__pycache__" not in path.parts:
                yield path


class TextFiles(unittest.TestCase):
    def test_files_end_in_a_newline_and_have_no_trailing_blanks_nor_marks_of_a_merge(self):
        wrong = []
        for path in files():
            if {"corpus", "recorded"} & set(path.parts) or ("golden" in path.parts and path.suffix in {".json", ""}):
                continue
            data = path.read_bytes()
            if data and not data.endswith(b"\n"):
                wrong.append(f"{path.relative_to(ROOT)}: no newline at the end")
            for number, line in enumerate(data.split(b"\n"), start=1):
                if line.endswith((b" ", b"\t", b"\r")):
                    wrong.append(f"{path.relative_to(ROOT)}:{number}: trailing blank")
                if line.startswith((b"<<<<<<< ", b">>>>>>> ")):
                    wrong.append(f"{path.relative_to(ROOT)}:{number}: left by a merge")
        self.assertEqual(wrong, [])

    def test_pages_hold_no_placeholder(self):
        pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "bench").rglob("*.md")]
        wrong = [str(page) for page in pages if re.search(r"@[A-Z_]+@", page.read_text(encoding="utf-8"))]
        self.assertEqual(wrong, [])

    def test_pages_and_sources_name_files_that_exist(self):
        # Files that worked examples add, and files of the past, are named in CONTRIBUTING.md and CHANGELOG.md alone.
        named = re.compile(rf"(?<![\w/.$}}-])((?:{'|'.join(FOLDERS)})/[\w./-]*\w\.(?:h|cpp|toml|md))\b")
        wrong = []
        for path in [ROOT / "README.md", *files()]:
            if path.suffix not in {".md", ".h", ".cpp"} or {"golden", "corpus"} & set(path.parts):
                continue
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
                for name in named.findall(line):
                    if not re.search("NAME|PART", name) and not (ROOT / name).exists() and not (path.parent / name).exists():
                        wrong.append(f"{path.relative_to(ROOT)}:{number}: {name}")
        self.assertEqual([line for line in wrong if "core/data/reid" not in line], [])

    def test_readmes_of_parts_say_where_things_are(self):
        row = re.compile(r"^\| .+ \| `([\w/.]+)`: `(\w+)(?:\(\))?` \|$")
        for part in sorted(set(FOLDERS) - {"bench", "cmake", "docs", "script", "tests"}):
            text = (ROOT / part / "README.md").read_text(encoding="utf-8")
            rows = [match.groups() for line in text.splitlines() if (match := row.match(line))]
            self.assertGreater(len(rows), 2, part)
            for file, name in rows:
                self.assertRegex((ROOT / file).read_text(encoding="utf-8"), rf"\b{name}\b", f"{part}: {file}")

    def test_tests_stand_in_the_room_of_what_they_test(self):
        wrong = []
        for test in sorted((ROOT / "tests").rglob("*_test.cpp")):
            part, *rooms = test.relative_to(ROOT / "tests").parts[:-1]
            tested = {path.parent for path in (ROOT / part).rglob(test.name.replace("_test.cpp", ".*"))}
            if part == "methods":  # tests of a method's networks stand beside those of its options
                tested |= {folder.parent for folder in tested if folder.name == "networks"}
            # What has to hold on a GPU is tested in one place, through the interfaces of several rooms.
            if tested and "gpu" not in rooms and ROOT.joinpath(part, *rooms) not in tested:
                wrong.append(f"{test.relative_to(ROOT)}: {', '.join(str(path.relative_to(ROOT)) for path in tested)}")
        self.assertEqual(wrong, [])

    def test_sources_are_formatted(self):
        tool = shutil.which("clang-format-14")
        self.assertIsNotNone(tool, "clang-format-14 is in script/support/packages_test.txt")
        sources = [str(path) for path in files() if path.suffix in {".h", ".cpp"}]
        result = subprocess.run([tool, "--dry-run", "-Werror", *sources], capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, 0, result.stderr[:2000])


if __name__ == "__main__":
    unittest.main()
