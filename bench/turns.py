"""Two programs that measure in turns on one machine: each says "ready" on its standard output, then for every line it reads
does one turn of work and prints {"seconds": s} or
another figure. A player is one such program, or the ranks of one."""

import json
import math
import socket
import statistics
import subprocess
import sys
import threading

LONGEST_TURN = 600  # seconds: what takes longer hangs, unless another limit is given


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Side:
    """One of those that alternate() plays with."""

    def ready(self):
        """Waits until it can begin."""

    def turn(self):
        """A turn's figure."""
        raise NotImplementedError

    def close(self):
        """It plays no more."""


class Player(Side):
    def __init__(self, name, commands, environment, key="seconds", longest=LONGEST_TURN):
        self.name, self.key, self.longest = name, key, longest
        self.processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
                          for command in commands]
        self.waited = False
        self.times = None  # turns that mean_turn() asks for
        self.answer = {}   # the last one, whole

    def ready(self):
        """Waits until it can begin. Players that are made together make ready beside one another."""
        if not self.waited:
            for process in self.processes:
                self.read(process, "ready")
        self.waited = True

    def read(self, process, key):
        watch = threading.Timer(self.longest, self.kill)
        watch.start()
        try:
            line = process.stdout.readline()
        finally:  # or an interrupted program would wait for it
            watch.cancel()
        try:
            self.answer = json.loads(line)
            return self.answer[key]
        except (ValueError, KeyError):
            sys.exit(f"bench: {self.name} ended or said '{line.strip()}' where '{key}' was expected")

    def turn(self):
        """Seconds of the slowest rank, or another figure of a single program."""
        self.begin()
        return self.end()

    def begin(self):
        """Begins a turn, whose end is waited for by end(): several players may be at work meanwhile."""
        self.ready()
        for process in self.processes:
            process.stdin.write("turn\n")
            process.stdin.flush()

    def end(self):
        return max(self.read(process, self.key) for process in self.processes)

    def mean_turn(self, least):
        """Seconds of one of as many turns as take `least` seconds together, by the first call's first turn."""
        if not self.times:
            self.times = max(1, math.ceil(least / self.turn()))
        return sum(self.turn() for _ in range(self.times)) / self.times

    def kill(self):
        """Ends what still runs of it."""
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()

    def close(self):
        for process in self.processes:
            process.stdin.close()
            process.wait(timeout=60)


def alternate_all(players, turns, least=None):
    """Samples of `turns` turns of each player, after one that does not count. Another begins from turn to turn. least: each
    sample is the mean of as many turns as take so many seconds, after more that do not count."""
    def sample(player):
        return player.turn() if least is None else player.mean_turn(least)

    for player in players:
        player.ready()
    for player in players:
        player.turn()
    if least is not None:
        for player in players:
            player.mean_turn(least)
    samples = [[] for _ in players]
    for turn in range(turns):
        for place in range(len(players)):
            number = (place + turn) % len(players)
            samples[number].append(sample(players[number]))
    for player in players:
        player.close()
    return samples


def alternate(ours, peer, turns):
    """Medians of both players, and their samples."""
    samples = alternate_all([ours, peer], turns)
    return *map(statistics.median, samples), *samples
