#!/usr/bin/env python3
"""Makes twenty_steps.json beside itself: 20 training steps of the baseline, RAIN, CAD-Net, FTWA, MSIFLA and resolution-adaptive
representations (CASES; the last in adaptive.py) as a user of PyTorch would write them (nn.Module, torch.optim.Adam,
float32), sharing no code with workers/. Needs torch 2.11.

Each step's batch is cut into lanes; every lane has its own batch-norm statistics and its own mining, as the processes of a
DDP training have, and a lane counts by its share of the rows. Weights and images come from a formula that both sides know
(numbers() in networks.py), so the file holds losses alone.

    python3 make_golden.py            (rewrites the file)
    python3 make_golden.py --check    (exit code 1 if a stored loss differs by more than 1e-5)
"""
import argparse
import json
import pathlib
import sys

import torch
from torch.nn import functional as F

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import number_file  # noqa: E402
from adaptive import train_adaptive  # noqa: E402
from networks import CLASSES, HEIGHT, WIDTH, Network, numbers  # noqa: E402

torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)
STEPS, LANES, IDENTITIES, IMAGES = 20, 2, 5, 3
# RAIN's rate and FTWA's are the smaller ones because their kinks (mining, |x|, rectifiers) amplify rounding: with them a
# relative change of 1e-7 in the weights moves no loss of the 20 steps of any case by more than 2.2e-5 and 3.7e-5 (four draws
# each; RAIN 1e-4 at 3.5e-4, FTWA 3.7e-4 at 1e-4). Table 2's baseline is trained as FTWA is. MSIFLA's two are smaller still:
# L_ReID's gradient reaches the IR networks through all of it (5.1e-5; 8.5e-4 at 3e-5 and 3e-5). Without that gradient a loss
# would be another by 3e-2. CAD-Net's E lies behind G and F (2.5e-5; 1.6e-4 at 3e-5).
RECIPES = {method: {"learning_rate": rate, "weight_decay": 5e-4, "warmup_steps": 4, "milestones": [12], "gamma": 0.1,
                    "discriminator_learning_rate": 1e-4}
           for method, rate in (("baseline", 1e-3), ("rain", 1e-4), ("ftwa", 3e-5), ("msifla", 1e-5), ("cadnet", 1e-5),
                                ("resolution_adaptive", 1e-4))}
RECIPES["msifla"]["ir_learning_rate"] = 3e-6
RECIPES["resolution_adaptive"]["mask_learning_rate"] = 1e-2
MARGIN = 0.5
# What differs from the methods' default options, and whether rows lack labels or HR images.
CASES = {
    "baseline": {"method": "baseline"},
    "rain": {"levels": [4, 5]},
    "rain_simultaneous": {"levels": [4, 5], "updates": "simultaneous"},
    "rain_partly_labelled": {"levels": [5], "partly_labelled": True},
    "rain_other_networks": {"levels": [3, 5], "adversary": "non-saturating", "discriminator": "pixelwise",
                            "decoder": "transposed"},
    "cadnet": {"method": "cadnet"},
    "cadnet_partly_labelled": {"method": "cadnet", "some_lr": True, "partly_labelled": True},
    "baseline_stored": {"method": "baseline", "recipe": "ftwa", "images": "stored", "classification_weight": 3.0,
                        "some_lr": True},
    "ftwa": {"method": "ftwa", "some_lr": True},
    "ftwa_r_separate": {"method": "ftwa", "weighting": False, "bn_streams": "separate", "some_lr": True},
    "ftwa_partly_labelled": {"method": "ftwa", "triplet_weighting": "per-sample", "transformation_detach": "none",
                             "weight_balance": 0.1, "some_lr": True, "partly_labelled": True},
    "msifla": {"method": "msifla", "scales": [2, 1], "some_lr": True},
    "msifla_shared": {"method": "msifla", "scales": [2, 1], "reid_networks": "shared", "reid_into_ir": False,
                      "some_lr": True},
    "msifla_warm_up": {"method": "msifla", "scales": [2, 1], "ir_residual": True, "ir_warmup_steps": 6, "some_lr": True,
                       "partly_labelled": True},
    # Of 20 steps 12 are three of each stage before the last.
    "adaptive": {"method": "resolution_adaptive", "some_lr": True},
    "adaptive_joint": {"method": "resolution_adaptive", "masks": "joint", "verification_weight": 0.5, "some_lr": True},
    "adaptive_separate": {"method": "resolution_adaptive", "widths": [5, 9, 6], "mask_blocks": "stages", "stage_steps": 4,
                          "neck": True, "bn_streams": "separate"},
    "adaptive_partly_labelled": {"method": "resolution_adaptive", "varying_length": False, "stage_steps": 2,
                                 "some_lr": True, "partly_labelled": True},
}
DEFAULTS = {"method": "rain", "levels": [], "adversary": "minimax", "updates": "alternating", "discriminator": "convolutional",
            "decoder": "nearest", "partly_labelled": False, "some_lr": False, "images": "hr", "classification_weight": 1.0,
            "bn_streams": "joint", "weighting": True, "triplet_weighting": "batch-mean", "transformation_detach": "hr",
            "weight_balance": 0.0, "scales": [3, 2, 1], "reid_networks": "per-scale", "reid_into_ir": True, "ir_width": 8,
            "ir_residual": False, "ir_warmup_steps": 0, "widths": [8, 5, 6, 7], "varying_length": True, "masks": "progressive",
            "mask_blocks": "blocks", "stage_steps": 3, "neck": False, "verification_weight": 1.0, "verification_width": 9}
RATES = [2, 3, 4]


def anchor_losses(v, labels):
    """Batch-hard: the farthest positive and the nearest negative of each anchor that has both. (anchor, loss) of those."""
    distance = (v[:, None] - v[None]).square().sum(2).detach()
    hinges = []
    for a, label in enumerate(labels):
        positives = [i for i, other in enumerate(labels) if other == label and i != a]
        negatives = [i for i, other in enumerate(labels) if other != label]
        if positives and negatives:
            p, n = max(positives, key=lambda i: float(distance[a, i])), min(negatives, key=lambda i: float(distance[a, i]))
            hinges.append((a, F.relu(MARGIN + (v[a] - v[p]).norm() - (v[a] - v[n]).norm())))
    return hinges


def triplet_loss(v, labels):
    hinges = [hinge for _, hinge in anchor_losses(v, labels)]
    return sum(hinges) / len(hinges) if hinges else torch.zeros(())


def cross_entropy(logits, labels):
    return F.cross_entropy(logits, torch.tensor(labels)) if labels else torch.zeros(())


def is_labelled(step, lane, row):
    """One lane of a step has no label, the other some."""
    return lane != step % LANES and (5 * row + 3 * step) % 7 >= 3


def has_hr(step, row):
    """Of an identity's three images the first one or two are there as HR images."""
    return row % IMAGES <= (row // IMAGES + step) % 2


def adversarial(d_hr, d_lr):
    return F.logsigmoid(d_hr).mean() + F.logsigmoid(-d_lr).mean()


class Lane:
    """One lane's part of a step: its batch, its forward pass, its losses."""

    def __init__(self, network, case, step, lane):
        per_lane = [IDENTITIES // LANES + (k < IDENTITIES % LANES) for k in range(LANES)]
        self.network, self.case, rows = network, case, per_lane[lane] * IMAGES
        self.share = rows / (IDENTITIES * IMAGES)
        taught = [i for i in range(rows) if not case["partly_labelled"] or is_labelled(step, lane, i)]
        self.labels = [(step + lane + 2 * (i // IMAGES)) % CLASSES for i in taught]
        self.there = [not case["some_lr"] or has_hr(step, i) for i in range(rows)]
        self.hr, self.lr = (numbers(f"images/{step}/{lane}/{kind}", (rows, 3, HEIGHT, WIDTH), 1.5) for kind in ("hr", "lr"))
        if case["method"] == "ftwa":
            self.ftwa_pass(taught)
        elif case["method"] == "cadnet":
            self.cadnet_pass(taught)
        elif case["method"] == "msifla":
            self.images, self.taught = f"images/{step}/{lane}", taught
        elif case["method"] == "resolution_adaptive":
            self.number, self.taught = lane, taught
        elif case["method"] == "rain":
            self.features = [f.split(rows) for f in network.trunk(torch.cat([self.hr, self.lr]))]
            self.v = [f.mean((2, 3))[taught] for f in self.features[4]]
            self.logits = network.classifier(torch.cat(self.v)).split(len(taught)) if taught else self.v
            self.decoded = network.decoder(torch.cat(self.features[4])).split(rows)
        else:
            there = torch.tensor(self.there)[:, None, None, None]
            self.v = [network.trunk(torch.where(there, self.hr, self.lr))[4].mean((2, 3))]
            self.logits = [network.classifier(self.v[0])]

    def ftwa_pass(self, taught):
        network = self.network
        hr, lr = ([i for i, there in enumerate(self.there) if there == wanted] for wanted in (True, False))
        encoded = [network.trunk.encode(self.hr[hr]), network.lr_encoder.encode(self.lr[hr + lr])]
        if self.case["bn_streams"] == "joint":
            encoded = [torch.cat(encoded)]
        f = torch.cat([network.trunk.identify(part) for part in encoded])
        self.f_hr, self.f_copy, f_lr = f.split([len(hr), len(hr), len(lr)])
        rows = [[k for k, i in enumerate(part) if i in taught] for part in (hr, lr)]
        label = dict(zip(taught, self.labels))
        self.y_hr, self.y_lr = ([label[i] for i in part if i in taught] for part in (hr, lr))
        self.hr_pair = [self.f_hr, self.f_copy]
        self.lr_pair = [f_lr, network.transformation(f_lr)]
        self.hr_pair, self.lr_pair = ([f.mean((2, 3))[kept] for f in pair] for pair, kept in
                                      zip((self.hr_pair, self.lr_pair), rows))

    def cadnet_pass(self, taught):
        network, there = self.network, [i for i, there in enumerate(self.there) if there]
        self.real, sizes = self.hr[there], [len(there), len(self.hr)]
        maps = network.trunk(torch.cat([self.real, self.lr]))
        images = network.decoder(maps)
        self.f, self.recovered = maps[4].split(sizes), images.split(sizes)
        self.targets = self.real, self.recovered[1][there]
        label = dict(zip(taught, self.labels))
        rows = [k for k, i in enumerate(there) if i in label] + [sizes[0] + i for i in taught]
        self.stream_labels = [label[i] for i in there if i in label], self.labels
        v = maps[4].mean((2, 3))[rows]
        if taught:
            v = torch.cat([v, network.hr_encoder(images[rows])[4].mean((2, 3))], 1)
        sizes = [len(labels) for labels in self.stream_labels]
        self.v = v.split(sizes)
        self.logits = network.classifier(v).split(sizes) if taught else self.v

    def cadnet_judgement(self, judge, made, real):
        """E[log D] of real ones and E[log(1 − D)] of each of made; without real ones the latter alone."""
        value = sum(F.logsigmoid(-judge(one)).mean() for one in made)
        return value if real is None else value + len(made) * F.logsigmoid(judge(real)).mean()

    def cadnet_terms(self):
        network = self.network
        return {"classification": sum(cross_entropy(z, y) for z, y in zip(self.logits, self.stream_labels)),
                "triplet": sum(triplet_loss(v, y) for v, y in zip(self.v, self.stream_labels)),
                "reconstruction": F.l1_loss(self.recovered[0], self.targets[0]) + F.l1_loss(self.targets[1], self.targets[0]),
                "feature_adversarial": self.cadnet_judgement(network.discriminator_features, self.f[1:], self.f[0]),
                "image_adversarial": self.cadnet_judgement(network.discriminator_images, self.recovered, None)}

    def judge(self, level, for_discriminator):
        f_hr, f_lr = self.features[level - 1]
        judge = getattr(self.network, f"discriminator_level_{level}")
        if for_discriminator:
            return adversarial(judge(f_hr.detach()), judge(f_lr.detach()))
        if self.case["adversary"] == "non-saturating":
            return F.softplus(-judge(f_lr)).mean()
        return adversarial(judge(f_hr), judge(f_lr))

    def discriminator_terms(self):
        if self.case["method"] == "cadnet":
            f, made = ([one.detach() for one in maps] for maps in (self.f, self.recovered))
            return {"discriminator_features": -self.cadnet_judgement(self.network.discriminator_features, f[1:], f[0]),
                    "discriminator_images": -self.cadnet_judgement(self.network.discriminator_images, made, self.real)}
        return {f"discriminator_level_{level}": -self.judge(level, True) for level in self.case["levels"]}

    def ftwa_terms(self):
        case, network, sizes = self.case, self.network, [len(self.y_hr), len(self.y_lr)]
        (v_hr, v_copy), (v_lr, v_made) = self.hr_pair, self.lr_pair
        of_hr, of_lr = torch.cat([v_hr, v_made]), torch.cat([v_lr, v_copy])  # what C_HR, W_HR see; what C_LR, W_LR see
        y_of_hr, y_of_lr = self.y_hr + self.y_lr, self.y_lr + self.y_hr
        ce_hr, ce_made = F.cross_entropy(network.classifier_hr(of_hr), torch.tensor(y_of_hr, dtype=torch.long),
                                         reduction="none").split(sizes)
        ce_lr, ce_copy = F.cross_entropy(network.classifier_lr(of_lr), torch.tensor(y_of_lr, dtype=torch.long),
                                         reduction="none").split(sizes[::-1])
        constant = {"hr": self.f_hr.detach(), "none": self.f_hr}[case["transformation_detach"]]
        terms = {"transformation": 0.1 * F.l1_loss(network.transformation(self.f_copy), constant)}
        if not case["weighting"]:
            terms["classification"] = 3 * (0.5 * (ce_hr + ce_copy).mean() + 0.5 * (ce_lr + ce_made).mean())
            terms["triplet"] = 0.5 * triplet_loss(of_hr, y_of_hr) + 0.5 * triplet_loss(of_lr, y_of_lr)
            return terms
        w_hr, w_made = network.weight_hr(of_hr).split(sizes)
        w_lr, w_copy = network.weight_lr(of_lr).split(sizes[::-1])

        def mean(values):
            return values.mean() if len(values) else values.sum()

        share_hr, share_lr = w_hr / (w_hr + w_copy), w_lr / (w_lr + w_made)
        terms["classification"] = 3 * (mean(share_hr * ce_hr + (1 - share_hr) * ce_copy) +
                                       mean(share_lr * ce_lr + (1 - share_lr) * ce_made))
        if case["weight_balance"]:
            share = torch.cat([share_hr, share_lr])
            terms["weight_balance"] = case["weight_balance"] * mean(-0.5 * torch.log(4 * share * (1 - share)))
        if case["triplet_weighting"] == "batch-mean":
            omega_h, omega_l = w_hr.mean() * w_made.mean(), w_lr.mean() * w_copy.mean()
            loss_h, loss_l = triplet_loss(of_hr, y_of_hr), triplet_loss(of_lr, y_of_lr)
            terms["triplet"] = (omega_h * loss_h + omega_l * loss_l) / (omega_h + omega_l)
            return terms
        t_hr, t_lr = dict(anchor_losses(of_hr, y_of_hr)), dict(anchor_losses(of_lr, y_of_lr))
        pairs, none = [], torch.zeros(())
        for y in sorted(set(self.y_hr)):
            of_y = [[i for i, other in enumerate(labels) if other == y] for labels in (self.y_hr, self.y_lr)]
            pairs += zip(*of_y)
        values = []
        for i, j in pairs:
            omega_h, omega_l = w_hr[i] * w_made[j], w_lr[j] * w_copy[i]
            at_hr = 0.5 * (t_hr.get(i, none) + t_hr.get(sizes[0] + j, none))
            at_lr = 0.5 * (t_lr.get(j, none) + t_lr.get(sizes[1] + i, none))
            values.append((omega_h * at_hr + omega_l * at_lr) / (omega_h + omega_l))
        terms["triplet"] = sum(values) / len(values) if values else none
        return terms

    def cascade(self, images):
        outputs = []
        for scale in self.case["scales"]:
            images = getattr(self.network, f"ir_{scale}")(images)
            outputs.append(images)
        return outputs

    def recovery_terms(self):
        targets = {1: self.hr, **{r: numbers(f"{self.images}/copy_{r}", self.hr.shape, 1.5) for r in RATES}}
        targets = {rate: images[self.there] for rate, images in targets.items()}
        terms = {f"recovery_scale_{scale}": 0.0 for scale in self.case["scales"]}
        for images in targets.values():
            for scale, output in zip(self.case["scales"], self.cascade(images)):
                terms[f"recovery_scale_{scale}"] += F.mse_loss(output, targets[scale])
        return terms

    def reid_terms(self):
        scales, case = self.case["scales"], self.case
        if not self.taught:
            return {f"{kind}_scale_{scale}": torch.zeros(()) for kind in ("classification", "triplet") for scale in scales}
        there = torch.tensor(self.there)[:, None, None, None]
        outputs = self.cascade(torch.where(there, self.hr, self.lr)[self.taught])
        if not case["reid_into_ir"]:
            outputs = [images.detach() for images in outputs]
        if case["reid_networks"] == "shared":
            count, parts = len(self.taught), self.network.reid_1(torch.cat(outputs))
            found = [[(v.split(count)[k], logits.split(count)[k]) for v, logits in parts] for k in range(len(scales))]
        else:
            found = [getattr(self.network, f"reid_{scale}")(images) for scale, images in zip(scales, outputs)]
        terms = {}
        for scale, parts in zip(scales, found):
            terms[f"classification_scale_{scale}"] = sum(cross_entropy(logits, self.labels) for _, logits in parts)
            terms[f"triplet_scale_{scale}"] = sum(triplet_loss(v, self.labels) for v, _ in parts)
        return terms

    def network_terms(self):
        if self.case["method"] == "ftwa":
            return self.ftwa_terms()
        if self.case["method"] == "cadnet":
            return self.cadnet_terms()
        terms = {"classification": sum(cross_entropy(logits, self.labels) for logits in self.logits),
                 "triplet": sum(triplet_loss(v, self.labels) for v in self.v)}
        terms["classification"] = self.case["classification_weight"] * terms["classification"]
        if self.case["method"] == "rain":
            terms["reconstruction"] = sum(F.l1_loss(image, self.hr) for image in self.decoded)
            for level in self.case["levels"]:
                terms[f"adversarial_level_{level}"] = self.judge(level, False)
        return terms


def with_defaults(case):
    whole = {**DEFAULTS, **case}
    return {"recipe": whole["method"], **whole}


def schedule(recipe, step):
    warmup = recipe["warmup_steps"]
    factor = 0.01 + 0.99 * step / warmup if step < warmup else 1.0
    return factor * recipe["gamma"] ** sum(step >= milestone for milestone in recipe["milestones"])


def train(case):
    judged, recipe = case["method"] in ("rain", "cadnet"), RECIPES[case["recipe"]]
    network = Network(case)
    named = dict(network.named_parameters())
    judges = [p for name, p in named.items() if name.startswith("discriminator_")]
    others = [p for name, p in named.items() if not name.startswith("discriminator_")]
    adam = torch.optim.Adam(others, recipe["learning_rate"], weight_decay=recipe["weight_decay"])
    phases = [("network_terms", adam, others)]
    if judged:
        judge_adam = torch.optim.Adam(judges, recipe["discriminator_learning_rate"], betas=(0.5, 0.999))
        phases.insert(0, ("discriminator_terms", judge_adam, judges))
    schedules = [torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: schedule(recipe, step)) for _, optimiser, _ in phases]
    steps = []
    for step in range(STEPS):
        lanes, losses = [Lane(network, case, step, lane) for lane in range(LANES)], {}
        for which, optimiser, parameters in phases:
            optimiser.zero_grad()
            # No label leaves a tensor without a gradient in a lane: zeros, so that Adam's moments move on as in any step.
            for parameter in parameters:
                parameter.grad = torch.zeros_like(parameter)
            for lane in lanes:
                terms = getattr(lane, which)()
                (lane.share * sum(terms.values())).backward(retain_graph=True, inputs=parameters)
                for name, term in terms.items():
                    losses[name] = losses.get(name, 0.0) + lane.share * float(term.detach())
            if case["updates"] == "alternating":
                optimiser.step()
        if case["updates"] == "simultaneous":
            for _, optimiser, _ in phases:
                optimiser.step()
        for each in schedules:
            each.step()
        steps.append(losses)
    return steps


def train_msifla(case):
    """Zero both; L_IR backward; L_ReID backward into the re-ID networks and, if it may, the IR networks; step both."""
    recipe, network = RECIPES[case["recipe"]], Network(case)
    named = dict(network.named_parameters())
    ir, reid = ([p for name, p in named.items() if name.startswith(prefix)] for prefix in ("ir_", "reid_"))
    adams = {"ir": torch.optim.Adam(ir, recipe["ir_learning_rate"], weight_decay=recipe["weight_decay"]),
             "reid": torch.optim.Adam(reid, recipe["learning_rate"], weight_decay=recipe["weight_decay"])}
    schedules = [torch.optim.lr_scheduler.LambdaLR(adam, lambda step: schedule(recipe, step)) for adam in adams.values()]
    steps = []
    for step in range(STEPS):
        lanes, losses = [Lane(network, case, step, lane) for lane in range(LANES)], {}
        for parameter in named.values():
            parameter.grad = torch.zeros_like(parameter)
        warm = step >= case["ir_warmup_steps"]
        for which, into in [("recovery_terms", ir), ("reid_terms", reid + ir)][:1 + warm]:
            for lane in lanes:
                terms = getattr(lane, which)()
                total = lane.share * sum(terms.values())
                if total.requires_grad:
                    total.backward(inputs=into)
                for name, term in terms.items():
                    losses[name] = losses.get(name, 0.0) + lane.share * float(term.detach())
        adams["ir"].step()
        if warm:
            adams["reid"].step()
        for each in schedules:
            each.step()
        steps.append(losses)
    return steps


def train_any(case):
    if case["method"] == "resolution_adaptive":
        recipe = RECIPES[case["recipe"]]
        return train_adaptive(case, recipe, STEPS, lambda step: [Lane(None, case, step, lane) for lane in range(LANES)],
                              lambda step: schedule(recipe, step))
    return (train_msifla if case["method"] == "msifla" else train)(case)


def rounded(steps):
    """Nine digits of each loss: those of a float32."""
    return [{name: float(f"{loss:.9g}") for name, loss in step.items()} for step in steps]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    path = pathlib.Path(__file__).resolve().parent / "twenty_steps.json"
    cases = {name: with_defaults(case) for name, case in CASES.items()}
    document = {"steps": STEPS, "lanes": LANES, "identities": IDENTITIES, "images": IMAGES, "classes": CLASSES,
                "height": HEIGHT, "width": WIDTH, "recipes": RECIPES, "margin": MARGIN, "cases": cases,
                "losses": {name: train_any(case) for name, case in cases.items()}}
    if not check:
        losses = {name: rounded(steps) for name, steps in document["losses"].items()}
        path.write_text(number_file.text({**document, "losses": losses}) + "\n")
        return
    stored = json.loads(path.read_text())["losses"]
    worst = max(abs(old[name] - new[name]) for method, steps in document["losses"].items()
                for old, new in zip(stored[method], steps) for name in new)
    print(f"largest difference {worst:.2e}")
    sys.exit(worst > 1e-5)


if __name__ == "__main__":
    main()
