"""torchreid's OSNet as a worker: its network, loss, optimiser and normalisation, run by the suite osnet.toml on our packs and splits.
All that the contract of docs/worker.md asks for comes from external_worker.py.

    osnet_worker.py [--network osnet_x0_25] [--weights FILE] run …

It takes trainings whose recipe has a `program` (train.program in suites), and what evaluates them; every other job goes to
resolute-worker, so that a table may have rows of both. It trains by classification alone, as torchreid's ImageSoftmaxEngine does.
--weights: a file of torch.save with the network's parameters, such as torchreid's osnet_x0_25_imagenet.pth. Neither option is part of
a job's id: give another network another number of train.program."""

import argparse, hashlib, importlib, io, json, math, os, sys, types, warnings


def end(problem):
    print(f"osnet_worker: {problem}", file=sys.stderr)
    sys.exit(2)  # the same again would end the same way


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


def import_libraries():
    """The modules torch, torchreid and external_worker; ends this program in one line where one is missing."""
    try:
        return importlib.import_module("torch"), import_torchreid(), importlib.import_module("external_worker")
    except ImportError as error:
        end(f"a Python package is missing in {sys.executable} ({error}); beside PyTorch install torchvision, pillow, h5py, safetensors "
            "and torchreid==0.2.5")


def make_osnet(torch, torchreid, architecture, weights=None):
    """What external_worker.Convolutions is, of a network of torchreid that starts from scratch or from a file."""
    start = None if weights is None else read_weights(torch, weights)

    class Osnet:
        name = "osnet_worker"
        revision = f"osnet_worker 1, torchreid {torchreid.__version__}, {architecture}" + (start.told if start else "")
        from_scratch = weights is None
        # ImageNet's, as in torchreid's transforms, of pixels from 0 to 1.
        mean, deviation = (torch.tensor(of).view(1, 3, 1, 1) for of in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))

        def network(self, classes):
            network = torchreid.models.build_model(architecture, classes, loss="softmax", pretrained=False, use_gpu=False)
            if start:
                network.load_state_dict({**network.state_dict(), **start.trunk_of(network, architecture)})
            return network

        def normalised(self, pixels):
            return (pixels.contiguous() / 255 - self.mean) / self.deviation

        def augmented(self, images, recipe, draws):
            mirrored = torch.rand([len(images)], generator=draws) < recipe["flip"]
            return torch.where(mirrored.view(-1, 1, 1, 1), images.flip(3), images)

        def scores(self, network, images):
            return network(images)  # training

        def features(self, network, images):
            return network(images)  # not training

        def error(self, scores, labels, recipe):
            share = recipe["label_smoothing"]
            return torchreid.losses.CrossEntropyLoss(scores.shape[1], eps=share, use_gpu=False)(scores, labels)

        def optimiser(self, network, recipe):
            rates = {"lr": recipe["learning_rate"], "weight_decay": recipe["weight_decay"]}
            return torchreid.optim.build_optimizer(network, optim="amsgrad", **rates)

        def learning_rate(self, recipe, step):  # warm-up and schedule as ours have them (docs/suite.md)
            warmup, rate = recipe["warmup_steps"], recipe["learning_rate"]
            if step < warmup:
                return rate * (0.01 + 0.99 * step / warmup)
            if recipe["schedule"] == "cosine":
                return rate * (1 + math.cos(math.pi * (step - warmup) / (recipe["steps"] - warmup))) / 2
            return rate * recipe["gamma"] ** sum(step >= milestone for milestone in recipe["milestones"])

    return Osnet()


class Weights:
    """Tensors by the network's names."""

    def __init__(self, path, tensors, told):
        self.path, self.tensors, self.told = path, tensors, told

    def trunk_of(self, network, architecture):
        """All but the classifier's and counts; ends this program unless they are there."""
        left_out = ("num_batches_tracked", "classifier.weight", "classifier.bias")
        wanted = {key: tensor for key, tensor in network.state_dict().items() if not key.endswith(left_out)}
        for key, tensor in wanted.items():
            if key not in self.tensors or self.tensors[key].shape != tensor.shape:
                end(f"'{self.path}' does not hold the weights of '{architecture}' (tensor '{key}' is missing or of another shape); "
                    "name that network's file")
        return {key: self.tensors[key] for key in wanted}


def read_weights(torch, path):
    try:
        with open(path, "rb") as file:
            data = file.read()
        held = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        tensors = {key.removeprefix("module."): tensor for key, tensor in held.get("state_dict", held).items()}
    except Exception as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        end(f"'{path}' cannot be read as weights ({why}); name a file of torch.save")
    return Weights(path, tensors, f", weights {hashlib.sha256(data).hexdigest()[:16]}")


def read_job(store, job, file="spec.json"):
    with open(f"{store}/jobs/{job[:2]}/{job}/{file}") as text:
        return json.load(text)


def is_osnets(store, specification):
    """Whether a training or an evaluation is one that this worker takes."""
    if specification["kind"] == "evaluation":
        specification = read_job(store, specification["training"])
    return specification["kind"] == "training" and specification["recipe"].get("program", 0) != 0


def main():
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--network", default="osnet_x0_25", help="a model of torchreid: osnet_x1_0, osnet_ibn_x1_0, …")
    parser.add_argument("--weights", help="a file of torch.save with the network's parameters; from scratch without")
    own = sys.argv.index("run") if "run" in sys.argv else len(sys.argv)
    options, arguments = parser.parse_args(sys.argv[1:own]), sys.argv[own:]
    asked = argparse.ArgumentParser(allow_abbrev=False)
    asked.add_argument("command", choices=["run"])
    for name in ("--store", "--job"):
        asked.add_argument(name, required=True)
    job, _ = asked.parse_known_args(arguments)
    if not is_osnets(job.store, read_job(job.store, job.job)):
        worker = os.environ.get("RESOLUTE_WORKER", "resolute-worker")
        try:
            os.execvp(worker, [worker, *arguments])
        except OSError as error:
            end(f"'{worker}' cannot be started ({error}); put resolute-worker on PATH, or name it by RESOLUTE_WORKER")
    torch, torchreid, external_worker = import_libraries()
    if options.network not in torchreid.models.__model_factory:
        end(f"torchreid has no network '{options.network}'; torchreid.models.show_avai_models() lists them")
    osnet = make_osnet(torch, torchreid, options.network, options.weights)
    sys.argv[1:] = arguments
    external_worker.main(osnet)


if __name__ == "__main__":
    main()
