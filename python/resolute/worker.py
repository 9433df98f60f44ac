"""The worker of a method of one's own: one process rank of one job by its command line, as docs/worker.md has it."""

import dataclasses
import inspect
import json
import os
import sys
import traceback
import typing
from argparse import SUPPRESS, ArgumentParser, Namespace
from pathlib import Path
from typing import Any, NoReturn

from ._job import Job, sha256
from ._library import PROGRAMS
from .errors import Error, InputError
from .method import Method

_FAILED, _REFUSED = 1, 2
_COMMANDS = ("run", "describe")


class _Parser(ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message} (--help lists the options)")


def _truth(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError
    return text == "true"


def _method_options(kind: type[Method], words: list[str]) -> Any:
    hints = typing.get_type_hints(kind.Options)
    parser = _Parser(description=inspect.getdoc(sys.modules[kind.__module__]), allow_abbrev=False,
                     usage=f"{Path(sys.argv[0]).name} [OPTIONS] run …")
    for field in dataclasses.fields(kind.Options):
        one_of = [one for one in typing.get_args(hints[field.name]) or (hints[field.name],) if one is not type(None)]
        if len(one_of) != 1 or one_of[0] not in (int, float, bool, str):
            raise InputError(f"the option '{field.name}' of {kind.__name__} is of type {field.type} (it is int, float, bool or str)")
        is_required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        parser.add_argument("--" + field.name.replace("_", "-"), type=_truth if one_of[0] is bool else one_of[0], required=is_required,
                            default=SUPPRESS, help=field.metadata.get("help", f"{one_of[0].__name__}, {field.default}"))
    given = vars(parser.parse_args(words))
    try:
        return kind.Options(**given)
    except ValueError as error:
        raise error if isinstance(error, Error) else InputError(str(error)) from None


def _job_options(command: str, words: list[str]) -> Namespace:
    parser = _Parser(allow_abbrev=False)
    for name in ("--store", "--job"):
        parser.add_argument(name, required=command == "run")
    numbers = {"attempt": 1, "process-ranks": 1, "threads": 1, "checkpoint-every": 0, "progress-fd": -1}
    for name, default in numbers.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    return parser.parse_known_args(words)[0]  # the others are for gangs and shards


def _numeric_class(method: Method, name: str, threads: int) -> str:
    import torch

    source = sha256(Path(inspect.getfile(type(method))).read_bytes())[:16]
    parts = [f"{name} {method.revision}", *method.depends_on(), f"source {source}", f"torch {torch.__version__}",
             torch.backends.cpu.get_cpu_capability(), f"threads {threads}"]
    return ", ".join(parts)


def _hand_on(words: list[str]) -> NoReturn:
    program = os.environ.get("RESOLUTE_WORKER") or str(PROGRAMS / "resolute-worker")
    try:
        os.execvp(program, [program, *words])
    except OSError as error:
        raise InputError(f"'{program}' cannot be started ({error.strerror}); name resolute-worker by RESOLUTE_WORKER") from None


def _work(kind: type[Method], name: str, programs_only: bool) -> None:
    first = next((place for place, word in enumerate(sys.argv) if word in _COMMANDS), len(sys.argv))
    method_options = _method_options(kind, sys.argv[1:first])
    if first == len(sys.argv):
        raise InputError("no command is given (it is run or describe)")
    command = sys.argv[first]
    options = _job_options(command, sys.argv[first + 1:])
    job = None
    if command == "run":
        job = Job(options, name)
        if job.specification["kind"] not in ("training", "evaluation") or programs_only and not job.training()["recipe"].get("program"):
            _hand_on(sys.argv[first:])
        job.begin_to_listen()
        if options.process_ranks != 1:
            raise InputError(f"{options.process_ranks} process ranks are asked for (this worker has one a job)")
    import torch

    torch.set_num_threads(options.threads)
    torch.use_deterministic_algorithms(True)
    method = kind(method_options, job.training()["recipe"] if job else {})
    numeric_class = _numeric_class(method, name, options.threads)
    if job is None:
        print(json.dumps(numeric_class))
    elif not job.is_done():
        if job.specification["kind"] == "training":
            from ._training import Training

            Training(job, method, numeric_class).run()
        else:
            from ._measuring import evaluate

            evaluate(job, method, numeric_class)


def work(method: type[Method], *, programs_only: bool = False) -> None:
    """Runs what the command line asks for: `FILE.py [OPTIONS] run --store … --job …` as a suite's `worker = ["python", "FILE.py"]`
    starts it, or `FILE.py [OPTIONS] describe`, which prints the numeric class. The last line of the method's file.

    programs_only: trainings without a `train.program`, and what evaluates them, go on to resolute-worker, so that one suite has
    rows of both. Ends the process with the exit codes of docs/worker.md unless all is done. An exception of the method ends it with
    2, since the same again would end the same way; OSError, MemoryError and RuntimeError with 1."""
    name = Path(inspect.getfile(method)).stem
    try:
        _work(method, name, programs_only)
    except Exception as error:  # noqa: BLE001 whatever the method raises
        if isinstance(error, Error):
            print(f"{name}: {error}", file=sys.stderr)
        else:
            traceback.print_exc()
        sys.exit(_FAILED if isinstance(error, (OSError, MemoryError, RuntimeError)) else _REFUSED)
