#!/usr/bin/env python3
"""Makes twenty_steps.json beside itself: 20 training steps of the baseline and of RAIN as a user of PyTorch would write them
(nn.Module, torch.optim.Adam, float32), sharing no code with workers/. Needs torch 2.11.

Each step's batch is cut into lanes; every lane has its own batch-norm statistics and its own mining, as the processes of a
DDP training have, and a lane counts by its share of the rows. Weights and images come from a formula that both sides know
(numbers() below), so the file holds losses alone.

    python3 make_golden.py            (rewrites the file)
    python3 make_golden.py --check    (exit code 1 if a stored loss differs by more than 1e-5)
"""
import argparse
import json
import pathlib
import sys

import numpy
import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)
STEPS, LANES, IDENTITIES, IMAGES, CLASSES, HEIGHT, WIDTH = 20, 2, 5, 3, 7, 32, 16
# RAIN's rate is the smaller one because its kinks (mining, |x|, rectifiers) amplify rounding: with it a relative change of
# 1e-7 in the weights moves no loss of the 20 steps by more than 1e-5 (six draws tried; 1e-4 at 3.5e-4).
RECIPES = {method: {"learning_rate": rate, "weight_decay": 5e-4, "warmup_steps": 4, "milestones": [12], "gamma": 0.1,
                    "discriminator_learning_rate": 1e-4} for method, rate in (("baseline", 1e-3), ("rain", 1e-4))}
LEVELS, MARGIN = [4, 5], 0.5


def numbers(name, shape, scale=1.0, offset=0.0):
    """float32 values offset + scale * u, u in [-1, 1) from a 32-bit mix of (FNV-1a of name, index)."""
    salt = 2166136261
    for byte in name.encode():
        salt = ((salt ^ byte) * 16777619) & 0xFFFFFFFF
    x = numpy.arange(int(numpy.prod(shape)), dtype=numpy.uint32) * numpy.uint32(2654435761) + numpy.uint32(salt)
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B), (16, 1)):
        x ^= x >> numpy.uint32(shift)
        x *= numpy.uint32(factor)
    u = x.astype(numpy.float64) / 2147483648.0 - 1.0
    return torch.from_numpy((offset + scale * u).astype(numpy.float32).reshape(shape).copy())


def convolution(inputs, outputs, kernel=3, stride=1, bias=False):
    return nn.Conv2d(inputs, outputs, kernel, stride, (kernel - 1) // 2, bias=bias)


class BasicBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1, self.bn1 = convolution(inputs, outputs, stride=stride), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = convolution(outputs, outputs), nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(convolution(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))) + shortcut)


class Trunk(nn.Module):
    """resnet-small of workers/nn/backbone.h, last stride 1: f1..f5."""
    channels = [16, 16, 32, 64, 128]

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = convolution(3, 16), nn.BatchNorm2d(16)
        for stage, stride in enumerate([2, 2, 2, 1]):
            block = BasicBlock(self.channels[stage], self.channels[stage + 1], stride)
            setattr(self, f"layer{stage + 1}", nn.Sequential(block))

    def forward(self, x):
        features = [F.relu(self.bn1(self.conv1(x)))]
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            features.append(stage(features[-1]))
        return features


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(128, CLASSES)

    def forward(self, v):
        return self.linear(v)


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        widths = [128, 16, 16, 8]
        for k in (1, 2, 3):
            setattr(self, f"conv{k}", convolution(widths[k - 1], widths[k]))
            setattr(self, f"bn{k}", nn.BatchNorm2d(widths[k]))
        self.image = convolution(8, 3, bias=True)

    def forward(self, x):
        for k in (1, 2, 3):
            x = F.interpolate(x, scale_factor=2, mode="nearest")
            x = F.relu(getattr(self, f"bn{k}")(getattr(self, f"conv{k}")(x)))
        return self.image(x)[:, :, :HEIGHT, :WIDTH]


class Discriminator(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1, self.conv2 = convolution(channels, 64, 1, bias=True), convolution(64, 64, 3, 2, bias=True)
        self.conv3, self.conv4 = convolution(64, 32, bias=True), convolution(32, 1, 1, bias=True)

    def forward(self, f):
        for layer in (self.conv1, self.conv2, self.conv3):
            f = F.leaky_relu(layer(f), 0.2)
        return self.conv4(f)


class Network(nn.Module):
    def __init__(self, rain):
        super().__init__()
        self.trunk, self.classifier = Trunk(), Classifier()
        if rain:
            self.decoder = Decoder()
            for level in LEVELS:
                setattr(self, f"discriminator_level_{level}", Discriminator(Trunk.channels[level - 1]))
        for name, tensor in self.named_parameters():
            scale, offset = 0.1, 0.0
            if tensor.dim() == 4:
                scale = (6.0 / (tensor.numel() // tensor.shape[0])) ** 0.5
            if tensor.dim() == 2:
                scale = (3.0 / tensor.shape[1]) ** 0.5
            if tensor.dim() == 1 and name.endswith(".weight"):
                offset = 1.0
            tensor.data.copy_(numbers(name, tuple(tensor.shape), scale, offset))


def triplet_loss(v, labels):
    """Batch-hard: the farthest positive and the nearest negative of each anchor."""
    distance = (v[:, None] - v[None]).square().sum(2).detach()
    total = 0
    for a, label in enumerate(labels):
        p = max((i for i, other in enumerate(labels) if other == label and i != a), key=lambda i: float(distance[a, i]))
        n = min((i for i, other in enumerate(labels) if other != label), key=lambda i: float(distance[a, i]))
        total = total + F.relu(MARGIN + (v[a] - v[p]).norm() - (v[a] - v[n]).norm())
    return total / len(labels)


def adversarial(d_hr, d_lr):
    return F.logsigmoid(d_hr).mean() + F.logsigmoid(-d_lr).mean()


class Lane:
    """One lane's part of a step: its batch, its forward pass, its losses."""

    def __init__(self, network, rain, step, lane):
        per_lane = [IDENTITIES // LANES + (k < IDENTITIES % LANES) for k in range(LANES)]
        self.network, rows = network, per_lane[lane] * IMAGES
        self.share = rows / (IDENTITIES * IMAGES)
        self.labels = [(step + lane + 2 * (i // IMAGES)) % CLASSES for i in range(rows)]
        self.hr, self.lr = (numbers(f"images/{step}/{lane}/{kind}", (rows, 3, HEIGHT, WIDTH), 1.5) for kind in ("hr", "lr"))
        if rain:
            self.features = [f.split(rows) for f in network.trunk(torch.cat([self.hr, self.lr]))]
            self.v = [f.mean((2, 3)) for f in self.features[4]]
            self.logits = network.classifier(torch.cat(self.v)).split(rows)
            self.decoded = network.decoder(torch.cat(self.features[4])).split(rows)
        else:
            self.v = [network.trunk(self.hr)[4].mean((2, 3))]
            self.logits = [network.classifier(self.v[0])]

    def judge(self, level, detach):
        f_hr, f_lr = self.features[level - 1]
        judge = getattr(self.network, f"discriminator_level_{level}")
        return adversarial(judge(f_hr.detach() if detach else f_hr), judge(f_lr.detach() if detach else f_lr))

    def discriminator_terms(self):
        return {f"discriminator_level_{level}": -self.judge(level, True) for level in LEVELS}

    def network_terms(self):
        labels = torch.tensor(self.labels)
        terms = {"classification": sum(F.cross_entropy(logits, labels) for logits in self.logits),
                 "triplet": sum(triplet_loss(v, self.labels) for v in self.v)}
        if len(self.v) == 2:
            terms["reconstruction"] = sum(F.l1_loss(image, self.hr) for image in self.decoded)
            for level in LEVELS:
                terms[f"adversarial_level_{level}"] = self.judge(level, False)
        return terms


def schedule(recipe, step):
    warmup = recipe["warmup_steps"]
    factor = 0.01 + 0.99 * step / warmup if step < warmup else 1.0
    return factor * recipe["gamma"] ** sum(step >= milestone for milestone in recipe["milestones"])


def train(method):
    rain, recipe = method == "rain", RECIPES[method]
    network = Network(rain)
    named = dict(network.named_parameters())
    judges = [p for name, p in named.items() if name.startswith("discriminator_")]
    others = [p for name, p in named.items() if not name.startswith("discriminator_")]
    adam = torch.optim.Adam(others, recipe["learning_rate"], weight_decay=recipe["weight_decay"])
    phases = [("network_terms", adam, others)]
    if rain:
        judge_adam = torch.optim.Adam(judges, recipe["discriminator_learning_rate"], betas=(0.5, 0.999))
        phases.insert(0, ("discriminator_terms", judge_adam, judges))
    schedules = [torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: schedule(recipe, step)) for _, optimiser, _ in phases]
    steps = []
    for step in range(STEPS):
        lanes, losses = [Lane(network, rain, step, lane) for lane in range(LANES)], {}
        for which, optimiser, parameters in phases:
            optimiser.zero_grad()
            for lane in lanes:
                terms = getattr(lane, which)()
                (lane.share * sum(terms.values())).backward(retain_graph=True, inputs=parameters)
                for name, term in terms.items():
                    losses[name] = losses.get(name, 0.0) + lane.share * term.item()
            optimiser.step()
        for each in schedules:
            each.step()
        steps.append(losses)
    return steps


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    path = pathlib.Path(__file__).resolve().parent / "twenty_steps.json"
    document = {"steps": STEPS, "lanes": LANES, "identities": IDENTITIES, "images": IMAGES, "classes": CLASSES,
                "height": HEIGHT, "width": WIDTH, "recipes": RECIPES, "levels": LEVELS, "margin": MARGIN,
                "losses": {method: train(method) for method in RECIPES}}
    if not check:
        path.write_text(json.dumps(document, indent=1) + "\n")
        return
    stored = json.loads(path.read_text())["losses"]
    worst = max(abs(old[name] - new[name]) for method, steps in document["losses"].items()
                for old, new in zip(stored[method], steps) for name in new)
    print(f"largest difference {worst:.2e}")
    sys.exit(worst > 1e-5)


if __name__ == "__main__":
    main()
