"""Inference with PyTorch in Python in its best tuned form, for the figure infer_bf16: ResNet-50 (last stride 1) features of
3x256x128 images, channels-last, weights in bf16. Several forms are tried once and the fastest is kept. It says "ready", then
for each line on its standard input embeds for --seconds and prints a rate.
"""

import argparse
import json
import os
import sys
import time

os.environ.setdefault("TORCHINDUCTOR_FREEZING", "1")
import torch
from ddp_training import HEIGHT, WIDTH, ReidNetwork
from torch import nn


class Features(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        n = self.network
        return n.stages(n.maxpool(n.relu(n.bn1(n.conv1(x))))).mean((2, 3))


def fold(module):
    """Batch norms into the convolutions before them."""
    for child in module.children():
        fold(child)
    children = dict(module.named_children())
    for name, child in children.items():
        norm = {"conv1": "bn1", "conv2": "bn2", "conv3": "bn3", "0": "1"}.get(name)
        if isinstance(child, nn.Conv2d) and isinstance(children.get(norm), nn.BatchNorm2d):
            setattr(module, name, nn.utils.fusion.fuse_conv_bn_eval(child, children[norm]))
            setattr(module, norm, nn.Identity())
    return module


def plain(model, images):
    return fold(model)


def scripted(model, images):
    frozen = torch.jit.freeze(torch.jit.trace(fold(model), images))
    return torch.jit.optimize_for_inference(frozen)


def compiled(model, images):
    return torch.compile(model)


def rate(model, images, seconds):
    begun, done = time.perf_counter(), 0
    while time.perf_counter() - begun < seconds:
        model(images)
        done += len(images)
    return done / (time.perf_counter() - begun)


def best_form(options, images):
    """The fastest of the forms, and its rate."""
    found = []
    for make in (plain, scripted, compiled):
        if options.form not in ("best", make.__name__):
            continue
        try:
            torch.manual_seed(0)
            model = Features(ReidNetwork()).eval().to(torch.bfloat16).to(memory_format=torch.channels_last)
            model = make(model, images)
            for _ in range(3):
                model(images)
            found.append((rate(model, images, 2), make.__name__, model))
        except Exception as error:  # a form that this machine lacks a compiler for is no form here
            print(f"inference: form '{make.__name__}' does not work here ({str(error).splitlines()[0]})", file=sys.stderr)
    return max(found, key=lambda item: item[0])


def main():
    parser = argparse.ArgumentParser()
    for name, value in [("threads", 1), ("batch", 32), ("seconds", 5)]:
        parser.add_argument("--" + name, type=int, default=value)
    parser.add_argument("--form", default="best", choices=["best", "plain", "scripted", "compiled"])
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    images = torch.randn(options.batch, 3, HEIGHT, WIDTH).to(torch.bfloat16).contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        _, form, model = best_form(options, images)
        print(json.dumps({"ready": True, "form": form}), flush=True)
        for _ in sys.stdin:
            print(json.dumps({"images_per_second": rate(model, images, options.seconds)}), flush=True)


if __name__ == "__main__":
    main()
