#!/usr/bin/env python3
"""Makes losses.json, methods.json and resnet50.json beside itself: RAIN (Chen et al., AAAI 2019) written a second time, in
PyTorch's Python, from the paper's equations and docs/methods/rain.md, sharing no code with workers/. Needs torch 2.11.

Everything is computed in float64. Weights, images and probes come from a formula that both sides know (numbers() below),
so the files hold results alone; a gradient is stored as its inner product with a probe.

    python3 make_golden.py            (rewrites the files)
    python3 make_golden.py --check    (exit code 1 if a stored number differs by more than 1e-9)
"""
import argparse
import hashlib
import json
import pathlib
import struct
import sys

import numpy
import torch
import torch.nn.functional as F

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)


# ---------------------------------------------------------------- numbers that both sides make
def numbers(name, shape, scale=1.0, offset=0.0):
    """float32 values offset + scale * u, u in [-1, 1) from a 32-bit mix of (FNV-1a of name, index)."""
    salt = 2166136261
    for byte in name.encode():
        salt = ((salt ^ byte) * 16777619) & 0xFFFFFFFF
    count = int(numpy.prod(shape)) if len(shape) else 1
    x = numpy.arange(count, dtype=numpy.uint32) * numpy.uint32(2654435761) + numpy.uint32(salt)
    x ^= x >> numpy.uint32(16)
    x *= numpy.uint32(0x7FEB352D)
    x ^= x >> numpy.uint32(15)
    x *= numpy.uint32(0x846CA68B)
    x ^= x >> numpy.uint32(16)
    u = x.astype(numpy.float64) / 2147483648.0 - 1.0
    values = (offset + scale * u).astype(numpy.float32).astype(numpy.float64)
    return torch.from_numpy(values.reshape(shape).copy())


def probe(name, tensor):
    """Inner product with a formula tensor, by the root of the count so that it stays near 1."""
    flat = tensor.detach()
    return float((flat * numbers(name + "/probe", tuple(flat.shape))).sum() / max(1, flat.numel()) ** 0.5)


class RandomStream:
    """core/random.h: Philox4x32-10 keyed by the SHA-256 of a purpose and integers."""

    def __init__(self, purpose, key):
        text = struct.pack("<Q", len(purpose)) + purpose.encode() + b"".join(struct.pack("<Q", k) for k in key)
        words = struct.unpack("<4I", hashlib.sha256(text).digest()[:16])
        self.key, self.counter, self.block, self.used = words[:2], [0, 0, words[2], words[3]], None, 4

    def next_u64(self):
        if self.used == 4:
            c, k = list(self.counter), list(self.key)
            for _ in range(10):
                p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
                c = [(p1 >> 32) ^ c[1] ^ k[0], p1 & 0xFFFFFFFF, (p0 >> 32) ^ c[3] ^ k[1], p0 & 0xFFFFFFFF]
                k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
            self.block, self.used = c, 0
            self.counter[0] += 1
        low, high = self.block[self.used], self.block[self.used + 1]
        self.used += 2
        return (high << 32) | low

    def below(self, bound):
        limit = (1 << 64) - (1 << 64) % bound
        while True:
            draw = self.next_u64()
            if draw < limit:
                return draw % bound


# ---------------------------------------------------------------- losses, from the paper's equations
def random_triplets(labels, stream):
    triplets = []
    for a, label in enumerate(labels):
        positives = [i for i, other in enumerate(labels) if other == label and i != a]
        negatives = [i for i, other in enumerate(labels) if other != label]
        if positives and negatives:
            p = positives[stream.below(len(positives))]
            triplets.append((a, p, negatives[stream.below(len(negatives))]))
    return triplets


def hard_triplets(labels, v):
    d = (v[:, None] - v[None]).detach().square().sum(2).sqrt()
    triplets = []
    for a, label in enumerate(labels):
        positives = [i for i, other in enumerate(labels) if other == label and i != a]
        negatives = [i for i, other in enumerate(labels) if other != label]
        if positives and negatives:
            triplets.append((a, max(positives, key=lambda i: float(d[a, i])), min(negatives, key=lambda i: float(d[a, i]))))
    return triplets


def triplet_loss(v, triplets, margin):  # eqs. 4 to 6, one stream
    if not triplets:
        return v.sum() * 0
    total = 0
    for a, p, n in triplets:
        d_pos = (v[a] - v[p]).square().sum().sqrt()  # eq. 4
        d_neg = (v[a] - v[n]).square().sum().sqrt()  # eq. 5
        total = total + torch.clamp(margin + d_pos - d_neg, min=0)
    return total / len(triplets)


def classification_loss(logits, labels):  # eq. 3, one stream
    if len(labels) == 0:
        return logits.sum() * 0
    p = torch.exp(logits) / torch.exp(logits).sum(1, keepdim=True)
    return -torch.stack([torch.log(p[i, y]) for i, y in enumerate(labels)]).mean()


def adversarial(d_hr, d_lr):  # eq. 1 on probabilities
    return torch.log(d_hr).mean() + torch.log(1 - d_lr).mean()


# ---------------------------------------------------------------- networks, as functions of named tensors
class Network:
    def __init__(self, backbone, last_stride, classes, neck, levels, reconstruction, classification, decoder="nearest",
                 discriminator="convolutional"):
        self.tensors, self.training, self.backbone = {}, True, backbone
        self.transposed, self.pixelwise = decoder == "transposed", discriminator == "pixelwise"
        if backbone == "resnet50":
            self.channels, self.counts, self.strides = [64, 256, 512, 1024, 2048], [3, 4, 6, 3], [1, 2, 2, last_stride]
            self.conv("trunk.conv1", 3, 64, 7)
            widths, width, doublings = [512, 256, 128, 64, 32], 256, 4 if last_stride == 1 else 5
        else:
            self.channels, self.counts, self.strides = [16, 16, 32, 64, 128], [1, 1, 1, 1], [2, 2, 2, last_stride]
            self.conv("trunk.conv1", 3, 16, 3)
            widths, width, doublings = [16, 16, 8, 8], 64, 3 if last_stride == 1 else 4
        self.norm("trunk.bn1", self.channels[0])
        for s in range(4):
            for b in range(self.counts[s]):
                i, o, name = self.channels[s + (b > 0)], self.channels[s + 1], f"trunk.layer{s + 1}.{b}"
                stride = self.strides[s] if b == 0 else 1
                if backbone == "resnet50":
                    layers = [(i, o // 4, 1), (o // 4, o // 4, 3), (o // 4, o, 1)]
                else:
                    layers = [(i, o, 3), (o, o, 3)]
                for k, (ci, co, size) in enumerate(layers):
                    self.conv(f"{name}.conv{k + 1}", ci, co, size)
                    self.norm(f"{name}.bn{k + 1}", co)
                if stride != 1 or i != o:
                    self.conv(f"{name}.downsample.0", i, o, 1)
                    self.norm(f"{name}.downsample.1", o)
        v = self.channels[4]
        self.neck = neck
        if classification:
            if neck:
                self.norm("classifier.neck", v)
            self.make("classifier.linear.weight", (classes, v), (3.0 / v) ** 0.5)
            self.make("classifier.linear.bias", (classes,), 0.1)
        self.doublings = doublings
        if reconstruction:
            i = v
            for k in range(doublings):
                if self.transposed:  # torch's order of a transposed convolution's weight: in, out
                    self.make(f"decoder.conv{k + 1}.weight", (i, widths[k], 4, 4), (6.0 / (widths[k] * 16)) ** 0.5)
                else:
                    self.conv(f"decoder.conv{k + 1}", i, widths[k], 3)
                self.norm(f"decoder.bn{k + 1}", widths[k])
                i = widths[k]
            self.conv("decoder.image", i, 3, 3, bias=True)
        for j in levels:
            c = self.channels[j - 1]
            if self.pixelwise:
                layers = [(c, width, 1), (width, width // 2, 1), (width // 2, 1, 1)]
            else:
                layers = [(c, width, 1), (width, width, 3), (width, width // 2, 3), (width // 2, 1, 1)]
            for k, (i, o, size) in enumerate(layers):
                self.conv(f"discriminator_level_{j}.conv{k + 1}", i, o, size, bias=True)

    def make(self, name, shape, scale, offset=0.0, grad=True):
        self.tensors[name] = numbers(name, shape, scale, offset).requires_grad_(grad)

    def conv(self, name, i, o, size, bias=False):
        self.make(name + ".weight", (o, i, size, size), (6.0 / (i * size * size)) ** 0.5)
        if bias:
            self.make(name + ".bias", (o,), 0.1)

    def norm(self, name, c):
        self.make(name + ".weight", (c,), 0.1, 1.0)
        self.make(name + ".bias", (c,), 0.1)
        self.make(name + ".running_mean", (c,), 0.1, 0.0, grad=False)
        self.make(name + ".running_var", (c,), 0.5, 1.0, grad=False)

    def run_conv(self, name, x, stride=1):
        w = self.tensors[name + ".weight"]
        return F.conv2d(x, w, self.tensors.get(name + ".bias"), stride, (w.shape[2] - 1) // 2)

    def run_norm(self, name, x):
        t = self.tensors
        return F.batch_norm(x, t[name + ".running_mean"], t[name + ".running_var"], t[name + ".weight"],
                            t[name + ".bias"], self.training, 0.1, 1e-5)

    def trunk(self, x):
        big = self.backbone == "resnet50"
        x = F.relu(self.run_norm("trunk.bn1", self.run_conv("trunk.conv1", x, 2 if big else 1)))
        features = [x]
        if big:
            x = F.max_pool2d(x, 3, 2, 1)
        for s in range(4):
            for b in range(self.counts[s]):
                name, stride = f"trunk.layer{s + 1}.{b}", self.strides[s] if b == 0 else 1
                y, last = x, 3 if big else 2
                strided = 2 if big else 1
                for k in range(1, last + 1):
                    y = self.run_norm(f"{name}.bn{k}", self.run_conv(f"{name}.conv{k}", y, stride if k == strided else 1))
                    if k < last:
                        y = F.relu(y)
                if f"{name}.downsample.0.weight" in self.tensors:
                    x = self.run_norm(f"{name}.downsample.1", self.run_conv(f"{name}.downsample.0", x, stride))
                x = F.relu(x + y)
            features.append(x)
        return features

    def classify(self, v):
        if self.neck:
            v = self.run_norm("classifier.neck", v)
        return v @ self.tensors["classifier.linear.weight"].T + self.tensors["classifier.linear.bias"]

    def decode(self, f5, h, w):
        x = f5
        for k in range(1, self.doublings + 1):
            if self.transposed:
                x = self.double(x, self.tensors[f"decoder.conv{k}.weight"])
            else:
                x = self.run_conv(f"decoder.conv{k}", F.interpolate(x, scale_factor=2, mode="nearest"))
            x = F.relu(self.run_norm(f"decoder.bn{k}", x))
        return self.run_conv("decoder.image", x)[:, :, :h, :w]

    @staticmethod
    def double(x, w):
        """A transposed convolution of stride 2 and padding 1 as what it means: zeros between the pixels, then a convolution
        with the kernel turned around and its channels exchanged."""
        n, c, h, width = x.shape
        spread = x.new_zeros(n, c, 2 * h - 1, 2 * width - 1)
        spread[:, :, ::2, ::2] = x
        return F.conv2d(spread, w.transpose(0, 1).flip(2, 3), padding=2)

    def discriminate(self, j, f):
        name = f"discriminator_level_{j}"
        if self.pixelwise:  # 1×1 convolutions as products over the channels
            f = f.permute(0, 2, 3, 1)
            for k in (1, 2, 3):
                f = f @ self.tensors[f"{name}.conv{k}.weight"][:, :, 0, 0].T + self.tensors[f"{name}.conv{k}.bias"]
                f = torch.where(f > 0, f, 0.2 * f) if k < 3 else f
            return torch.sigmoid(f)
        for k, stride in ((1, 1), (2, 2), (3, 1)):
            f = F.leaky_relu(self.run_conv(f"{name}.conv{k}", f, stride), 0.2)
        return torch.sigmoid(self.run_conv(f"{name}.conv4", f))


# ---------------------------------------------------------------- the methods' steps
SEED, STEP, LANE = 7, 11, 1


def triplet_term(v, labels, case, site):
    if case["mining"] == "batch-hard":
        return triplet_loss(v, hard_triplets(labels, v), case["margin"])
    return triplet_loss(v, random_triplets(labels, RandomStream("mining", [SEED, STEP, LANE, site])), case["margin"])


def run_case(case):
    rain = case["method"] == "rain"
    net = Network(case["backbone"], case["last_stride"], case["classes"], case["neck"], case["levels"],
                  case["reconstruction"], case["classification"], case["decoder"], case["discriminator"])
    n, (h, w) = len(case["labels"]), case["size"]
    hr, lr = numbers("images/hr", (n, 3, h, w), 1.5), numbers("images/lr", (n, 3, h, w), 1.5)
    with_hr = [i for i in range(n) if case["has_hr"][i]]
    has_label = case["has_label"] or [True] * n
    hr = hr[with_hr]
    # Positions in each stream that have a label, and those labels.
    taught_hr = [k for k, i in enumerate(with_hr) if has_label[i]]
    hr_labels = [case["labels"][with_hr[k]] for k in taught_hr]
    taught_lr = [i for i in range(n) if has_label[i] and case["supervision"] == "all"]
    lr_labels = [case["labels"][i] for i in taught_lr]

    def through(run, a, b):
        if case["bn_streams"] == "joint" or len(a) == 0 or len(b) == 0:
            y = run(torch.cat([a, b]))
            return [(t[:len(a)], t[len(a):]) for t in y]
        return list(zip(run(a), run(b)))

    phases = []
    if rain:
        features = through(net.trunk, hr, lr)
        v_hr, v_lr = (f.mean((2, 3))[taught] for f, taught in zip(features[4], (taught_hr, taught_lr)))
        networks = {}
        if case["classification"]:
            logits_hr, logits_lr = v_hr.sum() * torch.zeros(0, 1), v_lr.sum() * torch.zeros(0, 1)
            if taught_hr or taught_lr:
                (logits_hr, logits_lr), = through(lambda x: [net.classify(x)], v_hr, v_lr)
            networks["classification"] = classification_loss(logits_hr, hr_labels) + classification_loss(logits_lr, lr_labels)
        if case["triplet"]:
            networks["triplet"] = triplet_term(v_hr, hr_labels, case, 0) + triplet_term(v_lr, lr_labels, case, 1)
        if case["reconstruction"]:
            (g_hr, g_lr), = through(lambda x: [net.decode(x, h, w)], features[4][0], features[4][1][with_hr])
            networks["reconstruction"] = case["reconstruction_weight"] * ((g_hr - hr).abs().mean() + (g_lr - hr).abs().mean())
        discriminators = {}
        for j in case["levels"]:
            f_hr, f_lr = features[j - 1]
            discriminators[f"discriminator_level_{j}"] = -adversarial(
                net.discriminate(j, f_hr.detach()), net.discriminate(j, f_lr.detach()))
            d_hr, d_lr = net.discriminate(j, f_hr), net.discriminate(j, f_lr)
            value = adversarial(d_hr, d_lr) if case["adversary"] == "minimax" else -torch.log(d_lr).mean()
            networks[f"adversarial_level_{j}"] = case["adversarial_weight"] * value
        if discriminators:
            phases.append(("discriminators", discriminators))
        phases.append(("networks", networks))
    elif taught_hr:  # the others are not looked at
        v = net.trunk(hr[taught_hr])[4].mean((2, 3))
        phases.append(("networks", {"classification": classification_loss(net.classify(v), hr_labels),
                                    "triplet": triplet_term(v, hr_labels, case, 0)}))
    else:
        nothing = net.tensors["trunk.conv1.weight"].sum() * 0
        phases.append(("networks", {"classification": nothing, "triplet": nothing}))

    result = {"phases": []}
    for name, terms in phases:
        total = sum(terms.values())
        mine = {k: t for k, t in net.tensors.items()
                if t.requires_grad and k.startswith("discriminator_") == (name == "discriminators")}
        gradients = torch.autograd.grad(total, list(mine.values()), retain_graph=True, allow_unused=True)
        # D steps after the phase "networks" has seen it, or before.
        waits = name == "discriminators" and case["updates"] == "simultaneous"
        result["phases"].append({"name": name, "steps_with_next": waits,
                                 "terms": {k: float(t.detach()) for k, t in terms.items()}, "total": float(total.detach()),
                                 "gradients": {k: 0.0 if g is None else probe(k, g) for k, g in zip(mine, gradients)}})
    result["buffers"] = {k: probe(k, t) for k, t in net.tensors.items() if not t.requires_grad}
    net.training = False
    result["embedding"] = probe("embedding", net.trunk(lr)[4].mean((2, 3)))
    return result


def case(**changes):
    values = dict(method="rain", backbone="resnet-small", last_stride=1, neck=False, bn_streams="joint", classes=5,
                  size=[18, 10], labels=[0, 0, 0, 2, 2, 2, 3, 3, 3, 4, 4, 4], has_hr=[True] * 12, levels=[4, 5],
                  classification=True, triplet=True, reconstruction=True, margin=0.3, mining="random",
                  has_label=None, adversary="minimax", updates="alternating", discriminator="convolutional",
                  decoder="nearest", adversarial_weight=1.0, reconstruction_weight=1.0, supervision="all")
    assert set(changes) <= set(values)
    values.update(changes)
    return values


MIXED = [True, True, False, True, False, True, True, True, True, False, False, True]
# Two rows of identity 0 of which one has no HR image, two of 2, two of 3, one of 4 (a negative alone).
PARTLY = [True, False, True, True, False, True, False, True, True, False, False, True]
NOWHERE = [False] * 12
CASES = {
    "multi_level": case(),
    "single_level": case(levels=[5], margin=2.0),
    "every_switch_turned": case(levels=[1, 3, 5], adversary="non-saturating", mining="batch-hard", bn_streams="separate",
                                neck=True, last_stride=2, has_hr=MIXED, adversarial_weight=0.3,
                                reconstruction_weight=0.7, margin=0.5),
    "unlabelled_copies": case(levels=[2, 4], supervision="hr-only-labels", neck=True, has_hr=MIXED),
    "hr_and_lr_baseline": case(levels=[], adversary="off", has_hr=MIXED),
    "without_reconstruction": case(reconstruction=False),
    "without_classification": case(classification=False, mining="batch-hard"),
    "without_triplet": case(triplet=False, bn_streams="separate"),
    "simultaneous": case(levels=[3], updates="simultaneous", bn_streams="separate"),
    "non_saturating_everywhere": case(levels=[1, 2, 3, 4, 5], adversary="non-saturating", mining="batch-hard", margin=1.0),
    "minimax_everywhere": case(levels=[1, 2, 3, 4, 5], adversarial_weight=0.5),
    "pixelwise": case(levels=[2, 4, 5], discriminator="pixelwise"),
    "transposed": case(levels=[5], decoder="transposed", bn_streams="separate", has_hr=MIXED),
    "pixelwise_transposed": case(levels=[3, 5], discriminator="pixelwise", decoder="transposed", last_stride=2,
                                 adversary="non-saturating", updates="simultaneous"),
    "partly_labelled": case(has_hr=MIXED, has_label=PARTLY, neck=True, margin=1.0),
    "partly_labelled_hard_separate": case(has_hr=MIXED, has_label=PARTLY, neck=True, margin=1.0, mining="batch-hard",
                                          bn_streams="separate"),
    "partly_labelled_hr_only": case(has_hr=MIXED, has_label=PARTLY, neck=True, margin=1.0, supervision="hr-only-labels"),
    "partly_labelled_without_adversary": case(has_label=PARTLY, levels=[], adversary="off", mining="batch-hard"),
    "without_a_label": case(has_hr=MIXED, has_label=NOWHERE, neck=True),
    "without_a_label_separate": case(has_label=NOWHERE, levels=[5], neck=True, mining="batch-hard", bn_streams="separate"),
    "baseline": case(method="baseline", levels=[], adversary="off", reconstruction=False, has_hr=MIXED, margin=1.0),
    "baseline_neck": case(method="baseline", levels=[], adversary="off", reconstruction=False, neck=True, mining="batch-hard"),
    "baseline_partly_labelled": case(method="baseline", levels=[], adversary="off", reconstruction=False, neck=True,
                                     has_hr=MIXED, has_label=PARTLY, margin=1.0),
    "baseline_without_a_label": case(method="baseline", levels=[], adversary="off", reconstruction=False, neck=True,
                                     has_label=NOWHERE),
}


def losses_file():
    """Each loss on inputs that stand in the file."""
    labels = [0, 0, 1, 1, 1, 2, 3, 3]
    v, logits = numbers("losses/v", (8, 4), 2.0), numbers("losses/logits", (8, 5), 3.0)
    d_hr, d_lr = numbers("losses/d_hr", (3, 1, 2, 2), 4.0), numbers("losses/d_lr", (4, 1, 2, 2), 4.0)
    image, target = numbers("losses/image", (2, 3, 3, 2), 1.0), numbers("losses/target", (2, 3, 3, 2), 1.0)
    drawn, hard = random_triplets(labels, RandomStream("mining", [1, 2, 3, 0])), hard_triplets(labels, v)
    hr, lr = torch.sigmoid(d_hr), torch.sigmoid(d_lr)
    value = {"classification": classification_loss(logits, labels), "triplet_random": triplet_loss(v, drawn, 0.3),
             "triplet_batch_hard": triplet_loss(v, hard, 0.3), "adversarial": adversarial(hr, lr),
             "non_saturating": -torch.log(lr).mean(), "reconstruction": (image - target).abs().mean()}
    # eq. 7 with the weights of the paper, and the discriminators' side of eq. 8
    value["total_networks"] = sum(value[k] for k in ("adversarial", "reconstruction", "classification", "triplet_random"))
    value["total_discriminators"] = -value["adversarial"]
    inputs = {"v": v, "logits": logits, "d_hr": d_hr, "d_lr": d_lr, "image": image, "target": target}
    return {"labels": labels, "margin": 0.3, "inputs": {k: {"shape": list(t.shape), "values": t.flatten().tolist()}
                                                        for k, t in inputs.items()},
            "random_triplets": drawn, "hard_triplets": hard, "values": {k: float(t) for k, t in value.items()}}


def resnet50_file():
    net = Network("resnet50", 1, 0, False, [], False, False)
    with torch.no_grad():
        features = net.trunk(numbers("images/resnet50", (2, 3, 64, 32), 1.5))
    return {"size": [2, 3, 64, 32], "last_stride": 1,
            "features": [{"shape": list(f.shape), "mean": float(f.mean()), "probe": probe(f"f{j + 1}", f)}
                         for j, f in enumerate(features)]}


def differences(old, new, where):
    if isinstance(new, dict) and isinstance(old, dict) and old.keys() == new.keys():
        return [d for k in new for d in differences(old[k], new[k], f"{where}.{k}")]
    if isinstance(new, (list, tuple)) and isinstance(old, list) and len(old) == len(new):
        return [d for i, (a, b) in enumerate(zip(old, new)) for d in differences(a, b, f"{where}[{i}]")]
    if isinstance(new, float) and isinstance(old, (int, float)):
        return [] if abs(old - new) <= 1e-9 * max(1, abs(new)) else [f"{where}: {old} {new}"]
    return [] if old == new else [f"{where}: {old} {new}"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    folder = pathlib.Path(__file__).resolve().parent
    documents = {"losses.json": losses_file(), "resnet50.json": resnet50_file(),
                 "methods.json": {name: {"case": c, "expected": run_case(c)} for name, c in CASES.items()}}
    bad = []
    for name, document in documents.items():
        if check:
            bad += differences(json.loads((folder / name).read_text()), document, name)
        else:
            (folder / name).write_text(json.dumps(document, indent=1) + "\n")
    print("\n".join(bad) if bad else "same" if check else "written")
    sys.exit(1 if bad else 0)


main()
