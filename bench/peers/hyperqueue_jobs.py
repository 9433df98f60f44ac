"""HyperQueue for `script/bench orchestrator`: server and one worker on this machine, one task a job, the same program with
the same arguments as ours. In turns (turns.py): says "ready", then for each line on standard input runs all jobs and
prints the seconds from the submission until the last result was there (its own client looks once a second only). Job
folders are made before that; its server keeps no journal and no output is kept, which spares it the work.

Usage: hyperqueue_jobs.py BENCH_ORCHESTRATOR FOLDER WORKER COUNT SLOTS
"""

import json
import os
import pathlib
import subprocess
import sys
import time

os.environ["TQDM_DISABLE"] = "1"

from hyperqueue import Job, LocalCluster  # noqa: E402
from hyperqueue.cluster import WorkerConfig  # noqa: E402


def turn(program, store, worker, count, slots):
    listed = subprocess.run([program, "folders", store, count], check=True, capture_output=True, text=True)
    jobs = listed.stdout.split()
    os.makedirs(store + "-server")
    with LocalCluster(store + "-server", WorkerConfig(cores=slots)) as cluster:
        client = cluster.client()
        time.sleep(1)  # until its worker has registered
        begin = time.time()
        work = Job()
        for job in jobs:
            work.program([worker, "run", "--store", store, "--job", job], stdout=None, stderr=None)
        client.wait_for_jobs([client.submit(work)])
    results = [pathlib.Path(store, "jobs", job[:2], job, "result.json") for job in jobs]
    return max(result.stat().st_mtime for result in results) - begin


def main():
    program, folder, worker, count, slots = sys.argv[1:]
    # Its server writes to standard output.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for number, _ in enumerate(sys.stdin):
        seconds = turn(program, f"{folder}/hyperqueue-{number}", worker, count, int(slots))
        print(json.dumps({"seconds": seconds}), file=answers, flush=True)


if __name__ == "__main__":
    main()
