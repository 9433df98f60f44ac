"""A method in Python of several phases learns what a loop of one's own over the same batches learns, to the bit; ranks and a kill in the
middle change nothing; what is wrong with phases is told in one line. And evaluate.flip is the mean over an image and its mirror image."""

import json
import os
import shutil
import signal
import subprocess
import typing
import unittest

import h5py
import numpy
from method_test import SUITE
from package import BUILD, MethodTest, left_in, program, wait_until

STEPS = 40
PHASED = '''
import resolute
import torch
from torch.nn import Linear, ModuleDict
from torch.nn.functional import cross_entropy, mse_loss


class Phased(resolute.Method):
    phases = ("draw", "judge", "rest")

    def network(self, classes):
        return ModuleDict({"draw": Linear(96, 8), "judge": Linear(8, classes), "both": Linear(8, 8)})

    def embed(self, images, rates):  # each column's mean
        return images.mean(2).flatten(1)

    def parameter_groups(self):
        return [{"params": list(self.module[name].parameters()), **({} if name == "both" else {"phases": [name]})} for name in self.module]

    def optimiser(self):
        return torch.optim.SGD(self.parameter_groups(), 0.05, momentum=0.9)

    def losses_in(self, phase, batch):
        drawn = self.module["both"](self.module["draw"](self.embed(batch.lr, None)))
        if phase == "rest":  # every second step, and then by all groups that are of each phase
            return {} if batch.step % 2 else {"size": 1e-3 * self.module["both"].weight.square().sum() + 0 * drawn.sum()}
        noise = torch.rand(())
        if phase == "judge":
            return {"size": 1e-2 * noise * cross_entropy(self.module["judge"](drawn), batch.labels)}
        return {"size": mse_loss(drawn, self.module["both"](drawn).detach()) * noise}
'''
BY_HAND = f'''
import json, sys
sys.path[:0] = [{str(BUILD / "python")!r}, "."]
import phased, resolute, torch
from resolute._job import Job
from resolute._training import _seed
from argparse import Namespace

torch.use_deterministic_algorithms(True)
torch.set_num_threads(1)
job = Job(Namespace(store=sys.argv[1], job=sys.argv[2]), "by hand")
recipe, specification = job.training["recipe"], job.specification
pack, split, _ = job.training_data()
_seed(specification["seed"])
method = phased.Phased(phased.Phased.Options(), recipe)
module = method.module = method.network(split.manifest["train_identities"])
optimisers = {{phase: torch.optim.SGD([{{"params": module[name].parameters()}} for name in names], 0.05, momentum=0.9)
              for phase, names in (("draw", ["draw"]), ("judge", ["judge"]))}}
shared = torch.optim.SGD(module["both"].parameters(), 0.05, momentum=0.9)
loader = pack.loader(split, identities=recipe["identities"], images=recipe["images"], erasing=recipe["erasing"], flip=recipe["flip"],
                     pad=recipe["pad"], rates=recipe["train_rates"], seed=specification["seed"], steps=recipe["steps"], arrays="torch")
for batch in loader:
    for place, phase in enumerate(method.phases):
        _seed(specification["seed"], batch.step, *([0, place] if place else []))
        terms = method.losses_in(phase, batch)
        if not terms:
            continue
        module.zero_grad()
        terms["size"].backward()
        for one in (optimisers.get(phase), shared):
            if one:
                for group in one.param_groups:
                    group["lr"] = 0.05 * method.learning_rate_factor(batch.step)
                one.step()
torch.save(module.state_dict(), "by-hand.pt")
ours = resolute.Weights(sys.argv[3]).tensors
print(json.dumps({{name: bool(torch.equal(one, ours[name])) for name, one in module.state_dict().items()}}))
'''
OF_SUITE = SUITE.replace("noisy.py", "phased.py").replace("mine.width = 8\n", "").replace("steps = 200", f"steps = {STEPS}") \
    .replace("gradient_clip = 1.0", "gradient_clip = 0")
LANED = OF_SUITE.replace("trials = 1", "trials = 1\nlanes = 2")


class Phases(MethodTest):
    FILES: typing.ClassVar = {"phased.py": PHASED, "mine.toml": OF_SUITE, "laned.toml": LANED}

    def run_suite(self, store, *more, file="mine.toml"):
        ran = subprocess.run(self.suite("run", store, "--slots", "2", *more, file=file), **self.surroundings(), check=False)
        return ran.returncode, ran.stderr

    def test_weights_are_those_of_a_loop_by_hand(self):
        weights, = (self.calm / "jobs" / self.training[:2] / self.training).glob("weights-*")
        ran = subprocess.run(["python", "-c", BY_HAND, self.calm, self.training, weights], **self.surroundings(), check=False)
        self.assertEqual(0, ran.returncode, ran.stderr)
        same = json.loads(ran.stdout)
        self.assertEqual((6, True), (len(same), all(same.values())), same)
        log, = (self.calm / "jobs" / self.training[:2] / self.training).glob("attempt-001-metrics.jsonl")
        lines = [json.loads(line)["losses"] for line in log.read_text().splitlines()]
        self.assertEqual([{"size", "size.judge", "size.rest"}, {"size", "size.judge"}], [set(line) for line in lines[:2]])

    def test_killed_in_the_middle_it_ends_with_the_same_bytes(self):
        store, training = self.untrained("killed")
        words = ["python", "-m", "resolute", "work", "phased.py", "run", "--store", store, "--job", self.training, "--checkpoint-every", "3"]
        worker = subprocess.Popen(words, **self.surroundings())
        wait_until(lambda: list(training.glob("checkpoints/step-*.pt")))
        os.kill(worker.pid, signal.SIGKILL)
        worker.communicate()
        self.assertEqual(0, self.run_suite(store)[0])
        self.assertEqual(left_in(self.calm), left_in(store))

    def test_ranks_change_no_bit(self):
        left = []
        for ranks in (1, 2):
            code, said = self.run_suite(self.folder / f"ranks-{ranks}", "--set", f"ranks={ranks}", file="laned.toml")
            self.assertEqual(0, code, said)
            left.append(left_in(self.folder / f"ranks-{ranks}"))
        self.assertEqual(*left)

    def test_what_is_wrong_with_phases_is_told(self):
        wrong = (("a", "a"), [None], "(it is a tuple of different names)"), ("draw", [None], "phases of Wrong is 'draw'"), \
            (("a", 3), [None], "(it is a tuple of different names)"), (("a", ""), [None], "different names"), (None, [None], "is None"), \
            (("a", "b"), [["c"]], "a group of parameters has phases ['c'] (Wrong has ('a', 'b'))"), (("a", "b"), ["a"], "phases 'a'"), \
            (("a", "b"), [[]], "has phases []"), (("a", "b"), [["a"], ["a"]], "phase 'b' of Wrong moves no group"), \
            ((), [["a"]], "has phases ['a'] (Wrong has ())")
        code = f"""
import json, sys
sys.path.insert(0, {str(BUILD / "python")!r})
import resolute, torch
from resolute._training import check_phases
said = []
for phases, of_groups, _ in json.loads(sys.argv[1]):
    class Wrong(resolute.Method):
        pass
    Wrong.phases = tuple(phases) if isinstance(phases, list) else phases
    groups = [{{"params": [torch.zeros(1)], **({{}} if one is None else {{"phases": one}})}} for one in of_groups]
    try:
        check_phases(torch.optim.SGD(groups, 0.1), Wrong(None, {{}}))
        said.append("nothing")
    except resolute.InputError as error:
        said.append(str(error))
print(json.dumps(said))
"""
        ran = subprocess.run(["python", "-c", code, json.dumps(wrong)], **self.surroundings(), check=True)
        for line, (*_, words) in zip(json.loads(ran.stdout), wrong, strict=True):
            self.assertIn(words, line)
            self.assertNotIn("\n", line)

    def test_what_is_wrong_with_a_phases_losses_is_the_evidence(self):
        for name, was, wrong, words in (("other", "losses_in", "losses_of", "Phased has no losses_in() (its phases are draw, judge, rest)"),
                                        ("list", "return {} if", "return [] if", "losses_in() of Phased returned list (it returns a dict")):
            self.assertIn(was, PHASED)
            (self.folder / f"{name}.py").write_text(PHASED.replace(was, wrong))
            (self.folder / f"{name}.toml").write_text(OF_SUITE.replace("phased.py", f"{name}.py").replace('"mine"', f'"{name}"', 1))
            code, said = self.run_suite(self.folder / name, file=f"{name}.toml")
            self.assertEqual(3, code, said)
            self.assertIn(words, said)

    def test_a_flipped_evaluation_is_the_mean_over_both_images(self):
        store = self.folder / "flipped"
        shutil.copytree(self.calm, store)
        code, said = self.run_suite(store, "--set", "evaluate.flip=true")
        self.assertEqual(0, code, said)
        jobs = {bool(json.loads(path.with_name("spec.json").read_text())["protocol"].get("flip")): path
                for path in store.glob("jobs/*/*/features.h5")}
        self.assertEqual({False, True}, set(jobs))
        shown = {}
        for flip, path in jobs.items():
            with h5py.File(path) as file:
                shown[flip] = [file[f"{side}/features"][:].reshape(-1, 3, 32) for side in ("query", "gallery")]
        for plain, both in zip(shown[False], shown[True]):
            self.assertFalse(numpy.allclose(plain, both, atol=1e-6))
            numpy.testing.assert_allclose((plain + plain[:, :, ::-1]) / 2, both, atol=1e-6)
        result, ranked = json.loads(jobs[True].with_name("result.json").read_text()), json.loads(program("rank", jobs[True], "--json"))
        self.assertEqual(ranked["map"], result["metrics"]["mAP"])


if __name__ == "__main__":
    unittest.main()
