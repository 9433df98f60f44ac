"""VPFA's map and its learning against the formulas, written again in NumPy and by hand; and the example, on drawn features in which the
LR images are moved along one direction: it moves them back."""

import subprocess
import tempfile
import unittest

from package import BUILD, SOURCE, method_environment, torch_python

EXAMPLES = SOURCE / "experiments/examples"
FORMULAS = """
import numpy, torch
from vpfa import Panning, learn

torch.manual_seed(1)
torch.set_default_dtype(torch.float64)
panning = Panning(48, 96)
features = torch.randn(1000, 48)
state = [value.detach().numpy() for value in panning.parameters()]
x = features.numpy()
for weight, bias, scale, offset in (state[0:4], state[4:8], state[8:12]):
    x = x @ weight.T + bias
    x = (x - x.mean(1, keepdims=True)) / numpy.sqrt(x.var(1, keepdims=True) + 1e-5)
    x = numpy.maximum(x * scale + offset, 0)
expected = features.numpy() + numpy.tanh(x @ state[12].T + state[13])
assert numpy.abs(panning(features).detach().numpy() - expected).max() < 1e-6
narrow = panning.to(torch.float32)(features.float())
assert numpy.abs(narrow.detach().numpy() - expected).max() < 1e-5
assert sum(one.numel() for one in Panning(3840).parameters()) == 2 * 3840 * 2048 + 3840 + 2048 + 2 * (2048 * 2048 + 2048) + 6 * 2048

# Adam with decay added to the gradient, a rate that is halved behind every 30th epoch, batches of 32 in the drawn order.
lr, hr = torch.randn(70, 6), torch.randn(70, 6)
found = learn(lr, hr, epochs=33, hidden=8, seed=5)
torch.manual_seed(5)
twin = Panning(6, 8)
moments = [[torch.zeros_like(one), torch.zeros_like(one)] for one in twin.parameters()]
step = 0
for epoch in range(33):
    for rows in torch.randperm(70).split(32):
        step += 1
        loss = (twin(lr[rows]) - hr[rows]).square().mean()
        gradients = torch.autograd.grad(loss, list(twin.parameters()))
        with torch.no_grad():
            for one, gradient, (first, second) in zip(twin.parameters(), gradients, moments):
                gradient = gradient + 1e-5 * one
                first.mul_(0.9).add_(0.1 * gradient)
                second.mul_(0.999).add_(0.001 * gradient * gradient)
                one -= 2e-4 * 0.5 ** (epoch // 30) * (first / (1 - 0.9**step)) / ((second / (1 - 0.999**step)).sqrt() + 1e-8)
for one, other in zip(found.parameters(), twin.parameters()):
    assert (one - other).abs().max() < 1e-6
print("done")
"""
DRAWN = """
import h5py, numpy
draw = numpy.random.default_rng(4)
direction = 0.8 * draw.standard_normal(16)
def features(people, noise):
    return (people + noise * draw.standard_normal(people.shape)).astype("f4")
def write(name, images, names):
    with h5py.File(name, "w") as file:
        file["gallery/features"] = images
        file["gallery/paths"] = numpy.array([list(name.encode().ljust(12, bytes(1))) for name in names], "u1")
train, test = (0.4 * draw.standard_normal((people, 16)) for people in (400, 60))
names = [f"{i}.png" for i in range(400)]
hr = features(train, 0.02)
write("hr.h5", hr, names)
write("lr.h5", features(hr + direction, 0.02)[::-1], names[::-1])
write("strangers.h5", hr, [f"other{i}" for i in range(400)])
with h5py.File("features.h5", "w") as file:
    file["query/features"] = features(test + direction * (numpy.arange(60) % 2)[:, None], 0.1)
    file["gallery/features"] = features(test, 0.1)
    for side in ("query", "gallery"):
        file[f"{side}/identities"] = numpy.arange(60)
with open("queries.csv", "w") as file:
    print("path,rate", *(f"{i},{3 if i % 2 else 2}" for i in range(60)), sep="\\n", file=file)
"""


class Vpfa(unittest.TestCase):
    def setUp(self):
        self.python = torch_python()
        if self.python is None:
            self.skipTest("torch is not there")
        self.environment = method_environment(self.python, PYTHONPATH=f"{EXAMPLES}:{BUILD / 'python'}")

    def ended(self, *words, folder=None):
        ended = subprocess.run([self.python, *words], env=self.environment, cwd=folder, check=False, capture_output=True, text=True)
        return ended.returncode, ended.stdout, ended.stderr

    def test_map_and_learning_are_the_formulas(self):
        self.assertEqual((0, "done\n", ""), self.ended("-c", FORMULAS))

    def test_it_moves_queries_of_a_rate_back(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual((0, "", ""), self.ended("-c", DRAWN, folder=folder))
            words = [EXAMPLES / "vpfa.py", "features.h5", "--hr", "hr.h5", "--out", "mapped.h5", "--hidden", "64"]
            code, out, err = self.ended(*words, "--lr", "3=lr.h5", folder=folder)
            self.assertEqual(0, code, err)
            before, after = (float(line.split("rank-1 ")[1].split(",")[0]) for line in out.splitlines())
            self.assertGreater(after, before + 10)
            check = ("import h5py, numpy; a, b = (h5py.File(name)['query/features'][:] for name in ('features.h5', 'mapped.h5')); "
                     "print((a != b).any(1).astype(int).tolist() == [0, 1] * 30)")
            self.assertEqual((0, "True\n", ""), self.ended("-c", check, folder=folder))
            code, out, err = self.ended(*words, "--lr", "3=strangers.h5", folder=folder)
            self.assertEqual((2, "vpfa: 'strangers.h5' and 'hr.h5' have no path in common (an image and its LR copy have the same)\n"),
                             (code, err))


if __name__ == "__main__":
    unittest.main()
