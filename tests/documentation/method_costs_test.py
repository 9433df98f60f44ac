"""The parameters and multiply-adds that docs/methods/rain.md prints are those that bench_method_costs counts, and the counts
are those of formulas written down here from the layers' sizes.

Usage: method_costs_test.py BENCH_METHOD_COSTS
"""

import json
import subprocess
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))
from training import multiplications  # noqa: E402  (ResNet-50's trunk at 3x256x128, last stride 1)

PROGRAM = sys.argv.pop()
CLASSIFIER = 2048 * 751
FIRST = 3 * 49 * 64 * (128 * 64)  # the trunk's first convolution: nothing needs the gradient of an image


def decoder():
    """G: f5 of 2048x16x8, four doublings, each followed by a 3x3 convolution, then 3x3 to an image."""
    total, inputs, cells = 0, 2048, 16 * 8
    for outputs in (512, 256, 128, 64):
        cells *= 4
        total += 9 * inputs * outputs * cells
        inputs = outputs
    return total + 9 * inputs * 3 * cells


def discriminator(channels):
    """D_j on channels x16x8: its first convolution, and all four."""
    first = channels * 256 * (16 * 8)
    return first, first + (9 * 256 * 256 + 9 * 256 * 128 + 128) * (8 * 4)


def trained(forward, first=0):
    """Forward, the gradient of the weights and that of the inputs, but for the inputs of the first layer."""
    return 3 * forward - first


def adversary(channels):
    """D's step on features that are constants, then the networks' through a D whose weights are."""
    first, whole = discriminator(channels)
    return trained(whole, first) + 2 * whole


class MethodCosts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        output = subprocess.run([PROGRAM, "--counts", "--json"], check=True, capture_output=True, text=True).stdout
        cls.cases = {(case["backbone"], case["name"]): case for case in json.loads(output)["cases"]}

    def test_a_step_of_resnet50_has_the_multiply_adds_of_its_layers(self):
        trunk = trained(multiplications(), FIRST) + trained(CLASSIFIER)
        expected = {"baseline": trunk, "rain, adversary off": 2 * (trunk + trained(decoder()))}
        expected["rain {5}"] = expected["rain, adversary off"] + 2 * adversary(2048)
        expected["rain {4, 5}"] = expected["rain {5}"] + 2 * adversary(1024)
        for name, multiply_adds in expected.items():
            case = self.cases["resnet50", name]
            self.assertEqual(case["multiply_adds_a_pair"], multiply_adds, name)
            self.assertEqual(case["multiply_adds_to_embed"], multiplications(), name)

    def test_parts_have_the_parameters_of_their_layers(self):
        parts = {part["part"]: part["parameters"] for part in self.cases["resnet50", "rain {4, 5}"]["parts"]}
        widths = [2048, 512, 256, 128, 64]
        self.assertEqual(parts, {
            "trunk": 23_508_032,  # torchvision's resnet50 without fc
            "classifier": 2048 * 751 + 751,
            "decoder": sum(9 * a * b + 2 * b for a, b in zip(widths, widths[1:])) + 9 * 64 * 3 + 3,
            "discriminator_level_4": 1024 * 256 + 9 * 256 * 256 + 9 * 256 * 128 + 128 + 256 + 256 + 128 + 1,
            "discriminator_level_5": 2048 * 256 + 9 * 256 * 256 + 9 * 256 * 128 + 128 + 256 + 256 + 128 + 1,
        })

    def test_the_page_prints_what_is_counted(self):
        page = (ROOT / "docs/methods/rain.md").read_text(encoding="utf-8").splitlines()
        columns = ["trunk", "classifier", "decoder", "discriminator_level_4", "discriminator_level_5"]
        rows = []
        for (backbone, name), case in self.cases.items():
            parts = {part["part"]: part["parameters"] for part in case["parts"]}
            counts = [f"{parts[column]:,}" if column in parts else "" for column in columns] + [f"{sum(parts.values()):,}"]
            digits = 2 if backbone == "resnet50" else 4
            work = [f"{2e-9 * case[key]:.{digits}f}" for key in ("multiply_adds_to_embed", "multiply_adds_a_pair")]
            rows.append("| " + " | ".join([f"{backbone}, {name}", *counts, *work]) + " |")
        missing = [row for row in rows if row not in page]
        self.assertFalse(missing, "docs/methods/rain.md lacks these rows:\n" + "\n".join(rows))


if __name__ == "__main__":
    unittest.main()
