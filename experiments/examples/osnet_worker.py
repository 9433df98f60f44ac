"""torchreid's OSNet as a method of one's own: its network, loss and optimiser, run by the suite osnet.toml on our packs and splits. It
trains by classification alone, as torchreid's ImageSoftmaxEngine does, on images as they are stored.
"""

import sys
import warnings
from dataclasses import dataclass
from unittest.mock import MagicMock

import resolute
import torch

# torchreid imports these for other data sets, pictures, downloads and logs. Nothing here calls them.
sys.modules.update({name: MagicMock() for name in ("scipy", "scipy.io", "cv2", "gdown", "torch.utils.tensorboard")})
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of its compiled evaluator, which is not needed
    import torchreid


class Osnet(resolute.Method):
    @dataclass
    class Options:
        network: str = "osnet_x0_25"  # a model of torchreid
        weights: str | None = None  # a file such as torchreid's osnet_x0_25_imagenet.pth

        def __post_init__(self):
            if self.network not in vars(torchreid.models)["__model_factory"]:
                raise ValueError(f"torchreid has no network '{self.network}'; torchreid.models.show_avai_models() lists them")

    def __init__(self, options, recipe):
        super().__init__(options, recipe)
        self.start = resolute.Weights(options.weights) if options.weights else None

    def depends_on(self):
        return [f"torchreid {torchreid.__version__}", self.options.network, f"weights {self.start and self.start.sha256[:16]}"]

    def from_scratch(self):
        return self.start is None

    def network(self, classes):
        network = torchreid.models.build_model(self.options.network, classes, loss="softmax", pretrained=False, use_gpu=False)
        if self.start:
            self.start.load(network, but=["classifier."])
        return network

    def losses(self, batch):
        scores = self.module(torch.where(batch.has_hr.view(-1, 1, 1, 1), batch.hr, batch.lr))
        loss = torchreid.losses.CrossEntropyLoss(scores.shape[1], eps=self.recipe["label_smoothing"], use_gpu=False)
        return {"classification": loss(scores, batch.labels)}

    def embed(self, images, rates):
        return self.module(images.contiguous())  # memory as torchreid has it: the same bits

    def optimiser(self):
        rates = {"lr": self.recipe["learning_rate"], "weight_decay": self.recipe["weight_decay"]}
        return torchreid.optim.build_optimizer(self.module, optim="amsgrad", **rates)


if __name__ == "__main__":
    resolute.work(Osnet)
