"""Resolution-adaptive representations for make_golden.py as a user of PyTorch would write them: the network, a lane's
part of a step, and the training, in which progressive masks begin and freeze one after another."""
import pathlib
import sys

import torch
from torch import nn
from torch.nn import functional as F

from networks import CLASSES, HEIGHT, WIDTH, Trunk, fill, numbers

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from random_stream import RandomStream  # noqa: E402

LEVEL_OF_RATE = {4: {2: 3, 3: 2, 4: 1}, 3: {2: 2, 3: 1, 4: 1}}  # of level rates 4, 3, 2, 1 and 4, 2, 1


class Mask(nn.Module):
    def __init__(self, count, channels):
        super().__init__()
        self.levels = nn.Parameter(torch.empty(count, channels))


class AdaptiveNetwork(nn.Module):
    def __init__(self, case):
        super().__init__()
        self.widths, self.varying_length = case["widths"], case["varying_length"]
        d, hidden = sum(self.widths), case["verification_width"]
        self.trunk = Trunk()
        if case["masks"] != "off":
            self.masks = nn.Module()
            for stage in range(1, 5):
                mask = Mask(len(self.widths), Trunk.channels[stage])
                setattr(self.masks, f"layer{stage}", mask if case["mask_blocks"] == "stages" else nn.ModuleList([mask]))
        self.embedding, self.classifier = nn.Linear(128, d), nn.Linear(d, CLASSES)
        self.necks = [nn.BatchNorm1d(width) for width in self.widths] if case["neck"] else []
        for k, neck in enumerate(self.necks, 1):
            setattr(self, f"neck_{k}", neck)
        self.verification_1, self.verification_2 = nn.Linear(d, hidden), nn.Linear(hidden, 1)
        fill(self)

    def mask_parameters(self):
        """From the output downwards."""
        return [p for name, p in self.named_parameters() if name.startswith("masks.")][::-1]

    def forward(self, images, levels, acting):
        """z and logits. acting: masks in use, from the output downwards."""
        rows = torch.tensor([k - 1 for k in levels])
        masks = dict(zip((4, 3, 2, 1), self.mask_parameters()[:acting])) if acting else {}
        x = F.relu(self.trunk.bn1(self.trunk.conv1(images)))
        for stage in range(1, 5):
            x = getattr(self.trunk, f"layer{stage}")(x)
            if stage in masks:
                x = x * torch.sigmoid(masks[stage])[rows][:, :, None, None]
        v = self.embedding(x.mean((2, 3))).split(self.widths, 1)
        z, seen = [], []
        for k, part in enumerate(v):
            there = (rows >= k) | (not self.varying_length)
            z.append(torch.where(there[:, None], part, torch.zeros(())))
            seen.append(z[-1])
            if self.necks and there.any():
                seen[-1] = torch.zeros_like(part)
                seen[-1][there] = self.necks[k](part[there])
        return torch.cat(z, 1), self.classifier(torch.cat(seen, 1))

    def verify(self, differences):
        return self.verification_2(F.relu(self.verification_1(differences))).squeeze(1)


def pairs(labels, step, lane):
    """(anchor, positive, negative) of every image that has both, drawn."""
    stream, found = RandomStream("mining", [0, step, lane, 0]), []
    for a, label in enumerate(labels):
        same = [i for i, other in enumerate(labels) if other == label and i != a]
        others = [i for i, other in enumerate(labels) if other != label]
        if same and others:
            p = same[stream.below(len(same))]
            found.append((a, p, others[stream.below(len(others))]))
    return found


def lane_terms(network, case, lane, step, acting):
    """lane: make_golden.py's, with `taught`, `labels` of those, `there` and `number`."""
    if not lane.taught:
        return {"classification": torch.zeros(()), "verification": torch.zeros(())}
    high = [(i, y) for i, y in zip(lane.taught, lane.labels) if lane.there[i]]
    hr, labels = [i for i, _ in high], [y for _, y in high] + lane.labels
    m = len(case["widths"])
    levels = [LEVEL_OF_RATE[m][2 + (i + step + lane.number) % 3] for i in lane.taught]
    streams = [(lane.hr[hr], [m] * len(hr)), (lane.lr[lane.taught], levels)]
    if case["bn_streams"] == "joint" or not hr:
        streams = [(torch.cat([images for images, _ in streams]), [m] * len(hr) + levels)]
    outputs = [network(images, of, acting) for images, of in streams]
    z, logits = (torch.cat(parts) for parts in zip(*outputs))
    terms = {"classification": F.cross_entropy(logits, torch.tensor(labels)), "verification": torch.zeros(())}
    drawn = pairs(labels, step, lane.number)
    if drawn:
        a, p, n = (z[list(rows)] for rows in zip(*drawn))
        scores = network.verify(torch.cat([a - p, p - a, a - n, n - a]))
        wanted = torch.tensor([1.0, 1.0, 0.0, 0.0]).repeat_interleave(len(drawn))
        terms["verification"] = case["verification_weight"] * F.binary_cross_entropy_with_logits(scores, wanted)
    return terms


def train_adaptive(case, recipe, steps, make_lanes, schedule):
    """make_lanes(step): a step's lanes. schedule(step): what rates are multiplied with."""
    network = AdaptiveNetwork(case)
    masks = network.mask_parameters()
    others = [p for name, p in network.named_parameters() if not name.startswith("masks.")]
    base = {"networks": recipe["learning_rate"], "masks": recipe["mask_learning_rate"]}
    adams = {"networks": torch.optim.Adam(others, base["networks"], weight_decay=recipe["weight_decay"])}
    acting = 0
    if case["masks"] == "joint":
        acting, adams["masks"] = len(masks), torch.optim.Adam(masks, base["masks"])
    history = []
    for step in range(steps):
        if case["masks"] == "progressive" and step and step % case["stage_steps"] == 0 and acting < len(masks):
            if acting:
                masks[acting - 1].requires_grad_(False)
            acting, adams["masks"] = acting + 1, torch.optim.Adam([masks[acting]], base["masks"])
        for name, adam in adams.items():
            adam.param_groups[0]["lr"] = base[name] * schedule(step)
            for parameter in adam.param_groups[0]["params"]:
                parameter.grad = torch.zeros_like(parameter)
        losses = {}
        for lane in make_lanes(step):
            terms = lane_terms(network, case, lane, step, acting)
            total = lane.share * sum(terms.values())
            if total.requires_grad:
                total.backward()
            for name, term in terms.items():
                losses[name] = losses.get(name, 0.0) + lane.share * float(term.detach())
        for adam in adams.values():
            adam.step()
        history.append(losses)
    return history
