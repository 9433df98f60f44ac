"""Writes bundle.zip beside itself, by docs/inside/formats/bundle.md and Python's zipfile alone: the bytes that
tests/experiments/store/bundle_test.cpp wants.

Usage: make_goldens.py
"""

import hashlib
import json
import pathlib
import zipfile

# As libzip 1.7 has them: made by version 6.3, version 1.0 is needed.
MADE_BY, NEEDED, UNIX, REGULAR_FILE = 63, 10, 3, 0o100644 << 16
RESULT = hashlib.sha256(b'{"result":1}\n').hexdigest()
JOBS = [("a" * 64, {"attempts/001/stdout": b"one\n", "spec.json": b"{}"}), ("a" * 63 + "b", {"attempts/002/metrics.jsonl": b""})]

listed = {"schema": 1, "jobs": [{"job": job, "result_sha256": RESULT, "files": list(files)} for job, files in JOBS]}
entries = {"bundle.json": (json.dumps(listed, sort_keys=True, separators=(",", ":")) + "\n").encode()}
for job, files in JOBS:
    entries |= {f"jobs/{job[:2]}/{job}/{name}": data for name, data in files.items()}
with zipfile.ZipFile(pathlib.Path(__file__).parent / "bundle.zip", "w") as archive:
    for name, data in entries.items():
        entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
        entry.create_version, entry.extract_version, entry.create_system, entry.external_attr = MADE_BY, NEEDED, UNIX, REGULAR_FILE
        archive.writestr(entry, data)
