"""Packs, splits and the loader of trainings.

A batch of the same pack, split, recipe and seed has the same bits as in `resolute-worker`. The images of a batch are not copied:
an array or a tensor shows the loader's memory, and the loader takes other memory while you keep it.
"""

import json
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from ctypes import POINTER, byref, c_int, c_size_t, c_uint8, c_void_p
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy

from . import _library
from ._arrays import MOST as _ENDLESS
from ._arrays import count as _count
from ._library import Handle, call
from .errors import InputError
from .programs import run_json


#: The changes of colours among a recipe's settings; a recipe names those that are not at their defaults.
COLOURS = ("jitter", "jitter_brightness", "jitter_contrast", "jitter_saturation", "jitter_hue", "policy", "policy_magnitude")


def _json(value: object, where: str) -> bytes:
    try:
        return json.dumps(value, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise InputError(f"{where} cannot be written as JSON ({error})") from None


class Split:
    """Which images train and which are tested; made by Pack.split()."""

    def __init__(self, handle: Handle):
        self._handle = handle
        text = json.loads(call("split_text", handle.pointer))
        self.sha256: str = text["sha256"]
        #: The published form: options, train, query, gallery (docs/formats/manifest.md).
        self.manifest: dict[str, Any] = text["split"]

    def __repr__(self) -> str:
        return f"Split({self.sha256[:12]}…)"

    def gallery_draws(self, draws: int, shots: int = 1) -> list[numpy.ndarray]:
        """The galleries of an evaluation's protocol: indices into manifest["gallery"], `shots` images of each test identity."""
        text = call("split_draws", self._handle.pointer, _count(draws, "draws", 1), _count(shots, "shots", 1))
        return [numpy.array(draw, numpy.int64) for draw in json.loads(text)]

    def close(self) -> None:
        """Ends its use; loaders that were made with it go on."""
        self._handle.close()


class _Memory:
    """The images of one batch, as NumPy wants to be shown memory; freed with the last array on it."""

    def __init__(self, kept: Handle, pointer: int, shape: tuple[int, ...], kind: str):
        self._kept = kept
        self.__array_interface__ = {"data": (pointer, False), "shape": shape, "typestr": kind, "version": 3}


class Batch:
    """One batch of N images.

    hr, lr: float32 N×3×H×W in channels-last memory, normalised with ImageNet's mean and deviation; tensors of PyTorch where
    it is installed, else of NumPy; None where they were not asked for. labels (0 to the number of identities - 1), rows (of the
    pack), cameras (the pack's), rates (of the images in lr), has_hr (False: `hr` is 0), has_label (False: the label is -1): N. step:
    from 0.
    """

    def __init__(self, given: _library.Batch, height: int, width: int, arrays: str):
        kept = Handle("batch", c_void_p(given.kept))
        count = given.images

        def shown(pointer: int | None, shape: tuple[int, ...], kind: str) -> Any:
            if pointer is None:
                return numpy.zeros(shape, kind) if 0 in shape else None
            array = numpy.asarray(_Memory(kept, pointer, shape, kind))
            if len(shape) == 4:
                array = array.transpose(0, 3, 1, 2)
            if arrays == "numpy":
                return array
            import torch

            return torch.from_numpy(array)

        images = (count, height, width, 3)
        self.step = int(given.step)
        self.hr = shown(given.hr, images, "<f4")
        self.lr = shown(given.lr, images, "<f4")
        self.labels, self.rows, self.cameras, self.rates = (
            shown(pointer, (count,), "<i8") for pointer in (given.labels, given.rows, given.cameras, given.rates))
        self.has_hr, self.has_label = (shown(pointer, (count,), "|b1") for pointer in (given.has_hr, given.has_label))

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: Any, non_blocking: bool = True) -> "Batch":
        """The same batch with its tensors on a device of PyTorch, in channels-last memory. They go to a GPU from pinned memory."""
        import torch

        pinned = torch.device(device).type == "cuda"
        moved = object.__new__(Batch)
        moved.step = self.step
        for name in ("hr", "lr", "labels", "rows", "cameras", "rates", "has_hr", "has_label"):
            value = getattr(self, name)
            if value is not None:
                value = (value.pin_memory() if pinned and not value.is_cuda else value).to(device, non_blocking=non_blocking)
            setattr(moved, name, value)
        return moved


class Loader:
    """Batches in the order of steps, loaded ahead by threads of its own; made by Pack.loader(). Iterate over it, or call next().

    One thread asks at a time. It does not go along into a forked process: open it there.
    """

    def __init__(self, handle: Handle, size: tuple[int, int], arrays: str, first_step: int, end_step: int):
        self._handle, self._size, self._arrays = handle, size, arrays
        self._lock = threading.Lock()
        #: The step of the next batch. A loader that is opened with `first_step=loader.step` goes on where this one is.
        self.step = first_step
        self._end_step = end_step

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __len__(self) -> int:
        """Batches that are left; of a loader without `steps` there is no number."""
        if self._end_step == _ENDLESS:
            raise TypeError("a loader without 'steps' has no length")
        return self._end_step - self.step

    def __next__(self) -> Batch:
        with self._lock:
            pointer = self._handle.pointer
            if self.step == self._end_step:
                raise StopIteration
            given = _library.Batch()
            call("loader_next", pointer, byref(given))
            self.step += 1
        return Batch(given, *self._size, self._arrays)

    def close(self) -> None:
        """Ends the threads. Batches that are kept stay."""
        with self._lock:
            self._handle.close()

    def __enter__(self) -> "Loader":  # noqa: PYI034 (typing.Self is of Python 3.11)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Pack:
    """A sealed pack of a store (docs/formats/pack.md): STORE/packs/NAME-HASH.

    settings: height, width, rates and all else that decides its bytes. manifest_sha256, pack_sha256. Rows are numbered from 0 to
    len(pack) - 1. Several threads may read. Raises InputError where no pack is, CorruptError where its bytes have changed; so does each
    read of an image.
    """

    def __init__(self, folder: str | os.PathLike[str]):
        pointer = c_void_p()
        call("pack_open", os.fsencode(folder), byref(pointer))
        self._handle = Handle("pack", pointer)
        self.folder = Path(folder)
        facts = json.loads(call("pack_facts", pointer))
        self.settings: dict[str, Any] = facts["settings"]
        self.manifest_sha256: str = facts["manifest_sha256"]
        self.pack_sha256: str = facts["pack_sha256"]
        self._rows: int = facts["rows"]
        self._manifest: list[dict[str, Any]] | None = None

    def __len__(self) -> int:
        return self._rows

    def __repr__(self) -> str:
        return f"Pack({str(self.folder)!r}, {len(self)} images)"

    @property
    def height(self) -> int:
        """Pixels of an image at network size."""
        return int(self.settings["height"])

    @property
    def width(self) -> int:
        """Pixels of an image at network size."""
        return int(self.settings["width"])

    @property
    def rates(self) -> list[int]:
        """The rates at which it has images beside those at network size, ascending, each from 1 to 16."""
        return list(self.settings["rates"])

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One a row: path, identity, camera, subset, native_height, native_width, source_sha256."""
        if self._manifest is None:
            self._manifest = json.loads(call("pack_manifest", self._handle.pointer))["rows"]
        return self._manifest

    @property
    def identities(self) -> numpy.ndarray:
        """int64, one a row."""
        return numpy.array([row["identity"] for row in self.rows], numpy.int64)

    @property
    def cameras(self) -> numpy.ndarray:
        """int64, one a row."""
        return numpy.array([row["camera"] for row in self.rows], numpy.int64)

    def image(self, row: int, rate: int = 1, *, copies_from: str = "native") -> numpy.ndarray:
        """An image as uint8 H×W×3, RGB. rate 1: at network size. Another rate: as a camera would have stored it (native size
        over the rate), or with copies_from="network" the image at network size shrunk by the rate."""
        pointer, row, rate = self._handle.pointer, _count(row, "row"), _count(rate, "rate", 1)
        if copies_from not in ("native", "network"):
            raise InputError(f"'copies_from' is {copies_from!r} (it is native or network)")
        if rate == 1:
            image = numpy.empty((self.height, self.width, 3), numpy.uint8)
            call("pack_image", pointer, row, image.ctypes.data)
            return image
        if rate not in self.rates:
            raise InputError(f"the pack has no images at rate {rate} (it has {', '.join(map(str, self.rates))})")
        pixels, height, width = POINTER(c_uint8)(), c_int(), c_int()
        call("pack_view", pointer, row, rate, int(copies_from == "network"), byref(pixels), byref(height), byref(width))
        return numpy.ctypeslib.as_array(pixels, (height.value, width.value, 3)).copy()

    def inputs(self, rows: Sequence[int], rates: Sequence[int]) -> numpy.ndarray:
        """Images as an evaluation shows them to a network: float32 N×3×H×W in channels-last memory, normalised; each as a camera
        would have stored it at its rate, enlarged."""
        images = numpy.empty((len(rows), self.height, self.width, 3), numpy.float32)
        if len(rates) != len(rows):
            raise InputError(f"there are {len(rows)} rows and {len(rates)} rates")
        numbers = (c_size_t * len(rows))(*(_count(row, "row") for row in rows))
        factors = (c_int * len(rows))(*(_count(rate, "rate") for rate in rates))
        call("pack_inputs", self._handle.pointer, numbers, factors, len(rows), images.ctypes.data)
        return images.transpose(0, 3, 1, 2)

    def split(self, path: str | os.PathLike[str] | None = None, **settings: object) -> Split:
        """The split of one trial: made by settings (partition, seed, lr_camera, query_rates, …; docs/formats/manifest.md has
        all), or a published one, read from `path`."""
        pointer = c_void_p()
        if path is not None:
            if settings:
                raise InputError("a path and settings are given (a published split has its own settings)")
            call("split_read", self._handle.pointer, os.fsencode(path), byref(pointer))
        else:
            call("split_make", self._handle.pointer, _json(settings, "settings of the split"), byref(pointer))
        return Split(Handle("split", pointer))

    def loader(self, split: Split, *, identities: int | None = None, images: int | None = None, rates: Sequence[int] | None = None,
               lr_images: int | None = None, copies_from: str | None = None, flip: float | None = None, pad: int | None = None,
               erasing: float | None = None, labelled_fraction: float | None = None, labelled_by: str | None = None, seed: int = 0,
               steps: int | None = None, first_step: int = 0, rank: int = 0, ranks: int = 1, hr: bool = True, lr: bool = True,
               threads: int = 0, arrays: str | None = None, copies: Mapping[str, Sequence[float]] | None = None,
               **colours: float | str) -> Loader:
        """Batches of P identities × K images, augmented, as a training of this project gets them.

        identities, images, rates (of the LR copies), lr_images, copies_from, flip, pad, erasing, labelled_fraction, labelled_by: as
        in a suite's [train], with its defaults (docs/suite_keys.md). copies: {"rate": (2.0, 4.0), "jpeg": (30, 90)} for a suite's
        train.copies; a batch's rates are then rounded. colours: jitter, jitter_brightness, jitter_contrast, jitter_saturation,
        jitter_hue, policy, policy_magnitude, as there. seed: which images come and what happens to them. first_step: goes on there.
        steps: how many batches; None: without end. rank, ranks: a share of each batch, of whole identities, for a training of
        several processes. hr, lr: False leaves these images out. threads: 0 for one a processor; no byte depends on it. arrays:
        "torch" or "numpy".

        Raises InputError for settings out of range, and for a split with fewer identities than a batch asks for.
        """
        recipe = {"identities": identities, "images": images, "train_rates": None if rates is None else list(rates),
                  "lr_images": lr_images, "copies_from": copies_from, "flip": flip, "pad": pad, "erasing": erasing,
                  "labelled_fraction": labelled_fraction, "labelled_by": labelled_by,
                  "copies": None if copies is None else _intervals(copies)}
        if unknown := colours.keys() - set(COLOURS):
            raise TypeError(f"loader() has no argument {min(unknown)!r}")
        given = {key: value for key, value in recipe.items() if value is not None} | colours
        if arrays is None:
            arrays = "torch" if find_spec("torch") else "numpy"
        if arrays not in ("torch", "numpy"):
            raise InputError(f"'arrays' is {arrays!r} (it is torch or numpy)")
        first = _count(first_step, "first_step")
        end = _ENDLESS if steps is None else first + _count(steps, "steps")
        options = {"seed": _count(seed, "seed"), "first_step": first, "end_step": end, "hr": bool(hr), "lr": bool(lr),
                   "threads": _count(threads, "threads"), "rank": _count(rank, "rank"), "ranks": _count(ranks, "ranks", 1)}
        pointer = c_void_p()
        call("loader_open", self._handle.pointer, split._handle.pointer, _json(given, "the recipe"), _json(options, "options"),
             byref(pointer))
        return Loader(Handle("loader", pointer), (self.height, self.width), arrays, first, end)

    def close(self) -> None:
        """Ends its use; splits, loaders and batches that were made from it stay usable."""
        self._handle.close()


def _intervals(copies: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    if not isinstance(copies, Mapping) or not all(isinstance(interval, (list, tuple)) for interval in copies.values()):
        raise InputError(f"'copies' is {copies!r} (it gives a step the lowest and the highest value, as in {{'rate': (2.0, 4.0)}})")
    return {step: list(interval) for step, interval in copies.items()}


def ingest(source: str, root: str | os.PathLike[str], store: str | os.PathLike[str], **settings: object) -> Pack:
    """Makes a pack of a data set's raw images, or finds it made: `resolute data ingest SOURCE --root … --store …`. Settings are
    that command's options, `rates=[2, 3, 4]` for `--rates 2,3,4`. Progress goes to a terminal's standard error. Raises InputError for
    images that cannot be read and options that are wrong."""
    options = []
    for name, value in settings.items():
        text = ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
        options += ["--" + name.replace("_", "-"), text]
    made = run_json(["data", "ingest", source, "--root", os.fspath(root), "--store", os.fspath(store), *options, "--json"])
    return Pack(made["folder"])

