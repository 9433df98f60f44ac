"""The peers of figures `loader_vs_dataloader` and `loader_vs_h5py`: PyTorch's DataLoader over JPEG files with PIL and the
usual re-identification transforms, and what is fastest in Python from the uint8 rows of our own pack through h5py, whether a
DataLoader's workers read them or a plain loop. Batches of 64 images, 3 x 256 x 128 float32, normalised with ImageNet's mean
and deviation; flip 0.5, pad 10 and crop, erasing 0.5. Says "ready", then for each line it reads loads --batches batches, with
its workers at work before the first and idle after the last, and prints images_per_second.

The transforms are torchvision's (Resize, RandomHorizontalFlip, Pad, RandomCrop, ToTensor, Normalize, RandomErasing) without
its checks of arguments: the same calls of PIL and torch, so no slower.

Usage: data_loader.py jpeg RAW_FOLDER | h5py SHARD | h5py-loop SHARD [--workers N] [--batches N] [--layout nchw|nhwc]
       [--threads T]
"""

import argparse
import json
import math
import pathlib
import random
import sys
import time

import numpy
import torch
from torch.utils.data import DataLoader, Dataset

HEIGHT, WIDTH, PAD, BATCH = 256, 128, 10, 64
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
ENDLESS = 1 << 40
AHEAD = 2  # batches that each of a DataLoader's workers loads ahead


def rectangle():
    """Top, left, height and width of what random erasing takes, or None: area 2 % to 40 %, aspect 0.3 to 1 / 0.3."""
    if random.random() >= 0.5:
        return None
    for _ in range(100):
        area = HEIGHT * WIDTH * random.uniform(0.02, 0.4)
        aspect = random.uniform(0.3, 1 / 0.3)
        height, width = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if height < HEIGHT and width < WIDTH:
            return random.randint(0, HEIGHT - height), random.randint(0, WIDTH - width), height, width
    return None


class Endless(torch.utils.data.Sampler):
    """Indices of batches, each of images drawn at random, without an end: no turn pays for an epoch's."""

    def __init__(self, images):
        self.images = images

    def __iter__(self):
        draw = random.Random(0)
        while True:
            yield [draw.randrange(self.images) for _ in range(BATCH)]

    def __len__(self):
        return ENDLESS


class JpegFiles(Dataset):
    def __init__(self, folder):
        self.paths = sorted(str(path) for path in pathlib.Path(folder).rglob("*.jpg"))
        self.mean = torch.tensor(MEAN).view(3, 1, 1)
        self.deviation = torch.tensor(DEVIATION).view(3, 1, 1)

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        from PIL import Image, ImageOps
        with open(self.paths[index], "rb") as file:
            image = Image.open(file).convert("RGB")
        image = image.resize((WIDTH, HEIGHT), Image.BILINEAR)
        if random.random() < 0.5:
            image = image.transpose(Image.FLIP_LEFT_RIGHT)
        image = ImageOps.expand(image, border=PAD, fill=0)
        top, left = random.randint(0, 2 * PAD), random.randint(0, 2 * PAD)
        image = image.crop((left, top, left + WIDTH, top + HEIGHT))
        tensor = torch.from_numpy(numpy.array(image, numpy.uint8)).permute(2, 0, 1).contiguous().to(torch.float32).div(255)
        tensor.sub_(self.mean).div_(self.deviation)
        erased = rectangle()
        if erased is not None:
            top, left, height, width = erased
            tensor[:, top:top + height, left:left + width] = 0
        return tensor


class PackRows(Dataset):
    """Whole batches of a pack's rows; augmented as bytes, normalised at once."""

    def __init__(self, shard, layout, reuse):
        self.shard, self.layout, self.reuse, self.rows = shard, layout, reuse, None
        with self.open() as file:
            self.count = len(file["hr"])
        shape = (1, 3, 1, 1) if layout == "nchw" else (1, 1, 1, 3)
        # (level / 255 - mean) / deviation as one multiplication and one addition.
        self.scale = (1 / 255 / torch.tensor(DEVIATION)).view(shape)
        self.offset = (-torch.tensor(MEAN) / torch.tensor(DEVIATION)).view(shape)

    def open(self):
        import h5py
        return h5py.File(self.shard, "r")

    def __len__(self):
        return self.count

    def __getitems__(self, indices):
        if self.rows is None:  # a file that is open cannot go to a worker
            self.file = self.open()
            self.rows = self.file["hr"]
            self.row = numpy.empty((HEIGHT, WIDTH, 3), numpy.uint8)
            self.levels = numpy.zeros((BATCH, HEIGHT, WIDTH, 3), numpy.uint8)
            self.floats = torch.empty((BATCH, 3, HEIGHT, WIDTH) if self.layout == "nchw" else (BATCH, HEIGHT, WIDTH, 3))
        levels = self.levels
        levels.fill(0)
        for to, index in zip(levels, indices):
            self.rows.read_direct(self.row, numpy.s_[index])
            down, right = random.randint(-PAD, PAD), random.randint(-PAD, PAD)
            image = self.row[:, ::-1] if random.random() < 0.5 else self.row
            to[max(down, 0):HEIGHT + min(down, 0), max(right, 0):WIDTH + min(right, 0)] = \
                image[max(-down, 0):HEIGHT - max(down, 0), max(-right, 0):WIDTH - max(right, 0)]
        levels = torch.from_numpy(levels)
        if self.layout == "nchw":
            levels = levels.permute(0, 3, 1, 2)
        # Memory of a batch that is taken anew each time costs as much as all else: pages come zeroed from the kernel.
        batch = self.floats if self.reuse else torch.empty_like(self.floats)
        batch.copy_(levels).mul_(self.scale).add_(self.offset)
        for image in batch:
            erased = rectangle()
            if erased is not None:
                top, left, height, width = erased
                if self.layout == "nchw":
                    image[:, top:top + height, left:left + width] = 0
                else:
                    image[top:top + height, left:left + width] = 0
        return batch


def batches(options):
    if options.form == "jpeg":
        data = JpegFiles(options.data)
        return iter(DataLoader(data, batch_sampler=Endless(len(data)), num_workers=options.workers))
    data = PackRows(options.data, options.layout, reuse=options.form == "h5py-loop")
    if options.form == "h5py-loop":
        return (data.__getitems__(indices) for indices in Endless(len(data)))
    return iter(DataLoader(data, batch_sampler=Endless(len(data)), num_workers=options.workers, collate_fn=lambda batch: batch))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("form", choices=("jpeg", "h5py", "h5py-loop"))
    parser.add_argument("data")
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--batches", type=int, default=10)
    parser.add_argument("--layout", choices=("nchw", "nhwc"), default="nchw")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    source = batches(options)
    next(source)
    print(json.dumps({"ready": True}), flush=True)
    ahead = AHEAD * options.workers
    for _ in sys.stdin:
        # Batches loaded before the turn count in no turn; those loaded after it take no time of the other side's.
        for _ in range(ahead):
            next(source)
        begin = time.perf_counter()
        for _ in range(options.batches):
            assert next(source).shape[0] == BATCH
        seconds = time.perf_counter() - begin
        time.sleep(1.5 * ahead * seconds / options.batches)
        print(json.dumps({"images_per_second": options.batches * BATCH / seconds}), flush=True)


if __name__ == "__main__":
    main()
