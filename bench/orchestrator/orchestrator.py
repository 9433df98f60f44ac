"""The orchestrator beside its peers, in turns on one machine, medians: a suite of no-op processes, journal with fsync,
beside HyperQueue and beside a bare loop of posix_spawn and wait, the same program with the same number in flight; what a
decision takes with 100,000 gangs in the queue; the published workload simulated; a journal of 1,000,000 events replayed; and
what `resolute suite status` of a suite of 100,000 jobs takes on an empty store and on a finished one, whichever is longer;
what a coordinator and 4 agents use while a job runs and nothing happens; and the same on a store that is slow (store_shim): how
soon the first of 10,000 jobs runs and how many a second then, how soon 1,800 slots are full, and how soon a start of SLURM's has
its first job and is requeued after the notice of its end. Counted per job, decision,
simulation and replay is processor time, except where both sides run processes.

Usage: orchestrator.py PROGRAMS PYTHONPATH_OF_HYPERQUEUE [--folder DIR] [--only PART[,PART]] [--smoke] [--json]
Parts: jobs, decision, simulation, replay, status, idle, slow_store, last_minute
"""

import argparse
import dataclasses
import datetime
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from figures import add_smoke, chosen, figure, show  # noqa: E402
from last_minute import last_minute  # noqa: E402
from suites import write_suite  # noqa: E402
from turns import Player  # noqa: E402

IN_FLIGHT, TURNS = 16, 3


@dataclasses.dataclass
class Size:
    jobs: int = 10_000  # of a turn
    turns: int = TURNS
    rows: int = 50      # of the suite that is looked at
    trials: int = 1000


IDLE_SECONDS = 20
# SLOW_RUN of SLOW_JOBS are run, and give the rate.
SLOW_JOBS, SLOW_RUN, SLOW_IN_FLIGHT = 10_000, 1_000, 64
MANY_AGENTS, MANY_SLOTS, MANY_LIMIT = 2, 900, 90


def jobs(programs, hyperqueue, scratch, size):
    """Each turn has a store of its own and none is removed before the end: creating files is slow on ext4 while it has just
    removed others."""
    worker = str(programs / "bench_noop_worker")
    ours = str(programs / "bench_orchestrator")
    last = [str(scratch), worker, str(size.jobs), str(IN_FLIGHT)]
    peer = str(pathlib.Path(__file__).resolve().parents[1] / "peers" / "hyperqueue_jobs.py")
    environment = {**os.environ, "PYTHONPATH": hyperqueue}
    players = [Player("ours", [[ours, "jobs", *last]], os.environ),
               Player("spawn", [[ours, "spawn", *last]], os.environ)]
    if os.path.isdir(hyperqueue):
        players.append(Player("HyperQueue", [["/usr/bin/python3", peer, ours, *last]], environment))
    samples = {player.name: [] for player in players}
    for turn in range(size.turns):
        for player in players[turn % 3:] + players[:turn % 3]:
            os.sync()
            samples[player.name].append(size.jobs / player.turn())
    for player in players:
        player.close()
    rate = {name: statistics.median(rates) for name, rates in samples.items()}
    bars = {"HyperQueue": 4.0, "spawn": 0.5}
    return [figure(f"jobs_vs_{name.lower()}", rate["ours"], rate[name], "jobs/s", rate["ours"] / rate[name], bar)
            for name, bar in bars.items() if name in rate]


def answer(*command):
    return json.loads(subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE, text=True).stdout)


def decision(programs, turns):
    runs = [answer(programs / "bench_orchestrator_core", "decide")["microseconds"] for _ in range(turns)]
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


def status(programs, scratch, size):
    """Wall clock of the whole command: the suite is worked out, too."""
    suite, store = write_suite(scratch / "large.toml", size.rows, size.trials), scratch / "large"

    def seconds(where, succeeded):
        samples = []
        for _ in range(size.turns):
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
    worker, suite, store = scratch / "sleeper", write_suite(scratch / "idle.toml", 1), scratch / "idle"
    worker.write_text("#!/bin/sh\nexec sleep 3600\n")
    worker.chmod(0o755)
    program = programs / "resolute"
    run = subprocess.Popen(["mpirun", "-np", "5", str(program), "suite", "run", str(suite), "--store", str(store), "--slots", "1"],
                           env={**os.environ, "RESOLUTE_WORKER": str(worker)}, stdout=sys.stderr, start_new_session=True)
    try:
        deadline = time.monotonic() + 120
        while not list(store.glob("jobs/*/*/claim")):
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


def shim(programs, folder, metadata_us, fsync_us):
    """An environment in which what lies below the folder is slow."""
    return {**os.environ, "LD_PRELOAD": str((programs / "store_shim").with_suffix(".so")), "RESOLUTE_SHIM_FOLDER": str(folder),
            "RESOLUTE_SHIM_METADATA_US": str(metadata_us), "RESOLUTE_SHIM_FSYNC_US": str(fsync_us)}


def slow_jobs(programs, scratch):
    """A job is there when its result is; what the run does at its end does not count."""
    suite, store = write_suite(scratch / "slow.toml", 5, SLOW_JOBS // 10), scratch / "slow"
    begin = time.time()
    subprocess.run([str(programs / "resolute"), "suite", "run", str(suite), "--store", str(store), "--slots", str(SLOW_IN_FLIGHT),
                    "--max-jobs", str(SLOW_RUN)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   env={**shim(programs, store, 1000, 5000), "RESOLUTE_WORKER": str(programs / "bench_noop_worker")})
    results = sorted(result.stat().st_mtime for result in store.glob("jobs/*/*/result.json"))
    if len(results) != SLOW_RUN:
        sys.exit(f"bench: {len(results)} of {SLOW_RUN} jobs have a result")
    # The shard and the seal behind it come one by one.
    rate, first = (SLOW_RUN - 3) / (results[-1] - results[2]), results[0] - begin
    return [figure("slow_store_jobs", rate, 100.0, "jobs/s", rate / 100.0, 1.0),
            figure("slow_store_first_job", first, 3.0, "s", 3.0 / first, 1.0)]


def events_of(program, suite, store):
    log = subprocess.run([str(program), "suite", "log", str(suite), "--store", str(store), "--json"], stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, text=True).stdout
    return [json.loads(line) for line in log.splitlines()]


def seconds_between(earlier, later):
    begin, end = (datetime.datetime.fromisoformat(event["time"].replace("Z", "+00:00")) for event in (earlier, later))
    return (end - begin).total_seconds()


def slow_slots(programs, scratch):
    """Trainings that only wait, as many as there are slots, behind a shard and a seal. Counts if no agent takes the coordinator
    for dead meanwhile."""
    slots, store, program = MANY_AGENTS * MANY_SLOTS, scratch / "slots", programs / "resolute"
    suite = write_suite(scratch / "slots.toml", MANY_AGENTS, MANY_SLOTS)
    environment = {**shim(programs, store, 2000, 2000), "RESOLUTE_WORKER": str(programs / "bench_noop_worker"),
                   "RESOLUTE_BENCH_TRAININGS_WAIT": "1"}
    run = subprocess.Popen(["mpirun", "--enable-recovery", "-np", str(MANY_AGENTS + 1), str(program), "suite", "run", str(suite),
                            "--store", str(store), "--slots", str(MANY_SLOTS), "--coordinator-limit", "15"],
                           env=environment, stdout=sys.stderr, stderr=subprocess.DEVNULL, start_new_session=True)
    placed, started, lost = [], [], []
    try:
        deadline = time.monotonic() + MANY_LIMIT
        while len(started) < slots and not lost and time.monotonic() < deadline and run.poll() is None:
            time.sleep(2)
            events = events_of(program, suite, store)
            trainings = {event["event"]["job"] for event in events
                         if event["type"] == "job-added" and event["event"]["kind"] == "training"}
            placed = [event for event in events if event["type"] == "placed" and event["event"]["job"] in trainings]
            started = [event for event in events if event["type"] == "started" and event["event"]["job"] in trainings]
            lost = [event for event in events if event["type"] == "agent-lost"]
    finally:
        left = descendants(run.pid) if run.poll() is None else []
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        # Spawners end what ranks have started and leave after that.
        deadline = time.monotonic() + 30
        while any(os.path.exists(f"/proc/{process}") for process in left) and time.monotonic() < deadline:
            time.sleep(0.2)
    if lost or len(started) < slots:
        print(f"bench: {len(started)} of {slots} slots were filled, {len(lost)} agents were lost", file=sys.stderr)
        return [figure("slow_store_1800_slots", float("inf"), 10.0, "s", 0.0, 1.0)]
    took = seconds_between(placed[0], started[slots - 1])
    return [figure("slow_store_1800_slots", took, 10.0, "s", 10.0 / took, 1.0)]


def last_minute_of_a_start(programs, scratch):
    suite = write_suite(scratch / "minute.toml", 5, SLOW_JOBS // 10)
    first, requeue, calls = last_minute(programs, suite, scratch / "minute", SLOW_IN_FLIGHT)
    return [figure("last_minute_first_job", first, 20.0, "s", 20.0 / first, 1.0),
            figure("last_minute_requeue", requeue, 45.0, "s", 45.0 / requeue, 1.0),
            figure("last_minute_calls", calls, 300.0, "", 300.0 / max(calls, 1), 1.0)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("programs", type=pathlib.Path)
    parser.add_argument("hyperqueue")
    parser.add_argument("--folder", default=None, help="where to write; a folder of its own is made there")
    parser.add_argument("--only", help="these parts; with --smoke, jobs,decision,status unless given")
    parser.add_argument("--json", action="store_true")
    add_smoke(parser)
    options = parser.parse_args()
    size = Size(jobs=20, turns=1, rows=2, trials=2) if options.smoke else Size()
    parts = {"jobs": lambda: jobs(options.programs, options.hyperqueue, scratch, size),
             "decision": lambda: decision(options.programs, size.turns),
             "simulation": lambda: simulation(options.programs),
             "replay": lambda: replay(options.programs, scratch),
             "status": lambda: status(options.programs, scratch, size),
             "idle": lambda: idle(options.programs, scratch),
             "slow_store": lambda: slow_jobs(options.programs, scratch) + slow_slots(options.programs, scratch),
             "last_minute": lambda: last_minute_of_a_start(options.programs, scratch)}
    wanted = chosen(options.only or ("jobs,decision,status" if options.smoke else ",".join(parts)), parts)
    with tempfile.TemporaryDirectory(prefix="resolute-bench-", dir=options.folder) as folder:
        scratch = pathlib.Path(folder)
        figures = [item for part in wanted for item in parts[part]()]
    show(figures, options.json)


if __name__ == "__main__":
    main()
