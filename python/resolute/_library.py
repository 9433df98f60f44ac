"""The C interface of python/native/interface.h, declared for ctypes, and its errors as exceptions."""

import ctypes
from ctypes import POINTER, c_char_p, c_double, c_int, c_size_t, c_uint8, c_uint64, c_void_p
from pathlib import Path
from typing import NoReturn

from .errors import CorruptError, Error, InputError, MachineError

PROGRAMS = Path(__file__).parent / "bin"


class Side(ctypes.Structure):
    _fields_ = [("identities", c_void_p), ("cameras", c_void_p), ("images", c_size_t)]


class ScoreArrays(ctypes.Structure):
    _fields_ = [(name, c_void_p) for name in
                ("cmc", "means", "ranks", "average_precisions", "inverse_negative_penalties", "galleries", "shares")]


class Batch(ctypes.Structure):
    _fields_ = [("step", c_uint64), ("images", c_size_t),
                *((name, c_void_p) for name in ("hr", "lr", "rows", "cameras", "labels", "rates", "has_hr", "has_label", "kept"))]


class Features(ctypes.Structure):
    _fields_ = [("query", c_void_p), ("gallery", c_void_p), ("dimension", c_size_t)]


class Recovered(ctypes.Structure):
    _fields_ = [("images", c_void_p), ("scales", POINTER(c_int)), ("decoders", c_size_t)]


_FUNCTIONS = {
    "resolute_rank_features": [c_char_p, c_char_p, c_void_p, POINTER(Side), c_void_p, POINTER(Side), c_size_t, c_void_p,
                               POINTER(ScoreArrays)],
    "resolute_rank_distances": [c_char_p, c_char_p, c_void_p, c_int, POINTER(Side), POINTER(Side), POINTER(ScoreArrays)],
    "resolute_bootstrap": [POINTER(c_size_t), c_size_t, c_void_p, c_void_p, c_size_t, POINTER(c_double)],
    "resolute_pack_open": [c_char_p, POINTER(c_void_p)],
    "resolute_pack_facts": [c_void_p],
    "resolute_pack_manifest": [c_void_p],
    "resolute_pack_image": [c_void_p, c_size_t, c_void_p],
    "resolute_pack_view": [c_void_p, c_size_t, c_int, c_int, POINTER(POINTER(c_uint8)), POINTER(c_int), POINTER(c_int)],
    "resolute_pack_inputs": [c_void_p, POINTER(c_size_t), POINTER(c_int), c_size_t, c_void_p],
    "resolute_pack_join": [POINTER(c_void_p), POINTER(c_void_p), c_size_t, POINTER(c_void_p), POINTER(c_void_p)],
    "resolute_split_make": [c_void_p, c_char_p, POINTER(c_void_p)],
    "resolute_split_read": [c_void_p, c_char_p, POINTER(c_void_p)],
    "resolute_split_text": [c_void_p],
    "resolute_split_draws": [c_void_p, c_int, c_int],
    "resolute_panels_queries": [c_void_p, c_char_p],
    "resolute_panels_draw": [c_void_p, c_void_p, c_char_p, POINTER(Features), POINTER(Recovered), c_char_p],
    "resolute_sample_open": [c_void_p, c_void_p, c_char_p, c_int, POINTER(c_void_p)],
    "resolute_sample_images": [c_void_p],
    "resolute_sample_recovered": [c_void_p, c_size_t, POINTER(Recovered), c_int],
    "resolute_sample_write": [c_void_p, c_void_p, c_size_t, c_char_p],
    "resolute_kernel_choices": [c_int],
    "resolute_loader_open": [c_void_p, c_void_p, c_char_p, c_char_p, POINTER(c_void_p)],
    "resolute_loader_next": [c_void_p, POINTER(Batch)],
}
_CLOSE = ("resolute_pack_close", "resolute_split_close", "resolute_loader_close", "resolute_batch_close", "resolute_sample_close")


def _load() -> ctypes.CDLL:
    path = PROGRAMS / "libresolute_python.so"
    try:
        library = ctypes.CDLL(str(path))
    except OSError as error:
        raise MachineError(f"the compiled part of resolute cannot be loaded ({error}); "
                           "install the wheel, or build the project and use build/release/python") from None
    library.resolute_message.restype = c_char_p
    for name, arguments in _FUNCTIONS.items():
        function = getattr(library, name)
        function.argtypes, function.restype = arguments, c_int
    for name in _CLOSE:
        function = getattr(library, name)
        function.argtypes, function.restype = [c_void_p], None
    return library


library = _load()
_ERRORS = {1: InputError, 2: CorruptError, 3: MachineError, 4: MachineError, 5: Error, 6: MemoryError, 7: Error}


def call(name: str, *arguments: object) -> str:
    """Calls `resolute_NAME`; returns its message."""
    status = getattr(library, "resolute_" + name)(*arguments)
    words: str = library.resolute_message().decode("utf-8", "replace")
    if status != 0:
        raise _ERRORS.get(status, Error)(words)
    return words


class Handle:
    """Something of the library that is closed once: by close(), or with this object."""

    def __init__(self, kind: str, pointer: c_void_p):
        self._close = getattr(library, f"resolute_{kind}_close")
        self._kind = kind
        self._pointer: c_void_p | None = pointer

    @property
    def pointer(self) -> c_void_p:
        if self._pointer is None:
            raise InputError(f"the {self._kind} is closed")
        return self._pointer

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"a {self._kind} cannot be pickled (it is open in this process alone); open it where it is needed")

    def close(self) -> None:
        pointer, self._pointer = getattr(self, "_pointer", None), None
        if pointer is not None:
            self._close(pointer)

    __del__ = close
