"""The recipe of a method in Python is the recipe of `resolute-worker`: PyTorch's optimisers."""

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


if __name__ == "__main__":
    unittest.main()
