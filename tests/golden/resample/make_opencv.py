#!/usr/bin/env python3
"""Writes opencv.json: what OpenCV's INTER_LINEAR gives for inputs that the test makes again by itself.

Run: python3 make_opencv.py   (opencv-python-headless 4.10.0.84 wrote the committed file; OpenCV may round otherwise in
another release or on another processor). Inputs are those of make_goldens.py."""
import json
import pathlib

import cv2

from make_goldens import make_input

SIZES = [  # height, width -> height, width
    ((24, 12), (12, 6)), ((24, 12), (6, 3)), ((16, 40), (4, 10)), ((32, 8), (16, 4)), ((24, 12), (8, 4)), ((37, 19), (18, 9)),
    ((37, 19), (12, 6)), ((37, 19), (9, 4)), ((50, 20), (10, 4)), ((6, 5), (16, 8)), ((9, 7), (9, 14)),
]


def main():
    cases = []
    for number, ((in_height, in_width), (height, width)) in enumerate(SIZES):
        image = make_input(in_height, in_width, 2000 + number, False)
        pixels = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
        cases.append({"in": [in_height, in_width], "out": [height, width], "seed": 2000 + number, "pixels": pixels.tobytes().hex()})
    text = "[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n"
    (pathlib.Path(__file__).parent / "opencv.json").write_text(text)


if __name__ == "__main__":
    main()
