"""Our loader as Python has it, beside bench_data_path_loader: batches of 64 augmented 3 x 256 x 128 images as tensors. Says "ready",
then for each line it reads loads --batches batches and prints images_per_second.

Usage: python_loader.py PACKAGE PACK [--threads T] [--batches N]     PACKAGE: build/release/python
"""

import argparse
import json
import sys
import time


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("package")
    parser.add_argument("pack")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batches", type=int, default=40)
    options = parser.parse_args()
    sys.path.insert(0, options.package)
    import resolute

    pack = resolute.Pack(options.pack)
    loader = pack.loader(pack.split(lr_camera=2, train_pool="hr-both-views"), identities=16, images=4, erasing=0.5, lr=False,
                         threads=options.threads, arrays="torch")
    print(json.dumps({"ready": True}), flush=True)
    for _ in sys.stdin:
        next(loader)  # one was loaded before the turn
        begin = time.perf_counter()
        for _ in range(options.batches):
            batch = next(loader)
            assert batch.hr.shape == (64, 3, 256, 128) and bool(batch.hr[0, 0, 0, 0] == batch.hr[0, 0, 0, 0])
        seconds = time.perf_counter() - begin
        time.sleep(1.5 * seconds / options.batches)
        print(json.dumps({"seconds": seconds, "images_per_second": options.batches * 64 / seconds}), flush=True)


if __name__ == "__main__":
    main()
