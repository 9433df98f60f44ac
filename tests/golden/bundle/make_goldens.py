"""Writes bundle-of-version-1 beside itself, by docs/formats/bundle.md alone: the bytes that tests/experiments/bundle_test.cpp wants.

Usage: make_goldens.py
"""

import hashlib
import pathlib
import struct


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def bundle(jobs):
    payload, contents = b"", struct.pack("<I", len(jobs))
    for job, result, files in jobs:
        contents += bytes.fromhex(job) + hashlib.sha256(result).digest() + struct.pack("<I", len(files))
        for name, data in files:
            contents += struct.pack("<I", len(name)) + name.encode()
            contents += struct.pack("<QQI", 40 + len(payload), len(data), crc32c(data))
            payload += data
    header = b"RSLTBNDL" + struct.pack("<IIQQI", 1, crc32c(contents), 40 + len(payload), len(contents), 0)
    return header + struct.pack("<I", crc32c(header)) + payload + contents


RESULT = b'{"result":1}\n'
JOBS = [("a" * 64, RESULT, [("attempts/001/stdout", b"one\n"), ("spec.json", b"{}")]),
        ("a" * 63 + "b", RESULT, [("attempts/002/metrics.jsonl", b"")])]
(pathlib.Path(__file__).parent / "bundle-of-version-1").write_bytes(bundle(JOBS))
