"""A method of one's own as the worker sees it: a network, its losses, and an embedding (docs/own_method.md)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any, NoReturn

from .loader import Batch


class _Recipe(dict[str, Any]):
    def __missing__(self, key: str) -> NoReturn:
        near = "".join(f", or did you mean {name!r}" for name in get_close_matches(key, self, 1))
        raise KeyError(f"the recipe has no {key!r} (it leaves out keys that have their default); write recipe.get({key!r}, DEFAULT){near}")


class Method:
    """A method in PyTorch, which the package's worker trains and evaluates.

    options: an `Options`, as the suite's row has it: `mine.width = 64` for the field `width` where a [[method]] has the id `mine`; or
    of the words behind the file's name, `--width 64`, where the file is a worker by itself (resolute.work()). recipe: the training's,
    by the names of docs/suite_keys.md without `train.`. module: what network() returned, on the training's device; its parameters and
    buffers are all that a checkpoint keeps beside the optimiser's state, so whatever a step changes belongs there.

    Draws of torch, NumPy and `random` follow from seed, step and lane: they are seeded before network() and before each losses().
    """

    #: Raise it when results change by something that is not in the method's file.
    revision = 1
    #: Levels of the trunk that trunk_level() tells apart.
    trunk_levels = 5
    #: Names of a step's phases, in their order; none: a step is one phase. Each is a pass of losses_in() over all lanes and a step of
    #: the optimiser for its groups of parameters.
    phases: tuple[str, ...] = ()
    #: True: losses() looks at batch.has_label, so that train.labelled_fraction may be below 1.
    heeds_has_label = False

    @dataclass
    class Options:
        """Fields of int, float, bool or str, or of one of these and None; their defaults are literals (schema.py). Raise ValueError in
        `__post_init__` for a wrong value."""

    def __init__(self, options: Any, recipe: Mapping[str, Any]):
        self.options = options
        self.recipe = _Recipe(recipe)
        self.module: Any = None

    def network(self, classes: int) -> Any:
        """The torch.nn.Module for so many training identities."""
        raise NotImplementedError(f"{type(self).__name__} has no network()")

    def losses(self, batch: Batch) -> Mapping[str, Any]:
        """Scalars of self.module by name; their sum is differentiated. The module is in training mode. batch: the rows of one lane,
        on the training's device; the gradient of the step is the lanes' mean over rows."""
        raise NotImplementedError(f"{type(self).__name__} has no losses()")

    def losses_in(self, phase: str, batch: Batch) -> Mapping[str, Any]:
        """losses() of one of `phases`; without any it is losses(). An empty dict: the phase rests, and nothing of it moves."""
        if phase:
            raise NotImplementedError(f"{type(self).__name__} has no losses_in() (its phases are {', '.join(self.phases)})")
        return self.losses(batch)

    def embed(self, images: Any, rates: Any) -> Any:
        """Features N×D of normalised images N×3×H×W, compared by Euclidean distances. rates: int64 N, 1 for gallery images. The
        module is in evaluation mode, without gradients."""
        raise NotImplementedError(f"{type(self).__name__} has no embed()")

    def embed_by_camera(self, images: Any, rates: Any, cameras: Any) -> Any:
        """embed() for a method that heeds the cameras: int64 N, the pack's. An evaluation calls this one; unless you say otherwise it
        is embed()."""
        return self.embed(images, rates)

    def recover(self, images: Any, rates: Any) -> Mapping[int, Any]:
        """Images N×3×H×W, normalised like those given, that decoders make of LR ones, by the rate whose look each aims at: {1: images}
        for HR images. Arguments are those of embed(); precision is float32. The panels of an evaluation (`evaluate.panels`) show them
        between the LR image and the HR one, measured against that. Its sample (`evaluate.sample_rates`, HR images too) measures them
        against the copy that training makes at that rate. Empty: there is no decoder."""
        return {}

    def parameter_groups(self) -> list[dict[str, Any]]:
        """For optimiser(): all parameters that learn, with the recipe's `weight_decay` and `decay`. A group with "phases": ["NAME", …]
        moves in these phases alone, one without in each."""
        decayed: list[Any] = []
        plain: list[Any] = []
        for parameter in self.module.parameters():
            if parameter.requires_grad:
                (plain if self.recipe["decay"] == "weights" and parameter.ndim < 2 else decayed).append(parameter)
        groups = [{"params": decayed, "weight_decay": self.recipe["weight_decay"]}, {"params": plain, "weight_decay": 0.0}]
        return [group for group in groups if group["params"]]

    def trunk_level(self, name: str) -> int | None:
        """The trunk's level that the parameter of that name in self.module is of, from 1 at the image to `trunk_levels`; None: it is
        beside the trunk. Asked for `train.trunk_learning_rate_factor` and `train.layer_decay`, which multiply the rates of optimiser()
        as resolute-worker has it."""
        raise NotImplementedError(f"{type(self).__name__} has no trunk_level()")

    def optimiser(self) -> Any:
        """A torch.optim.Optimizer whose learning rates are those of factor 1: the recipe's `optimiser`."""
        import torch

        groups, rate, word = self.parameter_groups(), self.recipe["learning_rate"], self.recipe.get("optimiser", "adam")
        if word == "sgd":
            return torch.optim.SGD(groups, rate, self.recipe.get("momentum", 0.0), nesterov=self.recipe.get("nesterov", False))
        return (torch.optim.AdamW if word == "adamw" else torch.optim.Adam)(groups, rate)

    def learning_rate_factor(self, step: int) -> float:
        """By the recipe's warm-up and schedule, as `resolute-worker` has it; step from 0."""
        warmup, steps = self.recipe["warmup_steps"], self.recipe["steps"]
        factor, schedule = 0.01 + 0.99 * step / warmup if step < warmup else 1.0, self.recipe["schedule"]
        done = (step - warmup) / max(1, steps - warmup)
        if schedule == "step":
            for milestone in self.recipe["milestones"]:
                factor *= self.recipe["gamma"] if step >= milestone else 1.0
        elif schedule == "cosine" and step >= warmup:
            factor = 0.5 * (1.0 + math.cos(math.pi * done))
        elif schedule in ("linear", "polynomial") and step >= warmup:
            factor = (1.0 - done) ** self.recipe.get("power", 1.0)
        return factor

    def from_scratch(self) -> bool:
        """False: network() starts from weights that were trained before."""
        return True

    def depends_on(self) -> list[str]:
        """More that decides the bits of results, for the numeric class: options, and versions of packages."""
        return [f"{field.name} {getattr(self.options, field.name)}" for field in fields(self.options)]
