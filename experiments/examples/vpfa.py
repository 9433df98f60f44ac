"""VPFA (Liu et al., arXiv 2510.00936): after a training, one small map per rate moves features of LR images to where features of HR
images lie. By the authors' code (github.com/ashmentlzw/VPFA): x + tanh(MLP(x)), learned by squared errors between the features of an image
and of its LR copy. Any finished training of one embedding will do; its features of training images come from `resolute embed`:

    resolute embed TRAINING train-hr --store STORE --flip --out hr.h5
    resolute embed TRAINING train-2  --store STORE --flip --out lr-2.h5       # the same images, shrunk by 2, under the same paths
    vpfa.py EVALUATION/features.h5 --hr hr.h5 --lr 2=lr-2.h5 --out mapped.h5

The evaluation, with `evaluate.flip = true` as the authors have it, has its queries' rates in queries.csv. Its other queries stay.
Cosines compare, before and after. Needs torch and h5py."""

import csv
import sys
from argparse import ArgumentParser
from itertools import pairwise
from pathlib import Path

import h5py
import numpy
import resolute
import torch
from torch.nn import LayerNorm, Linear, Module, ReLU, Sequential, Tanh
from torch.nn.functional import mse_loss


class Panning(Module):
    def __init__(self, width, hidden=2048):
        super().__init__()
        sizes = [width, hidden, hidden, hidden]
        layers = [layer for a, b in pairwise(sizes) for layer in (Linear(a, b), LayerNorm(b), ReLU())]
        self.model = Sequential(*layers, Linear(hidden, width), Tanh())

    def forward(self, features):
        return features + self.model(features)


def learn(lr, hr, *, epochs=120, hidden=2048, batch=32, rate=2e-4, seed=0):
    """The map of a rate. lr, hr: features N×D of the same images. Batches come in an order that follows from the seed."""
    torch.manual_seed(seed)
    panning = Panning(lr.shape[1], hidden).to(lr)
    optimiser = torch.optim.Adam(panning.parameters(), rate, weight_decay=1e-5)
    schedule = torch.optim.lr_scheduler.StepLR(optimiser, 30, 0.5)
    for _ in range(epochs):
        for rows in torch.randperm(len(lr)).split(batch):
            optimiser.zero_grad()
            mse_loss(panning(lr[rows]), hr[rows]).backward()
            optimiser.step()
        schedule.step()
    return panning.eval()


def images_of(path):
    """Features of a file of `resolute embed` by the image's path."""
    with h5py.File(path) as file:
        names = [bytes(row).rstrip(b"\0").decode() for row in file["gallery/paths"]]
        return dict(zip(names, file["gallery/features"][:]))


def pairs(lr_path, hr_path):
    lr, hr = images_of(lr_path), images_of(hr_path)
    common = sorted(lr.keys() & hr.keys())
    if not common:
        raise resolute.InputError(f"'{lr_path}' and '{hr_path}' have no path in common (an image and its LR copy have the same)")
    return (torch.from_numpy(numpy.stack([side[name] for name in common])) for side in (lr, hr))


def rates_of(path, count):
    with open(path, encoding="utf-8", newline="") as file:
        rates = numpy.array([int(row["rate"]) for row in csv.DictReader(file)])
    if len(rates) != count:
        raise resolute.InputError(f"'{path}' has {len(rates)} queries (and the features {count})")
    return rates


def shown(name, query, gallery, labels):
    scores = resolute.rank(query, gallery, *labels, distance="cosine")
    print(f"{name}: rank-1 {100 * scores.rank(1):.1f}, rank-5 {100 * scores.rank(5):.1f}, mAP {100 * scores.mAP:.1f}")


def main(words):
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("features", type=Path)
    parser.add_argument("--hr", required=True)
    parser.add_argument("--lr", action="append", required=True, metavar="RATE=FILE", type=lambda word: word.split("=", 1))
    parser.add_argument("--out", required=True)
    for name, default in (("epochs", 120), ("hidden", 2048), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args(words)
    with h5py.File(options.features) as file:
        arrays = {f"{side}/{name}": file[side][name][:] for side in ("query", "gallery") for name in file[side]}
    query, gallery = arrays["query/features"], arrays["gallery/features"]
    labels = [arrays.get(f"{side}/{name}") for name in ("identities", "cameras") for side in ("query", "gallery")]
    rates = rates_of(options.features.parent / "queries.csv", len(query))
    shown("before", query, gallery, labels)
    mapped = query.copy()
    for rate, path in options.lr:
        panning, rows = learn(*pairs(path, options.hr), epochs=options.epochs, hidden=options.hidden, seed=options.seed), rates == int(rate)
        with torch.no_grad():
            mapped[rows] = panning(torch.from_numpy(query[rows])).numpy()
    shown("after", mapped, gallery, labels)
    with h5py.File(options.out, "w") as file:
        for name, array in {**arrays, "query/features": mapped}.items():
            file[name] = array


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (resolute.Error, OSError, KeyError, ValueError) as error:
        print(f"vpfa: {error}", file=sys.stderr)
        sys.exit(2)
