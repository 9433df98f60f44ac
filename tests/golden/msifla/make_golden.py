#!/usr/bin/env python3
"""Makes methods.json beside itself: MSIFLA (Zhang et al., "Multi-Scale Image- and Feature-Level Alignment for
Cross-Resolution Person Re-Identification", Remote Sensing 16(2), 2024) with the rows of its tables 2 and 3, written a second
time in PyTorch's Python from the paper's equations and docs/inside/methods/msifla.md; ../twin.py has what all such twins share.

    python3 make_golden.py            (rewrites the file)
    python3 make_golden.py --check    (exit code 1 if a stored number differs by more than 1e-9)
"""
import pathlib
import sys

import torch
import torch.nn.functional as F

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import twin  # noqa: E402
from twin import cross_entropies, numbers, probe, triplet_term  # noqa: E402

PARTS = (1, 2, 3, 4)
LARGEST_RATE = 16


# ---------------------------------------------------------------- figures 3 and 4: IR networks, re-ID networks
class Network(twin.Network):
    def __init__(self, case):
        super().__init__(case["backbone"], case["last_stride"])
        own_trunk, self.tensors, self.case = self.tensors, {}, case
        w, c = case["ir_width"], self.channels[4]
        for s in case["scales"]:
            self.add_recovery(f"ir_{s}", w)
        for name in dict.fromkeys(name for name, _, _ in self.reid_streams()):
            for tensor in own_trunk:  # shapes as the shared file lays a trunk out, numbers of its own
                like = own_trunk[tensor]
                scale, offset = 0.1, 0.0
                if like.dim() == 4:
                    scale = (6.0 / (like.shape[1] * like.shape[2] * like.shape[3])) ** 0.5
                elif tensor.endswith("weight"):
                    offset = 1.0
                elif tensor.endswith("running_var"):
                    scale, offset = 0.5, 1.0
                self.make(f"{name}.{tensor}", tuple(like.shape), scale, offset, grad=like.requires_grad)
            if case["classification"]:
                for part in PARTS:
                    self.add_classifier(f"{name}.classifier_{part}", case["classes"], case["neck"])

    def add_recovery(self, name, w):
        for k, (i, o) in enumerate([(3, w), (w, w), (w, w), (w, w)], 1):
            self.conv(f"{name}.part_a_{k}", i, o, 3, bias=True)
        for k, (i, o) in enumerate([(w, 2 * w), (2 * w, 2 * w), (2 * w, 2 * w), (2 * w, 2 * w)], 1):
            self.conv(f"{name}.part_b_{k}", i, o, 3, bias=True)
        self.conv(f"{name}.projection", w, 2 * w, 1, bias=True)
        for k, (i, o) in enumerate([(2 * w, w), (w, w // 2)], 1):
            self.make(f"{name}.deconvolution_{k}.weight", (i, o, 4, 4), (6.0 / (o * 16)) ** 0.5)
            self.make(f"{name}.deconvolution_{k}.bias", (o,), 0.1)
        self.conv(f"{name}.output", w // 2, 3, 3, bias=True)

    def run_double(self, name, x):
        return self.double(x, self.tensors[name + ".weight"]) + self.tensors[name + ".bias"][:, None, None]

    def recover(self, s, image):  # IR-Network of one scale
        name, x = f"ir_{s}", image
        for k, stride in ((1, 1), (2, 2), (3, 1), (4, 1)):
            x = F.relu(self.run_conv(f"{name}.part_a_{k}", x, stride))
        a = x
        for k, stride in ((1, 2), (2, 1), (3, 1)):
            x = F.relu(self.run_conv(f"{name}.part_b_{k}", x, stride))
        x = F.relu(self.run_conv(f"{name}.part_b_4", x) + self.run_conv(f"{name}.projection", a, 2))
        x = F.relu(self.run_double(f"{name}.deconvolution_1", x) + a)
        x = F.relu(self.run_double(f"{name}.deconvolution_2", x))
        x = self.run_conv(f"{name}.output", x)
        return x + image if self.case["ir_residual"] else x

    def cascade(self, image):
        """x^1, x^2, … by scale."""
        outputs = {}
        for s in self.case["scales"]:
            image = outputs[s] = self.recover(s, image)
        return outputs

    def nothing(self):
        return sum(t.sum() for t in self.tensors.values() if t.requires_grad) * 0

    def reid_streams(self):
        """Of each vector of the descriptor the re-ID network's name, its scale and what its terms' names end in."""
        if self.case["reid_networks"] == "shared":
            return [("reid_1", s, f"scale_{s}") for s in self.case["scales"]]
        first = [(f"reid_{s}", s, f"scale_{s}") for s in self.case["scales"]]
        more = range(2, self.case.get("reid_ensemble", 1) + 1)
        return first + [(f"reid_1_{k}", 1, f"scale_1_network_{k}") for k in more]

    def parts(self, name, images):
        """f^1..f^4 of eq. 6, each images × C."""
        whole, self.tensors = self.tensors, {k[len(name) + 1:]: t for k, t in self.tensors.items()
                                             if k.startswith(name + ".trunk.")}
        f5 = self.trunk(images)[4]
        self.tensors = whole
        return list(F.adaptive_avg_pool2d(f5, (4, 1)).squeeze(3).unbind(2))


# ---------------------------------------------------------------- a step
def recovery_terms(net, case, hr, copies):
    """Eqs. 1 to 4: every image of the four goes through the cascade, and each stage aims at its own scale's copy."""
    there = [i for i, has in enumerate(case["has_hr"]) if has]
    targets = {1: hr[there], **{rate: copy[there] for rate, copy in copies.items()}}
    terms = {f"recovery_scale_{s}": net.nothing() for s in case["scales"]}
    if there:
        for x in targets.values():
            for s, output in net.cascade(x).items():
                terms[f"recovery_scale_{s}"] = terms[f"recovery_scale_{s}"] + (output - targets[s]).square().mean()
    return terms


def reid_terms(net, case, hr, lr):
    """Eqs. 8 to 14."""
    has_label = case["has_label"] or [True] * len(case["labels"])
    taught = [i for i, has in enumerate(has_label) if has]
    rows = [i for i in taught if case["has_hr"][i]] + [i for i in taught if not case["has_hr"][i]]
    labels = [case["labels"][i] for i in rows]
    kinds = [kind for kind in ("classification", "triplet") if case[kind]]
    terms = {f"{kind}_{end}": net.nothing() for _, _, end in net.reid_streams() for kind in kinds}
    if not rows:
        return terms
    outputs = net.cascade(torch.stack([hr[i] if case["has_hr"][i] else lr[i] for i in rows]))
    if not case["reid_into_ir"]:
        outputs = {s: y.detach() for s, y in outputs.items()}
    if case["reid_networks"] == "shared":  # one batch of all scales' images: batch norms see them together
        per_part = [f.split(len(rows)) for f in net.parts("reid_1", torch.cat(list(outputs.values())))]
        features = {f"scale_{s}": [part[k] for part in per_part] for k, s in enumerate(outputs)}
        names = [("reid_1", net.reid_streams())]
    else:
        features = {end: net.parts(name, outputs[s]) for name, s, end in net.reid_streams()}
        names = [(stream[0], [stream]) for stream in net.reid_streams()]
    for name, streams in names:
        for h in PARTS:
            f = [features[end][h - 1] for _, _, end in streams]
            if case["classification"]:
                logits = net.classify(f"{name}.classifier_{h}", torch.cat(f)).split(len(rows))
                for (_, _, end), own in zip(streams, logits):
                    loss = cross_entropies(own, labels, case["label_smoothing"]).mean()
                    terms[f"classification_{end}"] = terms[f"classification_{end}"] + loss
            if case["triplet"]:
                for (_, s, end), own in zip(streams, f):
                    beside = int(end.rpartition("_")[2]) - 1 if "network" in end else 0  # in an ensemble
                    loss = triplet_term(own, labels, case, site=4 * (s + (LARGEST_RATE + 1) * beside) + h - 1)
                    terms[f"triplet_{end}"] = terms[f"triplet_{end}"] + loss
    return terms


def descriptor(net, case, images):
    """Eq. 7."""
    vectors, outputs = [], net.cascade(images)
    for name, s, _ in net.reid_streams():
        vectors += net.parts(name, outputs[s])
    if case["unit_parts"]:
        vectors = [v / v.square().sum(1, keepdim=True).sqrt() for v in vectors]
    return torch.cat(vectors, 1)


def run_case(case):
    net = Network(case)
    shape = (len(case["labels"]), 3, *case["size"])
    hr, lr = numbers("images/hr", shape, 1.5), numbers("images/lr", shape, 1.5)
    copies = {rate: numbers(f"images/copy_{rate}", shape, 1.5) for rate in case["train_rates"]}
    phases = [net.phase("recovery", recovery_terms(net, case, hr, copies), lambda name: name.startswith("ir_"), True)]
    if case["ir_warmup_steps"] > twin.STEP:
        phases.append({"name": "reid", "steps_with_next": False, "first_step": case["ir_warmup_steps"]})
    else:
        phases.append(net.phase("reid", reid_terms(net, case, hr, lr),
                                lambda name: case["reid_into_ir"] or not name.startswith("ir_")))
        phases[1]["first_step"] = case["ir_warmup_steps"]
    result = {"phases": phases, "buffers": net.buffers()}
    net.training = False
    result["embedding"] = probe("embedding", descriptor(net, case, lr))
    result["recovered"] = [{"scale": s, "images": probe(f"recovered/{s}", y)} for s, y in net.cascade(lr).items()]
    return result


def case(**changes):
    values = dict(method="msifla", backbone="resnet-small", last_stride=1, neck=False, bn_streams="joint", classes=5,
                  size=[36, 20], labels=[0, 0, 0, 0, 2, 2, 2, 2, 3, 3, 3, 3], has_hr=[True, True, False, False] * 3,
                  has_label=None, label_smoothing=0.0, train_rates=[2, 3, 4], scales=[2, 1], reid_networks="per-scale",
                  classification=True, triplet=True, margin=0.5, mining="batch-hard", reid_into_ir=True, ir_width=8,
                  ir_residual=False, ir_warmup_steps=0, unit_parts=False, in_float=True)
    assert set(changes) <= {*values, "reid_ensemble"}
    values.update(changes)
    return values


# Of identity 0 three HR rows and one LR row, of 2 one and three, of 3 two and two.
UNEVEN = [True, True, True, False, False, True, False, False, True, False, True, False]
# Of 0 two HR rows and the LR row, of 2 the HR row and two LR rows, of 3 one LR row (a negative alone).
PARTLY = [True, False, True, True, True, True, False, True, False, False, False, True]
NOWHERE = [False] * 12
CASES = {
    "full": case(scales=[3, 2, 1]),
    "shared": case(scales=[3, 2, 1], reid_networks="shared"),
    "one_scale": case(scales=[1]),
    "one_scale_shared": case(scales=[1], reid_networks="shared", neck=True, label_smoothing=0.1),
    "ensemble": case(scales=[1], reid_ensemble=3, mining="random", margin=1.0),
    "ensemble_partly_labelled": case(scales=[1], reid_ensemble=2, has_hr=UNEVEN, has_label=PARTLY, neck=True, reid_into_ir=False),
    "two_scales": case(),
    "two_scales_shared_neck": case(reid_networks="shared", neck=True, label_smoothing=0.1, has_hr=UNEVEN, margin=1.0),
    "four_scales": case(scales=[4, 3, 2, 1], ir_width=4),
    "other_rates": case(scales=[3, 1], train_rates=[3], ir_width=6),
    "neck_smoothing": case(neck=True, label_smoothing=0.2),
    "reid_kept_out_of_ir": case(reid_into_ir=False),
    "reid_kept_out_of_ir_shared": case(reid_into_ir=False, reid_networks="shared"),
    "residual": case(ir_residual=True),
    "residual_kept_out": case(ir_residual=True, reid_into_ir=False, scales=[1]),
    "unit_parts": case(unit_parts=True, size=[32, 16]),
    "within_the_warm_up": case(ir_warmup_steps=12),
    "at_the_end_of_the_warm_up": case(ir_warmup_steps=11, scales=[1]),
    "mining_all": case(mining="all", scales=[1], has_hr=UNEVEN),
    "mining_random": case(mining="random", margin=1.0),
    "mining_random_shared": case(mining="random", margin=1.0, reid_networks="shared", has_label=PARTLY),
    "without_classification": case(classification=False, scales=[1]),
    "without_triplet": case(triplet=False, scales=[1]),
    "partly_labelled": case(has_hr=UNEVEN, has_label=PARTLY, neck=True, margin=1.0),
    "without_a_label": case(has_label=NOWHERE, neck=True),
    "without_lr_rows": case(has_hr=[True] * 12),
    "without_hr_rows": case(has_hr=[False] * 12),
    "stride_2": case(last_stride=2, size=[64, 16], scales=[1]),
    # Bottlenecks and the pooling. In float32 its 50 layers over so few values round by more than 1e-5.
    "resnet50": case(backbone="resnet50", size=[64, 16], labels=[0, 0, 1, 1], has_hr=[True, False] * 2, scales=[1],
                     in_float=False),
    "efficientnet_lite0": case(backbone="efficientnet-lite0", size=[60, 20], labels=[0, 0, 1, 1], has_hr=[True, False] * 2,
                               scales=[1], in_float=False),
}

if __name__ == "__main__":
    twin.write_or_check(__file__, lambda: {
        "methods.json": {name: {"case": c, "expected": run_case(c)} for name, c in CASES.items()}})
