"""Figures of making, opening and verifying packs. Ingesting beside a bare loop of libjpeg-turbo and PyTorch's antialiased
resize of 8-bit images that makes the same pixels in memory and keeps none, written to memory where the machine has a folder
in it (/dev/shm): a disk's speed is neither side's. Verifying beside what bounds it: reading the same bytes from the disk, and
SHA-256 as `openssl speed` takes it. 100,000 images: the memory of `resolute data ingest`, opening the pack that it makes.

Statements, which have no peer: `peer` is the limit."""

import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile

from figures import figure
from turns import Player, alternate

RATE, HASHED = "images_per_second", "gigabytes_per_second"
DISTINCT = 50
MEMORY_LIMIT_MIB, OPEN_LIMIT_MS = 300, 10


def many_images(raw, to, count):
    """`count` links to a few of the images of `raw` (queries: copies), in Market-1501's layout: 1,000 identities (fewer of few
    images) before two cameras. A file has at most some 65,000 links, so there are copies of each."""
    sources = sorted((raw / "bounding_box_train").glob("*.jpg"))[:DISTINCT]
    for folder in ("bounding_box_train", "bounding_box_test", "query", "copies"):
        (to / folder).mkdir(parents=True)
    copies = [shutil.copy(source, to / "copies" / source.name) for source in sources]
    identities = min(1000, count // 8)
    for i in range(count):
        identity, camera, image = i % identities + 1, i // identities % 2 + 1, i // (2 * identities)
        folder = "bounding_box_train" if identity <= identities // 2 else "query" if image == 0 else "bounding_box_test"
        path = to / folder / f"{identity:04}_c{camera}s1_{image + 1:06}_00.jpg"
        if folder == "query":  # a query whose bytes stand in the gallery is left out: each has a comment of its own
            text = copies[i % len(copies)].read_bytes()
            path.write_bytes(text[:2] + b"\xff\xfe\x00\x0a" + i.to_bytes(8, "big") + text[2:])
        else:
            os.link(copies[i % len(copies)], path)


def ingest_resident(program, raw, store, cores):
    """MiB at the most, and the pack."""
    process = subprocess.Popen([str(program), "data", "ingest", "market1501", "--root", str(raw), "--store", str(store),
                                "--height", "64", "--width", "32", "--shards", "4", "--threads", str(cores)],
                               stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"bench: ingesting {raw} ended with {process.returncode}")
    (pack,) = (store / "packs").iterdir()
    return usage.ru_maxrss / 1024, pack


def figures(setting):
    program = str(setting.programs / "bench_data_path_ingest")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    memory = pathlib.Path("/dev/shm")
    room = memory.is_dir() and shutil.disk_usage(memory).free >= 2 << 30
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="resolute-bench-", dir=memory if room else setting.scratch))

    def player(key, *arguments):
        return Player(arguments[0], [[program, *(str(argument) for argument in arguments)]], environment, key)

    def median(key, *arguments, turns=setting.turns):
        alone = player(key, *arguments)
        alone.turn()
        value = statistics.median(alone.turn() for _ in range(turns))
        alone.close()
        return value

    result = []
    try:
        raw = scratch / "raw"
        shutil.copytree(setting.raw, raw)
        pack = ["--to", scratch / "pack", "--threads"]
        ours, peer, _, _ = alternate(player(RATE, "ingest", raw, *pack, 1), player(RATE, "peer", raw), setting.turns)
        result.append(figure("ingest_core", ours, peer, "images/s", ours / peer, 0.85))
        two, one, _, _ = alternate(player(RATE, "ingest", raw, *pack, 2), player(RATE, "ingest", raw, "--to", scratch / "one"),
                                   setting.turns)
        result.append(figure("ingest_two_threads", two, one, "images/s", two / one, 1.8))
        # The machine's gain by two threads that share nothing.
        two, one, _, _ = alternate(player(HASHED, "sha", "--threads", 2), player(HASHED, "sha"), min(3, setting.turns))
        result.append(figure("sha256_two_threads", two, one, "GB/s", two / one, None))
        sealed, made, _, _ = alternate(player(RATE, "seal", raw, *pack, 1),
                                       player(RATE, "ingest", raw, "--to", scratch / "one"), min(3, setting.turns))
        result.append(figure("ingest_and_seal_core", sealed, made, "images/s", sealed / made, None))
    finally:
        shutil.rmtree(scratch)
    verified = setting.scratch / "verified"
    median(RATE, "seal", setting.raw, "--to", verified, turns=1)
    os.sync()  # pages that are not written yet cannot be given back
    size = sum(entry.stat().st_size for entry in verified.iterdir())

    def verify(name, cold, threads, bar):
        ours, disk, _, _ = alternate(player("seconds", "verify", verified, "--threads", threads, "--cold", cold),
                                     player("seconds", "read", verified, "--cold", cold), setting.turns)
        sha = size / 1e9 / median(HASHED, "sha", "--threads", threads)
        limit = max(disk, sha)
        result.append(figure(name, size / 1e9 / ours, size / 1e9 / limit, "GB/s", limit / ours, bar))

    verify("verify_vs_limit", 1, setting.cores, 0.8)
    verify("verify_cached_one_thread", 0, 1, None)
    shutil.rmtree(verified)

    many, store = setting.scratch / "many", setting.scratch / "many-store"
    resolute = setting.programs / "resolute"
    many_images(setting.raw, many, setting.many)
    resident, pack = ingest_resident(resolute, many, store, setting.cores)
    result.append(figure("ingest_resident_mib", resident, MEMORY_LIMIT_MIB, "MiB", MEMORY_LIMIT_MIB / resident, 1.0))
    opening = median("milliseconds", "open", pack)
    result.append(figure("open_100000_images", opening, OPEN_LIMIT_MS, "ms", OPEN_LIMIT_MS / opening, 1.0))
    rows = median("milliseconds", "rows", pack)
    result.append(figure("open_and_read_rows", rows, OPEN_LIMIT_MS, "ms", OPEN_LIMIT_MS / rows, None))
    shutil.rmtree(store)
    shutil.rmtree(many)
    few = setting.scratch / "few"
    many_images(setting.raw, few, setting.many // 10)
    resident, _ = ingest_resident(resolute, few, store, setting.cores)
    result.append(figure("ingest_resident_10000_mib", resident, MEMORY_LIMIT_MIB, "MiB", MEMORY_LIMIT_MIB / resident, None))
    shutil.rmtree(store)
    shutil.rmtree(few)
    return result
