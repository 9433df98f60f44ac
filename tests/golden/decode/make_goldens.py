#!/usr/bin/python3
"""Writes small image files of every kind that is read, and goldens.json with the SHA-256 of the RGB pixels that Pillow
(same libjpeg-turbo, ISLOW) or the raw data say they hold.

Run: /usr/bin/python3 make_goldens.py
"""
import hashlib
import io
import json
import pathlib
import struct
import zlib

import numpy
from PIL import Image

HERE = pathlib.Path(__file__).parent
HEIGHT, WIDTH = 23, 19


def picture():
    y, x = numpy.mgrid[0:HEIGHT, 0:WIDTH]
    noise = numpy.random.default_rng(7).integers(0, 40, (HEIGHT, WIDTH, 3))
    return (numpy.stack([x * 11, y * 9, (x + y) * 5], 2) + noise).astype(numpy.uint8)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(colour_type, depth, passes, interlaced):
    """A PNG from lists of filtered rows, for what Pillow does not write."""
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, colour_type, 0, 0, interlaced)
    data = b"".join(b"\0" + row for rows in passes for row in rows)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


def main():
    rgb = picture()
    image = Image.fromarray(rgb)
    grey = image.convert("L")
    goldens = {}

    def write(name, data, pixels=None):
        (HERE / name).write_bytes(data)
        if pixels is None:
            pixels = numpy.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
        assert pixels.shape == (HEIGHT, WIDTH, 3) and pixels.dtype == numpy.uint8
        goldens[name] = hashlib.sha256(numpy.ascontiguousarray(pixels).tobytes()).hexdigest()

    def save(name, picture, **options):
        out = io.BytesIO()
        picture.save(out, name.rsplit(".", 1)[1].replace("jpg", "jpeg"), **options)
        write(name, out.getvalue())

    save("rgb_444.jpg", image, quality=90, subsampling=0)
    save("rgb_420.jpg", image, quality=75, subsampling=2)
    save("progressive.jpg", image, quality=75, progressive=True)
    save("grey.jpg", grey, quality=80)
    save("rgb.png", image)
    save("grey.png", grey)
    save("one_bit.png", image.convert("1"))
    save("palette.png", image.quantize(32))
    save("palette_transparent.png", image.quantize(32), transparency=3)
    save("grey_alpha.png", image.convert("LA"))
    alpha = Image.fromarray(numpy.dstack([rgb, rgb[..., 0]]))
    write("rgb_alpha.png", (lambda out: (alpha.save(out, "png"), out.getvalue())[1])(io.BytesIO()), rgb)
    save("rgb.bmp", image)
    save("grey.bmp", grey)
    save("palette.bmp", image.quantize(32))

    deep = (rgb.astype(int) * 256 + 77).astype(">u2")
    write("rgb_16.png", png(2, 16, [[deep[y].tobytes() for y in range(HEIGHT)]], 0), rgb)
    grey16 = (numpy.asarray(grey).astype(int) * 256 + 200).astype(">u2")
    write("grey_16.png", png(0, 16, [[grey16[y].tobytes() for y in range(HEIGHT)]], 0),
          numpy.repeat(numpy.asarray(grey)[..., None], 3, 2))
    adam7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    passes = [[row.tobytes() for row in rgb[y0::dy, x0::dx]] for y0, x0, dy, dx in adam7]
    write("interlaced.png", png(2, 8, passes, 1), rgb)

    (HERE / "goldens.json").write_text(json.dumps(goldens, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
