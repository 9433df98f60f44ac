"""TransReID (He et al., ICCV 2021) on a ViT of timm: overlapping patches, side information of cameras, the jigsaw of patches, batch-norm
necks, warm-up and cosine. The defaults are the paper's for Market-1501; where paper and published code differ, the code's. The suite
transreid.toml has the rest of the recipe, which belongs to [train]: SGD too. What we add is `copies`, LR copies beside the images."""

import copy
import math
from dataclasses import dataclass

import resolute
import timm
import torch
from timm.layers import resample_abs_pos_embed
from torch.nn import BatchNorm1d, Linear, Module, ModuleList, Parameter, Sequential
from torch.nn.functional import cross_entropy, normalize, softplus
from torch.nn.init import normal_, trunc_normal_


def jigsaw(patches, shift, groups):
    """Patches N×L×D in another order: moved by shift - 1 (the paper: by shift), then dealt from so many equal runs in turn. The last but
    one fills the runs up."""
    moved = patches.roll(1 - shift, 1)
    moved = torch.cat([moved, moved[:, -2:-1].expand(-1, -moved.shape[1] % groups, -1)], 1)
    return moved.unflatten(1, (groups, -1)).transpose(1, 2).flatten(1, 2)


def hardest_triplets(features, labels, margin):
    """margin None: the soft margin."""
    same = labels[:, None] == labels
    distances = (features[:, None] - features).square().sum(2).clamp_min(1e-12).sqrt()
    gap = distances.masked_fill(~same, 0).amax(1) - distances.masked_fill(same, torch.inf).amin(1)
    return (softplus(gap) if margin is None else (gap + margin).relu()).mean()


class Network(Module):
    """Of images N×3×H×W and their cameras the features 1 + parts times N×D, the whole image's first."""

    def __init__(self, options, classes, start=None):
        super().__init__()
        self.options = options
        self.trunk = timm.create_model(options.network, num_classes=0, drop_path_rate=options.drop_path)
        if start:
            start.load(self.trunk)
        width, patch = self.trunk.num_features, self.trunk.patch_embed.patch_size[0]
        grid = [(size - patch) // options.stride + 1 for size in (options.height, options.width)]
        self.trunk.patch_embed.proj.stride = (options.stride, options.stride)
        self.trunk.pos_embed = Parameter(resample_abs_pos_embed(self.trunk.pos_embed.detach(), grid, interpolation="bilinear",
                                                                antialias=False))
        self.side = Parameter(trunc_normal_(torch.zeros(options.cameras, 1, width), std=0.02)) if options.cameras else None
        self.local = Sequential(copy.deepcopy(self.trunk.blocks[-1]), copy.deepcopy(self.trunk.norm)) if options.parts else None
        self.necks = ModuleList(BatchNorm1d(width) for _ in range(1 + options.parts))
        self.classifiers = ModuleList(Linear(width, classes, bias=False) for _ in self.necks)
        for neck, classifier in zip(self.necks, self.classifiers):
            neck.bias.requires_grad_(False)
            normal_(classifier.weight, std=0.001)
        # ViTs learned images with mean and deviation 0.5; a pack's are normalised with ImageNet's.
        for name, value in (("scale", (0.229, 0.224, 0.225)), ("offset", (0.485 - 0.5, 0.456 - 0.5, 0.406 - 0.5))):
            self.register_buffer(name, torch.tensor(value).view(3, 1, 1) / 0.5, persistent=False)

    def forward(self, images, cameras):
        trunk, options = self.trunk, self.options
        tokens = trunk.patch_embed.proj(images * self.scale + self.offset).flatten(2).transpose(1, 2)
        tokens = torch.cat([trunk.cls_token.expand(len(tokens), -1, -1), tokens], 1) + trunk.pos_embed
        if self.side is not None:
            if cameras.max() >= len(self.side):
                raise ValueError(f"cameras is {len(self.side)} (the pack has camera {int(cameras.max())}); give one more than the last")
            tokens = tokens + options.side_weight * self.side[cameras]
        tokens = trunk.blocks[:-1](tokens)
        features = [trunk.norm(trunk.blocks[-1](tokens))[:, 0]]
        if options.parts:
            patches, length = tokens[:, 1:], (tokens.shape[1] - 1) // options.parts
            patches = jigsaw(patches, options.shift, options.groups) if options.rearrange else patches
            for begin in range(0, options.parts * length, length):
                features.append(self.local(torch.cat([tokens[:, :1], patches[:, begin:begin + length]], 1))[:, 0])
        return features


class TransReid(resolute.Method):
    @dataclass
    class Options:
        network: str = "vit_base_patch16_224"
        weights: str | None = None  # a file with the network's parameters, such as timm publishes
        height: int = 256  # of the packs' images
        width: int = 128
        stride: int = 12  # pixels between two patches
        cameras: int = 0  # the last camera's number and one; 0: no side information
        side_weight: float = 3.0
        parts: int = 4  # of the jigsaw; 0: none
        rearrange: bool = True
        shift: int = 5
        groups: int = 2
        drop_path: float = 0.1
        margin: float | None = None  # of the triplets; none: the soft margin
        bias_factor: float = 2.0  # of the learning rate
        copies: bool = False  # learn the LR copies too

    def __init__(self, options, recipe):
        super().__init__(options, recipe)
        self.start = resolute.Weights(options.weights) if options.weights else None

    def network(self, classes):
        return Network(self.options, classes, self.start)

    def from_scratch(self):
        return self.start is None

    def depends_on(self):
        words = {**vars(self.options), "timm": timm.__version__, "weights": self.start and self.start.sha256[:16]}
        return [f"{name} {value}" for name, value in words.items()]

    def embed_by_camera(self, images, rates, cameras):
        whole, *parts = self.module(images, cameras)
        return normalize(torch.cat([whole, *(part / len(parts) for part in parts)], 1))

    def losses(self, batch):
        images, cameras, labels = torch.where(batch.has_hr.view(-1, 1, 1, 1), batch.hr, batch.lr), batch.cameras, batch.labels
        if self.options.copies:
            images, cameras, labels = (torch.cat([one, other]) for one, other in ((images, batch.lr), (cameras,) * 2, (labels,) * 2))
        features = self.module(images, cameras)
        smoothing = self.recipe["label_smoothing"]
        scores = [classifier(neck(one)) for one, neck, classifier in zip(features, self.module.necks, self.module.classifiers)]
        terms = {"classification": [cross_entropy(one, labels, label_smoothing=smoothing) for one in scores],
                 "triplet": [hardest_triplets(one, labels, self.options.margin) for one in features]}
        return {name: 0.5 * whole + 0.5 * sum(parts) / len(parts) if parts else whole for name, (whole, *parts) in terms.items()}

    def parameter_groups(self):
        named = [(name, parameter) for name, parameter in self.module.named_parameters() if parameter.requires_grad]
        rate, decay = self.recipe["learning_rate"], self.recipe["weight_decay"]
        return [{"params": [one for name, one in named if ("bias" in name) == is_bias], "weight_decay": decay,
                 "lr": rate * (self.options.bias_factor if is_bias else 1)} for is_bias in (False, True)]

    def learning_rate_factor(self, step):  # by step, where theirs is by epoch
        if self.recipe["schedule"] != "cosine":
            return super().learning_rate_factor(step)
        warmup, steps = self.recipe["warmup_steps"], self.recipe["steps"]
        return 0.01 + 0.99 * step / warmup if step < warmup else 0.002 + 0.499 * (1 + math.cos(math.pi * step / steps))
