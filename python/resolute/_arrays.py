"""A caller's values, of NumPy, PyTorch or plain lists, as arrays that the library reads."""

import contextlib
import json
import operator
from typing import Any

import numpy

from .errors import InputError


def _as_numpy(value: Any, name: str) -> numpy.ndarray:
    if isinstance(value, numpy.ma.MaskedArray):
        if numpy.ma.is_masked(value):
            raise InputError(f"'{name}' has masked elements (nothing is left out for a mask); give the rows that count alone")
        value = value.data
    try:
        if hasattr(value, "detach") and hasattr(value, "cpu"):  # a tensor of PyTorch
            value = value.detach().cpu()
            if str(value.dtype) == "torch.bfloat16":
                value = value.float()
            value = value.numpy()
        return numpy.asarray(value)
    except (ValueError, TypeError, RuntimeError) as error:  # a list that is ragged; a sparse, a quantised or a meta tensor
        raise InputError(f"'{name}' is no array ({' '.join(str(error).split())})") from None


def _require_dimensions(array: numpy.ndarray, dimensions: int, name: str) -> None:
    if array.ndim != dimensions:
        shape = "×".join(str(size) for size in array.shape) or "a single value"
        raise InputError(f"'{name}' is {shape} (it needs {dimensions} dimension{'s' if dimensions > 1 else ''})")


def matrix(value: Any, name: str, doubles: bool = False) -> numpy.ndarray:
    """Two dimensions of floats, row-major: float32, or float64 where it comes so and `doubles` allows it. Refused: a float64 that
    becomes 0, and so ties with others, or infinite."""
    array = _as_numpy(value, name)
    _require_dimensions(array, 2, name)
    if array.dtype.kind != "f" or array.dtype.itemsize > 8:
        raise InputError(f"'{name}' holds {array.dtype} (features and distances are float16, float32 or float64)")
    wide = doubles and array.dtype.itemsize == 8
    with numpy.errstate(over="ignore"):
        rounded = numpy.ascontiguousarray(array, dtype=numpy.float64 if wide else numpy.float32)
    if array.dtype.itemsize > rounded.dtype.itemsize:
        lost = ((rounded == 0) != (array == 0)) | (numpy.isinf(rounded) != numpy.isinf(array))
        if lost.any():
            row, column = numpy.argwhere(lost)[0]
            raise InputError(f"'{name}' has {array[row, column]} in row {row}, column {column} (as float32 it is {rounded[row, column]})")
    return rounded


def integers(value: Any, rows: int, name: str) -> numpy.ndarray:
    """One int64 for each of so many rows; floats are taken that are whole numbers."""
    array = _as_numpy(value, name)
    _require_dimensions(array, 1, name)
    if len(array) != rows:
        raise InputError(f"'{name}' has {len(array)} numbers (there are {rows} images)")
    if array.dtype.kind not in "iuf" and rows > 0:
        raise InputError(f"'{name}' holds {array.dtype} (it needs integers); number them, e.g. by "
                         "numpy.unique(names, return_inverse=True)[1]")
    if array.dtype.kind == "f":
        # Below it a float stands for one integer alone.
        bits = 8 if str(getattr(value, "dtype", "")) == "torch.bfloat16" else min(numpy.finfo(array.dtype).nmant + 1, 53)
        if not bool(numpy.all(array == numpy.floor(array)) and numpy.all(abs(array) < 2**bits)):
            raise InputError(f"'{name}' holds floats that are no whole numbers, or are not below 2^{bits}")
    if array.dtype.kind == "u" and bool(numpy.any(array > numpy.iinfo(numpy.int64).max)):
        raise InputError(f"'{name}' holds numbers beyond int64")
    return numpy.ascontiguousarray(array, dtype=numpy.int64)


#: The largest count of images, steps or draws, and the largest seed.
MOST = 1 << 48


def shown(value: object) -> str:
    """For a message: one line, and not a long one."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else text[:57] + "..."


def plain(value: Any) -> Any:
    """Python's own number, truth or list for one of NumPy, and for what else stands for an integer; other values as they are."""
    if isinstance(value, (numpy.generic, numpy.ndarray)):
        return value.tolist()
    with contextlib.suppress(TypeError):
        return value if isinstance(value, int) else operator.index(value)
    return value


def as_json(value: object, where: str) -> bytes:
    """Of settings, whose numbers may be NumPy's."""
    def made_plain(one: object) -> object:
        made = plain(one)
        if type(made) is type(one):
            raise TypeError(f"{shown(one)} is no number, text, truth or list of these")
        return made

    try:
        return json.dumps(value, allow_nan=False, default=made_plain).encode()
    except (TypeError, ValueError) as error:
        raise InputError(f"{where} cannot be written as JSON ({error})") from None


def count(value: object, name: str, least: int = 0, most: int = MOST) -> int:
    """An integer of Python, NumPy or another package, least to most; no truth."""
    number = plain(value)
    if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= most:
        limits = f"at least {least}" if most == MOST else f"{least} to {most}"
        raise InputError(f"'{name}' is {shown(value)} (it is an integer, {limits})")
    return int(number)
