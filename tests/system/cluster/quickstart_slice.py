"""Prints a suite of two rows of one table of SUITE.toml, drawn by COMMIT's hash: of other commits other rows. The row that the
table compares with is one of them. One trial of each. Without a commit all of SUITE.

Usage: quickstart_slice.py SUITE.toml [COMMIT]
"""

import random
import re
import sys

ROWS = 2


def blocks(text, header):
    """What stands before the first line `header`, and the blocks that begin with such a line."""
    before, *rest = re.split(rf"^(?=[ ]*{re.escape(header)}$)", text, flags=re.MULTILINE)
    return before, rest


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        text = file.read()
    commit = sys.argv[2] if len(sys.argv) > 2 else ""
    if commit:
        draw = random.Random(commit)
        head, tables = blocks(re.sub(r"^trials = \d+", "trials = 1", text, flags=re.MULTILINE), "[[table]]")
        table, rows = blocks(draw.choice(tables), "[[table.row]]")
        compared = re.search(r'^compare_with = (".+")$', table, flags=re.MULTILINE)
        always = [place for place, row in enumerate(rows) if compared and f"id = {compared[1]}\n" in row]
        drawn = draw.sample([place for place in range(len(rows)) if place not in always], ROWS - len(always))
        text = head + table + "".join(rows[place] for place in sorted(always + drawn))
    print(text, end="")


if __name__ == "__main__":
    main()
