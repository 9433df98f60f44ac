#!/usr/bin/env python3
"""Makes losses.json, methods.json and resnet50.json beside itself: RAIN (Chen et al., AAAI 2019) and its baseline written a
second time, in PyTorch's Python, from the paper's equations and docs/inside/methods/rain.md; ../twin.py has what all such twins
share.

    python3 make_golden.py            (rewrites the files)
    python3 make_golden.py --check    (exit code 1 if a stored number differs by more than 1e-9)
"""
import pathlib
import sys

import torch
import torch.nn.functional as F

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import twin  # noqa: E402
from twin import RandomStream, classification_loss, hard_triplets, numbers, probe, random_triplets  # noqa: E402
from twin import triplet_loss, triplet_term  # noqa: E402


def adversarial(d_hr, d_lr):  # eq. 1 on probabilities
    return torch.log(d_hr).mean() + torch.log(1 - d_lr).mean()


class Network(twin.Network):
    def __init__(self, backbone, last_stride, classes, neck, levels, reconstruction, classification, decoder="nearest",
                 discriminator="convolutional"):
        super().__init__(backbone, last_stride)
        self.transposed, self.pixelwise = decoder == "transposed", discriminator == "pixelwise"
        if self.lite:
            widths, width, doublings = [128, 64, 32, 16, 16], 128, 4 if last_stride == 1 else 5
        elif self.big:
            widths, width, doublings = [512, 256, 128, 64, 32], 256, 4 if last_stride == 1 else 5
        else:
            widths, width, doublings = [16, 16, 8, 8], 64, 3 if last_stride == 1 else 4
        if classification:
            self.add_classifier("classifier", classes, neck)
        self.doublings = doublings
        if reconstruction:
            i = self.channels[4]
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

    def decode(self, f5, h, w):
        x = f5
        for k in range(1, self.doublings + 1):
            if self.transposed:
                x = self.double(x, self.tensors[f"decoder.conv{k}.weight"])
            else:
                x = self.run_conv(f"decoder.conv{k}", F.interpolate(x, scale_factor=2, mode="nearest"))
            x = F.relu(self.run_norm(f"decoder.bn{k}", x))
        return self.run_conv("decoder.image", x)[:, :, :h, :w]

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
                (logits_hr, logits_lr), = through(lambda x: [net.classify("classifier", x)], v_hr, v_lr)
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
        phases.append(("networks", {"classification": classification_loss(net.classify("classifier", v), hr_labels),
                                    "triplet": triplet_term(v, hr_labels, case, 0)}))
    else:
        nothing = net.tensors["trunk.conv1.weight"].sum() * 0
        phases.append(("networks", {"classification": nothing, "triplet": nothing}))

    result = {"phases": []}
    for name, terms in phases:
        judges = name == "discriminators"
        # D steps after the phase "networks" has seen it, or before.
        result["phases"].append(net.phase(name, terms, lambda k: k.startswith("discriminator_") == judges,
                                          judges and case["updates"] == "simultaneous"))
    result["buffers"] = net.buffers()
    net.training = False
    result["embedding"] = probe("embedding", net.trunk(lr)[4].mean((2, 3)))
    return result


def case(**changes):
    values = dict(method="rain", backbone="resnet-small", last_stride=1, neck=False, bn_streams="joint", classes=5,
                  size=[18, 10], labels=[0, 0, 0, 2, 2, 2, 3, 3, 3, 4, 4, 4], has_hr=[True] * 12, levels=[4, 5],
                  classification=True, triplet=True, reconstruction=True, margin=0.3, mining="random",
                  has_label=None, adversary="minimax", updates="alternating", discriminator="convolutional",
                  decoder="nearest", adversarial_weight=1.0, reconstruction_weight=1.0, supervision="all", in_float=True)
    assert set(changes) <= set(values)
    values.update(changes)
    if values["in_float"]:
        del values["in_float"]
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
    "mining_all": case(levels=[], adversary="off", mining="all", has_hr=MIXED),
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
    # In float32 its 50 layers over so few values round by more than 1e-5.
    "efficientnet_lite0": case(backbone="efficientnet-lite0", size=[34, 18], labels=[0, 0, 2, 2], has_hr=[True] * 3 + [False],
                               levels=[1, 2, 3, 4, 5], in_float=False),
    "efficientnet_lite0_separate": case(backbone="efficientnet-lite0", size=[36, 36], labels=[0, 0, 2, 2], levels=[5],
                                        has_hr=[True] * 4, last_stride=2, bn_streams="separate", in_float=False),
    "baseline_efficientnet_lite0": case(method="baseline", backbone="efficientnet-lite0", size=[32, 16],
                                        labels=[0, 0, 2, 2], has_hr=[True] * 4, levels=[], adversary="off",
                                        reconstruction=False, margin=1.0, in_float=False),
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


if __name__ == "__main__":
    twin.write_or_check(__file__, lambda: {
        "losses.json": losses_file(), "resnet50.json": resnet50_file(),
        "methods.json": {name: {"case": c, "expected": run_case(c)} for name, c in CASES.items()}})
