"""A method of one's own: three convolutions in PyTorch, which the suite external_worker.toml names. The package `resolute` does all else
that a worker owes (docs/python.md, "A method of your own")."""

from dataclasses import dataclass
from itertools import pairwise

import resolute
import torch
from torch.nn import Conv2d, GroupNorm, Linear, ModuleDict, ReLU, Sequential
from torch.nn.functional import cross_entropy


class Convolutions(resolute.Method):
    @dataclass
    class Options:
        width: int = 32  # channels of the first convolution

        def __post_init__(self):
            if self.width < 8 or self.width % 8:
                raise ValueError(f"width is {self.width} (it is a multiple of 8)")

    def network(self, classes):
        widths = [3, *(self.options.width * factor for factor in (1, 2, 4))]
        blocks = [Sequential(Conv2d(a, b, 3, 2, 1), GroupNorm(8, b), ReLU()) for a, b in pairwise(widths)]
        return ModuleDict({"trunk": Sequential(*blocks), "classifier": Linear(widths[-1], classes)})

    def embed(self, images, rates):
        return self.module["trunk"](images).mean((2, 3))

    def losses(self, batch):  # HR images, where there are, and the LR copies of all
        images = torch.cat([batch.hr[batch.has_hr], batch.lr])
        labels = torch.cat([batch.labels[batch.has_hr], batch.labels])
        scores = self.module["classifier"](self.embed(images, None))
        return {"classification": cross_entropy(scores, labels, label_smoothing=self.recipe["label_smoothing"])}
