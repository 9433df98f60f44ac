"""Training beside PyTorch DDP in Python: both sides in turn in one run, medians. ResNet-50, in train_lite0_vs_torch
EfficientNet-Lite0 (last stride 1), 3x256x128, 16 images a rank, cross-entropy + triplet, Adam.

Usage: training.py --programs BIN_FOLDER --python PYTHON_WITH_TORCH [--json] [--only FIGURE] [--turns N] [--folder DIR] [--smoke]
"""

import argparse
import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from figures import add_smoke, figure, show  # noqa: E402
from turns import Player, alternate, free_port  # noqa: E402

BATCH = 16
END_TO_END_SKIPPED, END_TO_END_STEPS = 2, 10
PEERS = pathlib.Path(__file__).resolve().parents[1] / "peers"
# Multiplications of one image of 3x256x128 in the convolutions of ResNet-50 with last stride 1; backward costs twice that.
# stage: (width, outputs, blocks, stride, height x width of its output)
STAGES = [(64, 256, 3, 64 * 32), (128, 512, 4, 32 * 16), (256, 1024, 6, 16 * 8), (512, 2048, 3, 16 * 8)]


def multiplications():
    total = 3 * 49 * 64 * (128 * 64)
    inputs, before = 64, 64 * 32
    for width, outputs, blocks, pixels in STAGES:
        for block in range(blocks):
            entered = before if block == 0 else pixels  # the 3x3 convolution carries the stride
            total += inputs * width * entered + 9 * width * width * pixels + width * outputs * pixels
            if block == 0:
                total += inputs * outputs * pixels
            inputs = outputs
        before = pixels
    return total


class Bench:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.cores = len(os.sched_getaffinity(0))
        self.figures = []
        self.prepared = None

    def environment(self, threads):
        return {**os.environ, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}

    def program(self, name):
        return str(self.options.programs / name)

    def ours(self, loop, precision, threads, ranks, lanes, steps, backbone="resnet50"):
        port, commands = free_port(), []
        for rank in range(ranks):
            folder = self.folder / f"{loop}-{rank}"
            folder.mkdir(exist_ok=True)
            commands.append([self.program("bench_training"), "--loop", loop, "--precision", precision, "--threads",
                             str(threads), "--turns", str(self.options.turns + 1), "--steps", str(steps), "--lanes",
                             str(lanes), "--backbone", backbone, "--rank", str(rank), "--ranks", str(ranks), "--port", str(port), "--folder",
                             str(folder)])
        return Player(loop, commands, self.environment(threads))

    def peer(self, precision, threads, ranks, steps, *more, turns=None):
        port = free_port()
        turns = self.options.turns + 1 if turns is None else turns
        return Player("DDP", [[*self.options.python, str(PEERS / "ddp_training.py"), "--precision", precision, "--threads",
                               str(threads), "--turns", str(turns), "--steps", str(steps), "--rank", str(rank), "--ranks",
                               str(ranks), "--port", str(port), *more] for rank in range(ranks)], self.environment(threads))

    def add(self, name, ours, peer, unit, ratio, bar, samples=None):
        self.figures.append(figure(name, ours, peer, unit, ratio, bar))
        if samples and not self.options.json:
            ours_samples, peer_samples = (" ".join(f"{s:.2f}" for s in side) for side in samples)
            print(f"  {name}: turns of ours {ours_samples} s; of the peer {peer_samples} s", flush=True)

    def training(self, name, precision, threads, ranks, steps=4, backbone="resnet50"):
        ours, peer, *samples = alternate(self.ours("trainer", precision, threads, ranks, ranks, steps, backbone),
                                         self.peer(precision, threads, ranks, steps, "--backbone", backbone),
                                         self.options.turns)
        images = BATCH * ranks * steps
        self.add(name, images / ours, images / peer, "images/s", peer / ours, 1.0, samples)
        return images / ours

    def train_bf16_w1(self):
        rate = self.training("train_bf16_w1", "bf16", self.cores, 1)
        gemm = Player("gemm", [[self.program("bench_training"), "--loop", "gemm", "--precision", "bf16", "--threads",
                                str(self.cores), "--turns", "4", "--steps", "20"]], self.environment(self.cores))
        gemm.turn()
        seconds = statistics.median(gemm.turn() for _ in range(3)) / 20
        gemm.close()
        reached, ceiling = rate * multiplications() * 2 * 3 / 1e9, 2 * 2048**3 / seconds / 1e9
        self.add("share_of_gemm_ceiling", reached, ceiling, "GFLOP/s", reached / ceiling, None)

    def train_bf16_w2(self):
        self.training("train_bf16_w2", "bf16", max(1, self.cores // 2), 2)

    def train_f32_w1(self):
        self.training("train_f32_w1", "f32", self.cores, 1)

    def train_lite0_vs_torch(self):
        self.training("train_lite0_vs_torch", "f32", self.cores, 1, steps=8, backbone="efficientnet-lite0")

    def lane_overhead(self):
        """Four lanes on one rank beside a plain loop that accumulates the same four batches."""
        threads, steps = self.cores, 2
        setting = ("f32", threads, 1, 2, 1, "resnet-small") if self.options.smoke else ("bf16", threads, 1, 4, steps)
        ours, plain, *samples = alternate(self.ours("trainer", *setting), self.ours("plain", *setting), self.options.turns)
        images = setting[3] * BATCH * setting[4]
        self.add("lane_overhead", images / ours, images / plain, "images/s", plain / ours, 0.97, samples)

    def infer_bf16(self):
        threads = str(self.cores)
        ours, peer, *_ = alternate(
            Player("inference", [[self.program("bench_inference"), "--threads", threads, "--batch", "32", "--seconds", "4"]],
                   self.environment(self.cores), key="images_per_second"),
            Player("PyTorch", [[*self.options.python, str(PEERS / "inference.py"), "--threads", threads, "--seconds", "4"]],
                   self.environment(self.cores), key="images_per_second"), self.options.turns)
        self.add("infer_bf16", ours, peer, "images/s", ours / peer, 1.0)

    # ---- the real program on a real pack

    def worker(self, job, ranks, threads):
        """Starts resolute-worker's ranks; the descriptor of rank 0's progress lines."""
        store = str(self.jobs()["store"])
        listen = socket.create_server(("127.0.0.1", 0))
        read, write = os.pipe()
        processes = []
        for rank in range(ranks):
            command = [self.program("resolute-worker"), "run", "--store", store, "--job", job, "--threads", str(threads),
                       "--process-rank", str(rank), "--process-ranks", str(ranks)]
            given = []
            if ranks > 1:
                secret, hand_on = os.pipe()
                os.write(hand_on, b"bench")
                os.close(hand_on)
                given.append(secret)
                command += ["--rendezvous", f"127.0.0.1:{listen.getsockname()[1]}", "--secret-fd", str(secret)]
            if rank == 0:
                given.append(write)
                command += ["--progress-fd", str(write)]
                if ranks > 1:
                    given.append(listen.fileno())
                    command += ["--rendezvous-fd", str(listen.fileno())]
            processes.append(subprocess.Popen(command, pass_fds=given, env=self.environment(threads),
                                              stderr=subprocess.DEVNULL))
            if ranks > 1:
                os.close(secret)
        os.close(write)
        listen.close()
        return processes, os.fdopen(read)

    def until_step(self, lines, step):
        """The first progress line at or after that step (they come twice a second at most): when, and its step."""
        for line in lines:
            reached = json.loads(line).get("step", -1)
            if reached >= step:
                return time.perf_counter(), reached
        raise SystemExit(f"bench: resolute-worker ended before step {step}")

    def jobs(self):
        """A store with a pack of synthetic people (JPEG files of 256x128) and the specifications of two trainings."""
        if self.prepared:
            return self.prepared
        store = self.folder / "store"
        written = subprocess.run([self.program("bench_specifications"), str(store), str(BATCH)], check=True,
                                 capture_output=True, text=True).stdout
        self.prepared = {**json.loads(written), "store": store}
        for job in self.prepared["pack"]:
            subprocess.run([self.program("resolute-worker"), "run", "--store", str(store), "--job", job], check=True,
                           stderr=subprocess.DEVNULL)
        return self.prepared

    @staticmethod
    def kill(processes):
        for process in processes:
            process.kill()
            process.wait()

    def ours_end_to_end(self, threads):
        processes, lines = self.worker(self.jobs()["two_lanes"], 2, threads)
        try:
            begun, first = self.until_step(lines, END_TO_END_SKIPPED)
            ended, last = self.until_step(lines, first + END_TO_END_STEPS)
        finally:
            self.kill(processes)
        return (ended - begun) * END_TO_END_STEPS / (last - first)

    def peer_end_to_end(self, threads):
        # The turn that does not count is as long as the other: both have twice as many batches before them.
        player = self.peer("bf16", threads, 2, END_TO_END_STEPS // 2, "--images", str(self.jobs()["images"]), turns=3)
        player.turn()
        seconds = player.turn() + player.turn()
        player.close()
        return seconds

    def end_to_end(self):
        threads, turns = max(1, self.cores // 2), min(3, self.options.turns)
        samples = [(self.ours_end_to_end(threads), self.peer_end_to_end(threads)) for _ in range(turns)]
        ours, peer = (statistics.median(side) for side in zip(*samples))
        images = 2 * BATCH * END_TO_END_STEPS
        self.add("end_to_end", images / ours, images / peer, "images/s", peer / ours, 1.0, list(zip(*samples)))

    def ours_first_step(self):
        begun = time.perf_counter()
        processes, lines = self.worker(self.jobs()["one_lane"], 1, self.cores)
        try:
            return self.until_step(lines, 0)[0] - begun
        finally:
            self.kill(processes)

    def peer_first_step(self):
        begun = time.perf_counter()
        player = self.peer("bf16", self.cores, 1, 1, "--images", str(self.jobs()["images"]), "--first-step")
        player.ready()
        seconds = time.perf_counter() - begun
        player.close()
        return seconds

    def first_step(self):
        self.jobs()
        samples = [(self.ours_first_step(), self.peer_first_step()) for _ in range(self.options.turns + 1)][1:]
        ours, peer = (statistics.median(side) for side in zip(*samples))
        self.add("first_step", ours, peer, "s", peer / ours, 3.0, list(zip(*samples)))


FIGURES = ["train_bf16_w1", "train_bf16_w2", "train_f32_w1", "train_lite0_vs_torch", "infer_bf16", "end_to_end", "first_step", "lane_overhead"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--programs", type=pathlib.Path, required=True)
    parser.add_argument("--python", nargs="+", required=True)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--folder", default=None)
    add_smoke(parser)
    options = parser.parse_args()
    if options.smoke:
        options.turns, options.only = 1, options.only or "lane_overhead"
    if options.only and options.only not in FIGURES:
        parser.error(f"--only '{options.only}' is none of {', '.join(FIGURES)}")
    with tempfile.TemporaryDirectory(prefix="resolute-bench-", dir=options.folder) as folder:
        bench = Bench(options, pathlib.Path(folder))
        for name in FIGURES:
            if options.only in (None, name):
                getattr(bench, name)()
    show(bench.figures, options.json)


if __name__ == "__main__":
    main()
