"""One start of a batch script on a slow store, beside commands of SLURM's that are scripts: its first job after its begin,
and its requeue after the notice that its time is over, with the calls of the store in between."""

import os
import pathlib
import signal
import subprocess
import sys
import time

METADATA_US, FSYNC_US, LIMIT = 5000, 5000, 300
JOB = 12

SBATCH = """while IFS= read -r line; do
  case $line in "#SBATCH --job-name="*) echo "${line#*=}" >'%(folder)s/name' ;; esac
done <"${!#}"
echo %(job)d
"""
SCONTROL = """if [ "$1" = requeue ]; then
  echo "$(date +%%s.%%N) $(wc -l <'%(folder)s/calls')" >'%(folder)s/new'
  mv '%(folder)s/new' '%(folder)s/requeued'
  exit
fi
read -r name <'%(folder)s/name'
echo "JobId=%(job)d JobName=$name UserId=kim(7) JobState=RUNNING Reason=None Requeue=1 Restarts=0 ExitCode=0:0" \\
  "SubmitTime=2026-01-31T12:00:12 StartTime=2026-01-31T12:00:13 EndTime=2099-01-31T12:00:13 PreemptTime=None Partition=main"
"""


def write_commands(folder):
    programs = folder / "bin"
    programs.mkdir(parents=True)
    for name, text in {"sbatch": SBATCH, "scontrol": SCONTROL, "squeue": "", "scancel": ""}.items():
        file = programs / name
        file.write_text("#!/bin/bash\n" + text % {"folder": folder, "job": JOB}, encoding="utf-8")
        file.chmod(0o755)
    return programs


def wait_for(what, process, log):
    deadline = time.monotonic() + LIMIT
    while not what():
        if process.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"bench: the start did not come so far: {log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.01)


def last_minute(programs, suite, folder, slots):
    """\\return seconds from the begin to the first job, from the notice to the requeue, and the calls in between"""
    store, program, log = folder / "store", programs / "resolute", folder / "log"
    folder.mkdir()
    calls = folder / "calls"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SLURM_")}
    commands = str(write_commands(folder))
    environment.update(PATH=f"{commands}:{environment['PATH']}", HOME=str(folder), XDG_CONFIG_HOME=str(folder),
                       RESOLUTE_WORKER=str(programs / "bench_noop_worker"), RESOLUTE_BENCH_TRAININGS_WAIT="1")
    subprocess.run([str(program), "suite", "submit", str(suite), "--store", str(store), "--nodes", "1", "--time", "60", "--launcher",
                    "none", "--continue", "requeue", "--slots", str(slots)], check=True,
                   env={**environment, "PATH": commands}, stdout=subprocess.DEVNULL)
    submission, = (found for found in (store / "suites" / suite.stem / "submissions").iterdir() if found.is_dir())
    start = {**environment, "SLURM_JOB_ID": str(JOB), "SLURM_JOB_NAME": (folder / "name").read_text().strip(),
             "SLURM_JOB_NUM_NODES": "1", "LD_PRELOAD": str((programs / "store_shim").with_suffix(".so")),
             "RESOLUTE_SHIM_FOLDER": str(store), "RESOLUTE_SHIM_METADATA_US": str(METADATA_US),
             "RESOLUTE_SHIM_FSYNC_US": str(FSYNC_US), "RESOLUTE_SHIM_CALLS": str(calls)}
    begin = time.time()
    with open(log, "w", encoding="utf-8") as file:
        process = subprocess.Popen([str(program), "suite", "allocation", "--submission", str(submission), "--batch", "1",
                                    "--generation", "0"], env=start, stdout=file, stderr=file)
    try:
        wait_for(lambda: any(store.glob("jobs/*/*/claim")), process, log)
        first = time.time() - begin
        wait_for(lambda: len(list(store.glob("jobs/*/*/claim"))) >= slots, process, log)
        time.sleep(5)
        noticed, before = time.time(), len(calls.read_text().splitlines())
        process.send_signal(signal.SIGUSR1)
        wait_for((folder / "requeued").exists, process, log)
    finally:
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
    requeued, after = (folder / "requeued").read_text().split()
    return first, float(requeued) - noticed, int(after) - before
