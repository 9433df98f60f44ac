"""Each hook of a method of one's own, called, and what it returned held against what a training or an evaluation needs of it: one line
names the hook's file, the hook and the need, before a result can go wrong by it."""

import inspect
import math
from collections.abc import Mapping
from typing import Any

import numpy

from ._arrays import count, shown
from .errors import InputError
from .loader import Batch
from .method import Method


def _described(value: Any) -> str:
    import torch

    if isinstance(value, torch.Tensor):
        return f"a tensor of {'×'.join(map(str, value.shape)) or 'one number'} in {str(value.dtype).removeprefix('torch.')}"
    return shown(value) if value is None or isinstance(value, (bool, int, float, complex, str)) else type(value).__name__


def _wrong(method: Method, hook: str, returned: str, need: str) -> InputError:
    kind = type(method)
    code = getattr(inspect.unwrap(getattr(kind, hook)), "__code__", None)
    place = f"{code.co_filename}:{code.co_firstlineno}: " if code else ""
    return InputError(f"{place}{hook}() of {kind.__name__} returned {returned} (it returns {need})")


def module_of(method: Method, classes: int, place: Any) -> Any:
    """By network(), on the device."""
    import torch

    module = method.network(classes)
    if not isinstance(module, torch.nn.Module):
        raise _wrong(method, "network", _described(module), "a torch.nn.Module")
    module.to(place)
    return module


def optimiser_of(method: Method) -> Any:
    import torch

    made = method.optimiser()
    if not isinstance(made, torch.optim.Optimizer) or not all("lr" in group for group in made.param_groups):
        raise _wrong(method, "optimiser", _described(made), "a torch.optim.Optimizer whose groups have a learning rate, 'lr'")
    return made


def rate_factor_of(method: Method, step: int) -> float:
    """By learning_rate_factor()."""
    found = method.learning_rate_factor(step)
    try:
        factor = math.nan if isinstance(found, (bool, numpy.bool_, str, bytes)) else float(found)
    except (TypeError, ValueError, RuntimeError):  # PyTorch's for a tensor of several numbers
        factor = math.nan
    if not 0 <= factor < math.inf:
        raise _wrong(method, "learning_rate_factor", f"{_described(found)} for step {step}", "a finite number, 0 or more")
    return factor


def trunk_level_of(method: Method, name: str) -> int | None:
    found = method.trunk_level(name)
    try:
        return None if found is None else count(found, "level", 1, method.trunk_levels)
    except InputError:
        raise _wrong(method, "trunk_level", f"{_described(found)} for '{name}'",
                     f"None or a whole number, 1 to trunk_levels, which is {method.trunk_levels}") from None


def terms_of(method: Method, phase: str, batch: Batch) -> tuple[dict[str, Any], Any]:
    """Losses by name, and their sum, which has a gradient; none and 0 where a phase rests."""
    import torch

    def wrong(returned: str) -> InputError:
        return _wrong(method, "losses_in" if phase else "losses", returned,
                      "a dict of scalars by name: floating-point tensors of one number each, computed by self.module")

    terms = method.losses_in(phase, batch)
    if not isinstance(terms, Mapping) or not (terms or phase):
        raise wrong("an empty dict" if isinstance(terms, Mapping) else _described(terms))
    for name, value in terms.items():
        if not isinstance(name, str) or not isinstance(value, torch.Tensor) or value.numel() != 1 or not value.is_floating_point():
            raise wrong(f"{_described(value)} as {shown(name)}")
    loss: Any = sum(terms.values())
    if terms and not loss.requires_grad:
        raise wrong(f"{', '.join(terms)} without a gradient")
    return dict(terms), loss


def features_of(method: Method, images: Any, rates: Any, cameras: Any, like: numpy.ndarray | None) -> Any:
    """By embed_by_camera(). like: features of other images, which have as many dimensions."""
    import torch

    rows = len(images)
    found = method.embed_by_camera(images, rates, cameras)
    if not isinstance(found, torch.Tensor) or found.ndim != 2 or len(found) != rows or found.shape[1] == 0 or \
            not found.is_floating_point() or like is not None and found.shape[1] != like.shape[1]:
        hook = "embed" if type(method).embed_by_camera is Method.embed_by_camera else "embed_by_camera"
        dimensions = "D" if like is None else f"{like.shape[1]}, as for the images before"
        raise _wrong(method, hook, f"{_described(found)} for {rows} images", f"a tensor of floating-point numbers, {rows}×{dimensions}")
    return found


def dependencies_of(method: Method) -> list[str]:
    """By depends_on()."""
    found = method.depends_on()
    if not isinstance(found, (list, tuple)) or not all(isinstance(one, str) for one in found):
        raise _wrong(method, "depends_on", shown(found), "a list of texts")
    return list(found)


def is_from_scratch(method: Method) -> bool:
    found = method.from_scratch()
    if not isinstance(found, (bool, numpy.bool_)):
        raise _wrong(method, "from_scratch", _described(found), "True or False")
    return bool(found)
