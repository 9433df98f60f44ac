"""One attempt of one job, as docs/inside/worker.md has it: its specification, its files, whoever reads its progress, signals to stop."""

import contextlib
import functools
import hashlib
import io
import json
import os
import signal
import sys
import time
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .errors import Error, InputError
from .packs import Pack, Split

_MINUTE = 60.0
_KEPT_CHECKPOINTS = 2


class Stopped(Exception):
    """A signal has asked for it. The text says where: `after step 40`."""


def packed(state: dict[str, Any]) -> bytes:
    """Tensors, numbers and texts by name, as bytes."""
    import torch

    file = io.BytesIO()
    torch.save(state, file)
    return file.getvalue()


def unpacked(data: bytes) -> dict[str, Any]:
    """The state behind packed(), its tensors in the host's memory."""
    import torch

    state: dict[str, Any] = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    return state


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _write(path: Path, data: bytes, place: Callable[[Path, Path], object] = os.replace) -> None:
    """Whole or not at all, whenever this process or the machine ends."""
    temporary = path.parent / f".{path.name}.{os.uname().nodename}-{os.getpid()}.tmp"
    with open(temporary, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    place(temporary, path)


def _link_first(written: Path, path: Path) -> None:
    with contextlib.suppress(FileExistsError):
        os.link(written, path)
    os.unlink(written)


class Job:
    """options: store, job, attempt, threads, checkpoint_every, progress_fd. name: who opens messages."""

    def __init__(self, options: Namespace, name: str):
        self.options, self.name, self.id = options, name, options.job
        self.folder = self._folder_of(self.id)
        self.specification = self.specification_of(self.id)
        self._stop_signals: list[int] = []
        self._last_line = 0.0
        self._saved, self._saving = time.monotonic(), 0.0

    def _folder_of(self, job: str) -> Path:
        return Path(self.options.store) / "jobs" / job[:2] / job

    def specification_of(self, job: str) -> dict[str, Any]:
        path = self._folder_of(job) / "spec.json"
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise InputError(f"'{path}' is not there") from None
        if sha256(data) != job:
            raise InputError(f"'{path}' is damaged (its SHA-256 is not the job's id)")
        specification: dict[str, Any] = json.loads(data)
        return specification

    @functools.cached_property
    def training(self) -> dict[str, Any]:
        """The specification of this training, or of the one that this evaluation is of."""
        return self.specification if self.specification["kind"] == "training" else self.specification_of(self.specification["training"])

    def device(self) -> str:
        """The word of the specification: cpu or cuda."""
        on_cpu = self.specification.get("protocol", {}).get("device") == "cpu"
        return "cpu" if on_cpu else str(self.training["device"])

    def pack(self, settings: dict[str, Any] | None = None) -> Pack:
        """The sealed pack of these settings, or of the specification's."""
        settings = settings or self.specification["pack"]
        for manifest in sorted(Path(self.options.store).glob(f"packs/{settings['name']}-*/pack.json")):
            with contextlib.suppress(Error):
                pack = Pack(manifest.parent)
                if pack.settings == settings:
                    return pack
        raise InputError(f"the store has no pack '{settings['name']}' of the job's settings (or it is damaged)")

    def training_data(self) -> tuple[Pack, Split, dict[str, Any]]:
        """What the training learns from: one pack, or several joined; and the hashes of each for its record."""
        joined = self.training.get("joined", {})
        parts, hashes = [], []
        for data in (self.training, *(joined[name] for name in sorted(joined))):
            pack = self.pack(data["pack"])
            parts.append((pack, pack.split(**data["split"])))
            hashes.append({"pack_sha256": pack.pack_sha256, "split_sha256": parts[-1][1].sha256})
        if not joined:
            return *parts[0], hashes[0]
        return *Pack.joined(parts), {**hashes[0], "joined": hashes[1:]}

    def is_done(self) -> bool:
        return (self.folder / "result.json").exists()

    def begin_to_listen(self) -> None:
        for number in (signal.SIGTERM, signal.SIGUSR1):
            signal.signal(number, lambda number, frame: self._stop_signals.append(number))

    def should_stop(self) -> bool:
        return bool(self._stop_signals)

    def say(self, line: dict[str, Any], at_once: bool = False) -> None:
        """A line of progress, unless the last one is half a second old at most."""
        if at_once or time.monotonic() > self._last_line + 0.5:
            self._last_line = self._last_line if at_once else time.monotonic()
            with contextlib.suppress(OSError):  # a reader that has gone is no reason to stop
                os.write(self.options.progress_fd, (json.dumps(line, sort_keys=True) + "\n").encode())

    def attempt_file(self, name: str) -> Path:
        return self.folder / f"attempt-{self.options.attempt:03}-{name}"

    def write(self, name: str, data: bytes) -> str:
        """A file beside result.json. Returns its SHA-256."""
        _write(self.folder / name, data)
        return sha256(data)

    def publish(self, result: dict[str, Any]) -> None:
        """The result; the first one wins."""
        text = json.dumps({"job": self.id, **result}, sort_keys=True, separators=(",", ":")) + "\n"
        _write(self.folder / "result.json", text.encode(), _link_first)
        for path in self._checkpoints():
            path.unlink()
        with contextlib.suppress(OSError):
            (self.folder / "checkpoints").rmdir()

    def result_of_training(self) -> tuple[dict[str, Any], bytes]:
        """The record of this evaluation's training, and its weights."""
        folder = self._folder_of(self.specification["training"])
        result: dict[str, Any] = json.loads((folder / "result.json").read_bytes())
        weights = (folder / result["weights_file"]).read_bytes()
        if sha256(weights) != result["weights_sha256"]:
            raise InputError(f"the weights of training {self.specification['training']} are damaged")
        return result, weights

    def _checkpoints(self) -> list[Path]:
        """The newest first."""
        return sorted(self.folder.glob("checkpoints/step-*.pt"), reverse=True)

    def is_checkpoint_due(self, step: int) -> bool:
        """By the number of steps that is asked for; else by the clock, so that they take at most a hundredth of the time."""
        if self.options.checkpoint_every > 0:
            return step % int(self.options.checkpoint_every) == 0
        return time.monotonic() > self._saved + max(_MINUTE, 100 * self._saving)

    def save_checkpoint(self, step: int, state: dict[str, Any]) -> None:
        began = time.monotonic()
        data = packed(state)
        (self.folder / "checkpoints").mkdir(exist_ok=True)
        _write(self.folder / f"checkpoints/step-{step:09}-{sha256(data)[:16]}.pt", data)
        self._saved = time.monotonic()
        self._saving = self._saved - began
        self.say({"checkpoint": step}, at_once=True)
        for old in self._checkpoints()[_KEPT_CHECKPOINTS:]:
            old.unlink()

    def newest_checkpoint(self) -> dict[str, Any] | None:
        """The newest that is whole."""
        for path in self._checkpoints():
            data = path.read_bytes()
            if path.name.endswith(f"-{sha256(data)[:16]}.pt"):
                return unpacked(data)
            print(f"{self.name}: {path} is damaged: the one before will do", file=sys.stderr)
        return None
