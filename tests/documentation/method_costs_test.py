"""The parameters and multiply-adds that the pages of methods (methods/NAME/README.md) print are those that
bench_method_costs counts, and the counts are those of formulas written down here from the layers' sizes. So is the memory
that a small step of MSIFLA takes.

Usage: method_costs_test.py BENCH_METHOD_COSTS
"""

import json
import subprocess
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench/training"))
from training import multiplications  # noqa: E402  (ResNet-50's trunk at 3x256x128, last stride 1)

PROGRAM = sys.argv.pop()
CLASSIFIER = 2048 * 751
ADAPTIVE = {  # rows of resolution-adaptive representations, and whether they have masks
    "resolution-adaptive, plain": False,
    "resolution-adaptive, varying length": False,
    "resolution-adaptive, masks": True,
    "resolution-adaptive, joint": True,
    "resolution-adaptive": True,
}
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


def recovery(width, cells):
    """An IR network on images of `cells` pixels: its multiply-adds, those of its first convolution, and its parameters."""
    half, quarter = cells // 4, cells // 16
    layers = [  # inputs, outputs, taps of the kernel, cells that meet the whole kernel
        (3, width, 9, cells),
        *3 * [(width, width, 9, half)],
        (width, 2 * width, 9, quarter),
        *3 * [(2 * width, 2 * width, 9, quarter)],
        (width, 2 * width, 1, quarter),
        (2 * width, width, 16, quarter),
        (width, width // 2, 16, half),
        (width // 2, 3, 9, cells),
    ]
    work = [inputs * outputs * taps * places for inputs, outputs, taps, places in layers]
    return sum(work), work[0], sum(inputs * outputs * taps + outputs for inputs, outputs, taps, _ in layers)


def trained(forward, first=0):
    """Forward, the gradient of the weights and that of the inputs, but for the inputs of the first layer."""
    return 3 * forward - first


def adversary(channels):
    """D's step on features that are constants, then the networks' through a D whose weights are."""
    first, whole = discriminator(channels)
    return trained(whole, first) + 2 * whole


def costs(*options):
    output = subprocess.run([PROGRAM, "--json", *options], check=True, capture_output=True, text=True).stdout
    return json.loads(output)["cases"]


class MethodCosts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        counted = costs("--counts", "--backbone", "resnet-small")
        for name in [case["name"] for case in counted]:
            counted += costs("--counts", "--backbone", "resnet50", "--case", name)
        cls.cases = {(case["backbone"], case["name"]): case for case in counted}

    def on_resnet50(self, names):
        """Name and case of each."""
        return [(name, self.cases["resnet50", name]) for name in names]

    def test_a_step_of_resnet50_has_the_multiply_adds_of_its_layers(self):
        trunk = trained(multiplications(), FIRST) + trained(CLASSIFIER)
        expected = {"baseline": trunk, "rain, adversary off": 2 * (trunk + trained(decoder()))}
        expected["rain {5}"] = expected["rain, adversary off"] + 2 * adversary(2048)
        expected["rain {4, 5}"] = expected["rain {5}"] + 2 * adversary(1024)
        for name, case in self.on_resnet50(expected):
            self.assertEqual(case["multiply_adds_a_pair"], expected[name], name)
            self.assertEqual(case["multiply_adds_to_embed"], multiplications(), name)

    def test_a_step_of_ftwa_has_the_multiply_adds_of_its_layers(self):
        # An HR image, its copy and an LR image; T on the two LR ones. Each classifier and evaluator sees two vectors.
        trunk, forward = trained(multiplications(), FIRST), transformation(2048, 256, 4, 16 * 8)[0]
        expected = {"baseline, stored": 2 * (trunk + trained(CLASSIFIER)), "ftwa B": 3 * (trunk + trained(CLASSIFIER))}
        expected["ftwa R"] = 3 * trunk + 4 * trained(CLASSIFIER) + 2 * trained(forward)
        expected["ftwa"] = expected["ftwa R"] + 4 * trained(2048 * 512 + 512)
        transforming = {"ftwa": forward, "ftwa B": 0}
        for name, case in self.on_resnet50(expected):
            self.assertEqual(case["multiply_adds_a_pair"], expected[name], name)
            self.assertEqual(case["multiply_adds_to_embed"], multiplications(), name)
            if name in transforming:
                self.assertEqual(case["multiply_adds_of_transformation"], transforming[name], name)

    def test_the_transformation_on_a_small_backbone_has_the_multiply_adds_of_its_layers(self):
        small = self.cases["resnet-small", "ftwa"]["multiply_adds_of_transformation"]
        self.assertEqual(small, transformation(128, 32, 4, 8 * 4)[0])

    def test_a_step_of_msifla_has_the_multiply_adds_of_its_layers(self):
        # Of an HR row the image and three copies, and an LR image. L_IR goes back from the first four, L_ReID from the
        # HR and the LR image, through trunks whose images have gradients.
        forward, first, _ = recovery(64, 256 * 128)
        identified = 2 * trained(multiplications() + 4 * CLASSIFIER)
        for name, case in self.on_resnet50(["msifla {1}", "msifla, shared", "msifla"]):
            scales = 1 if name == "msifla {1}" else 3
            recovered = 5 * scales * forward + 2 * 6 * scales * forward - 6 * first
            self.assertEqual(case["multiply_adds_a_pair"], recovered + scales * identified, name)
            self.assertEqual(case["multiply_adds_to_embed"], scales * (forward + multiplications()), name)

    def test_a_step_of_resolution_adaptive_has_the_multiply_adds_of_its_layers(self):
        # An HR image and its copy, each with a positive and a negative: four differences, whose opposites share the product
        # with the MLP's first layer. Masks and zeros multiply nothing by matrices.
        layers = multiplications() + 2048 * 2048
        step = 2 * (trained(layers, FIRST) + trained(CLASSIFIER)) + trained(4 * 2048 * 512 + 8 * 512)
        for name, case in self.on_resnet50(ADAPTIVE):
            self.assertEqual(case["multiply_adds_a_pair"], step, name)
            self.assertEqual(case["multiply_adds_to_embed"], layers, name)

    def test_parts_of_resolution_adaptive_have_the_parameters_of_their_layers(self):
        channels = 3 * 256 + 4 * 512 + 6 * 1024 + 3 * 2048  # behind the 16 bottlenecks
        for name, case in self.on_resnet50(ADAPTIVE):
            masked = ADAPTIVE[name]
            parts = {part["part"]: part["parameters"] for part in case["parts"]}
            expected = {"trunk": 23_508_032, "embedding": 2048 * 2048 + 2048, "classifier": 2048 * 751 + 751,
                        "verification_1": 2048 * 512 + 512, "verification_2": 512 + 1}
            if masked:
                expected["masks"] = 4 * channels
                self.assertEqual(expected["masks"], 60_416)
            self.assertEqual(parts, expected, name)

    def test_parts_of_resolution_adaptive_on_a_small_backbone_have_the_parameters_of_their_layers(self):
        small = {part["part"]: part["parameters"] for part in self.cases["resnet-small", "resolution-adaptive"]["parts"]}
        self.assertEqual(small["masks"], 4 * (16 + 32 + 64 + 128))
        self.assertEqual([small[f"neck_{k}"] for k in (1, 2, 3, 4)], 4 * [2 * 512])

    def test_parts_of_msifla_have_the_parameters_of_their_layers(self):
        reid = 23_508_032 + 4 * (2048 * 751 + 751)
        for name, case in self.on_resnet50(["msifla", "msifla, shared"]):
            shared = name == "msifla, shared"
            expected = {f"ir_{scale}": recovery(64, 0)[2] for scale in (3, 2, 1)}
            expected |= {f"reid_{scale}": reid for scale in ((1,) if shared else (3, 2, 1))}
            self.assertEqual({part["part"]: part["parameters"] for part in case["parts"]}, expected, name)

    def test_parts_of_ftwa_have_the_parameters_of_their_layers(self):
        evaluator = 2048 * 512 + 512 + 512 + 1
        [(_, case)] = self.on_resnet50(["ftwa"])
        self.assertEqual({part["part"]: part["parameters"] for part in case["parts"]}, {
            "trunk": 23_508_032,
            "lr_encoder": 225_344,  # of which conv1 9,408, bn1 128, layer1 215,808
            "transformation": transformation(2048, 256, 4, 0)[1],
            "classifier_hr": 2048 * 751 + 751,
            "classifier_lr": 2048 * 751 + 751,
            "weight_hr": evaluator,
            "weight_lr": evaluator,
        })

    def test_parts_of_ftwa_on_a_small_backbone_have_the_parameters_of_their_layers(self):
        small = {part["part"]: part["parameters"] for part in self.cases["resnet-small", "ftwa"]["parts"]}
        self.assertEqual(small["transformation"], transformation(128, 32, 4, 0)[1])
        self.assertEqual(small["classifier_hr"], 128 * 32 + 2 * 128)  # behind a neck: no bias

    def test_parts_have_the_parameters_of_their_layers(self):
        [(_, case)] = self.on_resnet50(["rain {4, 5}"])
        parts = {part["part"]: part["parameters"] for part in case["parts"]}
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
        page = (ROOT / "methods" / name / "README.md").read_text(encoding="utf-8").splitlines()
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
        self.assertFalse(missing, f"methods/{name}/README.md lacks these rows:\n" + "\n".join(rows))

    def test_the_page_of_rain_prints_what_is_counted(self):
        def operations(name, case):
            if name.startswith(("ftwa", "msifla", "resolution-adaptive")) or name == "baseline, stored":
                return None
            return [case["multiply_adds_to_embed"], case["multiply_adds_a_pair"]]

        self.check_page("rain", [["trunk"], ["classifier"], ["decoder"], ["discriminator_level_4"],
                                    ["discriminator_level_5"]], operations)

    def test_the_page_of_ftwa_prints_what_is_counted(self):
        def operations(name, case):
            if not name.startswith("ftwa") and name != "baseline, stored":
                return None
            high = case["multiply_adds_to_embed"]
            return [high, high + case.get("multiply_adds_of_transformation", 0), case["multiply_adds_a_pair"]]

        self.check_page("ftwa", [["trunk"], ["lr_encoder"], ["transformation"],
                                    ["classifier", "classifier_hr", "classifier_lr"], ["weight_hr", "weight_lr"]], operations)

    def test_the_page_of_msifla_prints_what_is_counted(self):
        def operations(name, case):
            return [case["multiply_adds_to_embed"], case["multiply_adds_a_pair"]] if name.startswith("msifla") else None

        columns = [[f"{kind}_{scale}" for scale in (3, 2, 1)] for kind in ("ir", "reid")]
        self.check_page("msifla", columns, operations)

    def test_the_page_of_resolution_adaptive_prints_what_is_counted(self):
        def operations(name, case):
            counted = name.startswith("resolution-adaptive")
            return [case["multiply_adds_to_embed"], case["multiply_adds_a_pair"]] if counted else None

        necks = [f"neck_{k}" for k in (1, 2, 3, 4)]
        self.check_page("resolution_adaptive", [["trunk"], ["masks"], ["embedding"], ["classifier", *necks],
                                                   ["verification_1", "verification_2"]], operations)


class StepMemory(unittest.TestCase):
    def test_the_page_of_msifla_prints_what_tensors_hold(self):
        page = (ROOT / "methods/msifla/README.md").read_text(encoding="utf-8").splitlines()
        for name in ["msifla", "msifla, shared", "msifla, apart"]:
            [case] = costs("--memory", "--backbone", "resnet-small", "--steps", "2", "--case", name)
            name = f"{case['backbone']}, {case['name']}, {case['height']}×{case['width']}"
            row = f"| {name} | {case['measured']['peak_bytes'] / 2**20:,.0f} |"
            self.assertTrue(any(line.startswith(row) for line in page), f"methods/msifla/README.md lacks a row {row}")


if __name__ == "__main__":
    unittest.main()
