"""Links of pages lead to files and headings that are there; users' pages and those inside keep apart in size."""

import functools
import re
import subprocess
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"\]\(([^)\s]*)\)")
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
MOST_WORDS = 60_000   # of all that users read: docs/ without docs/inside, and the methods' pages
LONGEST_README = 800


def pages():
    names = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"], cwd=ROOT, capture_output=True, text=True,
                           check=False).stdout.split()
    found = [ROOT / name for name in names] or [path for path in ROOT.rglob("*.md") if "build" not in path.relative_to(ROOT).parts]
    return [path for path in found if path.is_file() and not {"golden", "corpus"} & set(path.parts)]


@functools.cache
def prose(page):
    return FENCED.sub("", page.read_text(encoding="utf-8"))


def anchor(heading):
    """As GitHub makes it: links are their words, marks go, blanks become hyphens."""
    heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@functools.cache
def anchors(page):
    found = []
    for heading in HEADING.findall(prose(page)):
        name = anchor(heading)
        found.append(name if name not in found else f"{name}-{sum(one == name or one.startswith(name + '-') for one in found)}")
    return set(found)


def broken(page):
    for target in LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, name = target.partition("#")
        linked = page.parent / path if path else page
        if not target or not linked.exists():
            yield f"{page.relative_to(ROOT)}: {target}: no such file"
        elif name and linked.suffix == ".md" and name not in anchors(linked.resolve()):
            yield f"{page.relative_to(ROOT)}: {target}: no such heading"


def words(page):
    return len(page.read_text(encoding="utf-8").split())


class Links(unittest.TestCase):
    def test_each_leads_to_a_file_and_a_heading(self):
        self.assertGreater(len(pages()), 50)
        self.assertEqual([line for page in pages() for line in broken(page)], [])

    def test_headings_get_the_anchors_that_github_gives(self):
        for heading, expected in (("VIPeR: `viper`", "viper-viper"), ("[A](b.md), and more", "a-and-more"), ("Torchreid's OSNet", "torchreids-osnet")):
            self.assertEqual(anchor(heading), expected)


class Sizes(unittest.TestCase):
    def test_users_read_no_more_than_they_must(self):
        read = [page for page in pages() if page.relative_to(ROOT).parts[0] in ("docs", "methods") and "inside" not in page.parts]
        self.assertLessEqual(sum(map(words, read)), MOST_WORDS)

    def test_the_readme_is_read_in_four_minutes(self):
        self.assertLessEqual(words(ROOT / "README.md"), LONGEST_README)


if __name__ == "__main__":
    unittest.main()
