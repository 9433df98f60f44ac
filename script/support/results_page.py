"""What the shipped studies found, as notes, as a page of verdicts, and as a page of all their tables.

Usage: results_page.py note SUITE SECONDS RESOLUTE [OPTION…] <TABLES
                                    keeps what `RESOLUTE suite table --json OPTION…` prints, then writes the pages
       results_page.py write        docs/results.md and docs/inside/studies.md from docs/results/*.json
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
STUDIES = ROOT / "docs" / "inside" / "studies.md"
SUITES = ROOT / "experiments" / "suites"
EXAMPLES = ROOT / "experiments" / "examples"  # suites of methods in Python, which need a Python with PyTorch
REFERENCE = ROOT / "experiments" / "reference" / "papers.toml"
METHODS = {"wu2022": "resolution_adaptive"}  # of papers whose method has another name
HEAD = """# What the studies found

The papers say that some rows are better than others. This page has the verdicts on such orders. [Studies](inside/studies.md) has every table
and interval behind them, and the command that runs each study again. All mechanisms under one plain modern recipe are a study
[beside the papers](inside/studies.md#beside-the-papers). `script/study` writes both pages, and a test holds them to the notes in
[results/](results).

"""
VERDICT_WORDS = """
| verdict | of the order, and of each step in it |
| --- | --- |
| **holds** | the means stand in the order, and so does the whole 95 % interval of each difference |
| in the means | the means do; some interval reaches zero, or is not known |
| undecided | two means are level or stand otherwise; the interval between them reaches zero, or is not known |
| **contradicted** | a whole interval stands otherwise |
| open | some means are missing |
| no verdict | fewer than five trials decide nothing |
"""
STUDIES_HEAD = """# Studies

Each study's tables, and each order of the papers with its evidence. [Results](../results.md) has the verdicts in short. `script/study` writes
this page from the notes in [results/](../results).

"""
READING = """## How to read this page

For each paper stand first the orders of rows that its text states, then those that its tables show and its text does not state
(`[[claim]]` in `experiments/reference/papers.toml`). Each names the paper's data set, and each column ours. A table without such an order shows the
differences from the row that it compares with, if it has one. Then follow the scores of each study. The command in the last column runs a
study again; the variable `PKU_REID` names the folder with PKU-Reid's images where a study needs them. Differences are paired by query, in
points, with a 95 % interval over trials and people ([suite.md](../suite.md#differences-and-claims) says how); "–" is a difference that is not
known. A study **before its last change** ran with other jobs than its suite has today. [Results](../results.md) explains the words of an order.
They stand in parentheses behind a step where it is not the order's word.

Words of a difference without an order:

- **above**, **below**: so is the whole interval
- **undecided**: the interval reaches zero
- †: p < 0.05 after Holm's adjustment for all comparisons of its table, where the run noted p
"""
EVIDENCE = """Beside each stands the best evidence of the studies: the whole order before a part of it, real images before drawn ones, five trials before
fewer, a pretrained trunk before one from scratch, then more trials. If several are worth the same, all stand there."""
OF_BEFORE = """ °: its intervals are of the rule before, which drew people anew in each trial; such intervals are too short."""
# The rule of a study's intervals, by intervals_of_today().
RULES = {True: " Its intervals draw people once for all trials.",
         False: " Its intervals are of the rule before: people were drawn anew in each trial, so they are too short."}
THE_SAME_PEOPLE = """**All real images are of the same 74 people**: those of PKU-Reid's open mirror, of whom each trial tests 37. So the
verdicts are not independent of one another, and none is on the paper's own data set."""
# Beside a table's first metric: more of the same, or what another says.
NOT_SHOWN = re.compile(r"rank\d|mAP$|recovered_psnr|weight_(query|gallery)")
IN_HUNDREDTHS = re.compile(r"psnr|_rho$|mask_spread")
KINDS = {"stated": "Stated in the text", "printed": "Printed in a table", None: "Compared without an order of the paper's"}
LESS_IS_BETTER = {"resolution_probe"}
# The rules of results/verdicts/verdict.h, for notes of any run. An order has the last of these words among its steps.
FEWEST_TRIALS = 5
VERDICTS = ["holds", "in the means", "undecided", "no verdict", "open", "contradicted"]
# That some of several rows are better has the first of these among its rows.
SOME_VERDICTS = ["holds", "open", "no verdict", "in the means", "undecided", "contradicted"]


def side(difference):
    """The side on which the whole interval lies."""
    if difference["trials"] < FEWEST_TRIALS:
        return "no verdict"
    return "above" if difference["low"] > 0 else "below" if difference["high"] < 0 else "undecided"


def judge_step(before, after, difference, trials, less_is_better):
    if before is None or after is None:
        return "open"
    if trials < FEWEST_TRIALS:
        return "no verdict"
    right, wrong = ("below", "above") if less_is_better else ("above", "below")
    lies = side(difference) if difference else "undecided"
    if after < before if less_is_better else after > before:
        return "holds" if lies == right else "in the means"
    return "contradicted" if lies == wrong else "undecided"


def form(claim):
    """"order", or "some" where some of the later rows are better than the first."""
    return claim.get("form", "order")


def rows_in_words(labels, form, sign=" < "):
    return f"{labels[0]}{sign}some of {', '.join(labels[1:])}" if form == "some" and len(labels) > 2 else sign.join(labels)


def holm(ps):
    """Holm's step-down adjustment, as results/verdicts/verdict.h has it."""
    adjusted, largest = [0.0] * len(ps), 0.0
    for rank, at in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        largest = max(largest, min(1.0, (len(ps) - rank) * ps[at]))
        adjusted[at] = largest
    return adjusted


def judge(table, claim):
    """The word of each step, that of the order, and the fewest trials of a row that has a mean."""
    trials = {row["id"]: cell["trials"] for row in table["rows"] for cell in row["cells"]
              if cell["dataset"] == claim["dataset"] and cell["metric"] == claim["metric"]}
    some, steps, last = form(claim) == "some", [], None
    for at, row in enumerate(claim["rows"]):
        if at:
            both = last is not None and row["mean"] is not None
            steps.append(judge_step(last and last["mean"], row["mean"], claim["differences"][at - 1],
                                    min(trials[last["id"]], trials[row["id"]]) if both else 0, claim["metric"] in LESS_IS_BETTER))
        last = row if row["mean"] is not None and (at == 0 or not some) else last
    if some:
        adjusted = holm([found.get("p", 0) if found else 1 for found in claim["differences"]])
        steps = ["in the means" if step == "holds" and p >= 0.05 else step for step, p in zip(steps, adjusted)]
    status = next(word for word in SOME_VERDICTS if word in steps) if some else max(steps, key=VERDICTS.index)
    return steps, status, min((trials[row["id"]] for row in claim["rows"] if row["mean"] is not None), default=0)


def words(verdict, trials):
    if verdict == "no verdict":
        return f"{trials} {'trial' if trials == 1 else 'trials'}: no verdict"
    return verdict if verdict in ("in the means", "undecided", "open") else f"**{verdict}**"


def interval(difference):
    mark = " †" if side(difference) in ("above", "below") and difference.get("p_holm", 1) < 0.05 else ""
    return "{mean:+.1f} [{low:+.1f}, {high:+.1f}]".format(**difference) + mark


def text(words):
    return re.sub(r"([|<>*_\\])", r"\\\1", words)


def verdict(table, claim):
    """A cell of the page: the verdict and the differences between neighbours."""
    steps, status, trials = judge(table, claim)
    found = [(interval(difference) if difference else "–") + (f" ({words(step, trials)})" if step != status else "")
             for step, difference in zip(steps, claim["differences"])]
    return f"{words(status, trials)}: {', '.join(found)}"


def orders(table, kind):
    """The paper's orders of a kind of a table's rows: the words of each row of the page, and its cells by data set."""
    rows = {}
    for claim in table["claims"]:
        if claim["kind"] == kind:
            sign = " > " if claim["metric"] in LESS_IS_BETTER else " < "
            order = f"{rows_in_words([text(row['label']) for row in claim['rows']], form(claim), sign)} (paper: {text(claim['paper_dataset'])})"
            rows.setdefault((order, claim["metric"]), {})[claim["dataset"]] = verdict(table, claim)
    return rows


def label_of(table, identifier):
    return next((text(row["label"]) for row in table["rows"] if row["id"] == identifier), None)


def comparisons(table):
    """orders() for a table without orders of the paper."""
    rows = {}
    for row in table["rows"] if not table["claims"] else []:
        for cell in row["cells"]:
            if cell["metric"] == table["metrics"][0] and cell["difference"]:
                against = f"{text(row['label'])}, against {label_of(table, table['compare_with'])}"
                found = cell["difference"]
                rows.setdefault((against, cell["metric"]), {})[cell["dataset"]] = f"{words(side(found), found['trials'])}: {interval(found)}"
    return rows


def score(cell):
    """A cell of the page: mean, deviation over trials and the difference from the row that the table compares with."""
    if cell["mean"] is None:
        return ""
    digits = 2 if IN_HUNDREDTHS.search(cell["metric"]) else 1
    deviation = f" ± {cell['std']:.{digits}f}" if cell["trials"] > 1 else ""
    found = cell["difference"]
    undecidable = f", {words('no verdict', found['trials'])}" if found and side(found) == "no verdict" else ""
    return f"{cell['mean']:.{digits}f}{deviation}" + (f", {interval(found)}{undecidable}" if found else "")


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
    """Notes of all tables of a study; earlier files have them of the suite."""
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
    """The words behind `script/study`."""
    return " ".join([note["suite"], *note.get("options", [])])


def shown_differences(note):
    """Each comparison that the page shows of a study, once, however often it stands there."""
    found = {}
    for table in note["tables"]:
        of_cells = [(row["id"], cell["dataset"], cell["metric"], cell["difference"]) for row in table["rows"] for cell in row["cells"]
                    if cell["metric"] == table["metrics"][0]]
        of_claims = [(row["id"], claim["dataset"], claim["metric"], difference) for claim in table["claims"]
                     for row, difference in zip(claim["rows"][1:], claim["differences"])]
        for row, dataset, metric, difference in of_cells + of_claims:
            if difference:
                found[table["id"], dataset, metric, frozenset((row, difference["to"]))] = difference
    return list(found.values())


def counted(notes):
    """The worth of the page as a whole: its orders by verdict, and how many comparisons luck would put beyond zero."""
    orders_of = ""
    for kind, heading in KINDS.items():
        judged = [judge(table, claim)[1] for note in notes for table in note["tables"] for claim in table["claims"] if claim["kind"] == kind]
        if judged:
            tally = ", ".join(f"{judged.count(verdict)} {verdict}" for verdict in VERDICTS if verdict in judged)
            orders_of += f"- {heading}: {len(judged)} orders, each on one data set: {tally}\n"
    found = [difference for note in notes for difference in shown_differences(note)]
    sides = [side(difference) for difference in found if side(difference) != "no verdict"]
    before = sum(len(shown_differences(note)) for note in notes if not intervals_of_today(note))
    of_before = f" The rule before (°) made the intervals of {before} comparisons." if before else ""
    return (f"{orders_of}\nThe studies show {len(found)} comparisons, {len(sides)} of them of five trials or more. Were there no difference anywhere, about"
            f" {round(0.05 * len(sides))} of those\nintervals would lie beyond zero by luck. {sides.count('above') + sides.count('below')} do.{of_before}\n")


def trunk(note, table):
    """The trunk of a table's rows, and whether with weights of another training."""
    backbones = [found[1] for one in note["notes"] + table.get("notes", []) if (found := re.fullmatch(r"(?:small )?backbone \(?([^()]+)\)?", one))]
    return ", ".join(backbones + ["from scratch" if table["from_scratch"] else "pretrained"])


def intervals_of_today(note):
    """True if its people were drawn once for all trials: such a run noted p."""
    return all("p" in difference for difference in shown_differences(note))


def found_of_claims(notes):
    """Findings on each order of the papers: by paper, kind, metric and order, the tables' claims with where they are from."""
    found = {}
    for note in notes:
        mark, study = "" if intervals_of_today(note) else " °", f"`{study_of(note)}`"
        for table in note["tables"]:
            for claim in table["claims"]:
                _, word, trials = judge(table, claim)
                drawn = claim["dataset"] in note["drawn"]
                worth = (len(claim["rows"]) >= len(claim["paper_order"]), not drawn, trials >= FEWEST_TRIALS, not table["from_scratch"], trials)
                found.setdefault((claim["paper"], claim["kind"], claim["metric"], form(claim), tuple(claim["paper_order"])), []).append(
                    {"worth": worth, "word": words(word, trials), "trials": str(trials), "trunk": trunk(note, table),
                     "images": "drawn" if drawn else note["sources"][claim["dataset"]],
                     "where": f"{claim['dataset']}{mark}{'' if worth[0] else ', a part of the order'}", "study": study})
    return found


def evidence(notes, reference):
    """Each order of the papers once, with all findings of the highest worth, whatever they say; EVIDENCE tells how they are weighed.
    Returns rows of the page in full, and where the images are from that are not drawn."""
    labels = {method["id"]: method["label"] for method in reference["method"]}
    orders_of = {}
    for claim in reference["claim"]:
        said_of = ("some", (claim["above"], *claim["some"])) if "some" in claim else ("order", tuple(claim["worse_to_better"]))
        key = (claim["paper"], claim["kind"], claim["metric"], *said_of)
        orders_of.setdefault(key, []).append(claim["dataset"])
    found, lines, real = found_of_claims(notes), [], set()
    for key, datasets in orders_of.items():
        paper, kind, metric, shape, order = key
        worth = max((one["worth"] for one in found.get(key, [])), default=None)
        best = [one for one in found.get(key, []) if one["worth"] == worth]
        real |= {one["images"] for one in best} - {"drawn"}
        cells = ["; ".join(dict.fromkeys(one[part] for one in best)) for part in ("trials", "trunk", "images", "study")]
        said = "; ".join(f"{one['word']} ({one['where']})" for one in best) or "not run"
        lines.append([text(paper), rows_in_words([text(labels.get(one, one)) for one in order], shape), metric, kind, ", ".join(datasets), said, *cells])
    return lines, real


def best_evidence(notes, reference):
    lines, real = evidence(notes, reference)
    same = f" {THE_SAME_PEOPLE}" if real == {"pku-reid"} else ""
    return (f"The papers state or print {len(lines)} orders of rows. {EVIDENCE}{OF_BEFORE}{same}\n\n"
            + grid(["paper", "order", "metric", "kind", "the paper's data sets", "verdict", "trials", "trunk", "images", "study"], lines))


def grouped(said):
    """Findings such as "holds (a); holds (b)" as "holds (a, b)"."""
    by_word = {}
    for word, where in re.findall(r"([^;(]+) \(([^)]*)\)", said):
        by_word.setdefault(word.strip(), []).append(where)
    return "; ".join(f"{word} ({', '.join(where)})" for word, where in by_word.items())


def short_evidence(notes, reference):
    """The orders that have a verdict, without what only a reader of the studies asks for."""
    lines, real = evidence(notes, reference)
    same = f"\n\n{THE_SAME_PEOPLE}" if real == {"pku-reid"} else ""
    short, without, not_run = [], 0, 0
    for paper, order, metric, _, _, said, trials, trunk_of, images, _ in lines:
        if said == "not run" or "no verdict" in said:
            not_run, without = not_run + (said == "not run"), without + (said != "not run")
        else:
            page = f"[{paper}](../methods/{METHODS.get(paper, paper)}/README.md)"
            short.append([page, order + (f", {metric}" if metric != "rank1" else ""), grouped(said), trials, trunk_of, images])
    return (f"{EVIDENCE}{OF_BEFORE}{same}\n\n" + grid(["paper", "order", "verdict (our data set)", "trials", "trunk", "images"], short)
            + f"{without} more orders have too few trials for a verdict, and {not_run} have not run; the studies list them.\n\n")


def study_section(note):
    before = "" if "jobs" in note else " **before its last change**"
    return (f"### {text(note['title'])}\n\n`{study_of(note)}`{before}, {note['date']}, on {note['processors']} processors"
            f" ({note['processor']}). "
            f"{'; '.join(common_notes(note) + note['notes'])}.{RULES[intervals_of_today(note)] if shown_differences(note) else ''}\n\n"
            + "".join(table_section(table, common_notes(note)) for table in note["tables"]))


def verdicts(notes):
    """A paper's orders against data sets, and each study's run time and command: a grid for all tables of the same data sets."""
    grids = {}
    for note in notes:
        run = [f"{max(1, round(note['seconds'] / 60))} min", f"`script/study {study_of(note)}`"]
        for table in note["tables"]:
            here = tuple(f"here: {one}{' (drawn)' if one in note['drawn'] else ''}" for one in table["datasets"])
            for kind in KINDS:
                for (says, metric), cells in (orders(table, kind) if kind else comparisons(table)).items():
                    row = [says, metric, text(table["title"]), *[cells.get(one, "") for one in table["datasets"]], *run]
                    grids.setdefault(kind, {}).setdefault(here, []).append(row)
    return "".join(f"**{heading}**\n\n" + "".join(
        grid(["order" if kind else "comparison", "metric", "table", *here, "run time", "command"], rows)
        for here, rows in grids[kind].items()) for kind, heading in KINDS.items() if kind in grids)


def section(title, notes):
    return f"## {title}\n\n{verdicts(notes)}\n" + "\n".join(map(study_section, notes))


def pages():
    """The page of verdicts, and that of studies with a section for each paper, in the order of the reference file, and one for the rest."""
    by_method = {}
    for path in sorted(NOTES.glob("*.json")):
        note = json.loads(path.read_text(encoding="utf-8"))
        suite = shipped(note["suite"])
        note["sources"] = {one["id"]: one["source"] for one in suite["dataset"]}
        note["drawn"] = [one for one, source in note["sources"].items() if source == "synthetic"]
        by_method.setdefault(suite["method"], []).append(note)
    reference = tomllib.loads(REFERENCE.read_text(encoding="utf-8"))
    papers = {paper["id"]: paper for paper in reference["paper"]}
    notes = [note for one in by_method.values() for note in one]
    sections = [section(f"[{text(papers[identifier]['title'])}](../../methods/{method}/README.md)", by_method.pop(method))
                for identifier in papers if (method := METHODS.get(identifier, identifier)) in by_method]
    if by_method:
        sections.append(section("Beside the papers", [note for one in by_method.values() for note in one]))
    return {PAGE: f"{HEAD}{short_evidence(notes, reference)}{VERDICT_WORDS.lstrip()}\n{counted(notes)}",
            STUDIES: f"{STUDIES_HEAD}{best_evidence(notes, reference)}{READING}\n" + "\n".join(sections).rstrip() + "\n"}


def processor():
    found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    return found[1] if found else os.uname().machine


def suite_file(suite):
    return next(path for folder in (SUITES, EXAMPLES) if (path := folder / f"{suite}.toml").exists())


def shipped(suite):
    """A suite as its file has it, before the data sets of those that it includes; its method is the first one's."""
    path = suite_file(suite)
    read = tomllib.loads(path.read_text(encoding="utf-8"))
    included = [shipped(path.parent / name.removesuffix(".toml")) for name in read.get("include", [])]
    return {"method": read["defaults"]["method"] if "defaults" in read else included[0]["method"],
            "dataset": read.get("dataset", []) + [one for other in included for one in other["dataset"]]}


def plan(resolute, suite, options=()):
    """The plan of a suite, whatever weights and images this machine has."""
    path = suite_file(suite)
    words = path.read_text(encoding="utf-8") + json.dumps(shipped(suite), ensure_ascii=False)
    elsewhere = {name: value for name, value in os.environ.items() if f"${{{name}}}" not in words}
    elsewhere["PYTHONPATH"] = str(Path(resolute).resolve().parents[1] / "python")  # the build's, which reads methods' options
    with tempfile.TemporaryDirectory() as store:
        command = [resolute, "suite", "plan", path, "--store", store, "--from-scratch", "--with-references", "--json", *options]
        return json.loads(subprocess.run(command, env=elsewhere, stdout=subprocess.PIPE, check=True, timeout=60).stdout)


def jobs_hash(planned):
    """A hash of the ids of all jobs, in which each setting, trial and revision of a method counts."""
    return hashlib.sha256("\n".join(sorted(job["id"] for job in planned["jobs"])).encode()).hexdigest()


def laid_out(value, indent=""):
    """JSON with a cell of a table in a line, not a number: what changes between two runs of a study shows cell by cell."""
    line = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, (dict, list)) or len(indent) + len(line) <= 600:
        return line
    inner = indent + " "
    if isinstance(value, dict):
        first, last, parts = "{", "}", [f"{json.dumps(key, ensure_ascii=False)}: {laid_out(part, inner)}" for key, part in value.items()]
    else:
        first, last, parts = "[", "]", [laid_out(part, inner) for part in value]
    return first + "\n" + ",\n".join(inner + part for part in parts) + "\n" + indent + last


def note(suite, seconds, resolute, tables, options=()):
    """Jobs' ids and single trials stay in the store. Numbers on made-up images in a real set's place find nothing of a paper."""
    if any(table.get("stand_ins") for table in tables["tables"]):
        sys.exit(f"resolute: {suite} ran on stand-ins, which say nothing about a paper's data sets; its tables are in the store and not noted")
    for table in tables["tables"]:
        for row in table["rows"]:
            for cell in row["cells"]:
                for key in ("jobs", "values", "complete", "why", "difference_why"):
                    cell.pop(key, None)
    kept = {"suite": suite, **({"options": [*options]} if options else {}), "title": tables["title"], "date": datetime.date.today().isoformat(), "seconds": int(seconds),
            "processor": processor(), "processors": len(os.sched_getaffinity(0)), "notes": tables["notes"],
            "jobs": jobs_hash(plan(resolute, suite, options)), "tables": tables["tables"]}
    NOTES.mkdir(exist_ok=True)
    profile = "".join(f"-{value}" for option, value in zip(options[::2], options[1::2]) if option == "--profile")
    (NOTES / f"{suite}{profile}.json").write_text(laid_out(kept) + "\n", encoding="utf-8")


def main():
    command, *arguments = sys.argv[1:] or [""]
    if command == "note" and len(arguments) >= 3:
        note(*arguments[:3], json.load(sys.stdin), arguments[3:])
    elif command != "write":
        print(__doc__, file=sys.stderr)
        return 2
    for path, made in pages().items():
        path.write_text(made, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
