"""docs/inside/decisions.md lists every file of docs/inside/decisions, and has each title that a comment or a page quotes."""

import re
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs/inside/decisions"
FOLDERS = ["bench", "cli", "cmake", "core", "datasets", "docs", "experiments", "methods", "networks", "operations", "orchestrator", "python",
           "report", "results", "script", "settings", "slurm", "tests", "workers"]
ROW = re.compile(r"^\| (\d{3}) \| \[(.+)\]\((decisions/.+\.md)\) \| (2\d{3}-\d\d-\d\d) \| (accepted|superseded by \d{3}) \|$", re.M)
HEAD = re.compile(r"# (.+)\n\nDate: (\S+) · Status: (.+)\n\n\S")
QUOTED = re.compile(r'decisions\.md\)?,\s+"([^"]+)"')
FOLDED = re.compile(r"\n\s*(?:#|//!?)?\s*")


def index():
    return {file: (number, title, date, status)
            for number, title, file, date, status in ROW.findall((ROOT / "docs/inside/decisions.md").read_text(encoding="utf-8"))}


def quotes(text):
    """Titles that a text quotes, also over the ends of a comment's lines."""
    return QUOTED.findall(FOLDED.sub(" ", text))


class Decisions(unittest.TestCase):
    def test_the_index_has_every_file_with_its_title_date_and_status(self):
        files = {}
        for path in sorted(FOLDER.iterdir()):
            head = HEAD.match(path.read_text(encoding="utf-8"))
            self.assertIsNotNone(head, path.name)
            files[f"decisions/{path.name}"] = (path.name[:3], *head.groups())
        self.assertEqual(index(), files)

    def test_numbers_are_given_once_and_those_that_supersede_exist(self):
        rows = index().values()
        numbers = [number for number, *_ in rows]
        self.assertEqual(len(numbers), len(set(numbers)))
        self.assertEqual([row for row in rows if row[3] != "accepted" and row[3][-3:] not in numbers], [])

    def test_the_index_has_each_title_that_is_quoted(self):
        titles = {title for _, title, _, _ in index().values()}
        found = []
        for path in (path for folder in FOLDERS for path in (ROOT / folder).rglob("*")):
            if path.suffix in {".h", ".cpp", ".py", ".md", ".cmake", ".txt"} and path != Path(__file__):
                found += [(path, title) for title in quotes(path.read_text(encoding="utf-8"))]
        self.assertGreater(len(found), 5)
        self.assertEqual([f"{path.relative_to(ROOT)}: {title}" for path, title in found if title not in titles], [])

    def test_a_title_is_found_over_the_end_of_a_line(self):
        self.assertEqual(quotes('// docs/inside/decisions.md, "One\n//! way"'), ["One way"])
        self.assertEqual(quotes('see [decisions](decisions.md), "A page"'), ["A page"])


if __name__ == "__main__":
    unittest.main()
