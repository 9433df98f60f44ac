"""torchreid's OSNet as a method of one's own: its network, loss and optimiser, run by the suite osnet.toml on our packs and splits. It
trains by classification alone, as torchreid's ImageSoftmaxEngine does, on images as they are stored.
"""

import hashlib
import importlib
import io
import sys
import types
import warnings
from dataclasses import dataclass, field


def import_torchreid():
    """torchreid imports at once what only parts of it that nothing here calls are for: readers of other data sets, pictures,
    downloads, logs. What of that is not installed is stood in for by names that do nothing."""
    unused = {"scipy": {}, "scipy.io": {"loadmat": None}, "cv2": {}, "gdown": {}, "torch.utils.tensorboard": {"SummaryWriter": None}}
    for name, members in unused.items():
        try:
            importlib.import_module(name)
        except ImportError:
            sys.modules[name] = types.ModuleType(name)
            vars(sys.modules[name]).update(members)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its compiled evaluator, which is not needed
        return importlib.import_module("torchreid")


try:
    import resolute
    import torch

    torchreid = import_torchreid()
except ImportError as error:
    print(f"osnet_worker: a Python package is missing in {sys.executable} ({error}); beside PyTorch install torchvision, pillow, h5py, "
          "safetensors and torchreid==0.2.5, and resolute (docs/python.md)", file=sys.stderr)
    sys.exit(2)


class Osnet(resolute.Method):
    @dataclass
    class Options:
        network: str = field(default="osnet_x0_25", metadata={"help": "a model of torchreid: osnet_x1_0, osnet_ibn_x1_0, …"})
        weights: str | None = field(default=None, metadata={"help": "a file of torch.save with the network's parameters, such as "
                                                                    "torchreid's osnet_x0_25_imagenet.pth; from scratch without"})

        def __post_init__(self):
            if self.network not in vars(torchreid.models)["__model_factory"]:
                raise ValueError(f"torchreid has no network '{self.network}'; torchreid.models.show_avai_models() lists them")

    def __init__(self, options, recipe):
        super().__init__(options, recipe)
        self.start, self.versions = None, [f"torchreid {torchreid.__version__}", options.network]
        if options.weights:
            self.start, digest = read_weights(options.weights)
            self.versions.append(f"weights {digest}")

    def depends_on(self):
        return self.versions

    def from_scratch(self):
        return self.start is None

    def network(self, classes):
        network = torchreid.models.build_model(self.options.network, classes, loss="softmax", pretrained=False, use_gpu=False)
        if self.start:  # all but the classifier's and counts
            left_out = ("num_batches_tracked", "classifier.weight", "classifier.bias")
            wanted = {key: tensor for key, tensor in network.state_dict().items() if not key.endswith(left_out)}
            for key, tensor in wanted.items():
                if key not in self.start or self.start[key].shape != tensor.shape:
                    raise resolute.InputError(f"'{self.options.weights}' does not hold the weights of '{self.options.network}' (tensor "
                                              f"'{key}' is missing or of another shape); name that network's file")
            network.load_state_dict({key: self.start[key] for key in wanted}, strict=False)
        return network

    def losses(self, batch):
        images = torch.where(batch.has_hr.view(-1, 1, 1, 1), batch.hr, batch.lr)
        scores = self.module(images)
        loss = torchreid.losses.CrossEntropyLoss(scores.shape[1], eps=self.recipe["label_smoothing"], use_gpu=False)
        return {"classification": loss(scores, batch.labels)}

    def embed(self, images, rates):
        return self.module(images.contiguous())  # memory as torchreid has it: the same bits

    def optimiser(self):
        rates = {"lr": self.recipe["learning_rate"], "weight_decay": self.recipe["weight_decay"]}
        return torchreid.optim.build_optimizer(self.module, optim="amsgrad", **rates)


def read_weights(path):
    """Tensors by the network's names, and the file's hash."""
    try:
        with open(path, "rb") as file:
            data = file.read()
        held = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        tensors = {key.removeprefix("module."): tensor for key, tensor in held.get("state_dict", held).items()}
    except Exception as error:  # noqa: BLE001 a damaged file may raise anything
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise resolute.InputError(f"'{path}' cannot be read as weights ({why}); name a file of torch.save") from None
    return tensors, hashlib.sha256(data).hexdigest()[:16]


if __name__ == "__main__":
    resolute.work(Osnet)
