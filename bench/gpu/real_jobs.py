"""The jobs that users run, at the papers' size: images to a pack, a training of ResNet-50 from it, killed and gone on with, its evaluation, and
features of other images. Each function gives lines of Markdown, and raises one of machine.TROUBLES."""

import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import threading
import time

from machine import table

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
precision = "bf16"
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
        folder.mkdir()
        (folder / "people.toml").write_text(SUITE.format(**size))
        plan = json.loads(machine.resolute("suite", "plan", folder / "people.toml", "--store", folder, "--json"))
        self.jobs = {}  # of each kind one; shards are numbered
        for job in plan["jobs"]:
            name = f"shard-{len(self.jobs)}" if job["kind"] == "shard" else job["kind"]
            self.jobs[name] = job["id"]
            self.of_job(name).mkdir(parents=True)
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
        watch = threading.Timer(self.machine.longest, process.kill)
        watch.start()
        lines = []
        with os.fdopen(read, encoding="utf-8") as progress:
            for text in progress:
                lines.append((time.monotonic(), json.loads(text)))
                if kill_at is not None and lines[-1][1].get("step", 0) >= kill_at:
                    process.kill()
        code = process.wait()
        watch.cancel()
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


def jobs(machine, scratch, size):
    """From images to features."""
    first = Store(machine, scratch / "store", size)
    begun = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        list(pool.map(first.run, [name for name in first.jobs if name.startswith("shard")]))
    first.run("seal")
    packed = time.monotonic() - begun
    batch, warm, half = 4 * size["identities"], WARM * size["steps"], size["steps"] // 2
    rows, weights = [], {}
    often = min(100, size["steps"] // 6)
    every = {"none": 10**9, f"every {often} steps": often, f"killed in the middle, every {often}": often}
    for name, steps in every.items():
        store = first
        if rows:
            store = Store(machine, scratch / f"store-{len(rows)}", size)
            shutil.copytree(first.folder / "packs", store.folder / "packs", dirs_exist_ok=True)
        attempt, options = 1, ("training", "--checkpoint-every", str(steps))
        if name.startswith("killed"):
            store.run(*options, kill_at=half)
            attempt = 2
        lines, log = store.run(*options, attempt=attempt)
        steps_a_second = rate(lines, warm if attempt == 1 else half + warm)
        waited = re.search(r"([\d.]+) % of the time waited", log)
        went_on = re.search(r"going on from the checkpoint of step (\d+)", log)
        weights[name] = store.result("training")["weights_sha256"]
        rows.append([name, shown(steps_a_second and steps_a_second * batch), f"{waited[1]} %" if waited else "-",
                     sum("checkpoint" in line for _, line in lines), went_on[1] if went_on else "-", weights[name][:12]])
    lines = [f"{size['people'] * 8} images to a pack in {packed:.1f} s.", "",
             *table(["checkpoints", "images/s", "waited for images", "checkpoints written", "gone on from step", "weights"], rows), ""]
    if len(set(weights.values())) != 1:
        raise ValueError(f"the trainings have other weights: {weights}")
    return lines + asked(machine, first)


def asked(machine, store):
    """Asked of a trained store: evaluation, features of the raw images."""
    lines, _ = store.run("evaluation")
    evaluated = max((line.get("steps", 0) for _, line in lines), default=0)
    raw = next(path for path in (store.folder / "raw").iterdir() if path.is_dir())
    begun = time.monotonic()
    counted = json.loads(machine.resolute("embed", store.jobs["training"], raw, "--store", store.folder, "--out", store.folder / "features.h5",
                                       "--json"))
    images, seconds = counted["queries"] + counted["gallery"], time.monotonic() - begun
    return table(["asked of the training", "images", "images/s"],
                 [["evaluation, without its start", evaluated, shown(rate(lines))],
                  ["`resolute embed`, with its start and image files", images, f"{images / seconds:.1f}"]])
