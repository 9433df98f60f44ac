"""The worker of methods of one's own: one process rank of one job by its command line, as docs/inside/worker.md has it."""

import contextlib
import dataclasses
import inspect
import json
import os
import sys
import traceback
import typing
from argparse import SUPPRESS, ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from ._device import Device
from ._hooks import dependencies_of
from ._job import Job, Stopped, sha256
from ._library import PROGRAMS
from .errors import Error, InputError, failed_import
from .method import Method
from .schema import import_beside, schema_of

_FAILED, _REFUSED, _INTERRUPTED = 1, 2, 75
_COMMANDS = ("run", "describe")
_KINDS = ("training", "evaluation")  # resolute-worker does the other kinds of jobs


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
    return _made(kind, vars(parser.parse_args(words)))


def _made(kind: type[Method], given: Mapping[str, Any]) -> Any:
    try:
        return kind.Options(**given)
    except ValueError as error:
        raise error if isinstance(error, Error) else InputError(str(error)) from None


def _job_options(command: str, words: list[str]) -> Namespace:
    parser = _Parser(allow_abbrev=False)
    for name in ("--store", "--job"):
        parser.add_argument(name, required=command == "run")
    parser.add_argument("--rendezvous")
    numbers = {"attempt": 1, "process-rank": 0, "process-ranks": 1, "rendezvous-fd": -1, "secret-fd": -1, "rendezvous-timeout": 60,
               "exchange-timeout": 300, "threads": 1, "checkpoint-every": 0, "evaluate-every": 0, "progress-fd": -1}
    for name, default in numbers.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    return parser.parse_known_args(words)[0]  # the others are for shards and for resolute-worker


def _numeric_class(method: Method, name: str, device: Device) -> str:
    source = sha256(Path(inspect.getfile(type(method))).read_bytes())[:16]
    return ", ".join([f"{name} {method.revision}", *dependencies_of(method), f"source {source}", *device.parts])


def _hand_on(words: list[str]) -> NoReturn:
    program = os.environ.get("RESOLUTE_WORKER") or str(PROGRAMS / "resolute-worker")
    try:
        os.execvp(program, [program, *words])
    except OSError as error:
        raise InputError(f"'{program}' cannot be started ({error.strerror}); name resolute-worker by RESOLUTE_WORKER") from None


def _ready(kind: type[Method], name: str, method_options: Any, recipe: Mapping[str, Any], options: Namespace, device_word: str) \
        -> tuple[Method, Device, str]:
    """The method, where it computes, and the numeric class."""
    device = Device(device_word, recipe.get("precision", "f32"), options.threads, options.process_rank)
    method = kind(method_options, recipe)
    return method, device, _numeric_class(method, name, device)


def _run(job: Job, kind: type[Method], method_options: Any) -> None:
    job.begin_to_listen()
    if job.options.process_ranks != 1 and job.specification["kind"] != "training":
        raise InputError(f"{job.options.process_ranks} process ranks for a job of kind {job.specification['kind']} (only a training has "
                         "more than one); give --process-ranks 1")
    method, device, numeric_class = _ready(kind, job.name, method_options, job.training["recipe"], job.options, job.device())
    if job.is_done():
        return
    if job.specification["kind"] == "training":
        from ._training import Training

        Training(job, method, device, numeric_class).run()
    else:
        from ._measuring import evaluate

        evaluate(job, method, device, numeric_class)


def _work(kind: type[Method], name: str) -> None:
    first = next((place for place, word in enumerate(sys.argv) if word in _COMMANDS), len(sys.argv))
    method_options = _method_options(kind, sys.argv[1:first])
    if first == len(sys.argv):
        raise InputError("no command is given (it is run or describe)")
    command, words = sys.argv[first], sys.argv[first + 1:]
    options = _job_options(command, words)
    if command == "describe":
        print(json.dumps(_ready(kind, name, method_options, {}, options, "cuda" if "cuda" in words else "cpu")[2]))
        return
    job = Job(options, name)
    if job.specification["kind"] not in _KINDS:
        _hand_on(sys.argv[first:])
    _run(job, kind, method_options)


def work(method: type[Method]) -> None:
    """Runs the command line: `FILE.py [OPTIONS] run --store … --job …`, as a suite's `worker = ["python", "FILE.py"]` starts it, or
    `FILE.py [OPTIONS] describe`, which prints the numeric class. The last line of the method's file.

    Ends the process with the exit codes of docs/inside/worker.md unless all is done. An exception of the method ends it with 2, since the
    same again would end the same way; OSError, MemoryError, RuntimeError and those that libraries derive from Exception itself with 1."""
    name = Path(inspect.getfile(method)).stem
    try:
        _work(method, name)
    except Exception as error:  # noqa: BLE001 whatever the method raises
        _end(name, error)


def _end(name: str, error: Exception) -> NoReturn:
    if isinstance(error, Stopped):
        print(f"{name}: stopped {error}", file=sys.stderr)
        sys.exit(_INTERRUPTED)
    if isinstance(error, ImportError):
        print(f"{name}: {failed_import(error)}", file=sys.stderr)
    elif isinstance(error, Error):
        print(f"{name}: {error}", file=sys.stderr)
    else:
        traceback.print_exception(error)
    sys.exit(_FAILED if _may_pass(error) else _REFUSED)


def _may_pass(error: Exception) -> bool:
    """A library whose exception is none of Python's kinds speaks of a file, a program or a server."""
    kind = next(kind for kind in type(error).__mro__ if kind.__module__ == "builtins")
    return isinstance(error, (OSError, MemoryError, RuntimeError)) or (kind is Exception and not isinstance(error, Error))


def _planned_file(files: list[str], wanted: str) -> tuple[str, bytes]:
    """The one with the SHA-256 of the specification."""
    for path in files:
        with contextlib.suppress(FileNotFoundError):
            source = Path(path).read_bytes()
            if sha256(source) == wanted:
                return path, source
    raise InputError(f"the job's method is not here (SHA-256 {wanted[:12]}…; edited or moved after the suite was read: "
                     f"{', '.join(files)}); run the suite again")


def _method_of(path: str, source: bytes, given: Mapping[str, Any]) -> type[Method]:
    """The method's class, from the bytes that were hashed."""
    schema = schema_of(source, path)
    module = ModuleType("resolute_method")
    module.__file__ = path
    sys.modules[module.__name__] = module
    import_beside(source, path)
    exec(compile(source, path, "exec"), vars(module))  # noqa: S102 the file is the user's method, and no other bytes may run
    kind: type[Method] = vars(module)[schema["class"]]
    fields = {field.name for field in dataclasses.fields(kind.Options)}
    if not fields == {option["name"] for option in schema["options"]} == given.keys():
        raise InputError(f"{path}:{schema['line']}: the options of '{kind.__name__}' are not those that stand in the file ("
                         f"{', '.join(sorted(fields))}); write them as fields of its `class Options`")
    return kind


def work_by_specification(words: list[str]) -> None:
    """Runs a job as a suite with a [[method]] has it run: `python -m resolute work FILE.py… run --store … --job …`. The job's
    specification names the method's file by its SHA-256, and the options; a job without them goes on to resolute-worker."""
    name = "resolute"
    try:
        first = words.index("run") if "run" in words else len(words)
        files, command = words[:first], words[first:]
        if not files or not command:
            raise InputError("usage: python -m resolute work FILE.py… run --store STORE --job ID …")
        job = Job(_job_options("run", command[1:]), name)
        recipe = job.training["recipe"] if job.specification["kind"] in _KINDS else {}
        if "program_options" not in recipe:
            _hand_on(command)
        path, source = _planned_file(files, recipe["program_sha256"])
        name = job.name = Path(path).stem
        given = json.loads(recipe["program_options"])
        sys.argv = [path, *command]
        kind = _method_of(path, source, given)
        _run(job, kind, _made(kind, given))
    except Exception as error:  # noqa: BLE001 whatever the method raises
        _end(name, error)
