"""The jobs that users run, at the papers' size: images to a pack, a training of ResNet-50 from it, killed and gone on with, its evaluation, and
features of other images."""

import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import time

from page import Answer

SUITE = """
suite = "people"
title = "People at the papers' size"
[defaults]
trials = 1
lanes = 1
device = "cuda"
backbone = "{backbone}"
height = {height}
width = {width}
shards = {shards}
[defaults.train]
steps = {steps}
identities = {identities}
images = 4
precision = "{precision}"
[defaults.split]
lr_camera = 2
[[dataset]]
id = "people"
source = "synthetic"
identities = {people}
images_per_camera = 4
[[table]]
id = "main"
title = "People"
metrics = ["rank1"]
datasets = ["people"]
[[table.row]]
id = "baseline"
label = "Baseline"
method = "baseline"
"""
PAPER = {"backbone": "resnet50", "height": 256, "width": 128, "steps": 1000, "identities": 16, "people": 1000, "shards": 8}
SMALL = {"backbone": "resnet-small", "height": 32, "width": 16, "steps": 60, "identities": 4, "people": 16, "shards": 2}
WARM = 0.1  # of the steps, before which nothing is timed


class Store:
    """A store with the jobs of SUITE, which the worker runs one by one."""
    def __init__(self, machine, folder, size):
        self.machine, self.folder = machine, folder
        folder.mkdir(exist_ok=True)
        (folder / "people.toml").write_text(SUITE.format(**size))
        plan = json.loads(machine.resolute("suite", "plan", folder / "people.toml", "--store", folder, "--json"))
        self.jobs = {}  # of each kind one; shards are numbered
        for job in plan["jobs"]:
            name = f"shard-{len(self.jobs)}" if job["kind"] == "shard" else job["kind"]
            self.jobs[name] = job["id"]
            self.of_job(name).mkdir(parents=True, exist_ok=True)
            (self.of_job(name) / "spec.json").write_text(json.dumps(job["specification"], sort_keys=True, separators=(",", ":")))

    def of_job(self, kind):
        return self.folder / "jobs" / self.jobs[kind][:2] / self.jobs[kind]

    def run(self, kind, *options, attempt=1, kill_at=None):
        """[(second, progress line)] of an attempt, and what it logged. kill_at: the step at which it is killed. Raises ValueError where it
        fails otherwise."""
        read, write = os.pipe()
        command = [self.machine.bin / "resolute-worker", "run", "--store", self.folder, "--job", self.jobs[kind], "--attempt", str(attempt),
                   "--progress-fd", str(write), *options]
        with open(log := self.folder / f"{kind}-{attempt}.log", "w", encoding="utf-8") as errors:
            process = subprocess.Popen(command, env=self.machine.environment | {"RESOLUTE_LOG": "debug"}, pass_fds=[write], stderr=errors)
        os.close(write)
        lines = []
        with os.fdopen(read, encoding="utf-8") as progress:
            for text in progress:
                lines.append((time.monotonic(), json.loads(text)))
                if kill_at is not None and lines[-1][1].get("step", 0) >= kill_at:
                    process.kill()
        code = process.wait()
        if code != (0 if kill_at is None else -9):
            raise ValueError(f"a {kind} ended with code {code}: {log.read_text(encoding='utf-8')[-800:]}")
        return lines, log.read_text(encoding="utf-8")

    def result(self, kind):
        return json.loads((self.of_job(kind) / "result.json").read_text(encoding="utf-8"))


def rate(lines, least=0):
    """Steps a second, from the first line of at least so many steps to the last; None where there are no two."""
    timed = [(second, line["step"]) for second, line in lines if line.get("step", -1) >= least]
    if len(timed) < 2 or timed[0][1] == timed[-1][1]:
        return None
    return (timed[-1][1] - timed[0][1]) / (timed[-1][0] - timed[0][0])


def shown(number):
    return "-" if number is None else f"{number:.1f}"


class RealJobs:
    """Items of a user's way from images to features, each of which needs the ones before it. The first training has no checkpoints; the
    others, with checkpoints, must end in its weights."""
    QUESTION = "What does a user get, from images to features?"
    HEAD = ["training", "images/s", "waited for images", "checkpoints written", "gone on from step", "weights"]

    def __init__(self, machine, scratch, size, precision):
        self.machine, self.scratch, self.size = machine, scratch, size | {"precision": precision}
        often = min(100, size["steps"] // 6)
        self.every = {"no checkpoints": 10**9, f"checkpoints every {often} steps": often,
                      f"killed in the middle, checkpoints every {often} steps": often}

    def items(self):
        return {"images to a pack": self.pack, **{name: lambda name=name: self.train(name) for name in self.every}, "evaluation": self.evaluate,
                "embed": self.embed}

    def store(self, number=0):
        return Store(self.machine, self.scratch / f"store-{number}", self.size)

    def answer(self, head, row):
        return Answer(self.QUESTION, head=head, rows=[row])

    def pack(self):
        store = self.store()
        begun = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor() as pool:
            list(pool.map(store.run, [name for name in store.jobs if name.startswith("shard")]))
        store.run("seal")
        images = self.size["people"] * 8
        return self.asked("images to a pack", images, images / (time.monotonic() - begun))

    def train(self, name):
        first, number, every = self.store(), list(self.every).index(name), self.every[name]
        store = self.store(number)
        if number:  # links: no byte of a pack is written twice
            shutil.copytree(first.folder / "packs", store.folder / "packs", copy_function=os.link, dirs_exist_ok=True)
        attempt, options = 1, ("training", "--checkpoint-every", str(every))
        steps, half = self.size["steps"], self.size["steps"] // 2
        if name.startswith("killed"):
            store.run(*options, kill_at=half)
            attempt = 2
        lines, log = store.run(*options, attempt=attempt)
        steps_a_second = rate(lines, WARM * steps if attempt == 1 else half + WARM * steps)
        waited = re.search(r"([\d.]+) % of the time waited", log)
        went_on = re.search(r"going on from the checkpoint of step (\d+)", log)
        weights = store.result("training")["weights_sha256"]
        if number and weights != (expected := first.result("training")["weights_sha256"]):
            raise ValueError(f"its weights are {weights}, those without checkpoints {expected}")
        return self.answer(self.HEAD, [
            name, shown(steps_a_second and steps_a_second * 4 * self.size["identities"]), f"{waited[1]} %" if waited else "-",
            sum("checkpoint" in line for _, line in lines), went_on[1] if went_on else "-", weights[:12]])

    def asked(self, name, images, rate_of_images):
        return Answer("How many images a second do other jobs take?", head=["job", "images", "images/s"],
                      rows=[[name, images, shown(rate_of_images)]])

    def evaluate(self):
        lines, _ = self.store().run("evaluation")
        return self.asked("evaluation, without its start", max((line.get("steps", 0) for _, line in lines), default=0), rate(lines))

    def embed(self):
        store = self.store()
        raw = next(path for path in (store.folder / "raw").iterdir() if path.is_dir())
        begun = time.monotonic()
        counted = json.loads(self.machine.resolute("embed", store.jobs["training"], raw, "--store", store.folder, "--out",
                                                   store.folder / "features.h5", "--json"))
        return self.asked("`resolute embed` of image files, with its start", counted["queries"] + counted["gallery"],
                          (counted["queries"] + counted["gallery"]) / (time.monotonic() - begun))
