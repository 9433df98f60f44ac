"""docs/commands.md has the headings of `resolute --help`, and under each its commands, all and no others.

Usage: commands_test.py RESOLUTE
"""
import pathlib
import re
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
RESOLUTE = sys.argv.pop()


def by_heading_in_help():
    text = subprocess.run([RESOLUTE, "--help"], capture_output=True, text=True, check=True).stdout
    headings = {}
    for block in text.split("\n\n"):
        first, *lines = block.splitlines()
        if re.fullmatch(r"[A-Z][a-z ]+:", first) and first != "Examples:":
            headings[first[:-1]] = [re.split(r" {2,}", line.strip())[0] for line in lines]
    return headings


def by_heading_on_page(groups):
    """Commands are of one word, or of two where the first is one of `groups`."""
    headings = {}
    for section in (ROOT / "docs/commands.md").read_text(encoding="utf-8").split("\n## ")[1:]:
        names = []
        for line in re.findall(r"^\$resolute (.*)", section, re.M):
            first, second = line.split()[:2]
            names.append(f"{first} {second}" if first in groups else first)
        headings[section.splitlines()[0]] = names
    return headings


class Commands(unittest.TestCase):
    def test_help_and_page_have_the_same_headings_and_commands_in_the_same_order(self):
        shown = by_heading_in_help()
        self.assertGreater(sum(map(len, shown.values())), 35)
        on_page = by_heading_on_page({name.split()[0] for names in shown.values() for name in names if " " in name})
        self.assertEqual(list(shown), list(on_page))
        self.assertEqual(shown, on_page)


if __name__ == "__main__":
    unittest.main()
