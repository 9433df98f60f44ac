"""Writes the weight files that tests/networks/weights reads, and checks the one that we wrote ourselves.

Usage: make_goldens.py FOLDER     needs torch 2.11, numpy and safetensors; in FOLDER stands written_here.pth
"""

import argparse
import collections
import sys
from pathlib import Path

import numpy
import torch
from safetensors.torch import save_file


def values(count, salt):
    """Multiples of 1/64 between -50/64 and 50/64: exact in every floating type. tests/networks/weights/files.h has the same."""
    return (((torch.arange(count) * 37 + salt) % 101) - 50).float() / 64


def small_tensors():
    """One tensor of every kind that a file may hold."""
    tensors = collections.OrderedDict()
    tensors["plain"] = values(6, 1).reshape(2, 3)
    tensors["double"] = values(4, 2).double()
    tensors["half"] = values(5, 3).half()
    tensors["brain"] = values(7, 4).bfloat16()
    tensors["turned"] = values(12, 5).reshape(3, 4).t()
    tensors["channels_last"] = values(24, 6).reshape(1, 2, 3, 4).to(memory_format=torch.channels_last)
    shared = values(20, 7)
    tensors["window"] = shared[5:11]
    tensors["row"] = shared[2:20:3]
    tensors["parameter"] = torch.nn.Parameter(values(3, 8))
    tensors["scalar"] = torch.tensor(7)
    tensors["empty"] = torch.empty(0, 4)
    tensors["truth"] = torch.tensor([True, False, True])
    tensors._metadata = collections.OrderedDict({"": {"version": 1}})
    return tensors


def small_trunk():
    """All of resnet-small under torchvision's names, as overlapping views of two short storages: a small file."""
    flat = values(4096, 9)
    positive = flat.abs() + 0.5
    shapes = collections.OrderedDict()

    def norm(name, channels):
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{name}.{part}"] = (channels,)
        shapes[f"{name}.num_batches_tracked"] = ()

    shapes["conv1.weight"] = (16, 3, 3, 3)
    norm("bn1", 16)
    channels = [16, 16, 32, 64, 128]
    for stage in range(4):
        block, before, after = f"layer{stage + 1}.0", channels[stage], channels[stage + 1]
        shapes[f"{block}.conv1.weight"] = (after, before, 3, 3)
        norm(f"{block}.bn1", after)
        shapes[f"{block}.conv2.weight"] = (after, after, 3, 3)
        norm(f"{block}.bn2", after)
        shapes[f"{block}.downsample.0.weight"] = (after, before, 1, 1)
        norm(f"{block}.downsample.1", after)
    shapes["fc.weight"] = (10, 128)
    shapes["fc.bias"] = (10,)
    tensors = collections.OrderedDict()
    for name, shape in shapes.items():
        if name.endswith("num_batches_tracked"):
            tensors[name] = torch.tensor(100)
            continue
        storage = positive if name.endswith("running_var") else flat
        strides = {4: (7, 5, 3, 1), 2: (7, 1), 1: (1,)}[len(shape)]
        tensors[name] = storage.as_strided(shape, strides, sum(name.encode()) % 1000)
    return tensors


def check_written_here(path):
    found = torch.load(path, weights_only=True)
    assert list(found) == ["a.weight", "b", "c", "d"], list(found)
    assert torch.equal(found["a.weight"], values(24, 10).reshape(2, 3, 2, 2))
    assert torch.equal(found["b"], values(4, 11).bfloat16())
    assert torch.equal(found["c"], torch.tensor(5)) and found["d"].shape == (0, 3)
    assert torch.equal(torch.load(path, weights_only=True, mmap=True)["a.weight"], found["a.weight"])


def main():
    folder = Path(sys.argv[1])
    torch.save(small_tensors(), folder / "tensors.pth")
    torch.save(small_tensors(), folder / "tensors_protocol_4.pth", pickle_protocol=4)
    torch.save(small_tensors(), folder / "tensors_legacy.pth", _use_new_zipfile_serialization=False)
    torch.save(small_trunk(), folder / "trunk.pth")
    trunk = {"module." + name: tensor for name, tensor in small_trunk().items()}
    parameter = torch.nn.Parameter(values(3, 8))
    optimiser = torch.optim.Adam([parameter])
    parameter.sum().backward()
    optimiser.step()
    checkpoint = {
        "epoch": 3,
        "best": numpy.float64(0.5),
        "arguments": argparse.Namespace(rate=0.1, names=["a"]),
        "seen": {1, 2},
        "large": 2**80,
        "optimizer": optimiser.state_dict(),
        "state_dict": trunk,
    }
    torch.save(checkpoint, folder / "checkpoint.pth")
    torch.save(checkpoint, folder / "checkpoint_legacy.pth", _use_new_zipfile_serialization=False)
    dense = {name: tensor.clone() for name, tensor in small_tensors().items() if name not in ("turned", "channels_last")}
    save_file(dense, folder / "tensors.safetensors", metadata={"format": "pt"})
    check_written_here(folder / "written_here.pth")


main()
