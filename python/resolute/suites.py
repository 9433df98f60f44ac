"""Suites: what to train and evaluate, run and read from Python. Each call is a command of the program `resolute`."""

import html
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import InputError
from .programs import run, run_json

if TYPE_CHECKING:
    import pandas


class Suite:
    """A suite's file and the store where its results are.

    set: values in place of the file's, as `--set trials=1`: {"trials": 1, "train.steps": 100}. Other options of the commands are
    keywords, `profile="gpu"` for `--profile gpu`, `no_disk=True` for `--no-disk`.
    """

    def __init__(self, file: str | os.PathLike[str], store: str | os.PathLike[str], *, set: dict[str, object] | None = None,
                 profile: str | None = None):
        self.file, self.store = Path(file), Path(store)
        self._common = ["--store", str(self.store)]
        if profile is not None:
            self._common += ["--profile", profile]
        for key, value in (set or {}).items():
            self._common += ["--set", f"{key}={_toml(value)}"]

    def _command(self, verb: str, options: dict[str, object]) -> list[str]:
        given = []
        for name, value in options.items():
            if value is None or value is False:
                continue
            given.append("--" + name.replace("_", "-"))
            if value is not True:
                given.append(str(value))
        return ["suite", verb, str(self.file), *self._common, *given]

    def plan(self, **options: object) -> dict[str, Any]:
        """What would be done: jobs, sizes, times (docs/formats/plan.md)."""
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
        """How far it is and why not further (docs/formats/live.md)."""
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
        """One a trial of a cell: table, row, label, dataset, metric, trial, value (None: not there yet), paper (the paper's number),
        mean; and by how much the row's mean differs from that of the row `to`: difference, low, high (95 %)."""
        return [row for table in self.tables()["tables"] for of_row in table["rows"] for cell in of_row["cells"]
                for row in _trials(table["id"], of_row, cell)]

    def results(self) -> "pandas.DataFrame":
        """rows() as a data frame."""
        import pandas

        return pandas.DataFrame(self.rows())

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self.text())}</pre>"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_toml(one) for one in value) + "]"
    if isinstance(value, str):
        return value
    raise InputError(f"a setting is {value!r} (it is a number, a text, true, false or a list of them)")


def _trials(table: str, row: dict[str, Any], cell: dict[str, Any]) -> list[dict[str, Any]]:
    against = cell["difference"] or {}
    common = {"table": table, "row": row["id"], "label": row["label"], "dataset": cell["dataset"], "metric": cell["metric"]}
    summary = {"paper": cell["reference"], "mean": cell["mean"], "to": against.get("to"), "difference": against.get("mean"),
               "low": against.get("low"), "high": against.get("high")}
    return [{**common, "trial": trial, "value": value, **summary} for trial, value in enumerate(cell["values"])]
