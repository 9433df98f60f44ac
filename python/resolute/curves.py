"""Logs of trainings as curves in TensorBoard, MLflow or Weights & Biases. It reads a store's files beside the run, which never
waits for it. Clients write files and reach no network, unless their own variables say so (MLFLOW_TRACKING_URI, WANDB_MODE)."""

import argparse
import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from .errors import InputError, MachineError
from .programs import run_json

_Point = tuple[int, dict[str, float]]  # a step of 1 and more, and its numbers by name
_OFFLINE = {"MLFLOW_ALLOW_FILE_STORE": "true", "MLFLOW_DISABLE_TELEMETRY": "true", "WANDB_CONSOLE": "off", "WANDB_ERROR_REPORTING": "false",
            "WANDB_MODE": "offline", "WANDB_SILENT": "true", "WANDB_X_DISABLE_STATS": "true"}  # where the environment has none
_SHARE, _SHORTEST, _LONGEST = 20, 2.0, 30.0  # pause between two looks: so many times as long as a look took; and seconds


@dataclass
class _Training:
    name: str  # TABLE/DATASET/ROW.trial-N
    id: str
    folder: Path
    read: dict[Path, int] = field(default_factory=dict)  # bytes of each log
    last: dict[str, int] = field(default_factory=dict)  # step of each kind of log
    run: Any = None  # the client's, once there is a point
    settled: bool = False  # nothing more comes

    def fresh(self) -> Iterator[_Point]:
        """Points of whole lines that were not read before: each step once, in order. A resumed attempt logs steps of the one before
        again, with the same bits: the first line counts."""
        for kind in ("metrics", "evaluations"):
            for path in sorted(self.folder.glob(f"attempt-*-{kind}.jsonl"), key=lambda path: (len(path.name), path.name)):
                with suppress(FileNotFoundError), path.open("rb") as file:
                    file.seek(self.read.setdefault(path, 0))
                    for line in file:
                        if not line.endswith(b"\n"):
                            break
                        self.read[path] += len(line)
                        step, values = _numbers(line)
                        if step > self.last.get(kind, 0) and values:
                            self.last[kind] = step
                            yield step, values


def _name(text: str) -> str:
    """A name that every client takes, and that leads out of no folder."""
    parts = [re.sub(r"[^\w .:-]", "_", part, flags=re.ASCII)[:100] for part in text.split("/")]
    return "/".join(part if part.strip(" .") else "_" for part in parts)


def _numbers(line: bytes) -> _Point:
    """A line of a log: "loss", "losses/triplet"; of an evaluation on the way "evaluation/mAP" alone. A line that is none has step 0."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return 0, {}
    step = found.pop("step", None) if isinstance(found, dict) else None
    if type(step) is not int or not 0 < step < 2**63:
        return 0, {}
    if isinstance(found.get("metrics"), dict):
        found = {"evaluation": found["metrics"]}
    inner = {f"{outer}/{name}": value for outer, values in found.items() if isinstance(values, dict) for name, value in values.items()}
    return step, {_name(name): float(value) for name, value in (found | inner).items()
                  if type(value) is float or (type(value) is int and abs(value) < 2**63)}


class _TensorBoard:
    def __init__(self, out: Path, suite: str, training: _Training):
        from tensorboard.summary import Writer
        shutil.rmtree(out / training.name, ignore_errors=True)
        self._writer = Writer(str(out / training.name))

    def add(self, points: list[_Point]) -> None:
        for step, values in points:
            for name, value in values.items():
                self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def end(self, whole: bool) -> None:
        self._writer.close()


class _MlFlow:
    def __init__(self, out: Path, suite: str, training: _Training):
        from mlflow.tracking import MlflowClient
        self._client = MlflowClient(os.environ.get("MLFLOW_TRACKING_URI") or (out.absolute() / "mlruns").as_uri())
        known = self._client.get_experiment_by_name(suite)
        experiment = known.experiment_id if known else self._client.create_experiment(suite)
        for old in self._client.search_runs([experiment], f"tags.training = '{training.id}'"):
            self._client.delete_run(old.info.run_id)
        self._run = self._client.create_run(experiment, run_name=training.name, tags={"training": training.id}).info.run_id

    def add(self, points: list[_Point]) -> None:
        from mlflow.entities import Metric
        now = int(time.time() * 1000)
        metrics = [Metric(name, value, now, step) for step, values in points for name, value in values.items()]
        for at in range(0, len(metrics), 1000):  # the most in one call
            self._client.log_batch(self._run, metrics=metrics[at:at + 1000])

    def end(self, whole: bool) -> None:
        self._client.set_terminated(self._run, status="FINISHED" if whole else "KILLED")


class _WeightsAndBiases:
    def __init__(self, out: Path, suite: str, training: _Training):
        import wandb
        number = training.id[:16]
        for old in out.glob(f"wandb/*run-*-{number}"):
            shutil.rmtree(old)
        self._run = wandb.init(dir=str(out), project=suite, name=training.name, id=number, reinit="create_new",
                               config={"training": training.id})
        self._run.define_metric("*", step_metric="step")

    def add(self, points: list[_Point]) -> None:
        for step, values in points:
            self._run.log({**values, "step": step})

    def end(self, whole: bool) -> None:
        self._run.finish(exit_code=0 if whole else 1)


# Runs of clients. A constructor takes away what a killed process has left of the run.
_CLIENTS: dict[str, Callable[[Path, str, _Training], Any]] = {
    "tensorboard": _TensorBoard, "mlflow": _MlFlow, "wandb": _WeightsAndBiases}


def _trainings(suite: Sequence[str], store: Path) -> tuple[str, list[_Training]]:
    """The suite's name, and each training of its tables once, by the first cell that stands on it."""
    plan = run_json(["suite", "table", *suite, "--store", str(store), "--format", "provenance"])
    jobs = {job["id"]: job for job in plan["jobs"]}
    found: dict[str, _Training] = {}
    for cell in plan["cells"]:
        for trial, evaluation in enumerate(cell["evaluations"]):
            job = next(job for job in jobs[evaluation]["after"] if jobs[job]["kind"] == "training")
            name = _name(f"{cell['table']}/{cell['dataset']}/{cell['row']}.trial-{trial}")
            found.setdefault(job, _Training(name, job, store / "jobs" / job[:2] / job))
    return plan["suite"], list(found.values())


def _look(training: _Training, marks: Path, begin: Callable[[_Training], Any]) -> None:
    mark, fresh = None, training.fresh()
    with suppress(FileNotFoundError):
        result = (training.folder / "result.json").read_bytes()  # all that is logged is there before it
        mark = marks / f"{training.id}-{hashlib.sha256(result).hexdigest()[:16]}"
    while not (mark and mark.exists()) and (points := list(islice(fresh, 1000))):
        training.run = training.run or begin(training)
        training.run.add(points)
    training.settled = mark is not None
    if mark and training.run:
        run, training.run = training.run, None
        run.end(True)
        mark.touch()


def _pause(look: float) -> float:
    """Seconds until the next look. A look is long where its client is slow or the machine is busy: beside a run it takes little of it,
    and curves never stand still."""
    return min(_LONGEST, max(_SHORTEST, _SHARE * look))


def _going_on(options: argparse.Namespace) -> bool:
    return bool(options.follow) if options.beside is None else os.getppid() == options.beside


def _write(options: argparse.Namespace, suite: list[str]) -> None:
    """Until _going_on() is false and all is written, or every training is done. OUT/.resolute-TO has a mark for each training whose
    curves are whole; others start over. Beside a run, what is said once the client is there goes to OUT/.resolute-TO/log."""
    os.environ.update(_OFFLINE | os.environ)
    __import__(options.to)
    marks = options.out / f".resolute-{options.to}"
    marks.mkdir(parents=True, exist_ok=True)
    with (marks / "log").open("a") as log:
        for stream in (1, 2) if options.beside else ():  # whoever waits for the end of the run's output waits for the run alone
            os.dup2(log.fileno(), stream)
        try:
            fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:  # a file system may have no locks
            if isinstance(error, BlockingIOError):
                raise MachineError(f"another process writes to '{options.out}'") from None
        name, trainings = _trainings(suite, options.store)
        try:
            while True:
                last, began = not _going_on(options), time.monotonic()
                for training in trainings:
                    if not training.settled:
                        _look(training, marks, lambda one: _CLIENTS[options.to](options.out, name, one))
                if last or all(training.settled for training in trainings):
                    break
                due = time.monotonic() + _pause(time.monotonic() - began)
                while _going_on(options) and time.monotonic() < due:
                    time.sleep(0.5)
        finally:
            for training in trainings:
                if training.run:
                    training.run.end(False)


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m resolute curves", description=__doc__, allow_abbrev=False, epilog="Other options are "
                                     "those of `resolute suite table` that decide the suite's plan: --profile, --set, …")
    parser.add_argument("suite", metavar="SUITE.toml")
    store = os.environ.get("RESOLUTE_STORE") or None
    parser.add_argument("--store", default=store, required=store is None, type=Path)
    parser.add_argument("--to", required=True, choices=_CLIENTS)
    parser.add_argument("--out", required=True, type=Path, help="folder of the curves")
    parser.add_argument("--follow", action="store_true", help="go on until every training is done")
    parser.add_argument("--beside", type=int, help=argparse.SUPPRESS)  # go on until this process, the parent, has ended
    parser.error = lambda message: parser.exit(2, f"resolute: {message}; see --help\n")  # type: ignore[method-assign]
    options, others = parser.parse_known_args(words)
    os.nice(19)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        while True:
            try:
                _write(options, [options.suite, *others])
                return 0
            except (ImportError, InputError) as error:
                missing = f"; '{sys.executable} -m pip install {options.to}' installs it" if isinstance(error, ImportError) else ""
                parser.exit(2, f"resolute: {error}{missing}\n")
            except Exception as error:  # noqa: BLE001
                why = " ".join(f"{type(error).__name__}: {error}".split())
                print(f"resolute: no curves for {options.to} now ({why})", file=sys.stderr)
            if not _going_on(options):
                return 1
            time.sleep(60)
    except KeyboardInterrupt:
        return 130
