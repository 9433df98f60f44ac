#!/usr/bin/env python3
"""Makes methods.json beside itself: resolution-adaptive representations (Wu et al., "Learning Resolution-Adaptive
Representations for Cross-Resolution Person Re-Identification", arXiv 2207.13037) with all its rows, written a second
time in PyTorch's Python from the paper's description and docs/inside/methods/resolution_adaptive.md; ../twin.py has what all
such twins share.

    python3 make_golden.py            (rewrites the file)
    python3 make_golden.py --check    (exit code 1 if a stored number differs by more than 1e-9)
"""
import fractions
import pathlib
import sys

import torch
import torch.nn.functional as F

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import twin  # noqa: E402
from twin import RandomStream, cross_entropies, numbers, probe, random_triplets  # noqa: E402


# ---------------------------------------------------------------- levels and stages
def level_of(rate, level_rates):
    """The level whose rate is nearest by ratio; of two equally near the lower."""
    def ratio(k):
        return max(fractions.Fraction(rate, level_rates[k - 1]), fractions.Fraction(level_rates[k - 1], rate))
    return min(range(1, len(level_rates) + 1), key=lambda k: (ratio(k), k))


class Stages:
    """Where the training stands in a step: which blocks' masks act, which is trained. `blocks` in network order."""

    def __init__(self, case, blocks):
        self.acting = self.trained = blocks if case["masks"] == "joint" else []
        self.buffers = {}
        if case["masks"] != "progressive":
            return
        length = case["stage_steps"] or case["steps"] // (len(blocks) + 1)
        stage = iteration = 0
        for _ in range(twin.STEP):  # one step after another
            iteration += 1
            if stage < len(blocks) and iteration == length:
                stage, iteration = stage + 1, 0
        from_output = blocks[::-1]
        self.acting, self.trained = from_output[:stage], from_output[:stage][-1:]
        frozen = [name in self.acting and name not in self.trained for name in blocks]
        self.buffers = {"stage": torch.tensor(float(stage)), "stage_iteration": torch.tensor(float(iteration)),
                        "frozen": torch.tensor([float(f) for f in frozen])}


# ---------------------------------------------------------------- the network
class Network(twin.Network):
    def __init__(self, case):
        super().__init__(case["backbone"], case["last_stride"])
        self.case, self.levels = case, None
        self.bounds = [sum(case["widths"][:k]) for k in range(len(case["widths"]) + 1)]
        d = self.bounds[-1]
        per_block = case["mask_blocks"] == "blocks"
        blocks = {f"layer{s + 1}.{b}" if per_block else f"layer{s + 1}": self.widths[s]
                  for s in range(len(self.counts)) for b in range(self.counts[s])}
        # Behind which of the trunk's blocks a mask stands.
        self.place = {}
        for name in blocks:
            s = int(name[5]) - 1
            self.place[self.block_name("trunk", s, int(name[7:]) if per_block else self.counts[s] - 1)] = name
        self.stages = Stages(case, list(blocks))
        if case["masks"] != "off":
            for name, channels in blocks.items():
                self.make(mask_parameter(name), (len(case["widths"]), channels), (3.0 / channels) ** 0.5)
        self.linear("embedding", self.channels[4], d)
        if case["classification"]:
            if case["neck"]:
                for k, width in enumerate(case["widths"], 1):
                    self.norm(f"neck_{k}", width)
            self.linear("classifier", d, case["classes"])
        if case["verification"]:
            self.linear("verification_1", d, case["verification_width"])
            self.linear("verification_2", case["verification_width"], 1)

    def after_block(self, name, x):
        block = self.place.get(name)
        if block not in self.stages.acting:
            return x
        masks = torch.sigmoid(self.tensors[mask_parameter(block)])
        return torch.stack([image * masks[k - 1][:, None, None] for image, k in zip(x, self.levels)])

    def present(self, level):
        """How many leading dimensions of z an image of the level has."""
        return self.bounds[level] if self.case["varying_length"] else self.bounds[-1]

    def represent(self, images, levels):
        """z: v with zeros where the level has none."""
        self.levels = levels
        v = self.run_linear("embedding", self.trunk(images)[4].mean((2, 3)))
        return torch.stack([F.pad(row[:self.present(k)], (0, self.bounds[-1] - self.present(k)))
                            for row, k in zip(v, levels)])

    def classify_padded(self, z, levels):
        """Sub-vectors one by one: each through its neck, its part of the classifier, and the parts added up."""
        logits = self.tensors["classifier.bias"].expand(len(levels), -1)
        for k, (begin, end) in enumerate(zip(self.bounds, self.bounds[1:]), 1):
            rows = [i for i, level in enumerate(levels) if self.present(level) >= end]
            if not rows:
                continue
            v = z[rows][:, begin:end]
            if self.case["neck"]:
                v = self.run_norm(f"neck_{k}", v)
            logits = logits.index_add(0, torch.tensor(rows), v @ self.tensors["classifier.weight"][:, begin:end].T)
        return logits

    def verify(self, difference):
        """The probability that two images show the same identity."""
        hidden = torch.clamp(self.run_linear("verification_1", difference), min=0)
        return torch.sigmoid(self.run_linear("verification_2", hidden))[0]


def mask_parameter(block):
    return f"masks.{block}.levels"


# ---------------------------------------------------------------- a step
def verification_term(net, z, labels):
    losses = []
    for a, p, n in random_triplets(labels, RandomStream("mining", [twin.SEED, twin.STEP, twin.LANE, 0])):
        for i, j in ((a, p), (p, a)):
            losses.append(-torch.log(net.verify(z[i] - z[j])))
        for i, j in ((a, n), (n, a)):
            losses.append(-torch.log(1 - net.verify(z[i] - z[j])))
    return net.case["verification_weight"] * sum(losses) / len(losses) if losses else z.sum() * 0


def loss_terms(net, case, hr, lr):
    has_label = case["has_label"] or [True] * len(case["labels"])
    low = [i for i, has in enumerate(has_label) if has]
    high = [i for i in low if case["has_hr"][i]]
    streams = [(hr[high], [len(case["widths"])] * len(high)),
               (lr[low], [level_of(case["lr_rates"][i], case["level_rates"]) for i in low])]
    levels = streams[0][1] + streams[1][1]
    labels = [case["labels"][i] for i in high + low]
    if not labels:
        nothing = sum(t.sum() for t in net.tensors.values() if t.requires_grad) * 0
        return {name: nothing for name in ("classification", "verification") if case[name]}
    if case["bn_streams"] == "joint":
        streams = [(torch.cat([images for images, _ in streams]), levels)]
    streams = [(net.represent(images, of), of) for images, of in streams if of]  # of each batch-norm batch
    terms = {}
    if case["classification"]:
        logits = torch.cat([net.classify_padded(z, of) for z, of in streams])
        terms["classification"] = cross_entropies(logits, labels, case["label_smoothing"]).mean()
    if case["verification"]:
        terms["verification"] = verification_term(net, torch.cat([z for z, _ in streams]), labels)
    return terms


def run_case(case):
    net = Network(case)
    shape = (len(case["labels"]), 3, *case["size"])
    hr, lr = numbers("images/hr", shape, 1.5), numbers("images/lr", shape, 1.5)
    still = {mask_parameter(name) for name in net.place.values()} - {mask_parameter(n) for n in net.stages.trained}
    phase = net.phase("networks", loss_terms(net, case, hr, lr), lambda name: name not in still)
    phase["first_step"] = 0
    buffers = net.buffers() | {name: probe(name, value) for name, value in net.stages.buffers.items()}
    result = {"phases": [phase], "buffers": buffers}
    net.training = False
    levels = range(1, len(case["widths"]) + 1)
    by_level = [net.represent(lr, [k] * len(lr)) for k in levels]
    result["embedding"] = probe("embedding", by_level[-1])
    result["levels"] = [{"dimensions": net.present(k), "embedding": probe("embedding", z),
                         "size": float(z.detach().square().mean().sqrt())} for k, z in zip(levels, by_level)]
    result["masks"] = [{"block": block, "level": k,
                        "values": probe(f"mask/{block}/{k}", torch.sigmoid(net.tensors[mask_parameter(block)][k - 1]))}
                       for block in net.place.values() if block in net.stages.acting for k in levels]
    return result


def case(**changes):
    values = dict(method="resolution_adaptive", backbone="resnet-small", last_stride=1, neck=False, bn_streams="joint",
                  classes=5, size=[36, 20], labels=[0, 0, 0, 0, 2, 2, 2, 2, 3, 3, 3, 3], has_hr=[True] * 12,
                  has_label=None, lr_rates=[2, 3, 4, 2, 4, 4, 3, 2, 3, 2, 4, 3], label_smoothing=0.0,
                  level_rates=[4, 3, 2, 1], widths=[8, 5, 6, 7], varying_length=True, masks="progressive",
                  mask_blocks="blocks", steps=0, stage_steps=4, classification=True, verification=True,
                  verification_weight=1.0, verification_width=9, in_float=True)
    assert set(changes) <= set(values)
    values.update(changes)
    return values


PLAIN = dict(varying_length=False, masks="off")
MLR = [True, True, False, False] * 3
# Of identity 0 three HR rows and one LR row, of 2 one and three, of 3 two and two.
UNEVEN = [True, True, True, False, False, True, False, False, True, False, True, False]
# Of 0 two rows have no label, of 2 one, of 3 all but one.
PARTLY = [True, False, True, False, True, True, False, True, False, False, False, True]
NOWHERE = [False] * 12
# Step 11 of them: with four masks, 12 steps a stage are stage 0, 11 the first of stage 1, 4 the last of 2, 3 the last
# of 3, 2 the fourth of the last stage.
CASES = {
    "plain": case(**PLAIN),
    "plain_mlr": case(**PLAIN, has_hr=MLR),
    "plain_neck": case(**PLAIN, has_hr=MLR, neck=True, label_smoothing=0.1),
    "varying_length": case(masks="off"),
    "varying_length_mlr": case(masks="off", has_hr=UNEVEN, label_smoothing=0.2),
    "varying_length_neck": case(masks="off", has_hr=MLR, neck=True),
    "varying_length_two_levels": case(masks="off", level_rates=[3, 1], widths=[11, 4]),
    "masks_joint": case(varying_length=False, masks="joint"),
    "masks_progressive": case(varying_length=False),
    "masks_stage_0": case(varying_length=False, stage_steps=12, has_hr=MLR),
    "both_joint": case(masks="joint", has_hr=MLR),
    "both_joint_stages": case(masks="joint", mask_blocks="stages", neck=True, has_hr=UNEVEN),
    "both_stage_0": case(stage_steps=12, has_hr=MLR),
    "both_first_of_stage_1": case(stage_steps=11, has_hr=MLR),
    "both_last_of_stage_2": case(has_hr=MLR),
    "both_last_of_stage_3": case(stage_steps=3, has_hr=UNEVEN, neck=True),
    "both_stage_4": case(stage_steps=2, has_hr=MLR),
    "both_stages": case(mask_blocks="stages", has_hr=MLR, label_smoothing=0.1),
    "stage_of_the_training_s_length": case(stage_steps=0, steps=24, has_hr=MLR),
    "two_levels": case(level_rates=[2, 1], widths=[9, 4], has_hr=MLR),
    "three_levels": case(level_rates=[4, 2, 1], widths=[3, 10, 6], has_hr=UNEVEN),  # rate 3 is nearer to 4
    "three_levels_joint": case(level_rates=[3, 2, 1], widths=[6, 6, 2], masks="joint", neck=True),
    "four_other_rates": case(level_rates=[8, 4, 2, 1], widths=[2, 3, 5, 8], has_hr=MLR),  # no image of level 1
    "separate": case(bn_streams="separate", has_hr=MLR),
    "separate_neck_joint": case(bn_streams="separate", masks="joint", neck=True, has_hr=UNEVEN),
    "separate_without_hr_rows": case(bn_streams="separate", has_hr=NOWHERE),
    "without_verification": case(verification=False, has_hr=MLR),
    "without_classification": case(classification=False, has_hr=MLR),
    "without_classification_joint": case(classification=False, masks="joint", verification_weight=0.3),
    "weighted": case(verification_weight=2.5, verification_width=16, has_hr=MLR),
    "partly_labelled": case(has_hr=UNEVEN, has_label=PARTLY, neck=True, stage_steps=2),
    "without_a_label": case(has_label=NOWHERE, neck=True),
    "without_hr_rows": case(has_hr=NOWHERE, neck=True),  # no image of the highest level
    "one_identity": case(labels=[1] * 12, has_hr=MLR),  # no pair
    "stride_2": case(last_stride=2, size=[64, 16], has_hr=MLR),
    # Bottlenecks and the pooling. In float32 its 50 layers over so few values round by more than 1e-5.
    "resnet50": case(backbone="resnet50", size=[64, 16], labels=[0, 0, 1, 1], has_hr=[True, False] * 2,
                     lr_rates=[2, 3, 4, 3], stage_steps=1, in_float=False),
    "resnet50_joint": case(backbone="resnet50", size=[64, 16], labels=[0, 0, 1, 1], has_hr=[True, False] * 2,
                           lr_rates=[4, 2, 3, 4], masks="joint", neck=True, in_float=False),
    "efficientnet_lite0": case(backbone="efficientnet-lite0", size=[40, 20], labels=[0, 0, 1, 1], has_hr=[True, False] * 2,
                               lr_rates=[2, 3, 4, 3], masks="joint", in_float=False),
    "efficientnet_lite0_stages": case(backbone="efficientnet-lite0", size=[36, 18], labels=[0, 0, 1, 1], last_stride=2,
                                      has_hr=[True, False] * 2, lr_rates=[2, 2, 4, 3], stage_steps=2, mask_blocks="stages",
                                      in_float=False),
    "resnet50_stages": case(backbone="resnet50", size=[64, 16], labels=[0, 0, 1, 1], has_hr=[True, False] * 2,
                            lr_rates=[2, 2, 4, 3], mask_blocks="stages", in_float=False),
}

if __name__ == "__main__":
    twin.write_or_check(__file__, lambda: {
        "methods.json": {name: {"case": c, "expected": run_case(c)} for name, c in CASES.items()}})
