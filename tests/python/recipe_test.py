"""The recipe of a method in Python is the recipe of `resolute-worker`: PyTorch's optimisers and schedules."""

import json
import subprocess
import unittest

from package import BUILD, torch_python

ASKED = f"""
import json, sys
sys.path.insert(0, {str(BUILD / "python")!r})
import resolute, torch

def method(**recipe):
    made = resolute.Method(resolute.Method.Options(), {{"learning_rate": 0.05, "weight_decay": 0.25, "decay": "weights", **recipe}})
    made.module = torch.nn.Linear(4, 3)
    return made

def said(optimiser):
    groups = [{{key: group.get(key) for key in ("lr", "weight_decay", "momentum", "nesterov")}} for group in optimiser.param_groups]
    return type(optimiser).__name__, groups
"""


def asked(code):
    run = subprocess.run([torch_python(), "-c", ASKED + code], check=True, capture_output=True, text=True)
    return json.loads(run.stdout)


@unittest.skipIf(torch_python() is None, "torch is not there")
class Recipe(unittest.TestCase):
    def test_the_optimiser_is_the_recipes(self):
        words = asked("""
print(json.dumps([said(method(**keys).optimiser()) for keys in ({}, {"optimiser": "adamw"}, {"optimiser": "sgd"},
                                                                {"optimiser": "sgd", "momentum": 0.9, "nesterov": True})]))
""")
        self.assertEqual(["Adam", "AdamW", "SGD", "SGD"], [name for name, _ in words])
        for name, groups in words:
            self.assertEqual([0.25, 0.0], [group["weight_decay"] for group in groups], name)
            self.assertEqual([0.05, 0.05], [group["lr"] for group in groups], name)
        self.assertEqual([(0.0, False), (0.9, True)], [(groups[0]["momentum"], groups[0]["nesterov"]) for _, groups in words[2:]])

    def test_a_key_that_is_not_there_is_told_with_what_to_write(self):
        said = asked("""
def missed(key):
    try:
        method().recipe[key]
    except KeyError as error:
        return error.args[0]
print(json.dumps([*map(missed, ("momentum", "ema", "learning_rat")), method().recipe.get("momentum", 0.5), dict(method().recipe)]))
""")
        for key, words in zip(("momentum", "ema", "learning_rat"), said, strict=False):
            self.assertIn(f"the recipe has no '{key}' (it leaves out keys that have their default)", words)
            self.assertIn(f"; write recipe.get('{key}', DEFAULT)", words)
        self.assertEqual([False, False, True], [words.endswith(", or did you mean 'learning_rate'") for words in said[:3]])
        self.assertEqual([0.5, {"learning_rate": 0.05, "weight_decay": 0.25, "decay": "weights"}], said[3:])

    def test_the_schedule_is_pytorchs(self):
        pairs = asked("""
from torch.optim import lr_scheduler
schedules = [({"schedule": "step", "milestones": [7, 20], "gamma": 0.3}, lambda o: lr_scheduler.MultiStepLR(o, [7, 20], 0.3)),
             ({"schedule": "constant"}, lambda o: lr_scheduler.ConstantLR(o, 1.0)),
             ({"schedule": "cosine"}, lambda o: lr_scheduler.CosineAnnealingLR(o, 30)),
             ({"schedule": "linear"}, lambda o: lr_scheduler.LinearLR(o, 1.0, 0.0, 30)),
             ({"schedule": "polynomial", "power": 0.9}, lambda o: lr_scheduler.PolynomialLR(o, 30, 0.9))]
pairs = []
for keys, schedule_of in schedules:
    made = method(steps=30, warmup_steps=0, **{"milestones": [], **keys})
    optimiser = torch.optim.SGD(made.module.parameters(), 1.0)
    schedule = schedule_of(optimiser)
    for step in range(30):
        pairs.append([made.learning_rate_factor(step), optimiser.param_groups[0]["lr"]])
        optimiser.step()
        schedule.step()
print(json.dumps(pairs))
""")
        self.assertEqual(150, len(pairs))
        for ours, theirs in pairs:
            self.assertAlmostEqual(ours, theirs, delta=1e-12)

    def test_the_warm_up_comes_before_each_schedule(self):
        factors = asked("""
print(json.dumps([[method(steps=30, warmup_steps=10, milestones=[], schedule=word).learning_rate_factor(step) for step in (0, 5, 10)]
                  for word in ("step", "constant", "cosine", "linear", "polynomial")]))
""")
        for three in factors:
            for found, expected in zip(three, (0.01, 0.505, 1.0)):
                self.assertAlmostEqual(found, expected, delta=1e-12)

    def test_averages_are_pytorchs_to_the_bit(self):
        same = asked("""
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from resolute._training import Averages
torch.manual_seed(3)
module = torch.nn.Sequential(torch.nn.Linear(5, 7), torch.nn.BatchNorm1d(7))
ours, theirs = Averages(module, 0.9), AveragedModel(module, multi_avg_fn=get_ema_multi_avg_fn(0.9), use_buffers=True)
same = []
for step in range(20):
    for tensor in module.state_dict().values():
        tensor.copy_(torch.randn(tensor.shape) if tensor.is_floating_point() else tensor + 1)
    ours.take(first=step == 0)
    theirs.update_parameters(module)
    live = {name: one.clone() for name, one in module.state_dict().items()}
    ours.swap()
    same += [torch.equal(one, theirs.module.state_dict()[name]) for name, one in module.state_dict().items() if one.is_floating_point()]
    ours.swap()
    same += [torch.equal(one, live[name]) for name, one in module.state_dict().items()]
print(json.dumps(same))
""")
        self.assertEqual(20 * (6 + 7), len(same))
        self.assertTrue(all(same))

    def test_a_tensor_of_several_names_is_swapped_once(self):
        same = asked("""
from resolute._training import Averages
torch.manual_seed(3)
same = []
for names in range(1, 5):
    module = torch.nn.ModuleList([torch.nn.Linear(4, 3) for _ in range(names)])
    for one in module:
        one.weight = module[0].weight
    averages = Averages(module, 0.5)
    first = module[0].weight.detach().clone()
    with torch.no_grad():
        module[0].weight.add_(1)
    averages.take(first=False)
    live = module[0].weight.detach().clone()
    averages.swap()
    same += [torch.allclose(one.weight, (first + live) / 2) for one in module]
    averages.swap()
    same += [torch.equal(one.weight, live) for one in module]
print(json.dumps(same))
""")
        self.assertEqual([True] * 2 * (1 + 2 + 3 + 4), same)

    def test_rates_fall_from_what_is_new_to_the_trunks_first_level(self):
        rates = asked("""
from resolute._training import set_rates_by_level

class Levels(resolute.Method):
    def trunk_level(self, name):
        return None if name.startswith("new") else int(name[5])

recipe = {"learning_rate": 0.05, "weight_decay": 0.25, "decay": "weights", "trunk_learning_rate_factor": 0.5, "layer_decay": 0.8}
made = Levels(resolute.Method.Options(), recipe)
made.module = torch.nn.ModuleDict({name: torch.nn.Linear(2, 2) for name in ("level1", "level4", "level5", "new")})
optimiser = made.optimiser()
set_rates_by_level(optimiser, made)
names = {parameter: name for name, parameter in made.module.named_parameters()}
print(json.dumps([[group["lr"], group["weight_decay"], names[one]] for group in optimiser.param_groups for one in group["params"]]))
""")
        factors = {"level1": 0.5 * 0.8**5, "level4": 0.5 * 0.8**2, "level5": 0.5 * 0.8, "new": 1.0}
        self.assertEqual(8, len(rates))
        for rate, decay, name in rates:
            self.assertAlmostEqual(0.05 * factors[name.split(".")[0]], rate, delta=1e-15)
            self.assertEqual(0.0 if name.endswith("bias") else 0.25, decay)

    def test_options_name_the_class_of_results_whatever_holds_them(self):
        said = asked("""
from dataclasses import dataclass

@dataclass
class Plain:
    width: int = 8
    name: str | None = None

@dataclass(slots=True)
class Slots:
    width: int = 8
    name: str | None = None

@dataclass(frozen=True)
class Frozen:
    __slots__ = ("width", "name")
    width: int
    name: str | None

made = [Plain(), Slots(), Frozen(8, None), resolute.Method.Options()]
print(json.dumps([resolute.Method(options, {}).depends_on() for options in made]))
""")
        self.assertEqual([["width 8", "name None"]] * 3 + [[]], said)

    def test_frozen_parts_are_named_by_the_module(self):
        said = asked("""
from resolute._training import freeze, set_rates_by_level
said = []
def refused(call):
    try:
        call()
    except resolute.InputError as error:
        said.append(str(error))

def network():
    return torch.nn.ModuleDict({"trunk": torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.BatchNorm1d(3)), "head": torch.nn.Linear(3, 2)})

made = network()
freeze(made, "trunk")
before = {name: one.clone() for name, one in made.state_dict().items()}
made["head"](made["trunk"](torch.randn(8, 3))).sum().backward()
said.append([name for name, one in made.named_parameters() if one.grad is not None])
said.append(all(torch.equal(one, before[name]) for name, one in made.state_dict().items()))
refused(lambda: freeze(network(), "trnk"))
refused(lambda: freeze(network(), "head,trunk"))
refused(lambda: set_rates_by_level(None, method(layer_decay=0.5)))
print(json.dumps(said))
""")
        self.assertEqual([["head.weight", "head.bias"], True], said[:2])
        self.assertIn("the module has the parts trunk, head", said[2])
        self.assertIn("nothing is left that learns", said[3])
        self.assertIn("write its trunk_level()", said[4])


if __name__ == "__main__":
    unittest.main()
