"""The orchestrator beside its peers, in turns on one machine, medians: a suite of no-op processes, journal with fsync,
beside HyperQueue and beside a bare loop of posix_spawn and wait, the same program with the same number in flight; what a
decision takes with 100,000 gangs in the queue; the published workload simulated; a journal of 1,000,000 events replayed; and
what `resolute suite status` of a suite of 100,000 jobs takes on an empty store and on a finished one, whichever is longer; and
what a coordinator and 4 agents use while a job runs and nothing happens. Counted per job, decision, simulation and replay is
processor time, except where both sides run processes.

Usage: orchestrator.py PROGRAMS PYTHONPATH_OF_HYPERQUEUE [--folder DIR] [--only PART[,PART]] [--json]
Parts: jobs, decision, simulation, replay, status, idle
"""

import argparse
import json
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from figures import figure, show
from turns import Player

JOBS, IN_FLIGHT, TURNS = 10_000, 16, 3
IDLE_SECONDS = 20


def jobs(programs, hyperqueue, scratch):
    """Each turn has a store of its own and none is removed before the end: creating files is slow on ext4 while it has just
    removed others."""
    worker = str(programs / "bench_noop_worker")
    ours = str(programs / "bench_orchestrator")
    last = [str(scratch), worker, str(JOBS), str(IN_FLIGHT)]
    peer = str(pathlib.Path(__file__).parent / "peers" / "hyperqueue_jobs.py")
    environment = {**os.environ, "PYTHONPATH": hyperqueue}
    players = [Player("ours", [[ours, "jobs", *last]], os.environ),
               Player("spawn", [[ours, "spawn", *last]], os.environ),
               Player("HyperQueue", [["/usr/bin/python3", peer, ours, *last]], environment)]
    samples = {player.name: [] for player in players}
    for turn in range(TURNS):
        for player in players[turn % 3:] + players[:turn % 3]:
            os.sync()
            samples[player.name].append(JOBS / player.turn())
    for player in players:
        player.close()
    rate = {name: statistics.median(rates) for name, rates in samples.items()}
    return [figure("jobs_vs_hyperqueue", rate["ours"], rate["HyperQueue"], "jobs/s", rate["ours"] / rate["HyperQueue"], 4.0),
            figure("jobs_vs_spawn", rate["ours"], rate["spawn"], "jobs/s", rate["ours"] / rate["spawn"], 0.5)]


def answer(*command):
    return json.loads(subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE, text=True).stdout)


def decision(programs):
    runs = [answer(programs / "bench_orchestrator_core", "decide")["microseconds"] for _ in range(TURNS)]
    ours = statistics.median(runs)
    return [figure("decision_vs_20us", ours, 20.0, "us a job", 20.0 / ours, 1.0)]


def simulation(programs):
    found = answer(programs / "bench_orchestrator_core", "simulate")
    slower = max(found["seconds"], found["calm_seconds"])
    return [figure("simulate_100k_vs_60s", slower, 60.0, "s", 60.0 / slower, 1.0),
            figure("simulate_makespan_vs_bound", found["makespan_ratio"], 1.05, "", 1.05 / found["makespan_ratio"], 1.0),
            figure("simulate_goodput_vs_optimum", found["goodput"], found["optimum_goodput"], "",
                   found["goodput"] / found["optimum_goodput"], 0.97)]


def replay(programs, scratch):
    ours = statistics.median(answer(programs / "bench_orchestrator_replay", scratch / f"replay-{turn}")["seconds"]
                             for turn in range(TURNS))
    return [figure("replay_1m_vs_3s", ours, 3.0, "s", 3.0 / ours, 1.0)]


STATUS_SUITE = """suite = "large"
title = "Large"
[defaults]
method = "baseline"
backbone = "resnet-small"
train.steps = 100
train.identities = 4
trials = 1000
[[dataset]]
id = "people"
source = "synthetic"
identities = 12
[[table]]
id = "main"
title = "Main"
metrics = ["mAP"]
datasets = ["people"]
"""


def status(programs, scratch):
    """Wall clock of the whole command: the suite is worked out, too."""
    suite, store = scratch / "large.toml", scratch / "large"
    suite.write_text(STATUS_SUITE + "".join(
        f'[[table.row]]\nid = "row-{row}"\nlabel = "Row {row}"\ntrain.learning_rate = {row + 1}e-6\n' for row in range(50)))

    def seconds(where, succeeded):
        samples = []
        for _ in range(TURNS):
            begin = time.monotonic()
            found = answer(programs / "resolute", "suite", "status", suite, "--store", where, "--json")
            samples.append(time.monotonic() - begin)
            if found["jobs"]["succeeded"] != succeeded:
                sys.exit(f"bench: {found['jobs']} in '{where}'")
        return statistics.median(samples)

    jobs = answer(programs / "bench_orchestrator", "finish", store, suite)["jobs"]
    slower = max(seconds(scratch / "empty", 0), seconds(store, jobs))
    return [figure("status_100k_vs_5s", slower, 5.0, "s", 5.0 / slower, 1.0)]


def usage_of(process):
    """Seconds of the processor and MiB resident of one process."""
    fields = pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    status = pathlib.Path(f"/proc/{process}/status").read_text().splitlines()
    resident = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), resident / 1024


def descendants(process):
    children = pathlib.Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [int(child) for child in children] + [below for child in children for below in descendants(child)]


def idle(programs, scratch):
    """The command line under mpirun with a worker that only sleeps; the worst process of the five and their spawners."""
    worker, suite, store = scratch / "sleeper", scratch / "idle.toml", scratch / "idle"
    worker.write_text("#!/bin/sh\nexec sleep 3600\n")
    worker.chmod(0o755)
    suite.write_text('suite = "idle"\ntitle = "Idle"\n[defaults]\nmethod = "baseline"\nbackbone = "resnet-small"\ntrain.steps = 1\ntrain.identities = 4\n'
                     '[[dataset]]\nid = "people"\nsource = "synthetic"\nidentities = 12\n'
                     '[[table]]\nid = "main"\ntitle = "Main"\nmetrics = ["mAP"]\ndatasets = ["people"]\n'
                     '  [[table.row]]\n  id = "baseline"\n  label = "Baseline"\n')
    program = programs / "resolute"
    run = subprocess.Popen(["mpirun", "-np", "5", str(program), "suite", "run", str(suite), "--store", str(store), "--slots", "1"],
                           env={**os.environ, "RESOLUTE_WORKER": str(worker)}, stdout=sys.stderr, start_new_session=True)
    try:
        deadline = time.monotonic() + 120
        while not list(store.glob("jobs/*/*/attempts/*/stdout")):
            if run.poll() is not None or time.monotonic() > deadline:
                sys.exit("bench: the idle run has not started its first job")
            time.sleep(0.2)
        time.sleep(5)
        ours = [process for process in descendants(run.pid)
                if os.path.realpath(f"/proc/{process}/exe") == os.path.realpath(program)]
        before = {process: usage_of(process) for process in ours}
        time.sleep(IDLE_SECONDS)
        after = {process: usage_of(process) for process in ours}
    finally:
        if run.poll() is None:
            run.send_signal(signal.SIGTERM)
            try:
                run.wait(timeout=60)
            except subprocess.TimeoutExpired:
                os.killpg(run.pid, signal.SIGKILL)
    percent = max((after[process][0] - before[process][0]) / IDLE_SECONDS * 100 for process in ours)
    memory = max(mebibytes for _, mebibytes in after.values())
    return [figure("idle_cpu_vs_2_percent", percent, 2.0, "%", 2.0 / max(percent, 1e-2), 1.0),
            figure("idle_memory_vs_60_mb", memory, 60.0, "MiB", 60.0 / memory, 1.0)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("programs", type=pathlib.Path)
    parser.add_argument("hyperqueue")
    parser.add_argument("--folder", default=None, help="where to write; a folder of its own is made there")
    parser.add_argument("--only", default="jobs,decision,simulation,replay,status,idle")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="resolute-bench-", dir=options.folder))
    parts = {"jobs": lambda: jobs(options.programs, options.hyperqueue, scratch),
             "decision": lambda: decision(options.programs),
             "simulation": lambda: simulation(options.programs),
             "replay": lambda: replay(options.programs, scratch),
             "status": lambda: status(options.programs, scratch),
             "idle": lambda: idle(options.programs, scratch)}
    wanted = options.only.split(",")
    if unknown := [part for part in wanted if part not in parts]:
        sys.exit(f"bench: unknown part '{unknown[0]}'; give some of: {', '.join(parts)}")
    try:
        figures = [item for part in wanted for item in parts[part]()]
    finally:
        shutil.rmtree(scratch)
    show(figures, options.json)


if __name__ == "__main__":
    main()
