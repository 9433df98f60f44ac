#!/usr/bin/env python3
"""Makes twenty_steps.json beside itself: 20 training steps of the baseline and of RAIN (CASES) as a user of PyTorch would
write them (nn.Module, torch.optim.Adam, float32), sharing no code with workers/. Needs torch 2.11.

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
# 1e-7 in the weights moves no loss of the 20 steps of any case by more than 2.2e-5 (four draws each; 1e-4 at 3.5e-4).
RECIPES = {method: {"learning_rate": rate, "weight_decay": 5e-4, "warmup_steps": 4, "milestones": [12], "gamma": 0.1,
                    "discriminator_learning_rate": 1e-4} for method, rate in (("baseline", 1e-3), ("rain", 1e-4))}
MARGIN = 0.5
# What differs from RainOptions' defaults, and whether rows lack labels.
CASES = {
    "baseline": {"method": "baseline"},
    "rain": {"levels": [4, 5]},
    "rain_simultaneous": {"levels": [4, 5], "updates": "simultaneous"},
    "rain_partly_labelled": {"levels": [5], "partly_labelled": True},
    "rain_other_networks": {"levels": [3, 5], "adversary": "non-saturating", "discriminator": "pixelwise",
                            "decoder": "transposed"},
}
DEFAULTS = {"method": "rain", "levels": [], "adversary": "minimax", "updates": "alternating", "discriminator": "convolutional",
            "decoder": "nearest", "partly_labelled": False}


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
    def __init__(self, kind):
        super().__init__()
        widths, self.transposed = [128, 16, 16, 8], kind == "transposed"
        for k in (1, 2, 3):
            i, o = widths[k - 1], widths[k]
            setattr(self, f"conv{k}", nn.ConvTranspose2d(i, o, 4, 2, 1, bias=False) if self.transposed else convolution(i, o))
            setattr(self, f"bn{k}", nn.BatchNorm2d(o))
        self.image = convolution(8, 3, bias=True)

    def forward(self, x):
        for k in (1, 2, 3):
            if not self.transposed:
                x = F.interpolate(x, scale_factor=2, mode="nearest")
            x = F.relu(getattr(self, f"bn{k}")(getattr(self, f"conv{k}")(x)))
        return self.image(x)[:, :, :HEIGHT, :WIDTH]


class Discriminator(nn.Module):
    def __init__(self, channels, kind):
        super().__init__()
        layers = {"convolutional": [(64, 1, 1), (64, 3, 2), (32, 3, 1), (1, 1, 1)],
                  "pixelwise": [(64, 1, 1), (32, 1, 1), (1, 1, 1)]}[kind]
        for k, (outputs, kernel, stride) in enumerate(layers, 1):
            setattr(self, f"conv{k}", convolution(channels, outputs, kernel, stride, bias=True))
            channels = outputs

    def forward(self, f):
        *layers, last = self.children()
        for layer in layers:
            f = F.leaky_relu(layer(f), 0.2)
        return last(f)


class Network(nn.Module):
    def __init__(self, case):
        super().__init__()
        self.trunk, self.classifier = Trunk(), Classifier()
        if case["method"] == "rain":
            self.decoder = Decoder(case["decoder"])
            for level in case["levels"]:
                judge = Discriminator(Trunk.channels[level - 1], case["discriminator"])
                setattr(self, f"discriminator_level_{level}", judge)
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
    """Batch-hard: the farthest positive and the nearest negative of each anchor that has both."""
    distance = (v[:, None] - v[None]).square().sum(2).detach()
    hinges = []
    for a, label in enumerate(labels):
        positives = [i for i, other in enumerate(labels) if other == label and i != a]
        negatives = [i for i, other in enumerate(labels) if other != label]
        if positives and negatives:
            p, n = max(positives, key=lambda i: float(distance[a, i])), min(negatives, key=lambda i: float(distance[a, i]))
            hinges.append(F.relu(MARGIN + (v[a] - v[p]).norm() - (v[a] - v[n]).norm()))
    return sum(hinges) / len(hinges) if hinges else torch.zeros(())


def cross_entropy(logits, labels):
    return F.cross_entropy(logits, torch.tensor(labels)) if labels else torch.zeros(())


def is_labelled(step, lane, row):
    """One lane of a step has no label, the other some."""
    return lane != step % LANES and (5 * row + 3 * step) % 7 >= 3


def adversarial(d_hr, d_lr):
    return F.logsigmoid(d_hr).mean() + F.logsigmoid(-d_lr).mean()


class Lane:
    """One lane's part of a step: its batch, its forward pass, its losses."""

    def __init__(self, network, case, step, lane):
        per_lane = [IDENTITIES // LANES + (k < IDENTITIES % LANES) for k in range(LANES)]
        self.network, self.case, rows = network, case, per_lane[lane] * IMAGES
        self.share = rows / (IDENTITIES * IMAGES)
        taught = [i for i in range(rows) if not case["partly_labelled"] or is_labelled(step, lane, i)]
        self.labels = [(step + lane + 2 * (i // IMAGES)) % CLASSES for i in taught]
        self.hr, self.lr = (numbers(f"images/{step}/{lane}/{kind}", (rows, 3, HEIGHT, WIDTH), 1.5) for kind in ("hr", "lr"))
        if case["method"] == "rain":
            self.features = [f.split(rows) for f in network.trunk(torch.cat([self.hr, self.lr]))]
            self.v = [f.mean((2, 3))[taught] for f in self.features[4]]
            self.logits = network.classifier(torch.cat(self.v)).split(len(taught)) if taught else self.v
            self.decoded = network.decoder(torch.cat(self.features[4])).split(rows)
        else:
            self.v = [network.trunk(self.hr)[4].mean((2, 3))]
            self.logits = [network.classifier(self.v[0])]

    def judge(self, level, for_discriminator):
        f_hr, f_lr = self.features[level - 1]
        judge = getattr(self.network, f"discriminator_level_{level}")
        if for_discriminator:
            return adversarial(judge(f_hr.detach()), judge(f_lr.detach()))
        if self.case["adversary"] == "non-saturating":
            return F.softplus(-judge(f_lr)).mean()
        return adversarial(judge(f_hr), judge(f_lr))

    def discriminator_terms(self):
        return {f"discriminator_level_{level}": -self.judge(level, True) for level in self.case["levels"]}

    def network_terms(self):
        terms = {"classification": sum(cross_entropy(logits, self.labels) for logits in self.logits),
                 "triplet": sum(triplet_loss(v, self.labels) for v in self.v)}
        if self.case["method"] == "rain":
            terms["reconstruction"] = sum(F.l1_loss(image, self.hr) for image in self.decoded)
            for level in self.case["levels"]:
                terms[f"adversarial_level_{level}"] = self.judge(level, False)
        return terms


def schedule(recipe, step):
    warmup = recipe["warmup_steps"]
    factor = 0.01 + 0.99 * step / warmup if step < warmup else 1.0
    return factor * recipe["gamma"] ** sum(step >= milestone for milestone in recipe["milestones"])


def train(case):
    rain, recipe = case["method"] == "rain", RECIPES[case["method"]]
    network = Network(case)
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
        lanes, losses = [Lane(network, case, step, lane) for lane in range(LANES)], {}
        for which, optimiser, parameters in phases:
            optimiser.zero_grad()
            # No label leaves a tensor without a gradient in a lane: zeros, so that Adam's moments move on as in any step.
            for parameter in parameters:
                parameter.grad = torch.zeros_like(parameter)
            for lane in lanes:
                terms = getattr(lane, which)()
                (lane.share * sum(terms.values())).backward(retain_graph=True, inputs=parameters)
                for name, term in terms.items():
                    losses[name] = losses.get(name, 0.0) + lane.share * float(term.detach())
            if case["updates"] == "alternating":
                optimiser.step()
        if case["updates"] == "simultaneous":
            for _, optimiser, _ in phases:
                optimiser.step()
        for each in schedules:
            each.step()
        steps.append(losses)
    return steps


def text(document):
    """JSON with a line for each step's losses, nine digits of each."""
    steps = {}
    for name, losses in document["losses"].items():
        steps[name] = [f"step {name} {i}" for i in range(len(losses))]
    lines = json.dumps({**document, "losses": steps}, indent=1)
    for name, losses in document["losses"].items():
        for i, step in enumerate(losses):
            lines = lines.replace(f'"step {name} {i}"', json.dumps({k: float(f"{v:.9g}") for k, v in step.items()}))
    return lines + "\n"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    path = pathlib.Path(__file__).resolve().parent / "twenty_steps.json"
    cases = {name: {**DEFAULTS, **case} for name, case in CASES.items()}
    document = {"steps": STEPS, "lanes": LANES, "identities": IDENTITIES, "images": IMAGES, "classes": CLASSES,
                "height": HEIGHT, "width": WIDTH, "recipes": RECIPES, "margin": MARGIN, "cases": cases,
                "losses": {name: train(case) for name, case in cases.items()}}
    if not check:
        path.write_text(text(document))
        return
    stored = json.loads(path.read_text())["losses"]
    worst = max(abs(old[name] - new[name]) for method, steps in document["losses"].items()
                for old, new in zip(stored[method], steps) for name in new)
    print(f"largest difference {worst:.2e}")
    sys.exit(worst > 1e-5)


if __name__ == "__main__":
    main()
