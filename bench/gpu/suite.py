"""A user's run on GPUs: a suite of every method from raw images to its tables under a coordinator. Once undisturbed; once with a
process rank killed, then the run, and gone on with, on the most of two, four and eight GPUs that there are; and once on each fewer. Tables and
weights must be the same."""

import json
import os
import pathlib
import signal
import subprocess
import time

from machine import ask

STEPS = 200  # of each training: long enough to be met in its middle
MOST_RANKS = 8  # of a training: its lanes have two identities each, and the data set has 18 to train on


def powers_of_two(most):
    """1, 2, 4, … and `most`, which may be none."""
    return sorted({1 << power for power in range(most.bit_length())} | {most})


class Failure(Exception):
    pass


def words_of(process):
    try:
        return (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []


def ranks_in_their_middle(store):
    """Processes 0 of trainings that have written a checkpoint and no result."""
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        words = words_of(process)
        if "--job" not in words or str(store) not in words or words[words.index("--process-rank") + 1:][:1] != ["0"]:
            continue
        job = words[words.index("--job") + 1]
        folder = store / "jobs" / job[:2] / job
        if any(folder.glob("checkpoints/step-*")) and not (folder / "result.json").exists():
            yield int(process.name)


class Suite:
    def __init__(self, machine, file, precision, scratch, row=None):
        """row: of the table, alone"""
        self.machine, self.file, self.scratch = machine, file, scratch
        self.only = ["--only", row] if row else []
        self.ranks = 1 << (min(MOST_RANKS, machine.ranks).bit_length() - 1)  # of each training that is killed
        lanes = max(2, self.ranks)
        self.settings = [f"train.precision={precision}", f"train.steps={STEPS}", f"device={machine.device}", f"lanes={lanes}",
                         f"train.identities={2 * lanes}"]

    def command(self, verb, store, settings=()):
        sets = [word for setting in [*self.settings, *settings] for word in ("--set", setting)]
        return [self.machine.bin / "resolute", "suite", verb, self.file, "--store", store, *sets]

    def start(self, store, ranks):
        gpus = ["--gpus", str(self.machine.ranks)] if self.machine.device == "cuda" else []
        command = self.command("run", store, [f"ranks={ranks}"]) + self.only + gpus
        command += ["--slots", str(max(4, len(os.sched_getaffinity(0)) // 2)), "--checkpoint-every", "5"]
        with open(f"{store}.log", "a") as log:
            return subprocess.Popen(command, env=self.machine.environment, stdout=log, stderr=log, start_new_session=True)

    def finish(self, run, store):
        if run.wait() != 0:
            raise Failure(f"a run ended with code {run.returncode}: {pathlib.Path(f'{store}.log').read_text(errors='replace')[-800:]}")

    def kill_a_rank(self, run, store):
        while run.poll() is None:
            for rank in ranks_in_their_middle(store):
                try:
                    os.kill(rank, signal.SIGKILL)
                    return
                except ProcessLookupError:
                    pass
            time.sleep(0.005)
        raise Failure("no training was met in its middle")

    def outcome(self, store):
        table = ask(self.command("table", store) + ["--format", "json"], self.machine.environment, None)
        if table.returncode != 0:
            raise Failure(f"suite table ended with code {table.returncode}: {table.stderr[-800:]}")
        # Their names are hashes of what is in them.
        return json.loads(table.stdout), sorted(file.name for file in (store / "jobs").rglob("weights-*.safetensors"))

    def run(self):
        """(seconds of the undisturbed run, weights)"""
        undisturbed, killed = self.scratch / "undisturbed", self.scratch / "killed"
        begun = time.monotonic()
        self.finish(self.start(undisturbed, 1), undisturbed)
        seconds = time.monotonic() - begun
        run = self.start(killed, self.ranks)
        self.kill_a_rank(run, killed)
        self.kill_a_rank(run, killed)
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        self.finish(self.start(killed, self.ranks), killed)
        stores = {killed: f"after a rank and the run were killed, on {self.ranks} ranks"}
        for ranks in powers_of_two(self.ranks)[1:-1]:
            stores[store := self.scratch / f"on-{ranks}"] = f"on {ranks} ranks"
            self.finish(self.start(store, ranks), store)
        expected = self.outcome(undisturbed)
        if not expected[1]:
            raise Failure("the trainings left no weights")
        for store, when in stores.items():
            found = self.outcome(store)
            for what, index in (("tables", 0), ("weights", 1)):
                if expected[index] != found[index]:
                    raise Failure(f"{what} differ {when}: {expected[index]} and {found[index]}")
        return seconds, expected[1]
