"""What the shipped studies found, as notes and as a page.

Usage: results_page.py note SUITE SECONDS RESOLUTE <TABLES    keeps what `RESOLUTE suite table --json` prints, then writes the page
       results_page.py write                                  docs/results.md from docs/results/*.json
"""

import datetime
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOTES = ROOT / "docs" / "results"
PAGE = ROOT / "docs" / "results.md"
SUITES = ROOT / "experiments" / "suites"
REFERENCE = ROOT / "experiments" / "reference" / "papers.toml"
METHODS = {"wu2022": "resolution_adaptive"}  # of papers whose method has another name
HEAD = """# What the studies found

`script/study` writes this page from the notes in [results/](results), and a test holds the page to them. For each paper stand first the
orders of rows that the paper states (`[[claim]]` in `experiments/reference/papers.toml`), by data set. A table without such an order shows
the differences from the row that it compares with, if it has one. Then follow the scores of each study. The command in the last column runs
a study again; the variable `PKU_REID` names the folder with PKU-Reid's images where a study needs them. Differences are paired by query, in
points, with a 95 % interval over trials and people ([suite.md](suite.md#differences-and-claims) says how); "–" is a difference that is not
known. A study **before its last change** ran with other jobs than its suite has today.

Of an order:

- **holds**: the means stand in the order, and so does the whole interval of each difference
- **in the means**: the means do; some interval reaches zero, or is not known
- **does not**: two means stand otherwise
- **open**: some means are missing

Of a difference without one:

- **above**, **below**: so is the whole interval
- **undecided**: the interval reaches zero
"""
# Beside a table's first metric: more of the same, or what another says.
NOT_SHOWN = re.compile(r"rank\d|mAP$|recovered_psnr|weight_(query|gallery)")
IN_HUNDREDTHS = re.compile(r"psnr|_rho$|mask_spread")
VERDICTS = {"holds": "**holds**", "holds in the means": "in the means", "does not hold": "does not", "open": "open"}


def interval(difference):
    return "{mean:+.1f} [{low:+.1f}, {high:+.1f}]".format(**difference)


def text(words):
    return re.sub(r"([|<>*_\\])", r"\\\1", words)


def verdict(claim):
    """A cell of the page: the verdict and the differences between neighbours."""
    found = [interval(difference) if difference else "–" for difference in claim["differences"]]
    return VERDICTS[claim["status"]] + (": " + ", ".join(found) if any(claim["differences"]) else "")


def orders(table):
    """What the paper states of a table's rows: the words of each row of the page, and its cells by data set."""
    rows = {}
    for claim in table["claims"]:
        sign = " > " if claim["metric"] == "resolution_probe" else " < "
        order = f"{sign.join(text(row['label']) for row in claim['rows'])} (on {text(claim['paper_dataset'])})"
        rows.setdefault((order, claim["metric"]), {})[claim["dataset"]] = verdict(claim)
    return rows


def side(difference):
    """A cell of the page: where a difference stands that nobody has foretold."""
    word = "**above**" if difference["low"] > 0 else "**below**" if difference["high"] < 0 else "undecided"
    return f"{word}: {interval(difference)}"


def label_of(table, identifier):
    return next((text(row["label"]) for row in table["rows"] if row["id"] == identifier), None)


def comparisons(table):
    """As orders(), of a table of which the paper states none."""
    rows = {}
    for row in table["rows"]:
        for cell in row["cells"]:
            if cell["metric"] == table["metrics"][0] and cell["difference"]:
                words = f"{text(row['label'])}, against {label_of(table, table['compare_with'])}"
                rows.setdefault((words, cell["metric"]), {})[cell["dataset"]] = side(cell["difference"])
    return rows


def score(cell):
    """A cell of the page: mean, deviation over trials and the difference from the row that the table compares with."""
    if cell["mean"] is None:
        return ""
    digits = 2 if IN_HUNDREDTHS.search(cell["metric"]) else 1
    deviation = f" ± {cell['std']:.{digits}f}" if cell["trials"] > 1 else ""
    return f"{cell['mean']:.{digits}f}{deviation}" + (f", {interval(cell['difference'])}" if cell["difference"] else "")


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


def common_notes(note):
    """What all tables of a study are; earlier notes have it of the suite."""
    first, *others = [table.get("notes", []) for table in note["tables"]] or [[]]
    return [one for one in first if all(one in other for other in others)]


def table_section(table, known=()):
    datasets, out = table["datasets"], ""
    label = label_of(table, table["compare_with"])
    for metric in [table["metrics"][0]] + [one for one in table["metrics"][1:] if not NOT_SHOWN.match(one)]:
        beside = f", difference from {label}" if label and metric == table["metrics"][0] else ""
        rows = [[row, *[cells.get(one, "") for one in datasets]] for row, cells in scores(table, metric).items()
                if metric == table["metrics"][0] or any(cells.values())]
        out += grid([metric + beside, *datasets], rows) if rows else ""
    own = [one for one in table.get("notes", []) if one not in known]
    return f"#### {text(table['title'])}\n\n" + (f"{text('; '.join(own))}.\n\n" if own else "") + out


def study_of(note):
    """What stands behind `script/study`."""
    return note["suite"] + (f" --profile {note['profile']}" if "profile" in note else "")


def study_section(note):
    before = "" if "jobs" in note else " **before its last change**"
    return (f"### {text(note['title'])}\n\n`{study_of(note)}`{before}, {note['date']}, on {note['processors']} processors"
            f" ({note['processor']}). "
            f"{'; '.join(common_notes(note) + note['notes'])}.\n\n"
            + "".join(table_section(table, common_notes(note)) for table in note["tables"]))


def verdicts(notes):
    """What a paper states against data sets, and each study's run time and command: a grid for all tables of the same data sets."""
    grids = {}
    for note in notes:
        run = [f"{max(1, round(note['seconds'] / 60))} min", f"`script/study {study_of(note)}`"]
        for table in note["tables"]:
            for (words, metric), cells in (orders(table) or comparisons(table)).items():
                row = [words, metric, text(table["title"]), *[cells.get(one, "") for one in table["datasets"]], *run]
                grids.setdefault(tuple(table["datasets"]), []).append(row)
    return "".join(grid(["order, or comparison", "metric", "table", *datasets, "run time", "command"], rows)
                   for datasets, rows in grids.items())


def paper_section(paper, method, notes):
    return f"## [{text(paper['title'])}](../methods/{method}/README.md)\n\n{verdicts(notes)}\n" + "\n".join(map(study_section, notes))


def page():
    """A section for each paper, in the order of the reference file."""
    by_method = {}
    for path in sorted(NOTES.glob("*.json")):
        note = json.loads(path.read_text(encoding="utf-8"))
        suite = tomllib.loads((SUITES / f"{note['suite']}.toml").read_text(encoding="utf-8"))
        by_method.setdefault(suite["defaults"]["method"], []).append(note)
    papers = {paper["id"]: paper for paper in tomllib.loads(REFERENCE.read_text(encoding="utf-8"))["paper"]}
    sections = [paper_section(papers[identifier], method, by_method[method])
                for identifier in papers if (method := METHODS.get(identifier, identifier)) in by_method]
    return HEAD + "\n" + "\n".join(sections).rstrip() + "\n"


def processor():
    found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    return found[1] if found else os.uname().machine


def plan(resolute, suite, profile=None):
    """What a suite asks for, whatever weights and images this machine has."""
    path = SUITES / f"{suite}.toml"
    words = path.read_text(encoding="utf-8")
    elsewhere = {name: value for name, value in os.environ.items() if f"${{{name}}}" not in words}
    with tempfile.TemporaryDirectory() as store:
        command = [resolute, "suite", "plan", path, "--store", store, "--from-scratch", "--with-references", "--json"]
        command += ["--profile", profile] if profile else []
        return json.loads(subprocess.run(command, env=elsewhere, stdout=subprocess.PIPE, check=True, timeout=60).stdout)


def jobs_hash(planned):
    """Of the ids of all jobs, in which each setting, trial and revision of a method counts."""
    return hashlib.sha256("\n".join(sorted(job["id"] for job in planned["jobs"])).encode()).hexdigest()


def laid_out(value, indent=""):
    """JSON with a cell of a table in a line, not a number: what changes between two runs of a study shows cell by cell."""
    line = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, (dict, list)) or len(indent) + len(line) <= 400:
        return line
    inner = indent + " "
    if isinstance(value, dict):
        first, last, parts = "{", "}", [f"{json.dumps(key, ensure_ascii=False)}: {laid_out(part, inner)}" for key, part in value.items()]
    else:
        first, last, parts = "[", "]", [laid_out(part, inner) for part in value]
    return first + "\n" + ",\n".join(inner + part for part in parts) + "\n" + indent + last


def note(suite, seconds, resolute, tables, profile=None):
    """Jobs' ids and single trials stay in the store. Numbers on made-up images in a real set's place find nothing of a paper."""
    if any(table.get("stand_ins") for table in tables["tables"]):
        sys.exit(f"resolute: {suite} ran on stand-ins, which say nothing about a paper's data sets; its tables are in the store and not noted")
    for table in tables["tables"]:
        for row in table["rows"]:
            for cell in row["cells"]:
                for key in ("jobs", "values", "complete", "why", "difference_why"):
                    cell.pop(key, None)
    kept = {"suite": suite, **({"profile": profile} if profile else {}), "title": tables["title"], "date": datetime.date.today().isoformat(), "seconds": int(seconds),
            "processor": processor(), "processors": len(os.sched_getaffinity(0)), "notes": tables["notes"],
            "jobs": jobs_hash(plan(resolute, suite, profile)), "tables": tables["tables"]}
    NOTES.mkdir(exist_ok=True)
    (NOTES / f"{suite}{'-' + profile if profile else ''}.json").write_text(laid_out(kept) + "\n", encoding="utf-8")


def main():
    command, *arguments = sys.argv[1:] or [""]
    if command == "note" and len(arguments) in (3, 4):
        note(*arguments[:3], json.load(sys.stdin), *arguments[3:])
    elif command != "write":
        print(__doc__, file=sys.stderr)
        return 2
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
