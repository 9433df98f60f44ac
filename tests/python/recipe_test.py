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


if __name__ == "__main__":
    unittest.main()
