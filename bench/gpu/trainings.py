"""How fast trainings are whose batches lie on the device: beside PyTorch's, in float32 by other plans, of every method, several at once;
and where their time goes. Each function is an item's work, and gives an Answer."""

import contextlib
import json
import pathlib
import statistics
import tempfile

from kernels import figures, summary
from machine import HERE, words
from page import Answer
from turns import Player, alternate_all, free_port

ENDLESS = 100_000  # turns: a player ends with its standard input
# How a lone process trains: PyTorch's users do not wrap it in DDP. Several processes share their gradients by DDP.
FORMS = {"eager": {"ddp": 0}, "graph": {"form": "graph", "ddp": 0}, "compiled": {"form": "compiled", "ddp": 0}}
DDP = {"DDP": {}}
# One takes minutes to compile; the others are how people of this field train: torchreid's defaults, fast-reid's mixed precision. Each is an
# item for itself.
OTHERS = {"max-autotune": {"form": "max", "ddp": 0}, "torchreid's way": {"precision": "tf32", "layout": "nchw", "ddp": 0},
          "fast-reid's way": {"precision": "fp16", "layout": "nchw", "ddp": 0}}
# The paper's suite of each method, and the row that is the method itself. The first trial's training is taken.
ROWS = {"baseline": ("rain", "baseline-hr"), "rain": ("rain", "multi-level"), "cadnet": ("cadnet", "cad-net"), "ftwa": ("ftwa", "ftwa"),
        "msifla": ("msifla", "msifla"), "resolution_adaptive": ("resolution_adaptive", "progressive")}
# Plans by FFT, by operation, which libtorch's filters let pass; and libtorch's own two rules, which a file of ours replaces.
FFT = [("ConvFwd", 4), ("ConvFwd", 5), ("ConvBwdData", 2), ("ConvBwdData", 3), ("ConvBwdFilter", 2), ("ConvBwdFilter", 6)]
LIBTORCHS = [("ConvFwd", 23), ("ConvBwdData", 23)]


class Bench:
    """logs: a folder for what libraries write. sizes: images of a step and device. steps: of a turn. turns: samples, each of `least`
    seconds or more. kept: a folder for what compilers keep. items: whose limit is that of the item at work"""
    def __init__(self, machine, items, logs, kept, sizes, steps, turns, least, small=None):
        self.machine, self.items, self.logs, self.kept = machine, items, logs, kept
        self.sizes, self.steps, self.turns, self.least = sizes, steps, turns, least
        self.small = small or {}  # options of ours that make networks small, where there is no GPU
        self.limit = None  # machine.limits()

    def options(self, precision, batch, ranks=1):
        return {"precision": precision, "batch": batch, "ranks": ranks, "steps": self.steps}

    def player(self, name, commands, environment):
        # One that does not answer leaves the others of its item time to be measured.
        return Player(name, commands, environment, longest=self.items.limit / 2)

    def ours(self, options, *more, turns=ENDLESS, environment=None):
        machine, ranks, port = self.machine, options["ranks"], free_port()
        commands = [[str(machine.bin / "bench_training"), "--device", machine.device, "--folder", tempfile.mkdtemp(), "--rank", str(rank),
                     "--port", str(port), "--lanes", str(ranks), "--turns", str(turns), *more] + words(self.small | options)
                    for rank in range(ranks)]
        return self.player("bench_training", commands, machine.environment | (environment or {}))

    def peer(self, options):
        machine, port = self.machine, free_port()
        script = str(HERE / "bench/peers/ddp_training.py")
        device = machine.device if machine.is_gpu else "cpu"
        commands = [[machine.python, script, "--device", device, "--rank", str(rank), "--port", str(port), "--turns", str(ENDLESS)] +
                    words(options) for rank in range(options["ranks"])]
        kept = {name: str(self.kept / name) for name in ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR")}
        return self.player("ddp_training.py", commands, machine.outside | kept)

    def compile(self, precision, batch, form):
        """A peer's kernels, kept for the item that measures it."""
        with contextlib.closing(self.peer(self.options(precision, batch) | form)) as player:
            player.longest = self.items.limit
            player.turn()

    def samples(self, players):
        """({name: images a second of each sample, ascending}, what kept others from beginning). players: {name: (player, images a turn)};
        they make ready beside one another. The first is needed."""
        able, unable = {}, []
        for number, (name, (player, _)) in enumerate(players.items()):
            try:
                player.ready()
                able[name] = player
            except SystemExit as trouble:
                if number == 0:
                    raise
                player.kill()
                unable.append(f"{name}: {trouble}")
        taken = alternate_all(list(able.values()), self.turns, self.least)
        return {name: sorted(players[name][1] / seconds for seconds in of_one) for name, of_one in zip(able, taken)}, unable

    # ---- beside PyTorch

    PEERS = [*FORMS, *OTHERS, *DDP]
    HEAD = ["figure", "ours", "least to most", *PEERS, "ours by the best of them", "share"]

    def beside(self, precision, batch, ranks, forms=None):
        """A row under HEAD. forms: of the peer; those of FORMS for one process and DDP for several unless given"""
        options = self.options(precision, batch, ranks)
        images = self.steps * batch * ranks
        peers = {}
        if self.machine.python:
            usual = DDP if ranks > 1 else FORMS if self.machine.is_gpu else {"eager": FORMS["eager"]}
            peers = {name: (self.peer(options | form), images) for name, form in (forms or usual).items()}
        rates, troubles = self.samples({"ours": (self.ours(options), images)} | peers)
        median = {name: statistics.median(of_one) for name, of_one in rates.items()}
        own = median.pop("ours")
        share = self.limit and own * self.limit["operations"] / self.limit["rates"][precision] / ranks
        text = (f"ResNet-50 (last stride 1), 3×256×128, cross-entropy + triplet, Adam, batches on the device; images/s, medians of "
                f"{self.turns} alternating samples of {self.least:.0f} s or more (w: GPUs, b: images a GPU). Ours with "
                "deterministic kernels and the canonical sum. The peers are PyTorch in Python with cuDNN's benchmark, channels-last: a lone "
                "process as it is, as one CUDA graph a step, and by torch.compile (reduce-overhead, max-autotune); in TF32 and NCHW as torchreid "
                "does, in fp16 with scaled losses and NCHW as fast-reid does; several by DDP. Share: ours of the operations a second of an "
                "8192³ matrix product of that precision.")
        row = [figure_of(precision, batch, ranks, forms), f"{own:.1f}", span(rates["ours"]),
               *(f"{median[form]:.1f}" if form in median else "-" for form in self.PEERS),
               f"{own / max(median.values()):.2f}" if median else "-", "-" if share is None else f"{share:.0%}"]
        return Answer("How fast is it beside PyTorch?", [text], self.HEAD, [row], troubles=troubles)

    # ---- float32

    def float32(self, batch):
        """Why it is slow: cuDNN's other heuristics, without FFT, PyTorch's deterministic plans by time, and its NCHW."""
        rules = [{"rule_id": f"{operation}_eng{engine}", "operation": operation, "engine": engine, "knob": [], "cudnn_version_start": 0,
                  "cudnn_version_end": -1} for operation, engine in FFT + LIBTORCHS]
        (file := pathlib.Path(tempfile.mkdtemp()) / "errata.json").write_text(json.dumps({"version": 1, "rules": rules}))
        mode_b, errata = {"TORCH_CUDNN_USE_HEURISTIC_MODE_B": "1"}, {"CUDNN_ERRATA_JSON_FILE": str(file)}
        options, images = self.options("f32", batch), self.steps * batch
        asked = {"ours": {}, "ours, heuristics B": mode_b, "ours, no FFT": errata, "ours, both": mode_b | errata}
        players = {name: (self.ours(options, environment=environment), images) for name, environment in asked.items()}
        if self.machine.python and self.machine.is_gpu:
            alone = options | {"ddp": 0}
            players |= {"PyTorch": (self.peer(alone), images), "PyTorch, NCHW": (self.peer(alone | {"layout": "nchw"}), images),
                        "PyTorch, deterministic": (self.peer(alone | {"deterministic": 1}), images)}
        rates, troubles = self.samples(players)
        for name, environment in {"as-is": {}, "heuristics-b": mode_b}.items():
            log = {"CUDNN_FRONTEND_LOG_INFO": "1", "CUDNN_FRONTEND_LOG_FILE": str(self.logs / f"cudnn-plans-{name}.log")}
            with contextlib.closing(self.ours(options | {"steps": 2}, turns=1, environment=environment | log)) as player:
                player.turn()
        own = statistics.median(rates["ours"])
        rows = [[name, f"{statistics.median(of_one):.1f}", span(of_one), f"{statistics.median(of_one) / own:.2f}"]
                for name, of_one in rates.items()]
        return Answer("What makes float32 slow?", head=["float32", "images/s", "least to most", "by ours"], rows=rows, troubles=troubles)

    # ---- a trunk's norms

    def norms(self, precision, batch):
        """By libtorch's kernels, and by the trunk's own, which add and rectify in the same pass."""
        options, images = self.options(precision, batch), self.steps * batch
        rates, troubles = self.samples({"libtorch's kernels": (self.ours(options), images),
                                        "--fused-norm": (self.ours(options, "--fused-norm", "1"), images)})
        apart = statistics.median(rates["libtorch's kernels"])
        rows = [[f"{figure_of(precision, batch)}, {name}", f"{statistics.median(of_one):.1f}", span(of_one),
                 f"{statistics.median(of_one) / apart:.2f}"] for name, of_one in rates.items()]
        return Answer("Are norms faster in one pass?", head=["figure", "images/s", "least to most", "by libtorch's"], rows=rows,
                      troubles=troubles)

    # ---- where the time goes

    def traced(self, options, *more):
        """(the trace of a turn, the answer of the turn before it)"""
        file = pathlib.Path(tempfile.mkdtemp()) / "trace.json"
        player = self.ours(options, "--trace", str(file), *more, turns=3)
        player.turn(), player.turn()
        answer = player.answer
        player.turn()
        player.close()
        return json.loads(file.read_text()), answer

    def profile(self, precision, batch):
        trace, _ = self.traced(self.options(precision, batch))
        return Answer(f"Where does the time of {figure_of(precision, batch)} go?", lines=summary(trace, self.steps))

    # ---- every method

    METHODS_HEAD = ["method", "batch", "ms a step", "images/s", "GiB at most", "kernels", "GPU busy, ms", "host, ms"]

    def method(self, method, precision, settings):
        """The paper's batch, all of it in one process. settings: of `suite plan`"""
        suite, row = ROWS[method]
        arguments = ["suite", "plan", self.machine.root / "experiments/suites" / f"{suite}.toml", "--store", tempfile.mkdtemp(),
                     "--stand-ins", "--from-scratch", "--json", *settings]
        plan = json.loads(self.machine.resolute(*arguments))
        jobs = {job["id"]: job["specification"] for job in plan["jobs"]}
        cells = next(each["cells"] for of_one in plan["tables"] for each in of_one["rows"] if each["id"] == row)
        specification = jobs[jobs[cells[0]["evaluations"][0]]["training"]]
        if "stage_steps" in specification["options"]:
            specification["options"]["stage_steps"] = 0  # all masks from the first step on
        (file := pathlib.Path(tempfile.mkdtemp()) / "specification.json").write_text(json.dumps(specification))
        recipe = specification["recipe"]
        rows = recipe["identities"] * recipe["images"]
        steps = max(2, self.steps // 2)
        trace, answer = self.traced(self.options(precision, rows) | {"steps": steps}, "--specification", str(file))
        seconds, seen = answer["seconds"] / steps, figures(trace, steps)
        device = [f"{seen['kernels']:.0f}", f"{seen['busy']:.2f}", f"{seen['host']:.2f}"] if seen else ["-"] * 3
        text = ("The paper's batch in one process, batches on the device. Kernels, the GPU's busy time and the host's time beside its waits are "
                "libtorch's profiler's, of a turn of its own.")
        row = [f"{method}, {precision}", f"{recipe['identities']} × {recipe['images']}", f"{1000 * seconds:.2f}", f"{rows / seconds:.1f}",
               f"{answer['most_bytes'] / 2**30:.2f}", *device]
        return Answer("What does a step of each method take?", [text], self.METHODS_HEAD, [row])

    # ---- several at once

    def together(self, precision, batch):
        options, rows = self.options(precision, batch), []
        for count in (1, 2, 4):
            players = [self.ours(options) for _ in range(count)]
            for player in players:
                player.ready()
            for _ in range(2):  # the first does not count
                for player in players:
                    player.begin()
                seconds = [player.end() for player in players]
            for player in players:
                player.kill()
            rows.append([count, *(f"{self.steps * batch / one:.1f}" for one in (min(seconds), max(seconds))),
                         f"{sum(self.steps * batch / one for one in seconds):.1f}"])
        return Answer("Do several trainings share a GPU well?",
                      head=[f"trainings at once, {precision}, {batch} images a step", "fastest, images/s", "slowest", "sum"], rows=rows)


def figure_of(precision, batch, ranks=1, forms=None):
    """The name of a figure. forms: of the peer, where they are not the usual ones"""
    return f"train_{precision}_w{ranks}_b{batch}" + (f", {' and '.join(forms)}" if forms else "")


def span(rates):
    return f"{rates[0]:.1f} to {rates[-1]:.1f}"
