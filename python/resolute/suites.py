"""Suites: what to train and evaluate, run and read from Python. Each call is a command of the program `resolute`."""

import html
import json
import os
import re
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._arrays import plain, shown
from .errors import InputError, imported
from .programs import argument, option, run, run_json

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure


class Suite:
    """A suite's file and the store where its results are. file: a path; a name alone that no file here has is that of a suite that comes
    with resolute, "rain.toml". store: the folder; None: what RESOLUTE_STORE names.

    set: values in place of the file's, as `--set trials=1`: {"trials": 1, "train.steps": 100}; a str is a text, "1" too. Other options
    of the commands are keywords, `profile="gpu"` for `--profile gpu`, `no_disk=True` for `--no-disk`.

    Calls raise InputError for a suite, a setting or a store that is wrong, KeyboardInterrupt where Ctrl-C ended the program, MachineError
    where it ended otherwise.
    """

    def __init__(self, file: str | os.PathLike[str], store: str | os.PathLike[str] | None = None, *,
                 set: dict[str, object] | None = None, profile: str | None = None):
        store = store or os.environ.get("RESOLUTE_STORE")
        if not store:
            raise InputError("no store is given (the folder of packs, jobs and suites); give Suite(file, store), or set RESOLUTE_STORE")
        # A script may leave its working folder. A name that is no file's is a suite's that comes with resolute.
        self.file = Path(os.path.abspath(file) if os.path.exists(file) else file)
        self.store = Path(os.path.abspath(store))
        self._common = option("store", self.store) + option("profile", profile)
        if not isinstance(set, dict | None):
            raise InputError(f"'set' is {shown(set)} (it is a dict of keys and values); write e.g. set={{\"train.steps\": 100}}")
        self._as_its_file_has_it = profile is None and not set
        for key, value in (set or {}).items():
            self._common += option("set", f"{key}={_toml(value, key)}")

    def _command(self, verb: str, options: dict[str, object]) -> list[str]:
        given = [word for name, value in options.items() for word in option(name, plain(value))]
        # This suite is what was said here, not what somebody ran last in the store.
        chosen = {"profile", "datasets", "stand_ins", "with_references", "from_scratch", "relative_to"} & options.keys()
        if not chosen and self._as_its_file_has_it:
            given += ["--profile", ""]
        return ["suite", verb, argument(self.file), *self._common, *given]

    def plan(self, **options: object) -> dict[str, Any]:
        """The plan: jobs, sizes, times (docs/inside/formats/plan.md)."""
        found: dict[str, Any] = run_json([*self._command("plan", options), "--json"])
        return found

    def run(self, **options: object) -> "Suite":
        """Trains and evaluates what has no result yet, on this machine: `resolute suite run`. Ctrl-C saves checkpoints, and the
        next call goes on from them."""
        run(self._command("run", options))
        return self

    def submit(self, **options: object) -> "Suite":
        """Hands it to SLURM: `resolute suite submit`, e.g. nodes=4, gpus_per_node=8, time=600."""
        run(self._command("submit", options))
        return self

    def status(self, **options: object) -> dict[str, Any]:
        """How far it is and why not further (docs/inside/formats/live.md)."""
        found: dict[str, Any] = run_json([*self._command("status", options), "--json"])
        return found

    def tables(self) -> dict[str, Any]:
        """The papers' tables with all that is in them, as `suite table --json` has them."""
        found: dict[str, Any] = run_json([*self._command("table", {}), "--json"])
        return found

    def text(self, format: str = "markdown") -> str:
        """The tables as markdown, csv or latex."""
        return run(self._command("table", {"format": format}))

    def rows(self) -> list[dict[str, Any]]:
        """One a trial of a cell: table, row, label, dataset, trained_on and asked_on (two ids where the row is asked on another
        data set than it trains on, else the same as dataset), metric, trial, value (None: not there, or stale), status (of the row's
        cell), paper (the paper's number), paper_dataset (on which the paper has it), mean; and by how much the row's mean differs from that of the row `to`: difference,
        low, high (95 %)."""
        return [one for table in self.tables()["tables"] for row in table["rows"] for cell in row["cells"]
                for one in _trials(table["id"], row, cell)]

    def results(self) -> "pandas.DataFrame":
        """rows() as a data frame."""
        pandas = imported("pandas")
        return pandas.DataFrame(self.rows())

    def figure_numbers(self) -> list[dict[str, Any]]:
        """The figures of `suite report` as numbers, axes and words (docs/inside/formats/report.md, `figures`)."""
        found: list[dict[str, Any]] = run_json([*self._command("report", {}), "--json"])["figures"]
        return found

    def figures(self, width: str = "one-column") -> "dict[str, Figure]":
        """The same drawn by matplotlib, by id; a figure that has no points yet is left out. width: "one-column" (3.35 inches) or
        "two-columns" (6.9). Raises InputError where matplotlib is missing."""
        from .figures import draw, has_points

        return {numbers["id"]: draw(numbers, width) for numbers in self.figure_numbers() if has_points(numbers)}

    def _repr_html_(self) -> str:
        """How far it is and, once something is done, the tables with their claims; in the notebook's own colours, without scripts."""
        jobs = self.status()["jobs"]
        done, wanted = jobs["succeeded"], sum(jobs.values())
        words = [f"{done} of {wanted} jobs done", *(f"{jobs[key]} {key}" for key in ("running", "failed", "cancelled") if jobs[key])]
        progress = f'<p><progress max="{max(1, wanted)}" value="{done}"></progress> {", ".join(words)}</p>'
        return progress + (_html(self.text()) if done else "")



def _inline(text: str) -> str:
    """Markdown within a line: the program escapes what a user's text has of it."""
    def marked(found: re.Match[str]) -> str:
        escaped, code, stressed, sign = (part and html.escape(part) for part in found.groups())
        return escaped or sign or (f"<code>{code}</code>" if code else f"<em>{stressed}</em>")

    return re.sub(r"\\(.)|`([^`]+)`|\*([^*]+)\*|([&<>\"'])", marked, text)


def _table(lines: list[str]) -> str:
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines]
    del rows[1]  # the rule below the header
    cells = ["".join(f"<{kind}>{_inline(cell.strip())}</{kind}>" for cell in row) for kind, row in zip(["th", *["td"] * len(rows)], rows)]
    return "<table>" + "".join(f"<tr>{row}</tr>" for row in cells) + "</table>"


def _html(markdown: str) -> str:
    """The program's Markdown, which has headings, tables, lists and paragraphs of a line, as HTML."""
    blocks = []
    for sign, group in groupby(markdown.splitlines(), lambda line: line[:1] if line[:1] in "|-#" else ""):
        lines = list(group)
        if sign == "|":
            blocks.append(_table(lines))
        elif sign == "-":
            blocks.append("<ul>" + "".join(f"<li>{_inline(line[2:])}</li>" for line in lines) + "</ul>")
        else:
            kind = "h4" if sign else "p"
            blocks += [f"<{kind}>{_inline(line.lstrip('# '))}</{kind}>" for line in lines if line]
    return "".join(blocks)


def _toml(value: object, key: str) -> str:
    value = plain(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(int(value))  # a member of an enumeration has another repr()
    if isinstance(value, float):
        return repr(float(value))
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_toml(one, key) for one in value) + "]"
    if isinstance(value, str):  # quoted: "1" and "true" are no number and no truth
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    raise InputError(f"the setting '{key}' is {shown(value)} (it is a number, a text, true, false or a list of them)")


def _trials(table: str, row: dict[str, Any], cell: dict[str, Any]) -> list[dict[str, Any]]:
    against = cell["difference"] or {}
    common = {"table": table, "row": row["id"], "label": row["label"], "dataset": cell["dataset"],
              **{key: cell.get(key, cell["dataset"]) for key in ("trained_on", "asked_on")}, "metric": cell["metric"],
              "status": cell["status"]}
    summary = {"paper": cell["reference"], "paper_dataset": cell.get("paper_dataset"), "mean": cell["mean"], "to": against.get("to"),
               "difference": against.get("mean"), "low": against.get("low"), "high": against.get("high")}
    return [{**common, "trial": trial, "value": value, **summary} for trial, value in enumerate(cell["values"])]
