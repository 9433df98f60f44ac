"""A training of a method of one's own: every draw follows from seed and step, so that who goes on from a checkpoint draws the same."""

import json
import math
import random
import time
from typing import Any

import numpy

from ._job import Job, sha256
from .errors import InputError
from .method import Method


def _seed(*words: int) -> None:
    import torch

    number = int(sha256(" ".join(map(str, words)).encode())[:16], 16)
    torch.manual_seed(number)
    numpy.random.seed(number % 2**32)
    random.seed(number)


def _summed(method: Method, terms: Any, step: int) -> tuple[Any, dict[str, float]]:
    """The loss, and its terms as numbers."""
    if not isinstance(terms, dict) or not terms:
        raise InputError(f"losses() of {type(method).__name__} returned {type(terms).__name__} (it returns a dict of scalars by name)")
    numbers = {name: float(value.detach()) for name, value in terms.items()}
    for name, number in numbers.items():
        if not math.isfinite(number):
            raise InputError(f"the loss '{name}' is {number} in step {step}")
    return sum(terms.values()), numbers


class Training:
    def __init__(self, job: Job, method: Method, numeric_class: str):
        specification = job.specification
        if specification["device"] != "cpu":
            raise InputError("device is not 'cpu' (this worker computes nowhere else)")
        if method.recipe["labelled_fraction"] < 1:
            raise InputError("train.labelled_fraction is below 1 (this worker shows every label)")
        self._job, self._method, self._numeric_class = job, method, numeric_class
        self._seed = specification["seed"]
        self._pack = job.pack()
        self._split = self._pack.split(**specification["split"])
        _seed(self._seed)
        method.module = method.network(self._split.manifest["train_identities"]).train()
        self._optimiser = method.optimiser()
        self._rates = [group["lr"] for group in self._optimiser.param_groups]
        self._step, self._losses = 0, dict[str, float]()
        state = job.newest_checkpoint()
        if state is not None:
            self._step, self._losses = state["step"], state["losses"]
            method.module.load_state_dict(state["module"])
            self._optimiser.load_state_dict(state["optimiser"])

    def run(self) -> None:
        recipe, first, began = self._method.recipe, self._step, time.monotonic()
        options = {name: recipe[name] for name in ("identities", "images", "lr_images", "copies_from", "flip", "pad", "erasing")}
        with self._pack.loader(self._split, **options, rates=recipe["train_rates"], seed=self._seed, first_step=first,
                               steps=recipe["steps"] - first, threads=1, arrays="torch") as batches, \
                open(self._job.attempt_file("metrics.jsonl"), "w", buffering=1, encoding="utf-8") as log:
            for batch in batches:
                factor = self._learn(batch)
                loss = sum(self._losses.values())
                line = {"learning_rate_factor": factor, "loss": loss, "losses": self._losses, "step": self._step}
                log.write(json.dumps(line, sort_keys=True) + "\n")
                speed = len(batch) * (self._step - first) / (time.monotonic() - began)
                self._job.say({"images_per_second": speed, "loss": loss, "step": self._step, "steps": recipe["steps"]})
                self._keep()
        self._publish()

    def _learn(self, batch: Any) -> float:
        import torch

        method, optimiser, clip = self._method, self._optimiser, self._method.recipe["gradient_clip"]
        factor = method.learning_rate_factor(self._step)
        for group, rate in zip(optimiser.param_groups, self._rates):
            group["lr"] = factor * rate
        _seed(self._seed, self._step)
        optimiser.zero_grad()
        loss, self._losses = _summed(method, method.losses(batch), self._step + 1)
        loss.backward()
        if clip > 0:
            for group in optimiser.param_groups:
                torch.nn.utils.clip_grad_norm_(group["params"], clip)
        optimiser.step()
        self._step += 1
        return factor

    def _keep(self) -> None:
        if self._job.should_stop() or self._job.is_checkpoint_due(self._step):
            self._job.save_checkpoint(self._step, {"step": self._step, "losses": self._losses, "module": self._method.module.state_dict(),
                                                   "optimiser": self._optimiser.state_dict()})
        if self._job.should_stop():
            self._job.stop(f"after step {self._step}")

    def _publish(self) -> None:
        from safetensors.torch import save

        # One memory for each: a network may use one tensor under two names.
        weights = save({name: value.detach().contiguous().clone() for name, value in self._method.module.state_dict().items()})
        name = f"weights-{sha256(weights)[:16]}.safetensors"
        provenance = {"pack_sha256": self._pack.pack_sha256, "split_sha256": self._split.sha256, "numeric_class": self._numeric_class,
                      "lanes": self._job.specification["lanes"], "from_scratch": self._method.from_scratch()}
        self._job.publish({"weights_file": name, "weights_sha256": self._job.write(name, weights),
                           "metrics": {"loss": sum(self._losses.values())}, "provenance": provenance})
