"""A worker that is not resolute-worker: a small network of its own in PyTorch, run by the suite external_worker.toml. It
keeps the contract of docs/worker.md; what a specification says of methods and networks it does not heed. A worker with another
network, osnet_worker.py, has a class of its own in the place of Convolutions, and all else from here."""

import argparse, contextlib, csv, glob, hashlib, io, json, os, signal, subprocess, sys, tempfile, time

import h5py, numpy, torch
from safetensors.torch import load, save
from torch.nn import Conv2d, GroupNorm, Linear, ReLU, Sequential
from torch.nn.functional import cross_entropy, interpolate


class Refused(Exception):
    """What the same again would not mend: exit code 2."""


class Convolutions:
    """The network and how it learns. Images are float32 tensors, N x 3 x H x W."""

    name = "external_worker"  # who opens messages
    revision = "external_worker 1"  # the part of the numeric class that this class decides
    from_scratch = True

    def network(self, classes):
        blocks = [Sequential(Conv2d(a, b, 3, 2, 1), GroupNorm(8, b), ReLU()) for a, b in ((3, 32), (32, 64), (64, 128))]
        return torch.nn.ModuleDict({"trunk": Sequential(*blocks), "classifier": Linear(128, classes)})

    def normalised(self, pixels):  # 0 to 255
        return pixels / 127.5 - 1

    def augmented(self, images, recipe, draws):
        return images

    def scores(self, network, images):
        return network["classifier"](self.features(network, images))

    def features(self, network, images):
        return network["trunk"](images).mean((2, 3))

    def error(self, scores, labels, recipe):
        return cross_entropy(scores, labels)

    def optimiser(self, network, recipe):
        return torch.optim.Adam(network.parameters(), recipe["learning_rate"], weight_decay=recipe["weight_decay"])

    def learning_rate(self, recipe, step):  # step from 0
        return recipe["learning_rate"]


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def write(path, data, place=os.replace):
    """Whole or not at all, whenever this process or the machine ends."""
    temporary = f"{os.path.dirname(path)}/.{os.path.basename(path)}.{os.uname().nodename}-{os.getpid()}.tmp"
    with open(temporary, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    place(temporary, path)


def link_first(own, path):
    with contextlib.suppress(FileExistsError):
        os.link(own, path)
    os.unlink(own)


def publish(result):
    text = json.dumps({"job": options.job, **result}, sort_keys=True, separators=(",", ":")) + "\n"
    write(f"{folder}/result.json", text.encode(), link_first)


def say(**line):
    with contextlib.suppress(OSError):  # a reader that has gone is no reason to stop
        os.write(options.progress_fd, (json.dumps(line) + "\n").encode())


def read_job(job):
    where = f"{options.store}/jobs/{job[:2]}/{job}"
    return where, json.load(open(f"{where}/spec.json"))


def draw_split():
    """As resolute-worker draws it, so that all workers train and are tested on the same images."""
    command = [os.environ.get("RESOLUTE_WORKER", "resolute-worker"), "split"]
    with tempfile.TemporaryDirectory() as scratch:
        command += ["--store", options.store, "--job", options.job, "--out", scratch]
        return json.load(open(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()))


class Pack:
    """docs/formats/pack.md; images come as tensors of the network's size."""

    def __init__(self, settings, normalised):
        self.normalised = normalised
        early = not settings.keys() & {"single_images", "truncated_images"}  # packs of before 'view_from' do not name it
        named = {key: value for key, value in settings.items() if not early or (key, value) != ("view_from", "native")}
        hashed = sha256(json.dumps(named, sort_keys=True, separators=(",", ":")).encode())
        self.folder = f"{options.store}/packs/{settings['name']}-{hashed[:16]}"
        self.sha256 = sha256(open(f"{self.folder}/pack.json", "rb").read())
        self.size, self.rates = (settings["height"], settings["width"]), [r for r in settings["rates"] if r > 1]
        shards = [h5py.File(path) for path in sorted(glob.glob(f"{self.folder}/shard-*.h5"))]
        self.rows = [(shard, at) for shard in shards for at in range(len(shard["hr"]))]

    def pixels(self, row, rate):
        """uint8, H x W x 3: of network size, or as a camera would have stored the image at that rate."""
        shard, at = self.rows[row]
        pixels = shard["hr"][at]
        came_low = "source_rate" in shard and shard["source_rate"][at] != 1
        if rate > 1 and not came_low:
            column = self.rates.index(rate)
            begin, height, width = (int(shard[f"lr_view_{name}"][at, column]) for name in ("offset", "height", "width"))
            pixels = shard["lr_view"][begin : begin + 3 * height * width].reshape(height, width, 3)
        return pixels

    def image(self, row, rate):
        image = self.normalised(torch.from_numpy(self.pixels(row, rate)).permute(2, 0, 1).unsqueeze(0).float())
        return interpolate(image, self.size, mode="bilinear")


def train(specification):
    if specification["device"] != "cpu":
        raise Refused("device is not 'cpu' (this worker computes nowhere else)")
    recipe, seed = specification["recipe"], specification["seed"]
    pack, split = Pack(specification["pack"], method.normalised), draw_split()
    items = split["split"]["train"]
    torch.manual_seed(seed)
    network = method.network(split["split"]["train_identities"]).train()
    optimiser = method.optimiser(network, recipe)
    step = loss = 0
    for path in sorted(glob.glob(f"{folder}/checkpoints/step-*.pt"), reverse=True):
        data = open(path, "rb").read()
        if path.endswith(f"-{sha256(data)[:16]}.pt"):
            step, loss, weights, moments = torch.load(io.BytesIO(data))
            network.load_state_dict(weights)
            optimiser.load_state_dict(moments)
            break
        print(f"{method.name}: {path} is damaged: the one before will do", file=sys.stderr)
    count, rates = recipe["identities"] * recipe["images"], [1, *recipe["train_rates"]]
    metrics, first, began, said = open(f"{attempt}-metrics.jsonl", "w", buffering=1), step, time.monotonic(), 0.0
    while step < recipe["steps"]:
        # Every draw follows from seed and step: who goes on from a checkpoint draws the same.
        draws = torch.Generator().manual_seed(1_000_003 * seed + step)
        batch = [items[i] for i in torch.randint(len(items), [count], generator=draws)]
        shown = [rates[i] for i in torch.randint(len(rates), [count], generator=draws)]
        images = [pack.image(item["row"], rate if item["has_hr"] else item["rate"]) for item, rate in zip(batch, shown)]
        scores = method.scores(network, method.augmented(torch.cat(images), recipe, draws))
        error = method.error(scores, torch.tensor([item["label"] for item in batch]), recipe)
        for group in optimiser.param_groups:
            group["lr"] = method.learning_rate(recipe, step)
        optimiser.zero_grad()
        error.backward()
        optimiser.step()
        step, loss = step + 1, error.item()
        if not numpy.isfinite(loss):
            raise Refused(f"the loss is {loss} in step {step}")
        print(json.dumps({"loss": loss, "step": step}), file=metrics)
        if time.monotonic() > said + 0.5:
            said = time.monotonic()
            speed = count * (step - first) / (said - began)
            say(step=step, steps=recipe["steps"], loss=loss, images_per_second=speed)
        if stop_signals or step % options.checkpoint_every == 0:
            file = io.BytesIO()
            torch.save([step, loss, network.state_dict(), optimiser.state_dict()], file)
            data = file.getvalue()
            write(f"{folder}/checkpoints/step-{step:09}-{sha256(data)[:16]}.pt", data)
            say(checkpoint=step)
            for old in sorted(glob.glob(f"{folder}/checkpoints/step-*.pt"))[:-2]:
                os.unlink(old)
        if stop_signals:
            print(f"{method.name}: stopped after step {step}", file=sys.stderr)
            sys.exit(75)
    weights = save(network.state_dict())
    name = f"weights-{sha256(weights)[:16]}.safetensors"
    write(f"{folder}/{name}", weights)
    provenance = {"pack_sha256": pack.sha256, "split_sha256": split["sha256"], "numeric_class": numeric_class,
                  "lanes": specification["lanes"], "from_scratch": method.from_scratch}
    publish({"weights_file": name, "weights_sha256": sha256(weights), "metrics": {"loss": loss},
             "provenance": provenance})
    for path in glob.glob(f"{folder}/checkpoints/*"):
        os.unlink(path)


def measured(sides, features, draws):
    """Metrics by name, and the bytes of queries.csv."""
    # Exact, ties against the query; nobody is in the gallery by the query's own camera.
    distance = numpy.array([((row.astype("float64") - features["gallery"]) ** 2).sum(1) for row in features["query"]])
    queried, shown_people = (numpy.array([item["identity"] for item in sides[side]]) for side in ("query", "gallery"))
    same = queried[:, None] == shown_people
    ranks = []  # of the true match, one a draw and query
    for draw in map(set, draws):
        shown = numpy.array([g["path"] in draw for g in sides["gallery"]])
        own = numpy.where(same & shown, distance, numpy.inf).min(1, keepdims=True)
        ranks.append(((distance <= own) & shown).sum(1))
    places = [[(near <= own).sum() for own in numpy.sort(near[true])] for near, true in zip(distance, same)]
    precisions = [numpy.mean([(i + 1) / place for i, place in enumerate(of_query)]) for of_query in places]
    shares = {f"rank{k}": (numpy.array(ranks) <= k).mean(0) for k in (1, 5, 10, 20)}  # of the draws, one a query
    metrics = {name: float(share.mean()) for name, share in shares.items()}
    metrics |= {"mAP": float(numpy.mean(precisions)), "chance_rank1": 1 / len(draws[0])}
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["path", "identity", "camera", "rate", "has_match", *shares, "average_precision"])
    for item, *scores in zip(sides["query"], *shares.values(), precisions):
        numbers = [repr(float(number)).removesuffix(".0") for number in scores]
        rows.writerow([item["path"], item["identity"], item["camera"], item["rate"], 1, *numbers])
    return metrics, text.getvalue().encode()


def evaluate(specification):
    if specification["protocol"]["name"] != "single-shot":
        raise Refused("evaluate.protocol is not single-shot (this worker measures nothing else)")
    where, _ = read_job(specification["training"])
    training = json.load(open(f"{where}/result.json"))
    weights = open(f"{where}/{training['weights_file']}", "rb").read()
    if sha256(weights) != training["weights_sha256"]:
        raise Refused(f"the weights of training {specification['training']} are damaged")
    tensors = load(weights)
    network = method.network(len(tensors["classifier.bias"])).eval()
    network.load_state_dict(tensors)
    pack, split = Pack(specification["pack"], method.normalised), draw_split()
    sides, features = {side: split["split"][side] for side in ("query", "gallery")}, {}
    with h5py.File(f"{folder}/.features.{os.getpid()}", "w") as file, torch.no_grad():
        for side, items in sides.items():
            rows = [method.features(network, pack.image(item["row"], item.get("rate", 1))) for item in items]
            features[side] = file[f"{side}/features"] = torch.cat(rows).numpy()
            for name, key in (("identities", "identity"), ("cameras", "camera")):
                file[f"{side}/{name}"] = numpy.array([item[key] for item in items], "int64")
    os.replace(f"{folder}/.features.{os.getpid()}", f"{folder}/features.h5")
    metrics, queries = measured(sides, features, split["gallery_draws"])
    write(f"{folder}/queries.csv", queries)
    provenance = {"pack_sha256": pack.sha256, "split_sha256": training["provenance"]["split_sha256"],
                  "numeric_class": numeric_class, "training": specification["training"]}
    publish({"features_sha256": sha256(open(f"{folder}/features.h5", "rb").read()), "metrics": metrics,
             "outputs": {"queries.csv": sha256(queries)}, "provenance": provenance, "weights_sha256": training["weights_sha256"]})


def main(network):
    """Runs one process rank of one job, by its command line; network is a Convolutions or what has the same members."""
    global attempt, folder, method, numeric_class, options, stop_signals
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("command", choices=["run"])
    for name in ("--store", "--job"):
        parser.add_argument(name, required=True)
    numbers = {"attempt": 1, "process-ranks": 1, "threads": 1, "checkpoint-every": 100, "progress-fd": -1}
    for name, default in numbers.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    options, _ = parser.parse_known_args()  # the others are for gangs and shards
    method, stop_signals = network, []
    for number in (signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, lambda number, frame: stop_signals.append(number))
    torch.set_num_threads(options.threads)
    torch.use_deterministic_algorithms(True)
    machine = torch.backends.cpu.get_cpu_capability()
    numeric_class = f"{method.revision}, torch {torch.__version__}, {machine}, threads {options.threads}"
    try:
        folder, specification = read_job(options.job)
        attempt = f"{folder}/attempt-{options.attempt:03}"
        os.makedirs(f"{folder}/checkpoints", exist_ok=True)
        if specification["kind"] not in ("training", "evaluation") or options.process_ranks != 1:
            raise Refused(f"{options.process_ranks} process ranks of a {specification['kind']}")
        if not os.path.exists(f"{folder}/result.json"):
            {"training": train, "evaluation": evaluate}[specification["kind"]](specification)
    except Exception as error:
        print(f"{method.name}: {error}", file=sys.stderr)  # the evidence that a failure is shown with
        sys.exit(2 if isinstance(error, (Refused, KeyError)) else 1)


if __name__ == "__main__":
    main(Convolutions())
