"""The parameters and multiply-adds that docs/methods/rain.md and ftwa.md print are those that bench_method_costs counts, and
the counts are those of formulas written down here from the layers' sizes.

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


def transformation(channels, width, blocks, cells):
    """T on a map of channels x cells: its multiply-adds and its parameters."""
    half = width // 2
    wide = [  # inputs, outputs, kernel's side; on every cell
        (channels, width, 1),
        *blocks * [(width, width, 3), (half, width, 3), (half, width, 3), (half, half, 3), (2 * width, width, 1)],
        (blocks * width, width, 1),
        (width, width, 3),
        (width, channels, 1),
    ]
    pooled = blocks * [(2 * width, width // 8, 1), (width // 8, 2 * width, 1)]  # attention: once a map
    weights = [side * side * inputs * outputs for inputs, outputs, side in wide]
    attention = [inputs * outputs for inputs, outputs, _ in pooled]
    biases = [outputs for _, outputs, _ in wide + pooled]
    return cells * sum(weights) + sum(attention), sum(weights) + sum(attention) + sum(biases)


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

    def test_a_step_of_ftwa_has_the_multiply_adds_of_its_layers(self):
        # An HR image, its copy and an LR image; T on the two LR ones. Each classifier and evaluator sees two vectors.
        trunk, forward = trained(multiplications(), FIRST), transformation(2048, 256, 4, 16 * 8)[0]
        expected = {"baseline, stored": 2 * (trunk + trained(CLASSIFIER)), "ftwa B": 3 * (trunk + trained(CLASSIFIER))}
        expected["ftwa R"] = 3 * trunk + 4 * trained(CLASSIFIER) + 2 * trained(forward)
        expected["ftwa"] = expected["ftwa R"] + 4 * trained(2048 * 512 + 512)
        for name, multiply_adds in expected.items():
            case = self.cases["resnet50", name]
            self.assertEqual(case["multiply_adds_a_pair"], multiply_adds, name)
            self.assertEqual(case["multiply_adds_to_embed"], multiplications(), name)
        self.assertEqual(self.cases["resnet50", "ftwa"]["multiply_adds_of_transformation"], forward)
        self.assertEqual(self.cases["resnet50", "ftwa B"]["multiply_adds_of_transformation"], 0)
        small = self.cases["resnet-small", "ftwa"]["multiply_adds_of_transformation"]
        self.assertEqual(small, transformation(128, 32, 4, 8 * 4)[0])

    def test_parts_of_ftwa_have_the_parameters_of_their_layers(self):
        evaluator = 2048 * 512 + 512 + 512 + 1
        parts = {part["part"]: part["parameters"] for part in self.cases["resnet50", "ftwa"]["parts"]}
        self.assertEqual(parts, {
            "trunk": 23_508_032,
            "lr_encoder": 225_344,  # of which conv1 9,408, bn1 128, layer1 215,808
            "transformation": transformation(2048, 256, 4, 0)[1],
            "classifier_hr": 2048 * 751 + 751,
            "classifier_lr": 2048 * 751 + 751,
            "weight_hr": evaluator,
            "weight_lr": evaluator,
        })
        small = {part["part"]: part["parameters"] for part in self.cases["resnet-small", "ftwa"]["parts"]}
        self.assertEqual(small["transformation"], transformation(128, 32, 4, 0)[1])
        self.assertEqual(small["classifier_hr"], 128 * 32 + 2 * 128)  # behind a neck: no bias

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

    def check_page(self, name, columns, rows_of):
        """The page has a row of each case that rows_of() gives operations for: parameters (a column may join parts), their
        sum, operations."""
        page = (ROOT / "docs/methods" / name).read_text(encoding="utf-8").splitlines()
        rows = []
        for (backbone, case_name), case in self.cases.items():
            work = rows_of(case_name, case)
            if work is None:
                continue
            parts = {part["part"]: part["parameters"] for part in case["parts"]}
            self.assertLessEqual(set(parts), {part for column in columns for part in column}, "a part without a column")
            sums = [sum(parts.get(part, 0) for part in column) for column in columns]
            counts = [f"{count:,}" if count else "" for count in sums] + [f"{sum(sums):,}"]
            digits = 2 if backbone == "resnet50" else 4
            flop = [f"{2e-9 * count:.{digits}f}" for count in work]
            rows.append("| " + " | ".join([f"{backbone}, {case_name}", *counts, *flop]) + " |")
        missing = [row for row in rows if row not in page]
        self.assertTrue(rows)
        self.assertFalse(missing, f"docs/methods/{name} lacks these rows:\n" + "\n".join(rows))

    def test_the_page_of_rain_prints_what_is_counted(self):
        def operations(name, case):
            if name.startswith("ftwa") or name == "baseline, stored":
                return None
            return [case["multiply_adds_to_embed"], case["multiply_adds_a_pair"]]

        self.check_page("rain.md", [["trunk"], ["classifier"], ["decoder"], ["discriminator_level_4"],
                                    ["discriminator_level_5"]], operations)

    def test_the_page_of_ftwa_prints_what_is_counted(self):
        def operations(name, case):
            if not name.startswith("ftwa") and name != "baseline, stored":
                return None
            high = case["multiply_adds_to_embed"]
            return [high, high + case.get("multiply_adds_of_transformation", 0), case["multiply_adds_a_pair"]]

        self.check_page("ftwa.md", [["trunk"], ["lr_encoder"], ["transformation"],
                                    ["classifier", "classifier_hr", "classifier_lr"], ["weight_hr", "weight_lr"]], operations)


if __name__ == "__main__":
    unittest.main()
