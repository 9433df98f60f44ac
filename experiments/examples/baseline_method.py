"""The method `baseline` on the trunk `resnet-small`, written in PyTorch: classification and hardest triplets of HR images. Its parameters have
our names, so that it may start from a training of ours (`--start FILE`). tests/python/baseline_test.py holds its losses against ours."""

from collections import OrderedDict
from dataclasses import dataclass

import resolute
import torch
from torch.nn import BatchNorm2d, Conv2d, Linear, Module, ModuleDict, ReLU, Sequential
from torch.nn.functional import cross_entropy, relu


class Block(Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1, self.bn1 = Conv2d(inputs, outputs, 3, stride, 1, bias=False), BatchNorm2d(outputs)
        self.conv2, self.bn2 = Conv2d(outputs, outputs, 3, 1, 1, bias=False), BatchNorm2d(outputs)
        if stride != 1 or inputs != outputs:
            self.downsample = Sequential(Conv2d(inputs, outputs, 1, stride, bias=False), BatchNorm2d(outputs))

    def forward(self, images):
        maps = self.bn2(self.conv2(relu(self.bn1(self.conv1(images)))))
        return relu(maps + (self.downsample(images) if hasattr(self, "downsample") else images))


def trunk(last_stride):
    widths, strides = [16, 16, 32, 64, 128], [2, 2, 2, last_stride]
    levels = {f"layer{i + 1}": Sequential(Block(widths[i], widths[i + 1], strides[i])) for i in range(4)}
    return Sequential(OrderedDict(conv1=Conv2d(3, 16, 3, 1, 1, bias=False), bn1=BatchNorm2d(16), relu=ReLU(), **levels))


class Baseline(resolute.Method):
    heeds_has_label = True

    @dataclass
    class Options:
        margin: float = 0.3
        last_stride: int = 1
        start: str | None = None  # weights of a training of ours

    def __init__(self, options, recipe):
        super().__init__(options, recipe)
        self.start = resolute.Weights(options.start) if options.start else None

    def network(self, classes):
        module = ModuleDict({"trunk": trunk(self.options.last_stride), "classifier": ModuleDict({"linear": Linear(128, classes)})})
        if self.start:
            self.start.load(module)
        return module

    def from_scratch(self):
        return self.start is None

    def depends_on(self):
        return [f"margin {self.options.margin}", f"start {self.start and self.start.sha256[:16]}"]

    def trunk_level(self, name):
        part, *inner = name.split(".")
        return None if part != "trunk" else int(inner[0][5:]) + 1 if inner[0].startswith("layer") else 1

    def embed(self, images, rates):
        return self.module["trunk"](images).mean((2, 3))

    def losses(self, batch):
        rows = batch.has_hr & batch.has_label
        labels = batch.labels[rows]
        features = self.embed(batch.hr[rows], None)
        scores = self.module["classifier"]["linear"](features)
        same = labels[:, None] == labels
        with torch.no_grad():
            distances = torch.cdist(features, features)
            farthest = distances.masked_fill(~same | torch.eye(len(labels), dtype=torch.bool, device=labels.device), -1).argmax(1)
            nearest = distances.masked_fill(same, torch.inf).argmin(1)
        # Rows are taken as in C++: gradients are then added up in the same order, and differ by less from the first step on.
        anchor = features.index_select(0, torch.arange(len(labels), device=labels.device))
        near, far = ((anchor - features.index_select(0, other)).norm(dim=1) for other in (farthest, nearest))
        return {"classification": cross_entropy(scores, labels, label_smoothing=self.recipe["label_smoothing"]),
                "triplet": relu(near - far + self.options.margin).mean()}
