"""TransReID's parts against their formulas, and against timm's own ViT; and the suite of the example, to its table."""

import json
import subprocess
import tempfile
import unittest

from package import BUILD, SOURCE, method_environment, torchreid_python

EXAMPLES = SOURCE / "experiments/examples"
FORMULAS = """
import math, tempfile, timm, torch
from safetensors.torch import save_file
from vit_method import Vit
from transreid_method import TransReid, hardest_triplets, jigsaw

torch.set_num_threads(1)
torch.manual_seed(3)
for count, shift, groups in ((10, 5, 2), (9, 5, 2), (7, 2, 3), (210, 5, 2)):
    moved = [(at + shift - 1) % count for at in range(count)]
    moved += [moved[-2]] * (-count % groups)
    run = len(moved) // groups
    expected = [moved[group * run + at] for at in range(run) for group in range(groups)]
    patches = torch.arange(float(count)).view(1, -1, 1).repeat(2, 1, 3)
    assert jigsaw(patches, shift, groups)[1, :, 2].tolist() == expected, count

features, labels = torch.randn(12, 5), torch.arange(12) // 4
for margin in (None, 0.3):
    terms = []
    for anchor in range(12):
        gaps = [float((features[anchor] - other).norm()) for other in features]
        gap = max(d for d, l in zip(gaps, labels) if l == labels[anchor]) - min(d for d, l in zip(gaps, labels) if l != labels[anchor])
        terms.append(math.log1p(math.exp(gap)) if margin is None else max(0, gap + margin))
    assert abs(float(hardest_triplets(features, labels, margin)) - sum(terms) / 12) < 1e-5

recipe = {"warmup_steps": 5, "steps": 120, "learning_rate": 0.008, "weight_decay": 1e-4, "optimiser": "sgd", "momentum": 0.9,
          "schedule": "cosine"}
strong = {**recipe, "optimiser": "adam", "schedule": "step", "milestones": [60], "gamma": 0.1}
def method(recipe=recipe, **options):
    made = TransReid(TransReid.Options(network="vit_tiny_patch16_224", **options), recipe)
    made.module = made.network(7).eval()
    return made

size, images, cameras = {"height": 64, "width": 32}, torch.randn(4, 3, 64, 32), torch.tensor([0, 1, 2, 1])
plain = method(stride=16, parts=0, **size).module
twin = timm.create_model("vit_tiny_patch16_224", num_classes=0, img_size=(64, 32)).eval()
twin.load_state_dict(plain.trunk.state_dict())
shown = (images * torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1) + torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1) - 0.5) / 0.5
assert torch.allclose(plain(images, cameras)[0], twin(shown), atol=1e-4)

seen = method(cameras=3, **size)
assert seen.module.trunk.pos_embed.shape[1] == 1 + 5 * 2 and len(seen.module(images, cameras)) == 5
found = seen.module(images, cameras)
with torch.no_grad():
    side, seen.module.side = seen.module.side, None
    seen.module.trunk.pos_embed += 3.0 * side[1]
    for at, feature in enumerate(seen.module(images, cameras)):
        assert torch.allclose(found[at][1], feature[1], atol=1e-4) and not torch.allclose(found[at][0], feature[0], atol=1e-2)
tokens, blocks = torch.randn(2, 11, 192), []
seen.module.local.register_forward_hook(lambda _, given, __: blocks.append(given[0][:, 1:]))
seen.module(images, cameras)
assert [one.shape[1] for one in blocks] == [2] * 4  # 10 patches, 4 parts
assert abs(float(seen.embed_by_camera(images, None, cameras).detach().norm(dim=1).mean()) - 1) < 1e-5
assert method().module.trunk.pos_embed.shape[1] == 1 + 21 * 10

factors = [seen.learning_rate_factor(step) for step in (0, 5, 60, 119)]
for factor, expected in zip(factors, (0.01, *(0.002 + 0.5 * 0.998 * (1 + math.cos(math.pi * step / 120)) for step in (5, 60, 119)))):
    assert abs(factor - expected) < 1e-12
under = method(strong, bias_factor=1.0, **size)
assert [round(under.learning_rate_factor(step), 9) for step in (0, 5, 59, 60)] == [0.01, 1, 1, 0.1]
assert isinstance(under.optimiser(), torch.optim.Adam) and {group["lr"] for group in under.optimiser().param_groups} == {0.008}
assert isinstance(seen.optimiser(), torch.optim.SGD) and {group["momentum"] for group in seen.optimiser().param_groups} == {0.9}
rates = {id(one): group["lr"] for group in seen.optimiser().param_groups for one in group["params"]}
named = {name: one for name, one in seen.module.named_parameters() if one.requires_grad}
assert rates.keys() == {id(one) for one in named.values()}
assert all(rates[id(one)] == (0.016 if "bias" in name else 0.008) for name, one in named.items())

published = timm.create_model("vit_tiny_patch16_224").state_dict()  # with the classifier of its classes
with tempfile.NamedTemporaryFile(suffix=".safetensors") as file:
    save_file(published, file.name)
    for started in (method(weights=file.name, **size),
                    Vit(Vit.Options(network="vit_tiny_patch16_224", weights=file.name, **size), recipe)):
        trunk = started.network(7)
        trunk = trunk["trunk"] if isinstance(trunk, torch.nn.ModuleDict) else trunk.trunk
        for name, tensor in trunk.state_dict().items():
            assert name == "pos_embed" or torch.equal(tensor, published[name]), name
        assert not started.from_scratch()
        trunk(images) if isinstance(started, Vit) else started.network(7)(images, cameras)

few = method(cameras=2, **size)
try:
    few.module(images, cameras)
    raise AssertionError("camera 2 of 2 was taken")
except ValueError as error:
    assert str(error) == "cameras is 2 (the pack has camera 2); give one more than the last", error
print("done")
"""


class TransReid(unittest.TestCase):
    def setUp(self):
        self.python = torchreid_python()
        if self.python is None:
            self.skipTest("timm is not there")

    def test_its_parts_are_the_formulas(self):
        environment = method_environment(self.python, PYTHONPATH=f"{EXAMPLES}:{BUILD / 'python'}")
        ended = subprocess.run([self.python, "-c", FORMULAS], env=environment, check=False, capture_output=True, text=True)
        self.assertEqual((0, "done\n"), (ended.returncode, ended.stdout), ended.stderr)

    def asked(self, *words):
        ran = subprocess.run([BUILD / "bin/resolute", "suite", *words], env=method_environment(self.python), check=False, capture_output=True,
                             text=True)
        self.assertEqual(0, ran.returncode, ran.stderr)
        return ran.stdout

    def comes_to_its_table(self, suite, rows, *more):
        with tempfile.TemporaryDirectory() as store:
            words = [EXAMPLES / suite, "--store", store, *more]
            self.asked("run", *words, "--slots", "2")
            found = json.loads(self.asked("table", *words, "--json"))["tables"][0]["rows"]
            self.assertEqual(rows, [row["id"] for row in found])
            self.assertTrue(all(cell["mean"] is not None for row in found for cell in row["cells"]))

    def test_the_suite_comes_to_its_table(self):
        self.comes_to_its_table("transreid.toml", ["vit", "jigsaw", "transreid", "copies"], "--set", "train.steps=5")

    def test_the_suite_beside_the_mechanisms_comes_to_its_table(self):
        self.comes_to_its_table("mechanisms_vit.toml", ["strong", "vit", "jigsaw", "cameras", "sgd"], "--profile", "smoke")

    def test_its_strong_baseline_is_that_of_the_mechanisms(self):
        def strong(suite, profile):
            with tempfile.TemporaryDirectory() as store:
                words = ["--profile", profile, "--store", store, "--from-scratch", "--json"]
                return [cell["evaluations"] for table in json.loads(self.asked("plan", suite, *words))["tables"] for row in table["rows"]
                        if row["id"] == "strong" for cell in row["cells"]]
        for profile, tables in (("paper", 1), ("cpu", 2), ("smoke", 1)):
            expected = strong(SOURCE / "experiments/suites/mechanisms.toml", profile)
            self.assertTrue(expected and all(expected), profile)
            self.assertEqual(expected * tables, strong(EXAMPLES / "mechanisms_vit.toml", profile), profile)


if __name__ == "__main__":
    unittest.main()
