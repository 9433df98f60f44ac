"""Where a GPU's time goes, from a trace of libtorch's profiler: as lines of Markdown."""

import collections
import re

SHOWN = 8  # kinds of kernels


def busy(intervals):
    """Length of their union."""
    total, end = 0, float("-inf")
    for first, last in sorted(intervals):
        total += max(0, last - max(first, end))
        end = max(end, last)
    return total


def kind(name):
    """A kernel's name without arguments and templates, which are hundreds of characters long."""
    plain = re.sub(r"^void |\(anonymous namespace\)::|\{lambda[^}]*\}", "", name)
    while (shorter := re.sub(r"<[^<>]*>", "", plain)) != plain:
        plain = shorter
    return plain.split("(")[0][:70]


def summary(trace, steps):
    """trace: of that many steps, times in microseconds"""
    events = [event for event in trace["traceEvents"] if event.get("ph") == "X"]
    kernels = [event for event in events if event.get("cat") == "kernel"]
    if not kernels:
        return ["The trace has no kernel of a GPU."]
    intervals = [(event["ts"], event["ts"] + event["dur"]) for event in kernels]
    window = max(last for _, last in intervals) - min(first for first, _ in intervals)
    runtime = [event["name"] for event in events if event.get("cat") == "cuda_runtime"]
    waits = sum("Synchronize" in name for name in runtime)
    launches = sum("Launch" in name for name in runtime)
    lines = [f"By libtorch's profiler, a step: the GPU is busy for {busy(intervals) / steps / 1000:.2f} ms of "
             f"{window / steps / 1000:.2f}, with {len(kernels) / steps:.0f} kernels by {launches / steps:.0f} launches; "
             f"the host waits {waits / steps:.1f} times.", "",
             "| kernels | a step | ms a step | share |", "| --- | --- | --- | --- |"]
    times, counts = collections.Counter(), collections.Counter()
    for event in kernels:
        times[kind(event["name"])] += event["dur"]
        counts[kind(event["name"])] += 1
    total = sum(times.values())
    for name, time in sorted(times.items(), key=lambda item: (-item[1], item[0]))[:SHOWN]:
        lines.append(f"| `{name}` | {counts[name] / steps:.1f} | {time / steps / 1000:.2f} | {time / total:.0%} |")
    return lines
