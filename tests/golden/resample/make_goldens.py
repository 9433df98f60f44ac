#!/usr/bin/python3
"""Writes goldens.json: what Pillow's Image.resize gives for inputs that the test makes again by itself.

Run: /usr/bin/python3 make_goldens.py   (Pillow 9.4 wrote the committed file; Pillow's 8-bit resampling is integer
arithmetic and has given the same bytes in every release from 3.x to 12; 13 filters columns before rows for some sizes).

Inputs: byte i is the top byte of the i-th state of x -> 1664525 x + 1013904223 (mod 2^32), started from `seed`; with
`extreme` it is 0 or 255 by its top bit, which drives the negative lobes into clipping. Outputs up to 400 bytes are written whole, so that a
failure shows where; of all, the SHA-256.
"bilinear-point" has no counterpart in Pillow: its goldens come from the formula below, written with whole arrays.
"""
import hashlib
import json
import pathlib

import numpy
from PIL import Image

PILLOW = {"triangle": Image.BILINEAR, "cubic": Image.BICUBIC, "lanczos3": Image.LANCZOS}
KERNELS = [*PILLOW, "bilinear-point"]
SIZES = [  # height, width -> height, width
    ((4, 4), (8, 8)), ((8, 8), (4, 4)), ((8, 8), (2, 2)), ((9, 6), (3, 2)), ((7, 5), (3, 2)), ((5, 7), (11, 13)),
    ((1, 1), (5, 3)), ((5, 3), (1, 1)), ((1, 9), (1, 4)), ((9, 1), (4, 1)), ((1, 7), (3, 2)), ((2, 2), (3, 3)),
    ((6, 4), (6, 9)), ((6, 4), (9, 4)), ((6, 4), (6, 4)), ((3, 2), (7, 1)), ((31, 17), (5, 3)), ((13, 22), (13, 7)),
    ((128, 48), (256, 128)), ((128, 64), (256, 128)), ((256, 128), (128, 64)), ((256, 128), (85, 42)),
    ((256, 128), (64, 32)), ((85, 42), (256, 128)), ((64, 32), (256, 128)), ((64, 32), (21, 10)), ((21, 10), (64, 32)),
    ((200, 93), (256, 128)), ((256, 128), (1, 1)), ((1, 1), (256, 128)), ((300, 2), (17, 2)), ((2, 300), (2, 17)),
]


def make_input(height, width, seed, extreme):
    count = height * width * 3
    state, data = seed, bytearray()
    for _ in range(count):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        data.append((255 if state >> 31 else 0) if extreme else state >> 24)
    return numpy.frombuffer(bytes(data), numpy.uint8).reshape(height, width, 3)


def point_taps(source, target):
    at = (numpy.arange(target) + 0.5) * (source / target) - 0.5
    low = numpy.floor(at).astype(int)
    weight = ((at - numpy.floor(at)) * 2048 + 0.5).astype(numpy.int64)
    return numpy.clip(low, 0, source - 1), numpy.clip(low + 1, 0, source - 1), weight


def resize_point(image, height, width):
    image = image.astype(numpy.int64)
    y0, y1, wy = point_taps(image.shape[0], height)
    x0, x1, wx = point_taps(image.shape[1], width)
    wx, wy = wx[None, :, None], wy[:, None, None]
    rows = image[:, x0] * (2048 - wx) + image[:, x1] * wx
    return ((rows[y0] * (2048 - wy) + rows[y1] * wy + (1 << 21)) >> 22).astype(numpy.uint8)


def main():
    cases = []
    for number, ((in_height, in_width), (height, width)) in enumerate(SIZES):
        for kernel in KERNELS:
            for extreme in (False, True):
                seed = 1000 + number
                image = make_input(in_height, in_width, seed, extreme)
                if kernel in PILLOW:
                    result = numpy.asarray(Image.fromarray(image).resize((width, height), PILLOW[kernel]))
                elif (in_height, in_width) == (height, width):
                    result = image
                else:
                    result = resize_point(image, height, width)
                data = result.tobytes()
                case = {"in": [in_height, in_width], "out": [height, width], "kernel": kernel, "seed": seed,
                        "extreme": extreme, "sha256": hashlib.sha256(data).hexdigest()}
                if len(data) <= 400:
                    case["pixels"] = data.hex()
                cases.append(case)
    text = "[\n" + ",\n".join(json.dumps(case, sort_keys=True) for case in cases) + "\n]\n"
    (pathlib.Path(__file__).parent / "goldens.json").write_text(text)


if __name__ == "__main__":
    main()
