"""Packs, splits and the loader of trainings. A batch of the same pack, split, recipe and seed has the same bits as in
`resolute-worker`."""

import json
import os
from collections.abc import Mapping, Sequence
from ctypes import POINTER, byref, c_int, c_size_t, c_uint8, c_void_p
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy

from ._arrays import MOST as _ENDLESS
from ._arrays import as_json, plain, shown
from ._arrays import count as _count
from ._bars import is_watched
from ._library import Handle, call
from .errors import InputError
from .loader import Loader, can_pin, sender_to
from .programs import argument, option, run_json

#: The changes of colours among a recipe's settings; a recipe names those that are not at their defaults.
COLOURS = ("jitter", "jitter_brightness", "jitter_contrast", "jitter_saturation", "jitter_hue", "policy", "policy_magnitude")


def _path(path: str | os.PathLike[str]) -> bytes:
    try:
        encoded = os.fsencode(path)
    except TypeError:
        raise InputError(f"{shown(path)} is no path (give a str or an os.PathLike)") from None
    if b"\0" in encoded:
        raise InputError(f"{shown(path)} is no path (it has a byte 0)")
    return encoded


class Split:
    """Which images train and which are tested; made by Pack.split()."""

    def __init__(self, handle: Handle):
        self._handle = handle
        text = json.loads(call("split_text", handle.pointer))
        self.sha256: str = text["sha256"]
        #: The published form: options, train, query, gallery (docs/inside/formats/manifest.md).
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


class Pack:
    """A sealed pack of a store (docs/inside/formats/pack.md): STORE/packs/NAME-HASH.

    settings: height, width, rates and all else that decides its bytes. manifest_sha256, pack_sha256. Rows are numbered from 0 to
    len(pack) - 1. Several threads may read. Raises InputError where no pack is, CorruptError where its bytes have changed; so does each
    read of an image.
    """

    def __init__(self, folder: str | os.PathLike[str]):
        pointer = c_void_p()
        call("pack_open", _path(folder), byref(pointer))
        self._take(pointer, Path(folder))

    def _take(self, pointer: c_void_p, folder: Path) -> None:
        self._handle = Handle("pack", pointer)
        self.folder = folder
        facts = json.loads(call("pack_facts", pointer))
        self.settings: dict[str, Any] = facts["settings"]
        self.manifest_sha256: str = facts["manifest_sha256"]
        self.pack_sha256: str = facts["pack_sha256"]
        self._rows: int = facts["rows"]
        self._manifest: list[dict[str, Any]] | None = None

    @classmethod
    def joined(cls, parts: "Sequence[tuple[Pack, Split]]") -> "tuple[Pack, Split]":
        """Packs of one size as one, and the images of their splits that train, as a suite's `joined_with` joins them: identities,
        cameras and labels of each part go on behind those before. Queries and gallery, settings and hashes are the first part's. An image that trains in two
        parts is refused."""
        if not parts:
            raise InputError("there is no pack to join")
        packs, splits = (c_void_p * len(parts))(), (c_void_p * len(parts))()
        for i, (pack, split) in enumerate(parts):
            packs[i], splits[i] = pack._handle.pointer.value, split._handle.pointer.value
        pointer, of_split = c_void_p(), c_void_p()
        call("pack_join", packs, splits, len(parts), byref(pointer), byref(of_split))
        joined = object.__new__(cls)
        joined._take(pointer, parts[0][0].folder)
        return joined, Split(Handle("split", of_split))

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
    def is_stand_in(self) -> bool:
        """Made-up images stand in the place of a source's real ones."""
        return bool(self.settings["synthetic"]) and self.settings["source"] != "synthetic"

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
        """The split of one trial: made by settings (partition, seed, lr_camera, query_rates, …; docs/inside/formats/manifest.md
        has all), or a published one, read from `path`."""
        pointer = c_void_p()
        if path is not None:
            if settings:
                raise InputError("a path and settings are given (a published split has its own settings)")
            call("split_read", self._handle.pointer, _path(path), byref(pointer))
        else:
            call("split_make", self._handle.pointer, as_json(settings, "settings of the split"), byref(pointer))
        return Split(Handle("split", pointer))

    def loader(self, split: Split, *, identities: int | None = None, images: int | None = None, rates: Sequence[int] | None = None,
               lr_images: int | None = None, copies_from: str | None = None, flip: float | None = None, pad: int | None = None,
               erasing: float | None = None, labelled_fraction: float | None = None, labelled_by: str | None = None, seed: int = 0,
               steps: int | None = None, first_step: int = 0, rank: int = 0, ranks: int = 1, hr: bool = True, lr: bool = True,
               threads: int = 0, arrays: str | None = None, device: Any = None, pin_memory: bool = False,
               copies: Mapping[str, Sequence[float]] | None = None,
               **colours: float | str) -> Loader:
        """Batches of P identities × K images, augmented, as a training of this project gets them.

        identities, images, rates (of the LR copies), lr_images, copies_from, flip, pad, erasing, labelled_fraction, labelled_by: as
        in a suite's [train], with its defaults (docs/suite_keys.md). copies: {"rate": (2.0, 4.0), "jpeg": (30, 90)} for a suite's
        train.copies; a batch's rates are then rounded. colours: jitter, jitter_brightness, jitter_contrast, jitter_saturation,
        jitter_hue, policy, policy_magnitude, as there. seed: which images come and what happens to them. first_step: goes on there.
        steps: how many batches; None: without end. rank, ranks: a share of each batch, of whole identities, for a training of
        several processes. hr, lr: False leaves these images out. threads: 0 for one a processor; no byte depends on it. arrays:
        "torch" or "numpy". device: of PyTorch; tensors come on it, and the next batch is copied while this one is computed with. The
        host's own device costs no copy. pin_memory: tensors lie in pinned memory, where PyTorch has CUDA. Raises MachineError for a
        device that is not there.

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
            raise InputError(f"'arrays' is {shown(arrays)} (it is torch or numpy)")
        if arrays == "torch" and not find_spec("torch"):
            raise InputError("'arrays' is 'torch' (PyTorch is not installed); install it, or give arrays='numpy'")
        if arrays == "numpy" and (device is not None or pin_memory):
            raise InputError(f"'{'pin_memory' if device is None else 'device'}' is given with arrays of NumPy (tensors of PyTorch alone "
                             "have it); install PyTorch, or leave it out")
        first = _count(first_step, "first_step")
        end = _ENDLESS if steps is None else first + _count(steps, "steps")
        options = {"seed": _count(seed, "seed"), "first_step": first, "end_step": end, "hr": bool(hr), "lr": bool(lr),
                   "threads": _count(threads, "threads"), "rank": _count(rank, "rank"), "ranks": _count(ranks, "ranks", 1)}
        sender, pointer = sender_to(device), c_void_p()
        call("loader_open", self._handle.pointer, split._handle.pointer, as_json(given, "the recipe"), as_json(options, "options"),
             byref(pointer))
        return Loader(Handle("loader", pointer), (self.height, self.width), arrays, first, end, bool(pin_memory) and can_pin(), sender)

    def close(self) -> None:
        """Ends its use; splits, loaders and batches that were made from it stay usable."""
        self._handle.close()


def _intervals(copies: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    if not isinstance(copies, Mapping) or not all(isinstance(interval, (list, tuple)) for interval in copies.values()):
        raise InputError(f"'copies' is {copies!r} (it gives a step the lowest and the highest value, as in {{'rate': (2.0, 4.0)}})")
    return {step: list(interval) for step, interval in copies.items()}


def ingest(source: str, root: str | os.PathLike[str], store: str | os.PathLike[str], *, progress: bool | None = None,
           **settings: object) -> Pack:
    """Makes a pack of a data set's raw images, or finds it made: `resolute data ingest SOURCE --root … --store …`. Settings are
    that command's options, `rates=[2, 3, 4]` for `--rates 2,3,4`. progress: bars on standard error, as tqdm draws them; None: where that
    is a terminal or a notebook. Raises InputError for images that cannot be read and options that are wrong."""
    options = [word for name, value in zip(settings, map(plain, settings.values()))
               for word in option(name, ",".join(map(str, value)) if isinstance(value, (list, tuple)) else value)]
    made = run_json(["data", "ingest", argument(source), *option("root", root), *option("store", store), *options, "--json"],
                    bars=is_watched() if progress is None else bool(progress))
    return Pack(made["folder"])

