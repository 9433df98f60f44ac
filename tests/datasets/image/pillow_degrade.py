"""The other side of pillow_test.cpp: shrinks images by Pillow, blurs them and presses them through JPEG.

Usage: pillow_degrade.py NOISE CASES. NOISE is a file of bytes that images are cut from; CASES has a line an image,
OFFSET HEIGHT WIDTH OUT_HEIGHT OUT_WIDTH BLUR JPEG, from which a line of output is made: the SHA-256 of its pixels. A JPEG of 0
is none. The first line of output is Pillow's version."""

import hashlib
import io
import sys

import numpy
import PIL
from PIL import Image, ImageFilter


def main():
    print(PIL.__version__)
    noise = numpy.fromfile(sys.argv[1], dtype=numpy.uint8)
    for line in open(sys.argv[2]):
        *numbers, blur, jpeg = line.split()
        offset, height, width, out_height, out_width = map(int, numbers)
        pixels = noise[offset : offset + height * width * 3].reshape(height, width, 3)
        image = Image.fromarray(pixels).resize((out_width, out_height), Image.Resampling.BICUBIC)
        image = image.filter(ImageFilter.GaussianBlur(float(blur)))
        if jpeg != "0":
            file = io.BytesIO()
            image.save(file, "JPEG", quality=int(jpeg))
            image = Image.open(file).convert("RGB")
        print(hashlib.sha256(numpy.ascontiguousarray(numpy.asarray(image))).hexdigest())


if __name__ == "__main__":
    main()
