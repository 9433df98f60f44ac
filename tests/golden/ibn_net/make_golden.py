#!/usr/bin/env python3
"""Makes trunk.json beside itself: ResNet-50 with IBN-a (Pan et al., ECCV 2018) of torch.nn's own layers, with the names of the
authors' published weights and weights of a formula.

    python3 make_golden.py            (rewrites the file)
    python3 make_golden.py --check    (exit code 1 if the stored numbers differ)

Needs torch 2.11. ../twin.py has the formula.
"""
import argparse
import json
import pathlib
import sys

import torch
from torch import nn

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import number_file  # noqa: E402
import twin  # noqa: E402
from twin import fill, numbers, probe  # noqa: E402

CASES = {"last_stride_1": ([64, 32], 1), "odd": ([50, 23], 2)}


class HalfNorm(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.IN = nn.InstanceNorm2d(channels // 2, affine=True)
        self.BN = nn.BatchNorm2d(channels - channels // 2)

    def forward(self, x):
        first, rest = x.tensor_split([self.IN.num_features], dim=1)
        return torch.hstack([self.IN(first), self.BN(rest)])


class Block(nn.Module):
    def __init__(self, inputs, width, stride, ibn):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, width, 1, bias=False), HalfNorm(width) if ibn else nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, 4 * width, 1, bias=False), nn.BatchNorm2d(4 * width)
        self.downsample = None
        if stride != 1 or inputs != 4 * width:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, 4 * width, 1, stride, bias=False), nn.BatchNorm2d(4 * width))

    def forward(self, x):
        y = self.bn1(self.conv1(x)).relu()
        y = self.bn2(self.conv2(y)).relu()
        return (self.bn3(self.conv3(y)) + (x if self.downsample is None else self.downsample(x))).relu()


class Trunk(nn.Module):
    def __init__(self, last_stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        inputs = 64
        for level, (count, stride) in enumerate(zip([3, 4, 6, 3], [1, 2, 2, last_stride]), 1):
            width, blocks = 32 << level, []
            for number in range(count):
                blocks.append(Block(inputs, width, 1 if number else stride, level < 4))
                inputs = 4 * width
            setattr(self, f"layer{level}", nn.Sequential(*blocks))

    def forward(self, images):
        maps = [self.bn1(self.conv1(images)).relu()]
        x = nn.functional.max_pool2d(maps[0], 3, 2, 1)
        for level in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = level(x)
            maps.append(x)
        return maps


def run_case(size, last_stride):
    model = Trunk(last_stride)
    fill(model)
    images = numbers("images/ibn_net", (3, 3, *size), 1.5).requires_grad_()
    result = {"size": size, "last_stride": last_stride}
    for mode in ("evaluation", "training"):
        model.train(mode == "training")
        maps = model(images)
        result[mode] = [{"shape": list(f.shape), "mean": float(f.detach().mean()), "probe": probe(f"f{j}", f)}
                        for j, f in enumerate(maps, 1)]
    total = sum((f * numbers(f"f{j}/weights", tuple(f.shape))).sum() / f.numel() ** 0.5 for j, f in enumerate(maps, 1))
    parameters = dict(model.named_parameters())
    gradients = torch.autograd.grad(total, [images, *parameters.values()])
    result["gradients"] = {k: probe("trunk." + k, g) for k, g in zip(["images", *parameters], gradients)}
    result["buffers"] = {k: probe("trunk." + k, b) for k, b in model.named_buffers() if b.is_floating_point()}
    return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    check, file = parser.parse_args().check, HERE / "trunk.json"
    trunk = {name: run_case(*case) for name, case in CASES.items()}
    if not check:
        file.write_text(number_file.text(trunk) + "\n")
        return
    bad = twin.differences(json.loads(file.read_text()), trunk, "trunk.json")
    print("\n".join(bad) if bad else "same")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
