"""A method in Python with lanes: 1, 2 and 4 process ranks leave the same bytes, killed and stopped ones too; a stranger takes no part.
The method has a batch norm, a frozen copy that follows what learns, a count of calls, a parameter that some lanes do not reach, and
draws of all generators."""

import contextlib
import hashlib
import json
import os
import signal
import socket
import subprocess
import threading
import time
import typing
import unittest
import unittest.mock
from argparse import Namespace

from method_test import EXAMPLE, SUITE
from package import BUILD, MethodTest, left_in, torch_python, wait_until
from resolute import InputError
from resolute._device import Device, kernel_choices
from resolute._lanes import Lanes
from resolute._ranks import Ranks
from resolute.errors import MachineError

MOVING = EXAMPLE + """
import random
import numpy

class Moving(Convolutions):
    def network(self, classes):
        network = super().network(classes)
        network["norm"] = torch.nn.BatchNorm2d(8)
        network["follower"] = torch.nn.Linear(32, classes).requires_grad_(False)
        network.register_parameter("rare", torch.nn.Parameter(torch.ones(3)))
        network.register_buffer("calls", torch.zeros(1, dtype=torch.int64))
        return network

    def embed(self, images, rates):
        first, *others = self.module["trunk"]
        return torch.nn.Sequential(*others)(self.module["norm"](first(images))).mean((2, 3))

    def losses(self, batch):
        terms = super().losses(batch)
        self.module.calls = self.module.calls + 1
        with torch.no_grad():
            for one, other in zip(self.module["follower"].parameters(), self.module["classifier"].parameters()):
                one.data.lerp_(other, 0.1)
            pull = float(self.module["follower"].weight.norm()) + 1e-3 * int(self.module.calls)
        drawn = float(torch.rand(())) + numpy.random.rand() + random.random()
        if drawn > 1.5:
            terms["rare"] = 1e-2 * self.module.rare.sum()
        return {**terms, "noise": 0.1 * terms["classification"] * (drawn + pull)}
"""
STEPS = 60
LANED = SUITE.replace("noisy.py", "moving.py").replace("trials = 1", "trials = 1\nlanes = 4").replace("steps = 200", f"steps = {STEPS}") \
    .replace("identities = 12", "identities = 16").replace("identities = 4", "identities = 8")


def pipe_of(secret):
    reader, writer = os.pipe()
    os.write(writer, secret)
    os.close(writer)
    return reader


class LanesOfAMethod(MethodTest):
    FILES: typing.ClassVar = {"moving.py": MOVING, "mine.toml": LANED}

    def succeeded(self, command, store, *more):
        ran = subprocess.run(self.suite(command, store, *more), **self.surroundings(), check=False)
        self.assertEqual(0, ran.returncode, ran.stderr)

    def start(self, store, count, *options, job=None):
        """The process ranks of the training by themselves."""
        ranks = []
        with socket.create_server(("127.0.0.1", 0)) as listener:
            for rank in range(count):
                given = [pipe_of(b"of this attempt"), *[listener.fileno()] * (rank == 0)]
                words = ["python", "-m", "resolute", "work", "moving.py", "run", "--store", store, "--job", job or self.training,
                         "--checkpoint-every", "5", "--process-rank", str(rank), "--process-ranks", str(count), "--rendezvous",
                         f"127.0.0.1:{listener.getsockname()[1]}", "--secret-fd", str(given[0]), *options]
                if rank == 0:
                    words += ["--rendezvous-fd", str(given[1])]
                ranks.append(subprocess.Popen(words, pass_fds=given, **self.surroundings()))
                os.close(given[0])
        return ranks

    def ended(self, ranks):
        """Exit codes, and each rank's last line."""
        said = [rank.communicate(timeout=120)[1].splitlines() for rank in ranks]
        return [rank.returncode for rank in ranks], [lines[-1] if lines else "" for lines in said]

    def trained_in(self, store):
        return {name: data for name, data in left_in(store).items() if self.training in name}

    def test_two_ranks_and_evaluations_on_the_way_change_no_bit(self):
        store = self.folder / "by-a-suite"
        self.succeeded("run", store, "--slots", "2", "--set", "ranks=2", "--evaluate-every", "5")
        self.assertEqual(left_in(self.calm), left_in(store))
        training, evaluation = (store / "jobs" / job[:2] / job for job in (self.training, self.evaluation))
        lines = [json.loads(line) for line in (training / "attempt-001-evaluations.jsonl").read_text().splitlines()]
        every = lines[0]["step"]
        self.assertEqual(list(range(every, STEPS + 1, every)), [line["step"] for line in lines])
        self.assertGreaterEqual(lines[0]["epoch"], 5)
        self.assertGreater(5, lines[0]["epoch"] * (every - 1) / every)
        metrics = json.loads((evaluation / "result.json").read_text())["metrics"]
        self.assertEqual((STEPS, metrics["mAP"]), (lines[-1]["step"], lines[-1]["metrics"]["mAP"]))
        self.assertEqual(metrics.keys(), lines[-1]["metrics"].keys())

    def test_ranks_that_lose_one_end_and_another_number_goes_on_with_the_same_bits(self):
        store, training = self.untrained("killed")
        ranks = self.start(store, 2)
        wait_until(lambda: list(training.glob("checkpoints/step-*.pt")))
        ranks[1].kill()
        codes, lines = self.ended(ranks)
        self.assertEqual([1, -signal.SIGKILL], codes)
        self.assertRegex(lines[0], r"^moving: process rank 1 did not answer \(.*\); look at its log$")
        self.assertFalse((training / "result.json").exists())
        codes, lines = self.ended(self.start(store, 4, "--attempt", "2"))
        self.assertEqual([0] * 4, codes, lines)
        first = json.loads((training / "attempt-002-metrics.jsonl").read_text().splitlines()[0])
        self.assertGreater(first["step"], 5)
        self.assertGreater(STEPS, first["step"])
        self.assertEqual(self.trained_in(self.calm), self.trained_in(store))

    def test_a_signal_to_one_rank_stops_all_after_one_step(self):
        store, training = self.untrained("stopped")
        ranks = self.start(store, 2)
        wait_until(lambda: list(training.glob("checkpoints/step-*.pt")))
        ranks[1].send_signal(signal.SIGTERM)
        codes, lines = self.ended(ranks)
        self.assertEqual([75, 75], codes, lines)
        self.assertEqual(1, len(set(lines)))
        newest = max(training.glob("checkpoints/step-*.pt"))
        self.assertEqual(f"moving: stopped after step {int(newest.name[5:14])}", lines[0])

    def changed(self, store, **members):
        """A training as the calm one but for members of its specification. Returns its id."""
        specification = json.loads((self.calm / "jobs" / self.training[:2] / self.training / "spec.json").read_text())
        for name, value in members.items():
            (specification["recipe"] if name in specification["recipe"] else specification)[name] = value
        text = json.dumps(specification).encode()
        job = hashlib.sha256(text).hexdigest()
        folder = store / "jobs" / job[:2] / job
        folder.mkdir(parents=True)
        (folder / "spec.json").write_bytes(text)
        return job, folder

    def test_bfloat16_is_another_training(self):
        store, _ = self.untrained("bf16")
        job, folder = self.changed(store, precision="bf16", steps=3)
        self.assertEqual([0], self.ended(self.start(store, 1, job=job))[0])
        narrow, wide = (json.loads((one / "attempt-001-metrics.jsonl").read_text().splitlines()[0])["loss"]
                        for one in (folder, self.calm / "jobs" / self.training[:2] / self.training))
        self.assertNotEqual(narrow, wide)
        self.assertAlmostEqual(narrow, wide, delta=0.1)

    def test_a_gpu_that_is_not_there_is_no_fault_of_the_training(self):
        store, _ = self.untrained("cuda")
        with unittest.mock.patch.dict(self.environment, CUDA_VISIBLE_DEVICES=""):
            codes, lines = self.ended(self.start(store, 1, job=self.changed(store, device="cuda")[0]))
        self.assertEqual([1], codes)
        self.assertRegex(lines[0], r"^moving: device 'cuda' is not available \(.*\); install .*$")


class Meeting(unittest.TestCase):
    """Process ranks as threads of this process."""

    SECRET = b"of this attempt"

    def ranks(self, options):
        ranks = Ranks(options)
        self.addCleanup(ranks.close)
        return ranks

    def options(self, rank, count, secret=None, limit=20, exchange=20):
        descriptor = os.dup(self.listener.fileno()) if rank == 0 else -1
        return Namespace(process_rank=rank, process_ranks=count, rendezvous=f"127.0.0.1:{self.port}", rendezvous_fd=descriptor,
                         secret_fd=pipe_of(secret or self.SECRET), rendezvous_timeout=limit, exchange_timeout=exchange)

    def setUp(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.addCleanup(self.listener.close)
        self.port = self.listener.getsockname()[1]

    def together(self, *calls):
        """What each call returns or raises, all at once."""
        found = [None] * len(calls)

        def run(number):
            try:
                found[number] = calls[number]()
            except Exception as error:  # noqa: BLE001 it is looked at
                found[number] = error

        threads = [threading.Thread(target=run, args=(number,)) for number in range(len(calls))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return found

    def meet(self, count, **more):
        ranks = self.together(*(lambda rank=rank: self.ranks(self.options(rank, count, **more)) for rank in range(count)))
        self.assertTrue(all(isinstance(one, Ranks) for one in ranks), ranks)
        return ranks

    def stranger(self, said):
        """What comes behind the random bytes, when somebody says that; None while the connection stays."""
        connection = socket.create_connection(("127.0.0.1", self.port))
        self.addCleanup(connection.close)
        connection.settimeout(5)
        self.assertEqual(32, len(connection.recv(32, socket.MSG_WAITALL)))
        connection.sendall(said)
        with contextlib.suppress(ConnectionResetError):
            return connection.recv(64)
        return b""

    def test_what_process_rank_0_has_reaches_all(self):
        ranks = self.meet(3)
        data = os.urandom(1 << 20)
        self.assertEqual([data] * 3, self.together(*(lambda one=one: one.shared(data if one.first else b"") for one in ranks)))
        self.assertEqual([None] * 3, self.together(*(lambda one=one: one.agree("alike") for one in ranks)))
        begun = time.monotonic()
        self.together(*(lambda one=one: one.wait_for_first(lambda: time.sleep(0.3)) for one in ranks[1:]),
                      lambda: ranks[0].wait_for_first(lambda: time.sleep(0.3)))
        self.assertGreater(0.6, time.monotonic() - begun)

    def test_strangers_learn_nothing_and_hold_nobody_up(self):
        silent = [socket.create_connection(("127.0.0.1", self.port)) for _ in range(100)]
        self.addCleanup(lambda: [one.close() for one in silent])
        found = self.together(lambda: self.ranks(self.options(0, 2)), lambda: self.stranger(os.urandom(68)),
                              lambda: self.stranger(os.urandom(4096)), lambda: (time.sleep(0.5), self.ranks(self.options(1, 2)))[1])
        self.assertEqual([b"", b""], found[1:3])
        self.assertEqual([b"x", b"x"], self.together(lambda: found[0].shared(b"x"), lambda: found[3].shared(b"")))

    def test_another_secret_is_not_let_in(self):
        one, other = self.together(lambda: self.ranks(self.options(0, 2, limit=1)),
                                   lambda: self.ranks(self.options(1, 2, b"guessed", limit=1)))
        self.assertIsInstance(one, MachineError)
        self.assertEqual(f"process rank 1 did not come to 127.0.0.1:{self.port} (process rank 0 waited 1 s for 2 ranks); look at their "
                         "logs", str(one))
        self.assertRegex(str(other), rf"^process rank 0 did not answer at 127.0.0.1:{self.port} \(.*\); look at its log$")

    def test_a_host_that_does_not_know_the_secret_is_left(self):
        def impostor():
            with contextlib.suppress(OSError):
                while True:
                    connection = self.listener.accept()[0]
                    connection.sendall(os.urandom(32))
                    connection.recv(68, socket.MSG_WAITALL)
                    connection.sendall(os.urandom(32))
                    connection.close()

        threading.Thread(target=impostor, daemon=True).start()
        with self.assertRaisesRegex(MachineError, "it does not know the secret"):
            self.ranks(self.options(1, 2, limit=1))
        self.listener.shutdown(socket.SHUT_RDWR)

    def test_a_silent_rank_is_named_to_all(self):
        ranks = self.meet(3, exchange=1)
        found = self.together(lambda: ranks[0].receive(2), lambda: ranks[1].receive(0))
        self.assertEqual(["process rank 2 did not answer (silent for 1 s); look at its log"], sorted({str(one) for one in found}))

    def test_ranks_that_disagree_end(self):
        ranks = self.meet(2)
        found = self.together(lambda: ranks[0].agree("class A"), lambda: (ranks[1].agree("class B"), ranks[1].receive(0)))
        self.assertEqual(1, len({str(one) for one in found}))
        self.assertIn("('class A' and 'class B')", str(found[0]))

    def test_ranks_have_as_many_lanes_each(self):
        self.assertEqual([range(2), range(2, 4)], [Lanes(Namespace(rank=rank, count=2), 4).numbers for rank in range(2)])
        for count, lanes in ((3, 4), (2, 1), (8, 4)):
            with self.assertRaisesRegex(InputError, f"^{count} process ranks do not divide {lanes} lanes "):
                Lanes(Namespace(rank=0, count=count), lanes)

    def test_what_no_device_has_is_refused(self):
        for word, precision, words in (("tpu", "f32", "device is 'tpu'"), ("cpu", "tf32", "GPUs alone"),
                                       ("cuda", "f16", "precision is 'f16'")):
            with self.assertRaisesRegex(InputError, words):
                Device(word, precision, 1, 0)

    def test_the_numeric_class_names_what_chooses_kernels(self):
        def named(is_gpu: bool, **variables: str) -> list[str]:
            with unittest.mock.patch.dict(os.environ, variables):
                return kernel_choices(is_gpu)
        calm = [named(False), named(True)]
        self.assertEqual([], calm[True])
        for is_gpu, name in ((False, "DNNL_CPU_ISA_HINTS"), (False, "OMP_DYNAMIC"), (True, "NVIDIA_TF32_OVERRIDE")):
            self.assertEqual(sorted([*calm[is_gpu], f"{name}:1"]), sorted(named(is_gpu, **{name: "1"})))
            self.assertEqual(calm[not is_gpu], named(not is_gpu, **{name: "1"}))

    @unittest.skipIf(torch_python() is None, "torch is not there")
    def test_no_variable_chooses_what_a_gpu_computes_behind_the_numeric_class(self):
        def said(code, **variables):
            known = {name: value for name, value in os.environ.items() if not name.startswith("PYTORCH_")}
            code = f"import sys; sys.path.insert(0, {str(BUILD / 'python')!r}); from resolute import _device; {code}"
            ended = subprocess.run([torch_python(), "-c", code], check=False, capture_output=True, text=True, env=known | variables)
            return (ended.stdout + ended.stderr).strip().splitlines()[-1:]
        self.assertEqual([], said("_device.expect_counting_allocator()", PYTORCH_CUDA_ALLOC_CONF="max_split_size_mb:64"))
        for name in ("PYTORCH_CUDA_ALLOC_CONF", "PYTORCH_ALLOC_CONF"):
            self.assertIn("allocator 'cudaMallocAsync' does not tell when memory runs short",
                          said("_device.expect_counting_allocator()", **{name: "backend:cudaMallocAsync"})[0])
        self.assertEqual(["0"], said("_device.Device('cpu', 'f32', 1, 0); import os; print(os.environ['PYTORCH_TUNABLEOP_ENABLED'])",
                                     PYTORCH_TUNABLEOP_ENABLED="1"))

    def test_a_wrong_option_is_refused(self):
        for wrong, words in (({"process_rank": 2}, "process rank 2 of 2"), ({"process_rank": -1}, "process rank -1 of 2"),
                             ({"rendezvous": "nowhere"}, "no HOST:PORT"), ({"rendezvous": None}, "no HOST:PORT"),
                             ({"rendezvous": "host:0"}, "no HOST:PORT"), ({"secret_fd": -1}, "--secret-fd is missing"),
                             ({"secret_fd": pipe_of(b"")}, "the secret is empty"), ({"secret_fd": pipe_of(b"s" * 5000)}, "or too long")):
            with self.assertRaisesRegex(InputError, words):
                self.ranks(Namespace(**{**vars(self.options(1, 2)), **wrong}))


if __name__ == "__main__":
    unittest.main()
