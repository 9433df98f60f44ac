"""What the twins of the methods share (rain/make_golden.py, ftwa/make_golden.py, …): numbers that both sides make,
mining, the losses of identities, the trunk, and how a file is written or checked. Shares no code with workers/. Needs
torch 2.11.

Everything is computed in float64. Weights, images and probes come from a formula that both sides know (numbers() below),
so the files hold results alone; a gradient is stored as its inner product with a probe.
"""
import argparse
import json
import pathlib
import sys

import numpy
import torch
import torch.nn.functional as F

import number_file
from random_stream import RandomStream

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)
SEED, STEP, LANE = 7, 11, 1


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


def fill(model):
    """A torch.nn trunk's weights and statistics by the formula."""
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            scale, offset = 0.1, 0.0
            if tensor.dim() == 4:
                scale = (6.0 / (tensor.numel() / tensor.shape[0])) ** 0.5
            elif name.endswith("running_var"):
                scale, offset = 0.5, 1.0
            elif name.endswith(".weight"):
                offset = 1.0
            if tensor.is_floating_point():
                tensor.copy_(numbers("trunk." + name, tuple(tensor.shape), scale, offset))


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


def all_triplets(labels):  # eq. 6 of FTWA as printed
    rows = range(len(labels))
    return [(a, p, n) for a in rows for p in rows for n in rows if a != p and labels[a] == labels[p] != labels[n]]


def hinges(v, triplets, margin):
    """[margin + D(a, p) - D(a, n)]+ of each triplet."""
    values = []
    for a, p, n in triplets:
        d_pos, d_neg = ((v[a] - v[other]).square().sum().sqrt() for other in (p, n))
        values.append(torch.clamp(margin + d_pos - d_neg, min=0))
    return values


def triplet_loss(v, triplets, margin):  # RAIN's eqs. 4 to 6, one stream
    return sum(hinges(v, triplets, margin)) / len(triplets) if triplets else v.sum() * 0


def mined(v, labels, mining, site):
    if mining == "all":
        return all_triplets(labels)
    if mining == "batch-hard":
        return hard_triplets(labels, v)
    return random_triplets(labels, RandomStream("mining", [SEED, STEP, LANE, site]))


def triplet_term(v, labels, case, site):
    triplets = mined(v, labels, case["mining"], site)
    mean = triplet_loss(v, triplets, case["margin"])
    return mean * len(triplets) if case["mining"] == "all" else mean


def cross_entropies(logits, labels, smoothing=0.0):
    """Of each row; smoothing spreads a share of the label's probability over all classes (Szegedy et al. 2016, § 7)."""
    classes = logits.shape[1]
    log_p = torch.log(torch.exp(logits) / torch.exp(logits).sum(1, keepdim=True))
    wanted = torch.full_like(log_p, smoothing / classes).detach()
    for i, y in enumerate(labels):
        wanted[i, y] += 1 - smoothing
    return -(wanted * log_p).sum(1)


def classification_loss(logits, labels, smoothing=0.0):  # RAIN's eq. 3, one stream
    return cross_entropies(logits, labels, smoothing).mean() if labels else logits.sum() * 0


# ---------------------------------------------------------------- networks, as functions of named tensors
class Network:
    """The trunk; a method's twin adds its own parts."""

    def __init__(self, backbone, last_stride):
        self.tensors, self.training, self.big = {}, True, backbone == "resnet50"
        self.lite = backbone == "efficientnet-lite0"
        if self.lite:
            # Table 1 of Tan and Le, ICML 2019; of each stage expansion, kernel.
            self.channels, self.widths = [16, 24, 40, 112, 1280], [16, 24, 40, 80, 112, 192, 320]
            self.counts, self.strides = [1, 2, 2, 3, 3, 4, 1], [1, 2, 2, 2, 1, last_stride, 1]
            self.forms = [(1, 3), (6, 3), (6, 5), (6, 3), (6, 5), (6, 5), (6, 3)]
            self.level_stages = [[0], [1], [2], [3, 4], [5, 6]]
        else:
            self.level_stages = [[], [0], [1], [2], [3]]
            if self.big:
                self.channels, self.counts, self.strides = [64, 256, 512, 1024, 2048], [3, 4, 6, 3], [1, 2, 2, last_stride]
            else:
                self.channels, self.counts, self.strides = [16, 16, 32, 64, 128], [1, 1, 1, 1], [2, 2, 2, last_stride]
            self.widths = self.channels[1:]
        self.add_shallow("trunk")
        for level in (2, 3, 4):
            for s in self.level_stages[level]:
                self.add_stage("trunk", s)
        if self.lite:
            self.conv("trunk._conv_head", 320, 1280, 1)
            self.norm("trunk._bn1", 1280)

    def add_shallow(self, prefix):
        """Stem and the first two levels."""
        self.add_stem(prefix)
        for s in self.level_stages[0] + self.level_stages[1]:
            self.add_stage(prefix, s)

    def add_stem(self, prefix):
        if self.lite:
            self.conv(f"{prefix}._conv_stem", 3, 32, 3)
            self.norm(f"{prefix}._bn0", 32)
            return
        self.conv(f"{prefix}.conv1", 3, self.channels[0], 7 if self.big else 3)
        self.norm(f"{prefix}.bn1", self.channels[0])

    def block_name(self, prefix, s, b):
        return f"{prefix}._blocks.{sum(self.counts[:s]) + b}" if self.lite else f"{prefix}.layer{s + 1}.{b}"

    def add_lite_block(self, name, i, o, expansion, kernel):
        inner = i * expansion
        if expansion > 1:
            self.conv(f"{name}._expand_conv", i, inner, 1)
            self.norm(f"{name}._bn0", inner)
        self.make(f"{name}._depthwise_conv.weight", (inner, 1, kernel, kernel), (6.0 / kernel ** 2) ** 0.5)
        self.norm(f"{name}._bn1", inner)
        self.conv(f"{name}._project_conv", inner, o, 1)
        self.norm(f"{name}._bn2", o)

    def add_stage(self, prefix, s):
        for b in range(self.counts[s]):
            if self.lite:
                i = self.widths[s] if b else self.widths[s - 1] if s else 32
                self.add_lite_block(self.block_name(prefix, s, b), i, self.widths[s], *self.forms[s])
                continue
            i, o, name = self.channels[s + (b > 0)], self.channels[s + 1], f"{prefix}.layer{s + 1}.{b}"
            stride = self.strides[s] if b == 0 else 1
            if self.big:
                layers = [(i, o // 4, 1), (o // 4, o // 4, 3), (o // 4, o, 1)]
            else:
                layers = [(i, o, 3), (o, o, 3)]
            for k, (ci, co, size) in enumerate(layers):
                self.conv(f"{name}.conv{k + 1}", ci, co, size)
                self.norm(f"{name}.bn{k + 1}", co)
            if stride != 1 or i != o:
                self.conv(f"{name}.downsample.0", i, o, 1)
                self.norm(f"{name}.downsample.1", o)

    def add_classifier(self, name, classes, neck, bias=True):
        if neck:
            self.norm(f"{name}.neck", self.channels[4])
        self.linear(f"{name}.linear", self.channels[4], classes, bias)

    def make(self, name, shape, scale, offset=0.0, grad=True):
        self.tensors[name] = numbers(name, shape, scale, offset).requires_grad_(grad)

    def conv(self, name, i, o, size, bias=False):
        self.make(name + ".weight", (o, i, size, size), (6.0 / (i * size * size)) ** 0.5)
        if bias:
            self.make(name + ".bias", (o,), 0.1)

    def linear(self, name, i, o, bias=True):
        self.make(name + ".weight", (o, i), (3.0 / i) ** 0.5)
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

    def run_linear(self, name, x):
        y = x @ self.tensors[name + ".weight"].T
        return y + self.tensors[name + ".bias"] if name + ".bias" in self.tensors else y

    def run_norm(self, name, x):
        t = self.tensors
        # EfficientNet's batch norms are the trunk's alone.
        momentum, epsilon = (0.01, 1e-3) if "._b" in name else (0.1, 1e-5)
        return F.batch_norm(x, t[name + ".running_mean"], t[name + ".running_var"], t[name + ".weight"],
                            t[name + ".bias"], self.training, momentum, epsilon)

    def run_same(self, name, x, stride, groups=1):
        """TensorFlow's "same" padding: of an odd number of zeros one more stands behind."""
        w = self.tensors[name + ".weight"]
        pads = [max((-(-side // stride) - 1) * stride + w.shape[2] - side, 0) for side in x.shape[2:]]
        x = F.pad(x, [pads[1] // 2, pads[1] - pads[1] // 2, pads[0] // 2, pads[0] - pads[0] // 2])
        return F.conv2d(x, w, None, stride, groups=groups)

    @staticmethod
    def lite_pixels(x):
        """(level - 127) / 128 of what (level / 255 - mean) / deviation was made of."""
        mean, deviation = (torch.tensor(numpy.float32(v)).double().view(1, 3, 1, 1)
                           for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
        return (255 * (x * deviation + mean) - 127) / 128

    def lite_block(self, name, x, stride):
        y = x
        if f"{name}._expand_conv.weight" in self.tensors:
            y = F.relu6(self.run_norm(f"{name}._bn0", self.run_conv(f"{name}._expand_conv", y)))
        y = F.relu6(self.run_norm(f"{name}._bn1", self.run_same(f"{name}._depthwise_conv", y, stride, y.shape[1])))
        y = self.run_norm(f"{name}._bn2", self.run_conv(f"{name}._project_conv", y))
        return x + y if stride == 1 and x.shape == y.shape else y

    def stem(self, prefix, x):
        if self.lite:
            return F.relu6(self.run_norm(f"{prefix}._bn0", self.run_same(f"{prefix}._conv_stem", self.lite_pixels(x), 2)))
        return F.relu(self.run_norm(f"{prefix}.bn1", self.run_conv(f"{prefix}.conv1", x, 2 if self.big else 1)))

    def pool(self, f1):
        return F.max_pool2d(f1, 3, 2, 1) if self.big else f1

    def stage(self, prefix, s, x):
        for b in range(self.counts[s]):
            name, stride = self.block_name(prefix, s, b), self.strides[s] if b == 0 else 1
            if self.lite:
                x = self.after_block(name, self.lite_block(name, x, stride))
                continue
            y, last = x, 3 if self.big else 2
            strided = 2 if self.big else 1
            for k in range(1, last + 1):
                y = self.run_norm(f"{name}.bn{k}", self.run_conv(f"{name}.conv{k}", y, stride if k == strided else 1))
                if k < last:
                    y = F.relu(y)
            if f"{name}.downsample.0.weight" in self.tensors:
                x = self.run_norm(f"{name}.downsample.1", self.run_conv(f"{name}.downsample.0", x, stride))
            x = self.after_block(name, F.relu(x + y))
        return x

    def after_block(self, name, x):
        """What a method's twin does to a residual block's output."""
        return x

    def level(self, prefix, number, x):
        for s in self.level_stages[number]:
            x = self.stage(prefix, s, x)
        return x

    def shallow(self, prefix, x):
        """f1, f2."""
        f1 = self.level(prefix, 0, self.stem(prefix, x))
        return [f1, self.level(prefix, 1, self.pool(f1))]

    def deep(self, f2):
        """f3, f4, f5."""
        features = [f2]
        for number in (2, 3, 4):
            features.append(self.level("trunk", number, features[-1]))
        if self.lite:
            features[-1] = F.relu6(self.run_norm("trunk._bn1", self.run_conv("trunk._conv_head", features[-1])))
        return features[1:]

    def trunk(self, x):
        features = self.shallow("trunk", x)
        return features + self.deep(features[1])

    def classify(self, name, v):
        if f"{name}.neck.weight" in self.tensors:
            v = self.run_norm(f"{name}.neck", v)
        return self.run_linear(f"{name}.linear", v)

    @staticmethod
    def double(x, w):
        """A transposed convolution of stride 2 and padding 1 as what it means: zeros between the pixels, then a convolution
        with the kernel turned around and its channels exchanged."""
        n, c, h, width = x.shape
        spread = x.new_zeros(n, c, 2 * h - 1, 2 * width - 1)
        spread[:, :, ::2, ::2] = x
        return F.conv2d(spread, w.transpose(0, 1).flip(2, 3), padding=2)

    def phase(self, name, terms, mine, steps_with_next=False):
        """What is stored of a phase: its terms, their sum, its gradients in the parameters whose name `mine` accepts."""
        total = sum(terms.values())
        chosen = {k: t for k, t in self.tensors.items() if t.requires_grad and mine(k)}
        gradients = torch.autograd.grad(total, list(chosen.values()), retain_graph=True, allow_unused=True)
        return {"name": name, "steps_with_next": steps_with_next,
                "terms": {k: float(t.detach()) for k, t in terms.items()}, "total": float(total.detach()),
                "gradients": {k: 0.0 if g is None else probe(k, g) for k, g in zip(chosen, gradients)}}

    def buffers(self):
        return {k: probe(k, t) for k, t in self.tensors.items() if not t.requires_grad}


# ---------------------------------------------------------------- files
def differences(old, new, where):
    if isinstance(new, dict) and isinstance(old, dict):
        return ([f"{where}: {sorted(old.keys() ^ new.keys())} only on one side"] if old.keys() != new.keys() else []) + [
            d for k in new if k in old for d in differences(old[k], new[k], f"{where}.{k}")]
    if isinstance(new, (list, tuple)) and isinstance(old, list) and len(old) == len(new):
        return [d for i, (a, b) in enumerate(zip(old, new)) for d in differences(a, b, f"{where}[{i}]")]
    if isinstance(new, float) and isinstance(old, (int, float)):
        return [] if abs(old - new) <= 1e-9 * max(1, abs(new)) else [f"{where}: {old} {new}"]
    return [] if old == new else [f"{where}: {old} {new}"]


def write_or_check(script, make_documents):
    """The command line of a make_golden.py: rewrites the files beside it, or with --check compares them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    folder, bad = pathlib.Path(script).resolve().parent, []
    for name, document in make_documents().items():
        if check:
            bad += differences(json.loads((folder / name).read_text()), document, name)
        else:
            (folder / name).write_text(number_file.text(document) + "\n")
    print("\n".join(bad) if bad else "same" if check else "written")
    sys.exit(1 if bad else 0)
