"""What the shipped studies found, as notes and as a page.

Usage: results_page.py note SUITE SECONDS <TABLES    keeps what `resolute suite table --json` prints, then writes the page
       results_page.py write                         docs/results.md from docs/results/*.json
"""

import datetime
import json
import os
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOTES = ROOT / "docs" / "results"
PAGE = ROOT / "docs" / "results.md"
HEAD = """# What the studies found

Written by `script/study` from the notes in [results/](results); a test holds the page to them. Each claim is an order of rows
that a paper states (`[[claim]]` in `experiments/reference/papers.toml`), or, where the paper has no number, the difference that a
table of ours is about. Differences are paired by query, in points, with a 95 % interval over trials and people
([suite.md](suite.md#differences-and-claims) says how).

- **holds**: the means stand in the order, and so does the whole interval of each difference
- **in the means**: the means do; some interval reaches zero, or is not known
- **does not**: two means stand otherwise
- **open**: some means are missing
"""
VERDICTS = {"holds": "**holds**", "holds in the means": "in the means", "does not hold": "does not", "open": "open"}


def interval(difference):
    return "{mean:+.1f} [{low:+.1f}, {high:+.1f}]".format(**difference)


def text(words):
    return re.sub(r"([|<>*_\\])", r"\\\1", words)


def verdict(claim):
    """A cell of the page: the verdict and the differences between neighbours."""
    found = [interval(difference) for difference in claim["differences"] if difference]
    return VERDICTS[claim["status"]] + (": " + ", ".join(found) if found else "")


def claims(table):
    """The claims of a table, a row each, data sets side by side."""
    rows = {}
    for claim in table["claims"]:
        sign = " > " if claim["metric"] == "resolution_probe" else " < "
        key = (sign.join(text(row["label"]) for row in claim["rows"]), claim["metric"], claim["paper_dataset"])
        rows.setdefault(key, {})[claim["dataset"]] = verdict(claim)
    return rows


def score(cell):
    """A cell of the page: mean, deviation over trials and the difference from the row that the table compares with."""
    if cell["mean"] is None:
        return ""
    deviation = f" ± {cell['std']:.1f}" if cell["trials"] > 1 else ""
    return f"{cell['mean']:.1f}{deviation}" + (f", {interval(cell['difference'])}" if cell["difference"] else "")


def scores(table, metric):
    """The table's rows in a metric, data sets side by side."""
    rows = {}
    for row in table["rows"]:
        for cell in row["cells"]:
            if cell["metric"] == metric:
                rows.setdefault(text(row["label"]), {})[cell["dataset"]] = score(cell)
    return rows


def grid(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines) + "\n"


def table_section(table):
    datasets, out = table["datasets"], ""
    stated = claims(table)
    if stated:
        out += grid(["the paper's order", "metric", *datasets],
                    [[f"{order} (on {text(paper)})", metric, *[cells.get(one, "") for one in datasets]]
                     for (order, metric, paper), cells in stated.items()])
    label = next((text(row["label"]) for row in table["rows"] if row["id"] == table["compare_with"]), None)
    for metric in [table["metrics"][0]] + [one for one in table["metrics"][1:] if one == "resolution_probe"]:
        beside = f", difference from {label}" if label and metric == table["metrics"][0] else ""
        rows = [[row, *[cells.get(one, "") for one in datasets]] for row, cells in scores(table, metric).items()]
        out += grid([metric + beside, *datasets], rows) if rows else ""
    return f"### {text(table['title'])}\n\n{out}"


def study_section(note):
    minutes = max(1, round(note["seconds"] / 60))
    return (f"## {text(note['title'])}\n\n`script/study {note['suite']}`: {minutes} min on {note['processors']} processors"
            f" ({note['processor']}), {note['date']}. {'; '.join(note['notes'])}.\n\n"
            + "".join(table_section(table) for table in note["tables"]))


def page():
    notes = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(NOTES.glob("*.json"))]
    return HEAD + "\n" + "\n".join(study_section(note) for note in notes).rstrip() + "\n"


def processor():
    found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    return found[1] if found else os.uname().machine


def note(suite, seconds, tables):
    """Jobs' ids and single trials stay in the store."""
    for table in tables["tables"]:
        for row in table["rows"]:
            for cell in row["cells"]:
                for key in ("jobs", "values", "complete", "why", "difference_why"):
                    cell.pop(key, None)
    kept = {"suite": suite, "title": tables["title"], "date": datetime.date.today().isoformat(), "seconds": int(seconds),
            "processor": processor(), "processors": len(os.sched_getaffinity(0)), "notes": tables["notes"],
            "tables": tables["tables"]}
    NOTES.mkdir(exist_ok=True)
    (NOTES / f"{suite}.json").write_text(json.dumps(kept, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def main():
    command, *arguments = sys.argv[1:] or [""]
    if command == "note" and len(arguments) == 2:
        note(*arguments, json.load(sys.stdin))
    elif command != "write":
        print(__doc__, file=sys.stderr)
        return 2
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
