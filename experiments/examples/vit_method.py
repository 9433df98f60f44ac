"""A ViT of timm with a batch-norm neck, as strong baselines of the field have it (He et al., TransReID, ICCV 2021, without its side
information and its jigsaw, which transreid_method.py has): classification and hardest triplets of each image as the pool has it, by SGD.
The suite python_rows.toml compares it with rows of ours."""

from dataclasses import dataclass

import resolute
import timm
import torch
from torch.nn import BatchNorm1d, Linear, ModuleDict
from torch.nn.functional import cross_entropy, relu


class Vit(resolute.Method):
    @dataclass
    class Options:
        network: str = "vit_small_patch16_224"
        height: int = 256  # of the packs' images
        width: int = 128
        margin: float = 0.3
        weights: str | None = None  # a file with the network's parameters, such as timm publishes

    def __init__(self, options, recipe):
        super().__init__(options, recipe)
        self.start = resolute.Weights(options.weights) if options.weights else None

    def network(self, classes):
        size = (self.options.height, self.options.width)
        trunk = timm.create_model(self.options.network, num_classes=0, **({} if self.start else {"img_size": size}))
        if self.start:
            self.start.load(trunk)
            trunk.set_input_size(size)
        neck = BatchNorm1d(trunk.num_features)
        neck.bias.requires_grad_(False)
        return ModuleDict({"trunk": trunk, "neck": neck, "classifier": Linear(trunk.num_features, classes, bias=False)})

    def from_scratch(self):
        return self.start is None

    def depends_on(self):
        return [f"timm {timm.__version__}", f"weights {self.start and self.start.sha256[:16]}"]

    def embed(self, images, rates):
        return self.module["neck"](self.module["trunk"](images))

    def losses(self, batch):
        features = self.module["trunk"](torch.where(batch.has_hr.view(-1, 1, 1, 1), batch.hr, batch.lr))
        scores = self.module["classifier"](self.module["neck"](features))
        same = batch.labels[:, None] == batch.labels
        distances = (features[:, None] - features).square().sum(2).clamp_min(1e-12).sqrt()
        far, near = distances.masked_fill(~same, 0).amax(1), distances.masked_fill(same, torch.inf).amin(1)
        return {"classification": cross_entropy(scores, batch.labels, label_smoothing=self.recipe["label_smoothing"]),
                "triplet": relu(far - near + self.options.margin).mean()}

    def optimiser(self):
        return torch.optim.SGD(self.parameter_groups(), self.recipe["learning_rate"], momentum=0.9)
