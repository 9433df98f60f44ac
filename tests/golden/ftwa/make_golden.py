#!/usr/bin/env python3
"""Makes methods.json beside itself: FTWA (Zhang et al., "Resolution-Invariant Person ReID Based on Feature Transformation and
Self-Weighted Attention") with the rows of its table 2, and the table's baseline, written a second time in PyTorch's Python
from the paper's equations and docs/inside/methods/ftwa.md; ../twin.py has what all such twins share.

    python3 make_golden.py            (rewrites the file)
    python3 make_golden.py --check    (exit code 1 if a stored number differs by more than 1e-9)
"""
import pathlib
import sys

import torch
import torch.nn.functional as F

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import twin  # noqa: E402
from twin import classification_loss, cross_entropies, hinges, mined, numbers, probe, triplet_term  # noqa: E402

LEAK, FLOOR = 0.05, 1e-3
KINDS = {"hr": "hr", "lr'": "copy", "lr": "lr", "hr'": "transformed"}


def leaky(x):
    return torch.where(x > 0, x, LEAK * x)


# ---------------------------------------------------------------- figure 1: two encoders, E_ID, RAFT, W and C twice
class Network(twin.Network):
    def __init__(self, case):
        super().__init__(case["backbone"], case["last_stride"])
        c, self.blocks = self.channels[4], case["transformation_blocks"]
        if case["method"] == "baseline":
            self.add_classifier("classifier", case["classes"], case["neck"])
            return
        self.add_shallow("lr_encoder")
        if case["transformation"]:
            w = max(c // 8, 32)
            self.conv("transformation.head", c, w, 1, bias=True)
            for b in range(1, self.blocks + 1):
                self.add_block(f"transformation.block{b}", w)
            self.conv("transformation.merge", self.blocks * w, w, 1, bias=True)
            self.conv("transformation.smooth", w, w, 3, bias=True)
            self.conv("transformation.tail", w, c, 1, bias=True)
        for stream in ("hr", "lr"):
            if case["classification"]:
                self.add_classifier(f"classifier_{stream}", case["classes"], case["neck"], bias=not case["neck"])
            if case["weighting"]:
                self.linear(f"weight_{stream}.hidden", c, c // 4)
                self.linear(f"weight_{stream}.output", c // 4, 1)
        if case["weighting"] and case.get("weight_normalisation") == "running-mean":
            for kind in KINDS.values():
                self.make(f"weight_scale_{kind}.running_mean", (1,), 0.5, 1.0, grad=False)

    def add_block(self, name, w):
        for k, (i, o) in enumerate([(w, w), (w // 2, w), (w // 2, w), (w // 2, w // 2)]):
            self.conv(f"{name}.conv{k + 1}", i, o, 3, bias=True)
        self.conv(f"{name}.squeeze", 2 * w, w // 8, 1, bias=True)
        self.conv(f"{name}.excite", w // 8, 2 * w, 1, bias=True)
        self.conv(f"{name}.fuse", 2 * w, w, 1, bias=True)

    def encode(self, prefix, x):  # E_H or E_L: first convolution and first block
        return self.shallow(prefix, x)[1]

    def identify(self, x):  # E_ID: the last three blocks
        return self.deep(x)[-1]

    def block(self, name, x):  # RAFTB; CP: equal halves, of which the first is kept and the second goes on, as in IMDN
        kept, rest = [], x
        for k in (1, 2, 3):
            first, rest = leaky(self.run_conv(f"{name}.conv{k}", rest)).chunk(2, 1)
            kept.append(first)
        all_four = torch.cat(kept + [leaky(self.run_conv(f"{name}.conv4", rest))], 1)
        attention = leaky(self.run_conv(f"{name}.squeeze", all_four.mean((2, 3), keepdim=True)))
        attention = torch.sigmoid(self.run_conv(f"{name}.excite", attention))
        return x + self.run_conv(f"{name}.fuse", all_four * attention)

    def transform(self, f):  # RAFT, T
        head = self.run_conv("transformation.head", f)
        outputs = [head]
        for b in range(1, self.blocks + 1):
            outputs.append(self.block(f"transformation.block{b}", outputs[-1]))
        x = leaky(self.run_conv("transformation.merge", torch.cat(outputs[1:], 1)))
        x = self.run_conv("transformation.smooth", x) + head
        return f + self.run_conv("transformation.tail", x)

    def weigh(self, stream, v):  # W_HR or W_LR
        hidden = F.relu(self.run_linear(f"weight_{stream}.hidden", v))
        return torch.sigmoid(self.run_linear(f"weight_{stream}.output", hidden))[:, 0] + FLOOR

    def scale(self, member, w):
        """The weights of one kind by their mean: the batch's in training, a running one in a test."""
        running = self.tensors.get(f"weight_scale_{KINDS[member]}.running_mean")
        if running is None or not len(w):
            return w
        if not self.training:
            return w / running
        running.copy_(0.9 * running + 0.1 * w.mean().detach())
        return w / w.mean()


# ---------------------------------------------------------------- eqs. 5 and 7
def first_share(w, members, form):
    """alpha of eq. 5, the share of a pair's first member, in each of its rows."""
    w_a, w_b = (w[m] for m in members)
    if form == "batch-mean":
        w_a, w_b = (x.mean().expand(len(x)) for x in (w_a, w_b))
    return w_a / (w_a + w_b)


PAIRS = (("hr", "lr'"), ("lr", "hr'"))  # each image with what is made from it; a stroke as in the paper


def mean_or_zero(x):
    return x.mean() if len(x) else x.sum()


def mean_or_one(w):
    return w.mean() if len(w) else torch.ones(())


def anchor_losses(v, labels, case, site):
    """Loss of each row as an anchor: its one triplet's, or with mining "all" the sum over its triplets."""
    triplets = mined(v, labels, case["mining"], site)
    losses = [torch.zeros(()) for _ in labels]
    for (a, _, _), value in zip(triplets, hinges(v, triplets, case["margin"])):
        losses[a] = losses[a] + value
    return losses


def weighted_triplets(v, labels, w, case):
    """Eq. 7. v, labels and w by "hr", "hr'", "lr", "lr'"."""
    streams = [(("hr", "hr'"), 0), (("lr", "lr'"), 1)]
    unions = [(torch.cat([v[m] for m in members if m in v]), sum((labels[m] for m in members if m in v), []), site)
              for members, site in streams]
    if w is None or case["triplet_weighting"] == "batch-mean":
        losses = [triplet_term(*union[:2], case, union[2]) for union in unions]
        if w is None:
            return sum(losses) / 2
        omega = [mean_or_one(w[a]) * mean_or_one(w[b]) for (a, b), _ in streams]
        return (omega[0] * losses[0] + omega[1] * losses[1]) / (omega[0] + omega[1])
    # The i-th HR row of an identity with its i-th LR row.
    pairs = []
    for label in sorted(set(labels["hr"])):
        rows = [[i for i, other in enumerate(labels[m]) if other == label] for m in ("hr", "lr")]
        pairs += list(zip(*rows))
    (t_hr, t_lr), total = (anchor_losses(*union[:2], case, union[2]) for union in unions), v["hr"].sum() * 0
    for i, j in pairs:  # row i has v_HR and v'_LR, row j has v_LR and v'_HR
        omega_h, omega_l = w["hr"][i] * w["hr'"][j], w["lr"][j] * w["lr'"][i]
        at_h = t_hr[i] + t_hr[len(labels["hr"]) + j]
        at_l = t_lr[j] + t_lr[len(labels["lr"]) + i]
        total = total + (omega_h * at_h + omega_l * at_l) / (omega_h + omega_l)
    # The mean over anchors, two a pair; eq. 6's sum stays one. So equal weights give what there is without them.
    return total if case["mining"] == "all" else total / max(1, 2 * len(pairs))


# ---------------------------------------------------------------- whole steps
def streams(net, case, hr, lr):
    """Eqs. 1 and 3. F by "hr", "lr'", "lr" and "hr'", of each the labelled rows, and their labels."""
    n = len(case["labels"])
    with_hr, without = ([i for i in range(n) if case["has_hr"][i] == there] for there in (True, False))
    has_label, h = case["has_label"] or [True] * n, len(with_hr)

    parts = []
    if h:
        parts.append(net.encode("trunk", hr[with_hr]))
    parts.append(net.encode("lr_encoder", lr[with_hr + without]))
    if case["bn_streams"] == "joint":
        f = net.identify(torch.cat(parts))
    else:
        f = torch.cat([net.identify(part) for part in parts])
    f = dict(zip(("hr", "lr'", "lr"), f.split([h, h, len(without)])))
    taught, labels = {}, {}
    for members, rows in ((("hr", "lr'"), with_hr), (("lr", "hr'"), without)):
        for m in members:
            taught[m] = [k for k, i in enumerate(rows) if has_label[i]]
            labels[m] = [case["labels"][i] for i in rows if has_label[i]]
    if case["transformation"] and case["transformed_losses"]:
        f["hr'"] = net.transform(f["lr"])  # eq. 3
    return f, taught, labels


def ftwa_terms(net, case, hr, lr):
    f, taught, labels = streams(net, case, hr, lr)
    terms = {}
    v = {m: x.mean((2, 3))[taught[m]] for m, x in f.items()}

    w, nothing = None, sum(x.sum() for x in v.values()) * 0
    if case["weighting"]:
        w = {m: net.scale(m, net.weigh(m[:2], x)) for m, x in v.items()}
        alphas = [first_share(w, members, case["classification_weighting"]) for members in PAIRS]
    if case["classification"]:
        ce = {}
        for stream in ("hr", "lr"):
            members = [m for m in (stream, stream + "'") if m in v]
            together = torch.cat([v[m] for m in members])
            if len(together):
                logits = net.classify(f"classifier_{stream}", together).split([len(v[m]) for m in members])
                ce.update((m, cross_entropies(x, labels[m], case["label_smoothing"])) for m, x in zip(members, logits))
            else:
                ce.update((m, x.sum(1)) for m, x in v.items() if m in members)
        loss = 0
        for k, (a, b) in enumerate(PAIRS):
            if b not in ce:  # nothing was made from these images: their own loss counts whole
                loss = loss + mean_or_zero(ce[a])
            else:
                alpha = alphas[k] if w else 0.5
                loss = loss + mean_or_zero(alpha * ce[a] + (1 - alpha) * ce[b])
        terms["classification"] = case["classification_weight"] * loss + nothing
    if case["triplet"]:
        terms["triplet"] = case["triplet_weight"] * weighted_triplets(v, labels, w, case) + nothing
    if case["transformation"]:  # eq. 2
        target, source = f["hr"], f["lr'"]
        if case["transformation_detach"] == "hr":
            target = target.detach()
        if case["transformation_detach"] == "lr":
            source = source.detach()
        loss = (target - net.transform(source)).abs().mean() if len(target) else nothing
        terms["transformation"] = case["transformation_weight"] * loss
    if case["weight_balance"] > 0:
        alpha = torch.cat(alphas)
        terms["weight_balance"] = case["weight_balance"] * mean_or_zero(-torch.log(4 * alpha * (1 - alpha)) / 2)
    return terms


def baseline_terms(net, case, hr, lr):
    has_label = case["has_label"] or [True] * len(case["labels"])
    stored = case["images"] == "stored"
    rows = [i for i in range(len(case["labels"])) if has_label[i] and (stored or case["has_hr"][i])]
    if not rows:
        nothing = net.tensors["trunk.conv1.weight"].sum() * 0
        return {"classification": nothing, "triplet": nothing}
    v = net.trunk(torch.stack([hr[i] if case["has_hr"][i] else lr[i] for i in rows]))[4].mean((2, 3))
    labels = [case["labels"][i] for i in rows]
    cls = classification_loss(net.classify("classifier", v), labels, case["label_smoothing"])
    return {"classification": case["classification_weight"] * cls, "triplet": triplet_term(v, labels, case, 0)}


def run_case(case):
    net, ftwa = Network(case), case["method"] == "ftwa"
    shape = (len(case["labels"]), 3, *case["size"])
    hr, lr = numbers("images/hr", shape, 1.5), numbers("images/lr", shape, 1.5)
    terms = (ftwa_terms if ftwa else baseline_terms)(net, case, hr, lr)
    result = {"phases": [net.phase("networks", terms, lambda name: True)], "buffers": net.buffers()}
    net.training = False
    v_hr = net.trunk(lr)[4].mean((2, 3))
    result["embedding"] = probe("embedding", v_hr)
    if ftwa:  # test distance: a row is each branch's vector and weight
        f = net.identify(net.encode("lr_encoder", lr))
        v_lr = f.mean((2, 3))
        transformed = net.transform(f).mean((2, 3)) if case["transformation"] else v_lr
        ones = torch.ones(len(lr), 1)

        def weight(member, v):
            return net.scale(member, net.weigh(member[:2], v))[:, None] if case["weighting"] else ones

        # A copy's w'_LR is divided by the mean of w_LR; the gallery's w_HR makes up for it.
        of_lr, of_copy = (net.scale(m, torch.ones(1)) for m in ("lr", "lr'"))
        low = torch.cat([transformed, weight("hr'", transformed), v_lr, weight("lr", v_lr)], 1)
        high = torch.cat([v_hr, weight("hr", v_hr) * of_lr / of_copy, 0 * v_lr, 0 * ones], 1)
        result.update(embedding_low=probe("embedding", transformed), branches_low=probe("branches", low),
                      branches_high=probe("branches", high))
    return result


def case(**changes):
    values = dict(method="ftwa", backbone="resnet-small", last_stride=1, neck=False, bn_streams="joint", classes=5,
                  size=[18, 10], labels=[0, 0, 0, 0, 2, 2, 2, 2, 3, 3, 3, 3], has_hr=[True, True, False, False] * 3, has_label=None,
                  label_smoothing=0.0, images="stored", classification=True, triplet=True, margin=0.3, mining="batch-hard",
                  classification_weight=3.0, triplet_weight=1.0, transformation=True, transformation_weight=0.1,
                  transformation_detach="hr", transformed_losses=True, transformation_blocks=4, weighting=True,
                  classification_weighting="per-sample", triplet_weighting="batch-mean", weight_balance=0.0, in_float=True)
    assert set(changes) <= {*values, "weight_normalisation"}
    values.update(changes)
    return values


def ftwa_r(**changes):
    return case(weighting=False, **changes)


def ftwa_b(**changes):
    return ftwa_r(transformation=False, **changes)


def baseline(**changes):
    return case(method="baseline", **changes)


# Of identity 0 three HR rows and one LR row, of 2 one and three, of 3 two and two.
UNEVEN = [True, True, True, False, False, True, False, False, True, False, True, False]
# Of 0 two HR rows and the LR row, of 2 the HR row and two LR rows, of 3 one LR row (a negative alone).
PARTLY = [True, False, True, True, True, True, False, True, False, False, False, True]
NOWHERE = [False] * 12
ALL_HR, NO_HR = [True] * 12, [False] * 12
CASES = {
    "full": case(),
    "full_separate": case(bn_streams="separate"),
    "full_neck_smoothing": case(neck=True, label_smoothing=0.1),
    "full_uneven_neck_separate": case(neck=True, bn_streams="separate", has_hr=UNEVEN, margin=1.0),
    "ftwa_r": ftwa_r(),
    "ftwa_r_neck_separate": ftwa_r(neck=True, bn_streams="separate", label_smoothing=0.2, has_hr=UNEVEN),
    "ftwa_b": ftwa_b(),
    "ftwa_b_neck_separate": ftwa_b(neck=True, bn_streams="separate", mining="random", has_hr=UNEVEN),
    "triplet_per_sample": case(triplet_weighting="per-sample", margin=1.0),
    "triplet_per_sample_random": case(triplet_weighting="per-sample", mining="random", margin=1.0, bn_streams="separate"),
    "triplet_per_sample_all": case(triplet_weighting="per-sample", mining="all", margin=1.0),
    "triplet_per_sample_uneven": case(triplet_weighting="per-sample", margin=1.0, has_hr=UNEVEN),
    "classification_batch_mean": case(classification_weighting="batch-mean", has_hr=UNEVEN),
    "both_forms_turned": case(classification_weighting="batch-mean", triplet_weighting="per-sample", neck=True),
    "mining_all": case(mining="all"),
    "mining_random": case(mining="random", margin=1.0, has_hr=UNEVEN),
    "detach_lr": case(transformation_detach="lr", transformation_weight=2.0),
    "detach_none_separate": case(transformation_detach="none", transformation_weight=2.0, bn_streams="separate"),
    "raft_alone": ftwa_r(classification=False, triplet=False, transformation_weight=1.0),
    "raft_alone_detach_lr": ftwa_r(classification=False, triplet=False, transformation_weight=1.0,
                                   transformation_detach="lr", bn_streams="separate"),
    "without_transformed_losses": ftwa_r(transformed_losses=False, transformation_weight=1.0),
    "raft_weight_zero": ftwa_r(transformed_losses=False, transformation_weight=0.0),
    "weight_balance": case(weight_balance=0.5, has_hr=UNEVEN),
    "weight_balance_batch_mean": case(weight_balance=0.5, classification_weighting="batch-mean", has_hr=UNEVEN),
    "weight_normalisation": case(weight_normalisation="running-mean", has_hr=UNEVEN, triplet_weighting="per-sample", margin=1.0),
    "weight_normalisation_partly_labelled": case(weight_normalisation="running-mean", has_hr=UNEVEN, has_label=PARTLY,
                                                 bn_streams="separate", neck=True, weight_balance=0.3),
    "weight_normalisation_without_hr_rows": case(weight_normalisation="running-mean", has_hr=NO_HR),
    "without_classification": case(classification=False, triplet_weighting="per-sample"),
    "without_triplet": case(triplet=False),
    "without_classification_balanced": case(classification=False, weight_balance=0.5, neck=True),
    "other_weights": case(classification_weight=1.5, triplet_weight=0.4, transformation_weight=0.7, transformation_blocks=1,
                          last_stride=2),
    "partly_labelled": case(has_hr=UNEVEN, has_label=PARTLY, neck=True, margin=1.0),
    "partly_labelled_per_sample_separate": case(has_hr=UNEVEN, has_label=PARTLY, neck=True, margin=1.0,
                                                bn_streams="separate", triplet_weighting="per-sample", weight_balance=0.3),
    "partly_labelled_ftwa_b": ftwa_b(has_hr=UNEVEN, has_label=PARTLY, mining="all"),
    "without_a_label": case(has_label=NOWHERE, neck=True, weight_balance=0.3),
    "without_lr_rows": case(has_hr=ALL_HR),
    "without_lr_rows_per_sample": case(has_hr=ALL_HR, triplet_weighting="per-sample", bn_streams="separate", neck=True),
    "without_lr_rows_ftwa_b": ftwa_b(has_hr=ALL_HR),
    "without_hr_rows": case(has_hr=NO_HR),
    "without_hr_rows_neck_balance": case(has_hr=NO_HR, bn_streams="separate", neck=True, weight_balance=0.3),
    "without_hr_rows_ftwa_b": ftwa_b(has_hr=NO_HR, bn_streams="separate"),
    # Bottlenecks and the pooling. In float32 its 50 layers over so few values round by more than 1e-5.
    "resnet50": case(backbone="resnet50", size=[32, 16], labels=[0, 0, 1, 1], has_hr=[True, False] * 2,
                     transformation_blocks=2, in_float=False),
    "efficientnet_lite0": case(backbone="efficientnet-lite0", size=[33, 20], labels=[0, 0, 1, 1], has_hr=[True, False] * 2,
                               transformation_blocks=1, in_float=False),
    "baseline_stored": baseline(),
    "baseline_stored_neck_smoothing": baseline(neck=True, label_smoothing=0.1, mining="random", classification_weight=1.0),
    "baseline_stored_partly_labelled": baseline(has_hr=UNEVEN, has_label=PARTLY, neck=True, mining="all"),
    "baseline_stored_without_a_label": baseline(has_label=NOWHERE),
    "baseline_hr_weighted": baseline(images="hr", mining="all", has_hr=UNEVEN, classification_weight=2.0),
}

if __name__ == "__main__":
    twin.write_or_check(__file__, lambda: {
        "methods.json": {name: {"case": c, "expected": run_case(c)} for name, c in CASES.items()}})
