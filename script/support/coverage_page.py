"""Which suites make what the papers print: docs/inside/coverage.md, from experiments/suites, reference/papers.toml, docs/results and
the methods' pages.

Usage: coverage_page.py write RESOLUTE      RESOLUTE plans the suites
"""

import collections
import json
import re
import sys
import tomllib

from results_page import NOTES, REFERENCE, ROOT, SUITES, grid, plan, text

PAGE = ROOT / "docs" / "inside" / "coverage.md"
# Sources of the papers' own data sets.
SOURCES = {"mlr-cuhk03": {"cuhk03", "cuhk03-detected"}, "mlr-viper": {"viper"}, "caviar": {"caviar"}, "mlr-market-1501": {"market1501"},
           "mlr-duke": {"dukemtmc"}, "mlr-sysu": {"sysu"}, "mlr-vru": {"vru"}}
METHODS = {"wu2022": "resolution_adaptive", "cad-net": "cadnet"}  # of papers whose suite and page have another name
# How a heading of a method's page begins, and the first row of the table below it.
PARTS = {"as stated": ("## Symbols, equations, functions", ["paper", "here", "function"]),
         "chosen": ("## UNSTATED: what ", ["open", "choice", "ground"]),
         "different": ("## DEVIATION: where we differ", ["the paper", "here", "where"])}
QUOTED = re.compile(r'^[a-z_."\[\]]+ *=.*#[^"]*"[^"]+"')  # a setting whose comment has the paper's words
MEAN = "mean"  # the column of a mean over data sets
# (paper, table, method, data set, variant) → why no suite can make it.
CANNOT = {}
HEAD = """# What of the papers the suites make

Written by `script/support/coverage_page.py write RESOLUTE` from the suites in `experiments/suites`, the numbers in
`experiments/reference/papers.toml`, the notes in [results/](../results) and the methods' pages; a test holds the page to them. A line is an entry of the
papers that is to be reproduced: a method, or a variant of it, on a data set of the paper. Its rows stand as SUITE: TABLE / ROW.

- **ran**: on the paper's data set, with all its trials; the study's note has the numbers ([results.md](../results.md))
- **planned**: a suite has its row on the paper's data set; rows that ran on other images stand behind it
- **elsewhere**: its rows are on other images alone, and stand beside the paper's numbers; "ran" where a study's note has theirs
- **no row**: no suite asks for it
- **cannot**: and why

"Not found" are numbers of a row that the paper has, or (Wu et al.) is taken to have; "not printed there" are numbers that its text states or equates.
Suites that only join others are left out.

The second table counts what a paper says of its method, and what it does not, as the method's page lists it:

- **parts as stated**: symbols, equations and parts that are as the paper has them ("Symbols, equations, functions")
- **settings as stated**: settings of its suite whose comment quotes the paper
- **chosen**: what the paper leaves open, with our choice and its ground ("UNSTATED")
- **different**: what is unlike the paper, always or under a setting ("DEVIATION")

The third table has the methods that the papers' tables compare themselves with. **Computed** ones have rows of our own in the suites that are
named, and a published row beside them is the paper's number. Of **cited** ones the papers' numbers alone stand here; where somebody looked for
a description to build, the reason says what was found.
"""


def table_below(page, heading, header):
    """The rows of the table below a heading of a page, which has these columns."""
    lines = iter(page.split(f"\n{heading}", 1)[1].split("\n## ")[0].splitlines())
    if next((line for line in lines if line.startswith("|")), None) != f"| {' | '.join(header)} |":
        raise ValueError(f"below '{heading}' no table has the columns {', '.join(header)}")
    next(lines)  # the rule below the header
    return [line for line in lines if line.startswith("| ")]


def statements(page, suite):
    """How many of each kind a method's page has, and quoted settings its suite before the first table."""
    counts = {kind: len(table_below(page, *part)) for kind, part in PARTS.items()}
    quoted = sum(bool(QUOTED.match(line)) and "DEVIATION" not in line for line in suite.split("\n[[table]]")[0].splitlines())
    return {"parts as stated": counts["as stated"], "settings as stated": quoted, "chosen": counts["chosen"], "different": counts["different"]}


def shipped_statements(papers):
    """By paper, of those that have a method here."""
    found = {}
    for paper in papers:
        method = METHODS.get(paper, paper)
        if (ROOT / "methods" / method).is_dir():
            found[paper] = statements((ROOT / "docs/inside/methods" / f"{method}.md").read_text(encoding="utf-8"),
                                      (SUITES / f"{method}.toml").read_text(encoding="utf-8"))
    return found


def key_of(entry):
    return tuple(entry[part] for part in ("paper", "table", "method", "dataset", "variant"))


def plans(resolute):
    """By the suite's file, without what only joins others."""
    return {path.stem: plan(resolute, path.stem) for path in sorted(SUITES.glob("*.toml"))
            if "include" not in tomllib.loads(path.read_text(encoding="utf-8"))}


def sources_of(planned):
    """Data set → source."""
    return {pack["name"]: pack["source"] for job in planned["jobs"] if job["kind"] == "shard" for pack in [job["specification"]["pack"]]}


def figure_of(table, planned):
    """rows_of() for the table of the paper's suite that shows a figure: "figure3" is "figure-3" there."""
    suite = METHODS.get(table["paper"], table["paper"])
    one = planned.get(suite, {"tables": [], "jobs": []})
    sources = sources_of(one)
    return [(None, suite, shown["id"], row["id"], cell["dataset"], sources[cell["dataset"]]) for shown in one["tables"]
            if shown["id"].replace("-", "") == table["id"] for row in shown["rows"] for cell in row["cells"]]


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
        others = sorted(one[3] for one in ran if one[:3] == place and one[3] not in {*(datasets if done else ()), MEAN})
        suite, table, row = place
        lines.append(f"`{suite}`: {text(table)} / {text(row)} on {', '.join(map(text, datasets))}{', ran' if done else ''}"
                     + (f" (ran on {', '.join(map(text, others))})" if others else ""))
    return "; ".join(lines)


def state_of(key, rows, ran):
    """The state and the rows of an entry, or (without a key) of a figure: those on the paper's own data set where there are any, and others
    that ran."""
    own = [one for one in rows if one[5] in (SOURCES[key[3]] if key else set().union(*SOURCES.values()))]
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


def table_section(table, results, labels, rows, ran, shown, figure):
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
    out += f"To be found at <{table['where']}>.\n\n" if "where" in table else ""
    out += grid(["method", "data set", "the paper's numbers", "state", "rows"], lines) if lines else ""
    if not results:
        note = text(table.get("note", "a figure"))
        out += f"{note[:1].upper()}{note[1:]}.\n\n"
        state, places = state_of(None, figure, ran)
        out += f"{state}: {places}\n\n" if places else f"{state}\n\n"
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


def competitors(reference, rows):
    """A table of the methods whose numbers stand in papers as others': where, and whether a suite of ours computes them."""
    computed = collections.defaultdict(set)
    for key, found in rows.items():
        computed[key[2]].update(suite for _, suite, *_ in found)
    cited = collections.defaultdict(list)
    for result in reference["result"]:
        if not result.get("reproduce"):
            cited[result["method"]].append(result["paper"])
    lines = []
    for method in reference["method"]:
        if papers := cited.get(method["id"]):
            suites = ", ".join(f"`{suite}`" for suite in sorted(computed[method["id"]]))
            lines.append([text(method["label"]), ", ".join(dict.fromkeys(papers)), str(len(papers)),
                          f"**computed**: {suites}" if suites else "cited", text(method.get("note", ""))])
    return grid(["method", "cited by", "entries", "here", "reason"], lines)


def page(planned, reference, notes, counts):
    """\"planned\": plans by suite; \"reference\": papers.toml; \"notes\": of the studies that ran; \"counts\": statements() by paper."""
    rows = {}
    for suite, one in planned.items():
        for found in rows_of(suite, one):
            rows.setdefault(found[0], []).append(found)
    shown = set().union(*map(published_of, planned.values()))
    ran = ran_cells(notes)
    labels = {method["id"]: method["label"] for method in reference["method"]}
    out = HEAD + "\n" + summary(reference["result"], rows, ran)
    kinds = ["parts as stated", "settings as stated", "chosen", "different"]
    out += grid(["paper", *kinds], [[paper, *[str(one[kind]) for kind in kinds]] for paper, one in counts.items()])
    out += competitors(reference, rows)
    for paper in reference["paper"]:
        ours = any(result.get("reproduce") for result in reference["result"] if result["paper"] == paper["id"])
        if not ours:
            continue
        out += f"## {text(paper['title'])}\n\n"
        for table in reference["table"]:
            if table["paper"] == paper["id"]:
                its = [result for result in reference["result"] if (result["paper"], result["table"]) == (paper["id"], table["id"])]
                out += table_section(table, its, labels, rows, ran, shown, figure_of(table, planned))
    return out.rstrip() + "\n"


def shipped(resolute):
    """The page as the tree's files make it."""
    notes = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(NOTES.glob("*.json"))]
    reference = tomllib.loads(REFERENCE.read_text(encoding="utf-8"))
    return page(plans(resolute), reference, notes, shipped_statements(paper["id"] for paper in reference["paper"]))


def main():
    command, *arguments = sys.argv[1:] or [""]
    if command != "write" or len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    PAGE.write_text(shipped(arguments[0]), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
