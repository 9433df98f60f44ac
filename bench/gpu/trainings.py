"""How fast trainings are whose batches lie on the device: beside PyTorch's, in float32 by other plans, of every method, several at once;
and where their time goes. Each function gives lines of Markdown, and raises one of machine.TROUBLES."""

import contextlib
import json
import statistics

from kernels import figures, summary
from machine import HERE, table, words
from turns import Player, alternate_all, free_port

ENDLESS = 100_000  # turns: a player ends with its standard input
# How a lone process trains: PyTorch's users do not wrap it in DDP. Several processes share their gradients by DDP.
FORMS = {"eager": {"ddp": 0}, "graph": {"form": "graph", "ddp": 0}, "compiled": {"form": "compiled", "ddp": 0}}
DDP = {"DDP": {}}
# One takes minutes to compile; the others are how people of this field train: torchreid's defaults, fast-reid's mixed precision.
OTHERS = {"max-autotune": {"form": "max", "ddp": 0}, "torchreid's way": {"precision": "tf32", "layout": "nchw", "ddp": 0},
          "fast-reid's way": {"precision": "fp16", "layout": "nchw", "ddp": 0}}
# The paper's suite of each method, and the row that is the method itself. The first trial's training is taken.
ROWS = {"baseline": ("rain", "baseline-hr"), "rain": ("rain", "multi-level"), "ftwa": ("ftwa", "ftwa"), "msifla": ("msifla", "msifla"),
        "resolution_adaptive": ("resolution_adaptive", "progressive")}
# Plans by FFT, by operation, which libtorch's filters let pass; and libtorch's own two rules, which a file of ours replaces.
FFT = [("ConvFwd", 4), ("ConvFwd", 5), ("ConvBwdData", 2), ("ConvBwdData", 3), ("ConvBwdFilter", 2), ("ConvBwdFilter", 6)]
LIBTORCHS = [("ConvFwd", 23), ("ConvBwdData", 23)]


class Bench:
    """logs: a folder for what libraries write. sizes: images of a step and device. steps: of a turn. turns: samples, each of `least`
    seconds or more"""
    def __init__(self, machine, scratch, logs, sizes, steps, turns, least, small=None):
        self.machine, self.scratch, self.logs = machine, scratch, logs
        self.sizes, self.steps, self.turns, self.least = sizes, steps, turns, least
        self.small = small or {}  # options of ours that make networks small, where there is no GPU
        self.limit = machine.limits()
        self.folders = 0

    def options(self, precision, batch, ranks=1):
        return {"precision": precision, "batch": batch, "ranks": ranks, "steps": self.steps}

    def ours(self, options, *more, turns=ENDLESS, environment=None):
        self.folders += 1
        folder = self.scratch / f"training-{self.folders}"
        folder.mkdir()
        machine, ranks, port = self.machine, options["ranks"], free_port()
        commands = [[str(machine.bin / "bench_training"), "--device", machine.device, "--folder", str(folder), "--rank", str(rank),
                     "--port", str(port), "--lanes", str(ranks), "--turns", str(turns), *more] + words(self.small | options)
                    for rank in range(ranks)]
        return Player("bench_training", commands, machine.environment | (environment or {}), longest=machine.longest)

    def peer(self, options):
        machine, port = self.machine, free_port()
        script = str(HERE / "bench/peers/ddp_training.py")
        device = machine.device if machine.is_gpu else "cpu"
        commands = [[machine.python, script, "--device", device, "--rank", str(rank), "--port", str(port), "--turns", str(ENDLESS)] +
                    words(options) for rank in range(options["ranks"])]
        return Player("ddp_training.py", commands, machine.environment | {"PYTHONDONTWRITEBYTECODE": "1"}, longest=machine.longest)

    def samples(self, players):
        """({name: images a second of each sample, ascending}, what kept others from beginning). players: {name: (player, images a turn)};
        they make ready beside one another. The first is needed."""
        try:
            able, unable = {}, []
            for number, (name, (player, _)) in enumerate(players.items()):
                try:
                    player.ready()
                    able[name] = player
                except SystemExit as trouble:
                    if number == 0:
                        raise
                    unable.append(f"{name}: {trouble}")
            taken = alternate_all(list(able.values()), self.turns, self.least)
            return {name: sorted(players[name][1] / seconds for seconds in of_one) for name, of_one in zip(able, taken)}, unable
        finally:
            for player, _ in players.values():
                player.kill()

    # ---- beside PyTorch

    PEERS = [*FORMS, *OTHERS, *DDP]
    HEAD = ["figure", "ours", "least to most", *PEERS, "ours by the best of them", "share"]

    def beside(self, precision, batch, ranks, forms=None):
        """(a row under HEAD, troubles). forms: of the peer; those of FORMS for one process and DDP for several unless given"""
        options = self.options(precision, batch, ranks)
        images = self.steps * batch * ranks
        peers = {}
        if self.machine.python:
            forms = forms or (DDP if ranks > 1 else FORMS if self.machine.is_gpu else {"eager": FORMS["eager"]})
            peers = {name: (self.peer(options | form), images) for name, form in forms.items()}
        rates, troubles = self.samples({"ours": (self.ours(options), images)} | peers)
        median = {name: statistics.median(of_one) for name, of_one in rates.items()}
        own = median.pop("ours")
        share = self.limit and own * self.limit["operations"] / self.limit["rates"][precision] / ranks
        return [f"`train_{precision}_w{ranks}_b{batch}`", f"{own:.1f}", span(rates["ours"]),
                *(f"{median[form]:.1f}" if form in median else "-" for form in self.PEERS),
                f"{own / max(median.values()):.2f}" if median else "-", "-" if share is None else f"{share:.0%}"], troubles

    # ---- float32

    def float32(self, batch):
        """Why it is slow: cuDNN's other heuristics, without FFT, PyTorch's deterministic plans by time, and its NCHW."""
        rules = [{"rule_id": f"{operation}_eng{engine}", "operation": operation, "engine": engine, "knob": [], "cudnn_version_start": 0,
                  "cudnn_version_end": -1} for operation, engine in FFT + LIBTORCHS]
        (file := self.scratch / "errata.json").write_text(json.dumps({"version": 1, "rules": rules}))
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
        return table(["float32", "images/s", "least to most", "by ours"], rows), troubles

    # ---- where the time goes

    def traced(self, options, *more):
        """(the trace of a turn, the answer of the turn before it)"""
        file = self.scratch / f"trace-{self.folders}.json"
        player = self.ours(options, "--trace", str(file), *more, turns=3)
        try:
            player.turn(), player.turn()
            answer = player.answer
            player.turn()
            player.close()
        finally:
            player.kill()
        return json.loads(file.read_text()), answer

    def profile(self, precision, batch):
        trace, _ = self.traced(self.options(precision, batch))
        first, *rest = summary(trace, self.steps)
        return [f"`train_{precision}_w1_b{batch}`. {first}", *rest, ""]

    # ---- every method

    METHODS_HEAD = ["method", "batch", "ms a step", "images/s", "GiB at most", "kernels", "GPU busy, ms", "host, ms"]

    def method(self, method, precision, settings):
        """A row under METHODS_HEAD: the paper's batch, all of it in one process. settings: of `suite plan`"""
        suite, row = ROWS[method]
        arguments = ["suite", "plan", self.machine.root / "experiments/suites" / f"{suite}.toml", "--store", self.scratch / "plans",
                     "--stand-ins", "--from-scratch", "--json", *settings]
        plan = json.loads(self.machine.resolute(*arguments))
        jobs = {job["id"]: job["specification"] for job in plan["jobs"]}
        cells = next(each["cells"] for of_one in plan["tables"] for each in of_one["rows"] if each["id"] == row)
        specification = jobs[jobs[cells[0]["evaluations"][0]]["training"]]
        if "stage_steps" in specification["options"]:
            specification["options"]["stage_steps"] = 0  # all masks from the first step on
        (file := self.scratch / f"{method}.json").write_text(json.dumps(specification))
        recipe = specification["recipe"]
        rows = recipe["identities"] * recipe["images"]
        steps = max(2, self.steps // 2)
        trace, answer = self.traced(self.options(precision, rows) | {"steps": steps}, "--specification", str(file))
        seconds, seen = answer["seconds"] / steps, figures(trace, steps)
        device = [f"{seen['kernels']:.0f}", f"{seen['busy']:.2f}", f"{seen['host']:.2f}"] if seen else ["-"] * 3
        return [f"{method}, {precision}", f"{recipe['identities']} × {recipe['images']}", f"{1000 * seconds:.2f}", f"{rows / seconds:.1f}",
                f"{answer['most_bytes'] / 2**30:.2f}", *device]

    # ---- several at once

    def together(self, precision, batch):
        options, rows = self.options(precision, batch), []
        for count in (1, 2, 4):
            players = [self.ours(options) for _ in range(count)]
            try:
                for player in players:
                    player.ready()
                for _ in range(2):  # the first does not count
                    for player in players:
                        player.begin()
                    seconds = [player.end() for player in players]
            finally:
                for player in players:
                    player.kill()
            rows.append([count, *(f"{self.steps * batch / one:.1f}" for one in (min(seconds), max(seconds))),
                         f"{sum(self.steps * batch / one for one in seconds):.1f}"])
        return table([f"trainings at once, {precision}, {batch} images a step", "fastest, images/s", "slowest", "sum"], rows)


def span(rates):
    return f"{rates[0]:.1f} to {rates[-1]:.1f}"
