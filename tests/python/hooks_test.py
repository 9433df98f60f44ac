"""Values that a method's hooks return are read before they count: what is wrong ends the job in its first step with one line, which names
the hook's file and line, the hook and what it has to return. Numbers of NumPy and the like are taken."""

import json
import shutil
import subprocess
import typing
import unittest

from method_test import SUITE
from package import MethodTest

HOOKED = '''import os
import numpy
import resolute
import torch
from torch.nn import Linear, ModuleDict
from torch.nn.functional import cross_entropy

calls = []


def given(hook, right):
    wrong, _, text = os.environ.get("WRONG", "").partition("=")
    return eval(text, {"numpy": numpy, "torch": torch, "right": right, "calls": calls}) if wrong == hook else right


class Hooked(resolute.Method):
    def network(self, classes):
        return given("network", ModuleDict({"trunk": Linear(96, 8), "head": Linear(8, classes)}))

    def optimiser(self):
        return given("optimiser", super().optimiser())

    def losses(self, batch):
        return given("losses", {"id": cross_entropy(self.module["head"](self.features(batch.lr)), batch.labels)})

    def embed(self, images, rates):
        return given("embed", self.features(images))

    def features(self, images):  # of each column's mean
        return self.module["trunk"](images.mean(2).flatten(1))

    def learning_rate_factor(self, step):
        return given("learning_rate_factor", super().learning_rate_factor(step))

    def trunk_level(self, name):
        return given("trunk_level", 1 if name.startswith("trunk") else None)

    def depends_on(self):
        return given("depends_on", super().depends_on())

    def from_scratch(self):
        return given("from_scratch", super().from_scratch())
'''
#: Each a hook, what it returns, and how the line goes on behind "returned".
WRONG = (
    ("network", "None", "None (it returns a torch.nn.Module)"), ("network", "[right]", "list (it"),
    ("network", "right.state_dict()", "OrderedDict (it"), ("network", "right['head'].weight.detach()", "a tensor of "),
    ("optimiser", "None", "None (it returns a torch.optim.Optimizer"), ("optimiser", "right.param_groups", "list (it"),
    ("optimiser", "torch.optim.lr_scheduler.ConstantLR(right)", "ConstantLR (it"),
    ("losses", "None", "None (it returns a dict of scalars by name"), ("losses", "[right['id']]", "list (it"),
    ("losses", "{}", "an empty dict (it"),
    ("losses", "right['id']", "a tensor of one number in float32 (it"), ("losses", "{'id': 0.5}", "0.5 as 'id' (it"),
    ("losses", "{'id': right['id'], 'none': None}", "None as 'none' (it"),
    ("losses", "{1: right['id']}", "a tensor of one number in float32 as 1"),
    ("losses", "{'id': right['id'].repeat(2, 4)}", "a tensor of 2×4 in float32 as 'id' (it"),
    ("losses", "{'id': torch.tensor(3)}", "a tensor of one number in int64 as 'id' (it"),
    ("losses", "{'id': right['id'].detach()}", "id without a gradient (it"),
    ("learning_rate_factor", "-0.1", "-0.1 for step 0 (it returns a finite number, 0 or more)"),
    ("learning_rate_factor", "float('nan')", "nan for"), ("learning_rate_factor", "float('inf')", "inf for"),
    ("learning_rate_factor", "None", "None for"), ("learning_rate_factor", "'0.5'", "'0.5' for"),
    ("learning_rate_factor", "True", "True for"),
    ("learning_rate_factor", "torch.ones(2)", "a tensor of 2 in float32 for"), ("learning_rate_factor", "1j", "1j for"),
    ("trunk_level", "9", "9 for 'trunk.weight' (it returns None or a whole number, 1 to trunk_levels, which is 5)"),
    ("trunk_level", "0", "0 for"), ("trunk_level", "1.0", "1.0 for"), ("trunk_level", "True", "True for"),
    ("trunk_level", "'1'", "'1' for"),
    ("depends_on", "'width 8'", "'width 8' (it returns a list of texts)"), ("depends_on", "None", "None (it"),
    ("depends_on", "[8]", "[8] (it"),
    ("from_scratch", "None", "None (it returns True or False)"), ("from_scratch", "1", "1 (it"), ("from_scratch", "'no'", "'no' (it"),
    ("embed", "None", "None for 2 images (it returns a tensor of floating-point numbers, 2×D)"), ("embed", "right.numpy()", "ndarray for"),
    ("embed", "right[:, 0]", "a tensor of 2 in float32 for"), ("embed", "right[:1]", "a tensor of 1×8 in float32 for"),
    ("embed", "right[:, None]", "a tensor of 2×1×8 in"), ("embed", "right[:, :0]", "a tensor of 2×0 in"),
    ("embed", "right.long()", "a tensor of 2×8 in int64 for"), ("embed", "right * 1j", "a tensor of 2×8 in complex64 for"),
    ("embed", "right if calls.append(0) or len(calls) < 2 else right[:, :4]",
     "a tensor of 2×4 in float32 for 2 images (it returns a tensor of floating-point numbers, 2×8, as for the images before)"),
)
RIGHT = (
    ("losses", "{'id': right['id'].reshape(1), 'note': torch.tensor(0.5)}"), ("learning_rate_factor", "numpy.float32(right)"),
    ("learning_rate_factor", "0"), ("learning_rate_factor", "torch.tensor(right)"), ("trunk_level", "right and numpy.int64(right)"),
    ("depends_on", "tuple(right)"), ("from_scratch", "numpy.False_"), ("embed", "right.bfloat16()"),
    ("network", "right.register_buffer('strided', torch.eye(4)[:, ::2]) or right"),
    ("network", "right.register_buffer('shared', right['trunk'].weight.detach()) or right"),
    ("network", "right.register_buffer('rounded', torch.ones(2).bfloat16()) or right"),
    ("network", "setattr(type(right), 'get_extra_state', lambda _: torch.ones(3)) or right"),
)
#: Runs the job anew for each value, in a process that has loaded PyTorch already; prints exit codes and standard errors.
DRIVER = """
import json, os, sys, traceback
import torch
from pathlib import Path
from resolute import _measuring
from resolute.worker import work_by_specification

_measuring._BATCH = 2
said = []
for folder, value in json.loads(sys.argv[1]):
    folder = Path(folder)
    for path in folder.iterdir():
        if path.is_file() and path.name != "spec.json":
            path.unlink()
    with open("said", "w+") as file:
        child = os.fork()
        if child == 0:
            code = 0
            os.environ["WRONG"] = value
            os.dup2(file.fileno(), 2)
            try:
                work_by_specification(["hooked.py", "run", "--store", str(folder.parents[2]), "--job", folder.name])
            except SystemExit as ended:
                code = ended.code
            except BaseException:
                traceback.print_exc()
                code = 99
            finally:
                sys.stderr.flush()
                os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        file.seek(0)
        said.append([code, file.read(), sum(path.stat().st_size for path in folder.glob("*metrics.jsonl"))])
print(json.dumps(said))
"""
OF_SUITE = SUITE.replace("noisy.py", "hooked.py").replace("mine.width = 8\n", "").replace("steps = 200", "steps = 3, layer_decay = 0.9") \
    .replace("warmup_steps = 10", "warmup_steps = 1")


class Hooks(MethodTest):
    FILES: typing.ClassVar = {"hooked.py": HOOKED, "mine.toml": OF_SUITE}

    def ended(self, values):
        """One for each pair of a hook and what it returns: exit code, standard error, and bytes of the log of steps."""
        _, training = self.untrained(self.id().rpartition(".")[2])
        evaluated = self.folder / "evaluated"
        if not evaluated.exists():
            shutil.copytree(self.calm, evaluated)
        evaluation = evaluated / "jobs" / self.evaluation[:2] / self.evaluation
        jobs = [(str(evaluation if hook == "embed" else training), f"{hook}={text}") for hook, text in values]
        ran = subprocess.run(["python", "-c", DRIVER, json.dumps(jobs)], **self.surroundings(), check=False)
        self.assertEqual(0, ran.returncode, ran.stderr)
        return json.loads(ran.stdout)

    def test_a_wrong_value_is_told_with_its_hook_before_it_counts(self):
        lines = HOOKED.splitlines()
        found = self.ended([(hook, text) for hook, text, _ in WRONG])
        for (hook, text, words), (code, said, steps) in zip(WRONG, found, strict=True):
            line = next(number for number, one in enumerate(lines, 1) if one.startswith(f"    def {hook}("))
            self.assertEqual((2, 0), (code, steps), f"{hook}: {text}: {said}")
            self.assertTrue(said.startswith(f"hooked: hooked.py:{line}: {hook}() of Hooked returned {words}"), said)
            self.assertEqual((1, ")\n"), (said.count("\n"), said[-2:]))

    def test_right_values_of_other_types_and_states_of_other_layouts_are_taken(self):
        for (hook, text), (code, said, _) in zip(RIGHT, self.ended(RIGHT), strict=True):
            self.assertEqual((0, ""), (code, said), f"{hook}: {text}")

    def test_a_state_that_cannot_be_saved_is_told_before_the_first_step(self):
        def buffer(tensor):
            return f"right.register_buffer('odd', {tensor}) or right"

        def extra(value):
            return f"setattr(type(right), 'get_extra_state', lambda _: {value}) or right"

        wrong = [(extra("{'a': 1}"), "_extra_state"), (extra("'text'"), "_extra_state"), (buffer("torch.eye(3).to_sparse()"), "odd"),
                 ("right.update({'lazy': torch.nn.LazyLinear(4)}) or right", "lazy.weight"),
                 (buffer("torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)"), "odd")]
        for (text, name), (code, said, steps) in zip(wrong, self.ended([("network", text) for text, _ in wrong]), strict=True):
            self.assertEqual((2, 0), (code, steps), f"{text}: {said}")
            self.assertTrue(said.startswith(f"hooked: ['{name}'] of the module's state_dict() cannot be saved ("), said)
            self.assertEqual(1, said.count("\n"), said)

    def test_a_module_that_learns_nothing_is_told(self):
        (code, said, _), = self.ended([("network", "right.requires_grad_(False)")])
        self.assertEqual((2, "hooked: nothing is left that learns (no parameter of network() has requires_grad); add one\n"), (code, said))


if __name__ == "__main__":
    unittest.main()
