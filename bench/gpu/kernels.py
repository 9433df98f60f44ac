"""A GPU's time by kernel, from a trace of libtorch's profiler: as lines of Markdown."""

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


def of_kind(trace, kind_of_event):
    return [event for event in trace["traceEvents"] if event.get("ph") == "X" and event.get("cat") == kind_of_event]


def figures(trace, steps):
    """A step's kernels, launches, waits; milliseconds in all, of the busy GPU, and of the host beside its waits. None without a GPU.
    trace: of that many steps, times in microseconds"""
    kernels, runtime = of_kind(trace, "kernel"), of_kind(trace, "cuda_runtime")
    if not kernels:
        return None
    intervals = [(event["ts"], event["ts"] + event["dur"]) for event in kernels]
    window = max(last for _, last in intervals) - min(first for first, _ in intervals)
    waits = [event for event in runtime if "Synchronize" in event["name"]]
    counts = {"kernels": len(kernels), "launches": sum("Launch" in event["name"] for event in runtime), "waits": len(waits),
              "all": window / 1000, "busy": busy(intervals) / 1000,
              "host": (window - busy([(event["ts"], event["ts"] + event["dur"]) for event in waits])) / 1000}
    return {name: count / steps for name, count in counts.items()}


def summary(trace, steps):
    """figures() in lines of Markdown."""
    seen = figures(trace, steps)
    if seen is None:
        return ["The trace has no kernel of a GPU."]
    kernels = of_kind(trace, "kernel")
    lines = [f"By libtorch's profiler, a step: the GPU is busy for {seen['busy']:.2f} ms of {seen['all']:.2f}, with {seen['kernels']:.0f} "
             f"kernels by {seen['launches']:.0f} launches; the host waits {seen['waits']:.1f} times.", "",
             "| kernels | a step | ms a step | share |", "| --- | --- | --- | --- |"]
    times, counts = collections.Counter(), collections.Counter()
    for event in kernels:
        times[kind(event["name"])] += event["dur"]
        counts[kind(event["name"])] += 1
    total = sum(times.values())
    for name, time in sorted(times.items(), key=lambda item: (-item[1], item[0]))[:SHOWN]:
        lines.append(f"| `{name}` | {counts[name] / steps:.1f} | {time / steps / 1000:.2f} | {time / total:.0%} |")
    return lines
