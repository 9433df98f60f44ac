#!/usr/bin/env python3
"""Writes queue_waits.txt: of jobs that a real cluster ran, when each was submitted and how long it waited, in seconds.

    python3 queue_waits.py HPC2N.swf >queue_waits.txt

The log is HPC2N's of the Parallel Workloads Archive (standard workload format): the cluster Seth of the High Performance
Computing Center North, Sweden, 240 processors, scheduler MAUI, from 28 July 2002 on; kept by Ake Sandgren, converted by
Sarah Gingichashvili and Dror Feitelson. Taken are jobs of 16 processors at most, which is eight of its nodes.
"""
import sys

kMostProcessors = 16

print("# submitted waited, in seconds: jobs of 16 processors at most on HPC2N's Seth (queue_waits.py says more)")
for line in open(sys.argv[1], encoding="utf-8"):
    if line.startswith(";") or not line.strip():
        continue
    fields = line.split()
    submitted, waited, processors = int(float(fields[1])), int(float(fields[2])), int(fields[7])
    if waited >= 0 and 0 < processors <= kMostProcessors:
        print(submitted, waited)
