#!/usr/bin/env python3
"""Makes goldens.json beside itself: PSNR and SSIM of small pictures, computed from the definitions (Wang et al. 2004) with a
window over the plane at every place it fits, not a side after the other as results/image_quality.cpp does.

Needs numpy: python3 tests/golden/image_quality/make_goldens.py [--check]
"""
import json
import pathlib
import sys

import numpy

C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def psnr(a, b):
    return float(10 * numpy.log10(255**2 / numpy.mean((a.astype(float) - b) ** 2)))


def taps(side):
    places = numpy.arange(min(side, 11))
    return numpy.exp(-((places - places.mean()) ** 2) / (2 * 1.5**2))


def ssim(a, b):
    x, y = (numpy.tensordot(p.astype(float), [0.299, 0.587, 0.114], 1) for p in (a, b))
    window = numpy.outer(taps(x.shape[0]), taps(x.shape[1]))
    window /= window.sum()
    values = []
    for top in range(x.shape[0] - window.shape[0] + 1):
        for left in range(x.shape[1] - window.shape[1] + 1):
            place = (slice(top, top + window.shape[0]), slice(left, left + window.shape[1]))
            p, q = x[place], y[place]
            mx, my = (window * p).sum(), (window * q).sum()
            vx, vy = (window * (p - mx) ** 2).sum(), (window * (q - my) ** 2).sum()
            cov = (window * (p - mx) * (q - my)).sum()
            values.append((2 * mx * my + C1) * (2 * cov + C2) / ((mx**2 + my**2 + C1) * (vx + vy + C2)))
    return float(numpy.mean(values))


def case(seed, height, width):
    random = numpy.random.default_rng(seed)
    down, across = numpy.meshgrid(numpy.arange(height), numpy.arange(width), indexing="ij")
    smooth = 128 + 90 * numpy.sin(0.5 * down[..., None] + 0.3 * across[..., None] + numpy.arange(3))
    a = numpy.clip(smooth + random.normal(scale=20, size=(height, width, 3)), 0, 255).round().astype(numpy.uint8)
    if seed % 2:
        b = numpy.clip(smooth + 10 * seed, 0, 255).round().astype(numpy.uint8)
    else:
        b = random.integers(0, 256, (height, width, 3)).astype(numpy.uint8)
    return {"height": height, "width": width, "a": a.tobytes().hex(), "b": b.tobytes().hex(),
            "psnr": psnr(a, b), "ssim": ssim(a, b)}


def main():
    sizes = [(24, 20), (16, 12), (11, 11), (20, 6), (7, 5), (1, 3), (13, 11)]
    cases = [case(seed, *size) for seed, size in enumerate(sizes, 1)]
    path = pathlib.Path(__file__).parent / "goldens.json"
    if "--check" not in sys.argv:
        path.write_text(json.dumps({"cases": cases}) + "\n")
        return 0
    stored = json.loads(path.read_text())["cases"]
    same = len(stored) == len(cases) and all(
        s["a"] == c["a"] and s["b"] == c["b"] and abs(s["psnr"] - c["psnr"]) + abs(s["ssim"] - c["ssim"]) < 1e-9
        for s, c in zip(stored, cases))
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
