"""A training of a method of one's own: every draw follows from seed, step and lane, so that who goes on from a checkpoint draws the
same, and so do lanes wherever they run."""

import contextlib
import functools
import json
import math
import random
import time
from collections.abc import Sequence
from typing import Any

import numpy

from ._arrays import shown
from ._device import Device
from ._hooks import is_from_scratch, module_of, optimiser_of, rate_factor_of, terms_of, trunk_level_of
from ._job import Job, Stopped, packed, sha256, unpacked
from ._lanes import Lanes
from ._ranks import Ranks
from .errors import InputError
from .loader import Batch
from .method import Method
from .packs import COLOURS


def _seed(*words: int) -> None:
    import torch

    number = int(sha256(" ".join(map(str, words)).encode())[:16], 16)
    torch.manual_seed(number)
    numpy.random.seed(number % 2**32)
    random.seed(number)


def saved(state: dict[str, Any]) -> bytes:
    """The weights of a result. Raises InputError for what is no tensor, or none that safetensors knows."""
    from safetensors.torch import save

    try:
        # One memory for each: a network may use one tensor under two names.
        return save({name: value.detach().cpu().contiguous().clone() for name, value in state.items()})
    except Exception as error:  # noqa: BLE001 whatever a value of a user's class raises
        why = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{shown(list(state))} of the module's state_dict() cannot be saved ({why}); keep dense tensors of real numbers "
                         "there, and rebuild the rest in network()") from None


def freeze(module: Any, frozen: str) -> None:
    """Parts of the module, by their dotted names joined by ',', learn no more. Their batch norms normalise by the running statistics,
    which stay."""
    for name in filter(None, frozen.split(",")):
        try:
            part = module.get_submodule(name)
        except AttributeError:
            parts = ", ".join(child for child, _ in module.named_children())
            raise InputError(f"freeze names '{name}' (the module has the parts {parts}); name one of them, or a part of one") from None
        part.requires_grad_(False)
        for one in part.modules():
            if getattr(one, "running_mean", None) is not None:
                one.eval()
    if not any(parameter.requires_grad for parameter in module.parameters()):
        why = f"freeze names {frozen}); leave a part out" if frozen else "no parameter of network() has requires_grad); add one"
        raise InputError(f"nothing is left that learns ({why}")


def rate_factor(recipe: Any, level: int | None, levels: int) -> float:
    """Of a parameter in that level of a trunk; None: beside it."""
    if level is None:
        return 1.0
    factor = float(recipe.get("trunk_learning_rate_factor", 1))
    for _ in range(levels - level + 1):
        factor *= recipe.get("layer_decay", 1)
    return factor


def set_rates_by_level(optimiser: Any, method: Method) -> None:
    """Divides the optimiser's groups into one for each factor of the rate."""
    recipe = method.recipe
    asked = [key for key in ("trunk_learning_rate_factor", "layer_decay") if recipe.get(key, 1) != 1]
    if not asked:
        return
    if type(method).trunk_level is Method.trunk_level:
        raise InputError(f"train.{asked[0]} is {recipe[asked[0]]} (no parameter of {type(method).__name__} is said to be of a trunk); "
                         "write its trunk_level()")
    factors = {}
    for name, parameter in method.module.named_parameters():
        factors[parameter] = rate_factor(recipe, trunk_level_of(method, name), method.trunk_levels)
    groups = []
    for group in optimiser.param_groups:
        parts: dict[float, list[Any]] = {}
        for parameter in group["params"]:
            parts.setdefault(factors[parameter], []).append(parameter)
        groups += [{**group, "params": params, "lr": group["lr"] * factor} for factor, params in parts.items()]
    optimiser.param_groups = groups


def is_of_phase(group: dict[str, Any], phase: str) -> bool:
    """The optimiser's group moves in it."""
    return "phases" not in group or phase in group["phases"]


def check_phases(optimiser: Any, method: Method) -> None:
    name, phases, groups = type(method).__name__, method.phases, optimiser.param_groups
    if not isinstance(phases, (list, tuple)) or not all(isinstance(one, str) and one for one in phases) or len(set(phases)) < len(phases):
        raise InputError(f"phases of {name} is {shown(phases)} (it is a tuple of different names); write e.g. phases = (\"a\", \"b\")")
    for group in groups:
        wanted = group.get("phases", phases)
        if not isinstance(wanted, (list, tuple)) or not set(wanted) <= set(phases) or len(wanted) < len(phases[:1]):
            raise InputError(f"a group of parameters has phases {shown(wanted)} ({name} has {shown(phases)}); give a list of these")
    for phase in phases:
        if not any(is_of_phase(group, phase) for group in groups):
            raise InputError(f"phase '{phase}' of {name} moves no group of parameters; name it in a group's \"phases\"")


def check_parameters(optimiser: Any, method: Method) -> None:
    kept = set(map(id, method.module.parameters()))
    if any(id(parameter) not in kept for group in optimiser.param_groups for parameter in group["params"]):
        raise InputError(f"the optimiser of {type(method).__name__} moves a parameter that is not in the module (no checkpoint and no "
                         "weights have it); make it a part of what network() returns")


class Averages:
    """The moving average over steps of a module's parameters and floating buffers. state: by their names."""

    def __init__(self, module: Any, decay: float):
        self._module, self._decay = module, decay
        self.state = {name: one.detach().clone() for name, one in self._live().items()}

    def _live(self) -> dict[str, Any]:
        # Asked each time: a step may put another tensor in a buffer's place.
        return {name: one.detach() for name, one in self._module.state_dict().items() if one.is_floating_point()}

    def take(self, first: bool) -> None:
        """Takes in the weights behind a step. first: the average begins with them."""
        import torch

        live = self._live()
        averages, now = list(self.state.values()), [live[name] for name in self.state]
        if first:
            torch._foreach_copy_(averages, now)
        else:
            torch._foreach_lerp_(averages, now, 1 - self._decay)

    def swap(self) -> None:
        """The module has the average, and this has the module's weights: until the next call."""
        seen = set[int]()  # of a tensor that has two names (a tied classifier) one is enough
        for name, live in self._live().items():
            if live.data_ptr() in seen:
                continue
            seen.add(live.data_ptr())
            kept = live.clone()
            live.copy_(self.state[name])
            self.state[name].copy_(kept)

    def load(self, state: dict[str, Any]) -> None:
        for name, one in self.state.items():
            one.copy_(state[name])


class Training:
    def __init__(self, job: Job, method: Method, device: Device, numeric_class: str):
        specification = job.specification
        if method.recipe["labelled_fraction"] < 1 and not method.heeds_has_label:
            raise InputError(f"train.labelled_fraction is below 1 (losses() of {type(method).__name__} reads every label); let it heed "
                             "batch.has_label, and set heeds_has_label = True in the class")
        self._job, self._method, self._device, self._numeric_class = job, method, device, numeric_class
        self._seed, self._steps = specification["seed"], method.recipe["steps"]
        self._rows = method.recipe["identities"] * method.recipe["images"]
        self._ranks = Ranks(job.options)
        self._lanes = Lanes(self._ranks, specification["lanes"])
        self._ranks.agree(f"job {job.id}, {numeric_class}, evaluated every {job.options.evaluate_every} epochs")
        self._pack, self._split, self._hashes = job.training_data()
        _seed(self._seed)
        method.module = module_of(method, self._split.manifest["train_identities"], device.place)
        for name, value in method.module.state_dict().items():
            saved({name: value})  # now, and not behind the last step
        method.module.train()
        freeze(method.module, method.recipe.get("frozen", ""))
        self._from_scratch = is_from_scratch(method)
        self._optimiser = optimiser_of(method)
        check_phases(self._optimiser, method)
        check_parameters(self._optimiser, method)
        self._clipped = [group["params"] for group in self._optimiser.param_groups]
        set_rates_by_level(self._optimiser, method)
        decay = method.recipe.get("ema", 0.0)
        self._averages = Averages(method.module, decay) if decay else None
        self._rates = [group["lr"] for group in self._optimiser.param_groups]
        self._step, self._losses = 0, dict[str, float]()
        state = job.newest_checkpoint() if self._ranks.first else None
        if self._ranks.count > 1:
            state = unpacked(self._ranks.shared(packed(state or self._state()) if self._ranks.first else b""))
        if state is not None:
            self._step, self._losses = state["step"], state["losses"]
            method.module.load_state_dict(state["module"])
            for name, value in state.get("buffers", {}).items():  # checkpoints of earlier programs have none
                method.module.get_buffer(name).copy_(value)
            self._optimiser.load_state_dict(state["optimiser"])
            if self._averages:
                self._averages.load(state["averages"])
        # An epoch of a suite: it is over when batches have had as many rows as the split has training images.
        self._images = len(self._split.manifest["train"])
        self._evaluate_every = math.ceil(job.options.evaluate_every * self._images / self._rows)

    def run(self) -> None:
        """Raises Stopped when a signal to any rank has asked for it; then a checkpoint is there."""
        first, began = self._step, time.monotonic()
        with contextlib.ExitStack() as opened:
            opened.callback(self._ranks.close)
            loaders = [opened.enter_context(self._loader(lane)) for lane in self._lanes.numbers]
            log = opened.enter_context(self._log("metrics.jsonl"))
            evaluations = opened.enter_context(self._log("evaluations.jsonl")) if self._evaluate_every else None
            if 0 < first < self._steps:  # a checkpoint of a step is older than the step's evaluation
                self._evaluate(evaluations)
            for batches in zip(*loaders):
                factor, wishes_stop = self._learn(batches)
                loss = sum(self._losses.values())
                line = {"learning_rate_factor": factor, "loss": loss, "losses": self._losses, "step": self._step}
                log.write(json.dumps(line, sort_keys=True) + "\n")
                speed = self._rows * (self._step - first) / (time.monotonic() - began)
                self._job.say({"images_per_second": speed, "loss": loss, "step": self._step, "steps": self._steps})
                if self._step < self._steps:
                    self._keep(wishes_stop)
                self._evaluate(evaluations)
        if self._ranks.first:
            self._publish()

    def _log(self, name: str) -> Any:
        """A file of this attempt; process rank 0 writes it."""
        path = self._job.attempt_file(name) if self._ranks.first else "/dev/null"
        return open(path, "w", buffering=1, encoding="utf-8")

    def _loader(self, lane: int) -> Any:
        # One for each lane, and memory of its own: where images lie must not depend on which lanes this rank has.
        recipe = self._method.recipe
        names = ("identities", "images", "lr_images", "copies_from", "flip", "pad", "erasing", "labelled_fraction", "labelled_by")
        options: dict[str, Any] = {name: recipe.get(name) for name in names}
        options |= {name: recipe[name] for name in COLOURS if name in recipe}
        return self._pack.loader(self._split, **options, rates=recipe["train_rates"], copies=recipe.get("copies"),
                                 seed=self._seed, first_step=self._step, steps=self._steps - self._step, rank=lane, ranks=self._lanes.count,
                                 threads=self._device.loading_threads, arrays="torch")

    def _learn(self, batches: Sequence[Batch]) -> tuple[float, bool]:
        """The learning rate's factor, and whether a rank has been asked to stop."""
        method, optimiser = self._method, self._optimiser
        factor = rate_factor_of(method, self._step)
        for group, rate in zip(optimiser.param_groups, self._rates):
            group["lr"] = factor * rate
        self._losses = {}
        stops = [self._learn_phase(place, phase, batches) for place, phase in enumerate(method.phases or ("",))]
        if self._averages:
            self._averages.take(first=self._step == 0)
        self._device.expect_memory()
        self._step += 1
        return factor, any(stops)

    def _learn_phase(self, place: int, phase: str, batches: Sequence[Batch]) -> bool:
        """One pass and one step of the optimiser. Returns whether a rank has been asked to stop."""
        import torch

        method, groups = self._method, self._optimiser.param_groups
        moved = [parameter for group in groups if is_of_phase(group, phase) for parameter in group["params"]]
        notes = self._lanes.learn(method.module, moved, batches, functools.partial(self._learn_lane, place, phase))
        for group in groups:
            if not is_of_phase(group, phase):
                for parameter in group["params"]:
                    parameter.grad = None  # the optimiser passes over it
        for lane, note in enumerate(notes):
            for name, number in note["losses"].items():
                if not math.isfinite(number):
                    raise self._diverged(f"the loss '{name}' is {number} in step {self._step + 1}, lane {lane}")
        taken = set(self._losses)
        for note in notes:
            for term, value in note["losses"].items():
                name = f"{term}.{phase}" if term in taken else term
                self._losses[name] = self._losses.get(name, 0.0) + note["share"] * value
        for clipped in self._clipped:
            norm = torch.nn.utils.clip_grad_norm_(clipped, method.recipe["gradient_clip"] or math.inf)
            if not math.isfinite(norm):
                raise self._diverged(f"a gradient is not finite in step {self._step + 1} (the training diverged); lower the learning "
                                     "rate, or set train.gradient_clip")
        self._optimiser.step()
        return any(note["stop"] for note in notes)

    def _diverged(self, problem: str) -> InputError:
        """Every rank finds it in the same step. A search passes over a point that leaves this file (docs/inside/worker.md)."""
        if self._ranks.first:
            self._job.write("diverged.txt", f"{problem}\n".encode())
        return InputError(problem)

    def _learn_lane(self, place: int, phase: str, lane: int, batch: Batch) -> dict[str, Any]:
        import torch

        _seed(self._seed, self._step, *([lane, place] if place else [lane] * (lane > 0)))
        self._optimiser.zero_grad()
        share = len(batch) / self._rows
        with self._device.computing():
            terms, loss = terms_of(self._method, phase, self._device.placed(batch))
        if terms:
            loss.backward(torch.full_like(loss, share))
        losses = {name: float(value.detach()) for name, value in terms.items()}
        return {"losses": losses, "share": share, "stop": self._job.should_stop()}

    def _state(self) -> dict[str, Any]:
        module = self._method.module
        state = {"step": self._step, "losses": self._losses, "module": module.state_dict(), "optimiser": self._optimiser.state_dict()}
        # Weights leave out those that are not persistent; the next step does not.
        state["buffers"] = {name: one for name, one in module.named_buffers() if name not in state["module"]}
        return {**state, "averages": self._averages.state} if self._averages else state

    def _keep(self, wishes_stop: bool) -> None:
        def save() -> None:
            self._job.save_checkpoint(self._step, self._state())

        if wishes_stop:  # ranks leave together, lest those that have ended look lost
            self._ranks.wait_for_first(save)
            raise Stopped(f"after step {self._step}")
        if self._ranks.first and self._job.is_checkpoint_due(self._step):
            save()

    def _evaluate(self, log: Any) -> None:
        """If it is due: process rank 0 alone, as if nothing had been between two steps."""
        if not self._evaluate_every or self._step % self._evaluate_every:
            return

        def measured() -> None:
            from ._measuring import measure, metrics_of

            modes = [(module, module.training) for module in self._method.module.modules()]
            whole = self._job.specification["split"]["lr_side"] == "query"
            protocol = {"name": "whole-gallery" if whole else "single-shot", "gallery_rate": 1, "distance": "default"}
            self._method.module.eval()
            if self._averages:
                self._averages.swap()
            try:
                metrics = metrics_of(measure(self._job, self._method, self._device, self._pack, self._split, protocol)[1])
            except Stopped:
                return  # after the next step
            finally:
                if self._averages:
                    self._averages.swap()
                for module, mode in modes:
                    module.training = mode
            line = {"epoch": self._step * self._rows / self._images, "metrics": metrics, "step": self._step}
            log.write(json.dumps(line, sort_keys=True) + "\n")
            self._job.say({"evaluation": {"mAP": metrics["mAP"], "rank1": metrics["rank1"], "step": self._step}}, at_once=True)

        self._ranks.wait_for_first(measured)

    def _publish(self) -> None:
        weights = saved({**self._method.module.state_dict(), **(self._averages.state if self._averages else {})})
        name = f"weights-{sha256(weights)[:16]}.safetensors"
        provenance = {**self._hashes, "numeric_class": self._numeric_class, "lanes": self._job.specification["lanes"],
                      "from_scratch": self._from_scratch}
        self._job.publish({"weights_file": name, "weights_sha256": self._job.write(name, weights),
                           "metrics": {"loss": sum(self._losses.values())}, "provenance": provenance})
