#!/usr/bin/env python3
"""Makes methods.json beside itself: CAD-Net (Li et al., ICCV 2019) written a second time, in PyTorch's Python, from the
paper's losses and docs/inside/methods/cadnet.md; ../twin.py has what all such twins share.

    python3 make_golden.py            (rewrites the file)
    python3 make_golden.py --check    (exit code 1 if a stored number differs by more than 1e-9)
"""
import pathlib
import sys

import torch
import torch.nn.functional as F

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import twin  # noqa: E402
from twin import classification_loss, numbers, probe, triplet_term  # noqa: E402


def log_of(probabilities):  # 0 over nothing
    return torch.log(probabilities).sum() / max(1, probabilities.numel())


class Network(twin.Network):
    """E is the shared trunk. F is one more, whose tensors' names begin otherwise."""

    def __init__(self, case):
        super().__init__(case["backbone"], case["last_stride"])
        identifies = case["classification"] or case["triplet"]
        self.encodes = identifies and case["features"] != "f"
        self.with_f = not self.encodes or case["features"] != "g"
        self.recovers = case["reconstruction"] or case["image_adversary"] or self.encodes
        judge = 128 if self.lite else 256 if self.big else 64
        if case["classification"]:
            size = self.channels[4] * (self.with_f + self.encodes)
            if case["neck"]:
                self.norm("classifier.neck", size)
            self.linear("classifier.linear", size, case["classes"])
        # A doubling is the number of the f_j that is as large as its output, and the channels out.
        if self.big or self.lite:
            widths = [128, 64, 32, 16, 16] if self.lite else [512, 256, 128, 64, 32]
            beside = [3, 2, 1, 0] if case["last_stride"] == 1 else [4, 3, 2, 1, 0]
        else:
            widths = [16, 16, 8, 8]
            beside = [3, 2, 1] if case["last_stride"] == 1 else [4, 3, 2, 1]
        self.doublings = list(zip(beside, widths))
        if self.recovers:
            i = self.channels[4]
            for k, (j, o) in enumerate(self.doublings):
                self.conv(f"decoder.conv{k + 1}", i + (self.channels[j - 1] if j else 0), o, 3)
                self.norm(f"decoder.bn{k + 1}", o)
                i = o
            self.conv("decoder.image", i, 3, 3, bias=True)
        if self.encodes:
            second = twin.Network(case["backbone"], case["last_stride"])
            for name, tensor in second.tensors.items():
                self.make("hr_encoder" + name.removeprefix("trunk"), tensor.shape, *self.ranges(name, tensor), tensor.requires_grad)
        if case["feature_adversary"]:
            layers = [(self.channels[4], judge, 1), (judge, judge, 3), (judge, judge // 2, 3), (judge // 2, 1, 1)]
            self.add_judge("discriminator_features", layers)
        if case["image_adversary"]:
            layers = [(3, judge // 4, 3), (judge // 4, judge // 2, 3), (judge // 2, judge, 3), (judge, 1, 1)]
            self.add_judge("discriminator_images", layers)

    @staticmethod
    def ranges(name, tensor):
        """Scale and offset that a trunk's tensor was made with."""
        if tensor.dim() == 4:
            return (6.0 / tensor[0].numel()) ** 0.5, 0.0
        return (0.5 if name.endswith("var") else 0.1), (1.0 if name.endswith(("var", "weight")) else 0.0)

    def add_judge(self, name, layers):
        for k, (i, o, size) in enumerate(layers):
            self.conv(f"{name}.conv{k + 1}", i, o, size, bias=True)

    def judge(self, name, x, strides):
        for k, stride in enumerate(strides):
            x = self.run_conv(f"{name}.conv{k + 1}", x, stride)
            x = F.leaky_relu(x, 0.2) if k < len(strides) - 1 else x
        return torch.sigmoid(x)

    def judge_feature(self, f):
        return self.judge("discriminator_features", f, (1, 2, 1, 1))

    def judge_image(self, x):
        return self.judge("discriminator_images", x, (2, 2, 2, 1))

    def decode(self, maps, h, w):
        x = maps[4]
        for k, (j, _) in enumerate(self.doublings):
            x = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
            if j:
                beside = maps[j - 1]
                x = torch.cat([x[:, :, :beside.shape[2], :beside.shape[3]], beside], 1)
            x = F.relu(self.run_norm(f"decoder.bn{k + 1}", self.run_conv(f"decoder.conv{k + 1}", x)))
        return self.run_conv("decoder.image", x)[:, :, :h, :w]

    def encode_again(self, x):
        """F's last map: the trunk's code under F's names."""
        kept = self.tensors
        self.tensors = {"trunk" + k.removeprefix("hr_encoder"): t for k, t in kept.items() if k.startswith("hr_encoder")}
        g = self.trunk(x)[4]
        self.tensors = kept
        return g

    def v(self, f, g):
        return torch.cat(([f] if self.with_f else []) + ([g] if self.encodes else []), 1)


def run_case(case):
    net = Network(case)
    n, (h, w) = len(case["labels"]), case["size"]
    hr, lr = numbers("images/hr", (n, 3, h, w), 1.5), numbers("images/lr", (n, 3, h, w), 1.5)
    with_hr = [i for i in range(n) if case["has_hr"][i]]
    lr_rows = [i for i in range(n) if case["pairing"] == "aligned" or not case["has_hr"][i]]
    has_label = case["has_label"] or [True] * n
    hr, lr_shown = hr[with_hr], lr[lr_rows]
    taught_hr = [k for k, i in enumerate(with_hr) if has_label[i]]
    taught_lr = [k for k, i in enumerate(lr_rows) if has_label[i]]
    hr_labels, lr_labels = [case["labels"][with_hr[k]] for k in taught_hr], [case["labels"][lr_rows[k]] for k in taught_lr]
    aimed = [(k, with_hr.index(i)) for k, i in enumerate(lr_rows) if case["has_hr"][i]]

    def through(run, a, b):
        """Lists of maps of HR and of LR rows → the same of what `run` makes of them."""
        if case["bn_streams"] == "joint" or len(a[0]) == 0 or len(b[0]) == 0:
            y = run([torch.cat(pair) for pair in zip(a, b)])
            return [t[:len(a[0])] for t in y], [t[len(a[0]):] for t in y]
        return run(a), run(b)

    f_hr, f_lr = through(lambda x: net.trunk(x[0]), [hr], [lr_shown])
    if net.recovers:
        (image_hr,), (image_lr,) = through(lambda x: [net.decode(x, h, w)], f_hr, f_lr)
    v_hr, v_lr = f_hr[4].mean((2, 3))[taught_hr], f_lr[4].mean((2, 3))[taught_lr]
    if net.encodes:
        g_hr, g_lr = v_hr, v_lr
        if taught_hr or taught_lr:
            (g_hr,), (g_lr,) = through(lambda x: [net.encode_again(x[0]).mean((2, 3))], [image_hr[taught_hr]], [image_lr[taught_lr]])
        v_hr, v_lr = net.v(v_hr, g_hr), net.v(v_lr, g_lr)
    networks, discriminators = {}, {}
    if case["classification"]:
        logits_hr, logits_lr = v_hr.sum() * torch.zeros(0, 1), v_lr.sum() * torch.zeros(0, 1)
        if taught_hr or taught_lr:
            (logits_hr,), (logits_lr,) = through(lambda x: [net.classify("classifier", x[0])], [v_hr], [v_lr])
        networks["classification"] = classification_loss(logits_hr, hr_labels) + classification_loss(logits_lr, lr_labels)
    if case["triplet"]:
        networks["triplet"] = triplet_term(v_hr, hr_labels, case, 0) + triplet_term(v_lr, lr_labels, case, 1)
    if case["reconstruction"]:
        of_lr = sum((image_lr[k] - hr[i]).abs().mean() for k, i in aimed) / max(1, len(aimed))
        networks["reconstruction"] = case["reconstruction_weight"] * ((image_hr - hr).abs().mean() + of_lr)
    if case["feature_adversary"]:
        d_hr, d_lr = (net.judge_feature(f[4].detach()) for f in (f_hr, f_lr))
        discriminators["discriminator_features"] = -(log_of(d_hr) + log_of(1 - d_lr))
        d_hr, d_lr = (net.judge_feature(f[4]) for f in (f_hr, f_lr))
        networks["feature_adversarial"] = case["feature_adversarial_weight"] * (log_of(d_hr) + log_of(1 - d_lr))
    if case["image_adversary"]:
        real, of_hr, of_lr = (net.judge_image(x.detach()) for x in (hr, image_hr, image_lr))
        discriminators["discriminator_images"] = -(log_of(real) + log_of(1 - of_lr) + log_of(real) + log_of(1 - of_hr))
        of_hr, of_lr = net.judge_image(image_hr), net.judge_image(image_lr)
        networks["image_adversarial"] = case["image_adversarial_weight"] * (log_of(1 - of_hr) + log_of(1 - of_lr))
    phases = [("discriminators", discriminators)] if discriminators else []
    phases.append(("networks", networks))
    result = {"phases": [net.phase(name, terms, lambda k, judges=name == "discriminators": k.startswith("discriminator_") == judges)
                         for name, terms in phases], "buffers": net.buffers()}
    net.training = False
    maps = net.trunk(lr)
    v = maps[4].mean((2, 3))
    if net.recovers:
        image = net.decode(maps, h, w)
        result["recovered"] = [{"scale": 1, "images": probe("recovered/1", image)}]
        if net.encodes:
            v = net.v(v, net.encode_again(image).mean((2, 3)))
    result["embedding"] = probe("embedding", v)
    return result


def case(**changes):
    values = dict(method="cadnet", backbone="resnet-small", last_stride=1, neck=False, bn_streams="joint", classes=5,
                  size=[18, 10], labels=[0, 0, 0, 2, 2, 2, 3, 3, 3, 4, 4, 4], has_hr=[True] * 12, has_label=None,
                  features="both", classification=True, triplet=True, reconstruction=True, feature_adversary=True,
                  image_adversary=True, margin=0.3, mining="random", feature_adversarial_weight=1.0,
                  image_adversarial_weight=1.0, reconstruction_weight=1.0, pairing="aligned", in_float=True)
    assert set(changes) <= set(values)
    values.update(changes)
    if values["in_float"]:
        del values["in_float"]
    return values


MIXED = [True, True, False, True, False, True, True, True, True, False, False, True]
# Two rows of identity 0 of which one has no HR image, two of 2, two of 3, one of 4 (a negative alone).
PARTLY = [True, False, True, True, False, True, False, True, True, False, False, True]
# Each identity has two HR and two LR images.
HALVES = dict(labels=[0, 0, 0, 0, 2, 2, 2, 2, 3, 3, 3, 3], has_hr=[True, True, False, False] * 3, pairing="shuffled")
CASES = {
    "full": case(),
    "weights": case(feature_adversarial_weight=0.3, image_adversarial_weight=0.2, reconstruction_weight=0.7, neck=True),
    "separate_odd": case(bn_streams="separate", last_stride=2, mining="batch-hard", margin=1.0, size=[19, 11], has_hr=MIXED),
    "shuffled": case(**HALVES, margin=1.0, neck=True),
    "f_alone": case(features="f", margin=1.0),
    "g_alone": case(features="g", has_hr=MIXED, neck=True),
    "f_without_a_decoder": case(features="f", reconstruction=False, image_adversary=False),
    "without_image_adversary": case(image_adversary=False, has_hr=MIXED),
    "without_feature_adversary": case(feature_adversary=False, bn_streams="separate"),
    "without_adversaries": case(feature_adversary=False, image_adversary=False, mining="all", has_hr=MIXED),
    "without_reconstruction": case(reconstruction=False),
    "without_identities": case(classification=False, triplet=False),
    "without_triplet": case(triplet=False, features="g"),
    "without_classification": case(classification=False, mining="batch-hard"),
    "partly_labelled": case(has_hr=MIXED, has_label=PARTLY, neck=True, margin=1.0),
    "without_a_label": case(has_hr=MIXED, has_label=[False] * 12, neck=True, bn_streams="separate"),
    "efficientnet_lite0": case(backbone="efficientnet-lite0", size=[34, 18], labels=[0, 0, 2, 2],
                               has_hr=[True] * 3 + [False], margin=1.0, in_float=False),
}

if __name__ == "__main__":
    twin.write_or_check(__file__, lambda: {
        "methods.json": {name: {"case": c, "expected": run_case(c)} for name, c in CASES.items()}})
