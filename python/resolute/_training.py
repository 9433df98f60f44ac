"""A training of a method of one's own: every draw follows from seed, step and lane, so that who goes on from a checkpoint draws the
same, and so do lanes wherever they run."""

import contextlib
import json
import math
import random
import time
from collections.abc import Sequence
from typing import Any

import numpy

from ._device import Device
from ._job import Job, Stopped, packed, sha256, unpacked
from ._lanes import Lanes
from ._ranks import Ranks
from .errors import InputError
from .method import Method
from .packs import COLOURS, Batch


def _seed(*words: int) -> None:
    import torch

    number = int(sha256(" ".join(map(str, words)).encode())[:16], 16)
    torch.manual_seed(number)
    numpy.random.seed(number % 2**32)
    random.seed(number)


class Training:
    def __init__(self, job: Job, method: Method, device: Device, numeric_class: str):
        specification = job.specification
        if method.recipe["labelled_fraction"] < 1 and not method.heeds_has_label:
            raise InputError(f"train.labelled_fraction is below 1 (losses() of {type(method).__name__} reads every label); let it heed "
                             "batch.has_label, and set heeds_has_label = True in the class")
        if method.recipe.get("ema", 0):
            raise InputError(f"train.ema is {method.recipe['ema']} (this worker keeps no average of weights); keep one in the module")
        for key in ("trunk_learning_rate_factor", "layer_decay"):
            if method.recipe.get(key, 1) != 1:
                raise InputError(f"train.{key} is {method.recipe[key]} (this worker knows no trunk); give rates in parameter_groups()")
        self._job, self._method, self._device, self._numeric_class = job, method, device, numeric_class
        self._seed, self._steps = specification["seed"], method.recipe["steps"]
        self._rows = method.recipe["identities"] * method.recipe["images"]
        self._ranks = Ranks(job.options)
        self._lanes = Lanes(self._ranks, specification["lanes"])
        self._ranks.agree(f"job {job.id}, {numeric_class}, evaluated every {job.options.evaluate_every} epochs")
        self._pack = job.pack()
        self._split = self._pack.split(**specification["split"])
        _seed(self._seed)
        method.module = method.network(self._split.manifest["train_identities"]).to(device.place).train()
        self._optimiser = method.optimiser()
        self._rates = [group["lr"] for group in self._optimiser.param_groups]
        self._step, self._losses = 0, dict[str, float]()
        state = job.newest_checkpoint() if self._ranks.first else None
        if self._ranks.count > 1:
            state = unpacked(self._ranks.shared(packed(state or self._state()) if self._ranks.first else b""))
        if state is not None:
            self._step, self._losses = state["step"], state["losses"]
            method.module.load_state_dict(state["module"])
            self._optimiser.load_state_dict(state["optimiser"])
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
        import torch

        method, optimiser = self._method, self._optimiser
        factor = method.learning_rate_factor(self._step)
        for group, rate in zip(optimiser.param_groups, self._rates):
            group["lr"] = factor * rate
        parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
        notes = self._lanes.learn(method.module, parameters, batches, self._learn_lane)
        self._losses = {}
        for note in notes:
            for name, value in note["losses"].items():
                self._losses[name] = self._losses.get(name, 0.0) + note["share"] * value
        for group in optimiser.param_groups:
            norm = torch.nn.utils.clip_grad_norm_(group["params"], method.recipe["gradient_clip"] or math.inf)
            if not math.isfinite(norm):
                raise InputError(f"a gradient is not finite in step {self._step + 1} (the training diverged); lower the learning rate, or "
                                 "set train.gradient_clip")
        optimiser.step()
        self._device.expect_memory()
        self._step += 1
        return factor, any(note["stop"] for note in notes)

    def _learn_lane(self, lane: int, batch: Batch) -> dict[str, Any]:
        import torch

        _seed(self._seed, self._step, *[lane] * (lane > 0))
        self._optimiser.zero_grad()
        with self._device.computing():
            terms = self._method.losses(self._device.placed(batch))
            if not isinstance(terms, dict) or not terms:
                raise InputError(f"losses() of {type(self._method).__name__} returned {type(terms).__name__} (it returns a dict of "
                                 "scalars by name)")
            loss: Any = sum(terms.values())
        share = len(batch) / self._rows
        loss.backward(torch.full_like(loss, share))
        losses = {name: float(value.detach()) for name, value in terms.items()}
        for name, number in losses.items():
            if not math.isfinite(number):
                raise InputError(f"the loss '{name}' is {number} in step {self._step + 1}, lane {lane}")
        return {"losses": losses, "share": share, "stop": self._job.should_stop()}

    def _state(self) -> dict[str, Any]:
        return {"step": self._step, "losses": self._losses, "module": self._method.module.state_dict(),
                "optimiser": self._optimiser.state_dict()}

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
            try:
                metrics = metrics_of(measure(self._job, self._method, self._device, self._pack, self._split, protocol)[1])
            except Stopped:
                return  # after the next step
            finally:
                for module, mode in modes:
                    module.training = mode
            line = {"epoch": self._step * self._rows / self._images, "metrics": metrics, "step": self._step}
            log.write(json.dumps(line, sort_keys=True) + "\n")
            self._job.say({"evaluation": {"mAP": metrics["mAP"], "rank1": metrics["rank1"], "step": self._step}}, at_once=True)

        self._ranks.wait_for_first(measured)

    def _publish(self) -> None:
        from safetensors.torch import save

        # One memory for each: a network may use one tensor under two names.
        state = self._method.module.state_dict()
        weights = save({name: value.detach().cpu().contiguous().clone() for name, value in state.items()})
        name = f"weights-{sha256(weights)[:16]}.safetensors"
        provenance = {"pack_sha256": self._pack.pack_sha256, "split_sha256": self._split.sha256, "numeric_class": self._numeric_class,
                      "lanes": self._job.specification["lanes"], "from_scratch": self._method.from_scratch()}
        self._job.publish({"weights_file": name, "weights_sha256": self._job.write(name, weights),
                           "metrics": {"loss": sum(self._losses.values())}, "provenance": provenance})
