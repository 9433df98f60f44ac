"""Which suites make what the papers print: docs/coverage.md, from experiments/suites, reference/papers.toml and docs/results.

Usage: coverage_page.py write RESOLUTE      RESOLUTE plans the suites
"""

import collections
import json
import sys
import tomllib

from results_page import NOTES, REFERENCE, ROOT, SUITES, grid, plan, text

PAGE = ROOT / "docs" / "coverage.md"
# Sources of the papers' own data sets.
SOURCES = {"mlr-cuhk03": {"cuhk03", "cuhk03-detected"}, "mlr-viper": {"viper"}, "caviar": {"caviar"}, "mlr-market-1501": {"market1501"},
           "mlr-duke": {"dukemtmc"}, "mlr-sysu": {"sysu"}, "mlr-vru": {"vru"}}
MEAN = "mean"  # the column of a mean over data sets
# (paper, table, method, data set, variant) → why no suite can make it.
CANNOT = {}
HEAD = """# What of the papers the suites make

Written by `script/support/coverage_page.py write RESOLUTE` from the suites in `experiments/suites`, the numbers in
`experiments/reference/papers.toml` and the notes in [results/](results); a test holds the page to them. A line is an entry of the
papers that is to be reproduced: a method, or a variant of it, on a data set of the paper. Its rows stand as SUITE: TABLE / ROW.

- **ran**: on the paper's data set, with all its trials; the study's note has the numbers ([results.md](results.md))
- **planned**: a suite has its row on the paper's data set; rows that ran on other images stand behind it
- **elsewhere**: its rows are on other images alone, and stand beside the paper's numbers; "ran" where a study's note has theirs
- **no row**: no suite asks for it
- **cannot**: and why

"Not found" are numbers of a row that the paper has, or (Wu et al.) is taken to have; "not printed there" are numbers that its text states or equates.
Suites that only join others are left out.
"""


def key_of(entry):
    return tuple(entry[part] for part in ("paper", "table", "method", "dataset", "variant"))


def plans(resolute):
    """By the suite's file, without what only joins others."""
    return {path.stem: plan(resolute, path.stem) for path in sorted(SUITES.glob("*.toml"))
            if "include" not in tomllib.loads(path.read_text(encoding="utf-8"))}


def sources_of(planned):
    """Data set → source."""
    return {pack["name"]: pack["source"] for job in planned["jobs"] if job["kind"] == "shard" for pack in [job["specification"]["pack"]]}


def rows_of(suite, planned):
    """(entry, suite, table, row, data set, its source) of each cell of the suite's rows that asks for an entry."""
    sources = sources_of(planned)
    for table in planned["tables"]:
        for row in table["rows"]:
            for cell in row["cells"]:
                for entry in cell["entries"]:
                    yield key_of(entry), suite, table["id"], row["id"], cell["dataset"], sources[cell["dataset"]]


def published_of(planned):
    """The entries that stand in a suite as published rows."""
    return {key_of(entry) for table in planned["tables"] for row in table["published"]
            for dataset, paper in row["papers"].items() if dataset in row["references"] for entry in paper["entries"]}


def ran_cells(notes):
    """(suite, table, row, data set) of which a note has a mean."""
    return {(note["suite"], table["id"], row["id"], cell["dataset"]) for note in notes for table in note["tables"]
            for row in table["rows"] for cell in row["cells"] if cell["mean"] is not None}


def rows_text(rows, ran):
    """Each row once, with its data sets, whether it ran on all of them, and on which others it did."""
    found = {}
    for _, suite, table, row, dataset, _ in rows:
        found.setdefault((suite, table, row), []).append(dataset)
    lines = []
    for place, datasets in found.items():
        done = all((*place, dataset) in ran for dataset in datasets)
        others = sorted(one[3] for one in ran if one[:3] == place and one[3] not in {*datasets, MEAN})
        suite, table, row = place
        lines.append(f"`{suite}`: {text(table)} / {text(row)} on {', '.join(map(text, datasets))}{', ran' if done else ''}"
                     + (f" (ran on {', '.join(map(text, others))})" if others else ""))
    return "; ".join(lines)


def state_of(key, rows, ran):
    """The state and the rows of an entry: those on the paper's own data set where there are any, and others that ran."""
    own = [one for one in rows if one[5] in SOURCES[key[3]]]
    if own:
        done = any(one[1:5] in ran for one in own)
        return "**ran**" if done else "planned", rows_text(own + [one for one in rows if one not in own and one[1:5] in ran], ran)
    if key in CANNOT:
        return f"cannot: {text(CANNOT[key])}", rows_text(rows, ran)
    return ("elsewhere", rows_text(rows, ran)) if rows else ("no row", "")


def numbers_of(result):
    if result.get("missing"):
        return "not found"
    numbers = ", ".join(f"{metric} {value}" for metric, value in result["metrics"].items())
    return numbers + (" (not printed there)" if result.get("derived") else "")


def table_section(table, results, labels, rows, ran, shown):
    """The lines of one table of a paper, and below them how many of the others' entries stand as published rows."""
    lines = []
    for result in results:
        if result.get("reproduce"):
            state, places = state_of(key_of(result), rows.get(key_of(result), []), ran)
            lines.append([text(" ".join(filter(None, [labels.get(result["method"], result["method"]), result["variant"]]))),
                          result["dataset"], numbers_of(result), state, places])
    others = [key_of(result) for result in results if not result.get("reproduce")]
    published = sum(key in shown for key in others)
    out = f"### {text(table['id'])}: {text(table['what'])}\n\n"
    out += grid(["method", "data set", "the paper's numbers", "state", "rows"], lines) if lines else ""
    if not results:
        note = text(table.get("note", "a figure"))
        out += f"{note[:1].upper()}{note[1:]}.\n\n"
    out += f"Of others' methods {len(others)} entries, {published} of them in suites as published rows.\n\n" if others else ""
    return out


def summary(results, rows, ran):
    """How many entries are in each state, by paper."""
    states = collections.Counter((result["paper"], state_of(key_of(result), rows.get(key_of(result), []), ran)[0].split(":")[0].strip("*"))
                                 for result in results if result.get("reproduce"))
    papers = list(dict.fromkeys(paper for paper, _ in states))
    header = ["ran", "planned", "elsewhere", "no row", "cannot"]
    return grid(["paper", "entries", *header],
                [[paper, str(sum(states[paper, state] for state in header)), *[str(states[paper, state]) for state in header]]
                 for paper in papers])


def page(planned, reference, notes):
    """\"planned\": plans by suite; \"reference\": papers.toml; \"notes\": of the studies that ran."""
    rows = {}
    for suite, one in planned.items():
        for found in rows_of(suite, one):
            rows.setdefault(found[0], []).append(found)
    shown = set().union(*map(published_of, planned.values()))
    ran = ran_cells(notes)
    labels = {method["id"]: method["label"] for method in reference["method"]}
    out = HEAD + "\n" + summary(reference["result"], rows, ran)
    for paper in reference["paper"]:
        ours = any(result.get("reproduce") for result in reference["result"] if result["paper"] == paper["id"])
        if not ours:
            continue
        out += f"## {text(paper['title'])}\n\n"
        for table in reference["table"]:
            if table["paper"] == paper["id"]:
                its = [result for result in reference["result"] if (result["paper"], result["table"]) == (paper["id"], table["id"])]
                out += table_section(table, its, labels, rows, ran, shown)
    return out.rstrip() + "\n"


def shipped(resolute):
    """The page as the tree's files make it."""
    notes = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(NOTES.glob("*.json"))]
    return page(plans(resolute), tomllib.loads(REFERENCE.read_text(encoding="utf-8")), notes)


def main():
    command, *arguments = sys.argv[1:] or [""]
    if command != "write" or len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    PAGE.write_text(shipped(arguments[0]), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
