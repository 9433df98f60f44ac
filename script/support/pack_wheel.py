"""A folder with the package `resolute` as a wheel (PEP 427): equal folders give equal bytes. Beside it NAME.whl.sha256 and
NAME.whl.cdx.json, which names the shared libraries in it with Debian's packages and versions (CycloneDX 1.5).

Usage: pack_wheel.py TREE OUT --version V --glibc 2.N --time SECONDS --licence FILE
"""

import argparse
import base64
import hashlib
import json
import subprocess
import sys
import time
import zipfile
from pathlib import Path

METADATA = """Metadata-Version: 2.1
Name: resolute
Version: {version}
Summary: Reproduces cross-resolution person re-identification papers; packs, loader, exact scores and suites from Python
License: Apache-2.0
Requires-Python: >=3.10
Requires-Dist: numpy>=1.24
Provides-Extra: native
Requires-Dist: torch==2.11.*; extra == "native"
Provides-Extra: methods
Requires-Dist: torch>=2.4; extra == "methods"
Requires-Dist: h5py; extra == "methods"
Requires-Dist: safetensors; extra == "methods"
Provides-Extra: figures
Requires-Dist: matplotlib>=3.10; extra == "figures"
Provides-Extra: pandas
Requires-Dist: pandas; extra == "pandas"
"""
WHEEL = "Wheel-Version: 1.0\nGenerator: pack_wheel.py\nRoot-Is-Purelib: false\nTag: {tag}\n"
OURS = ("libresolute_glibc.so", "libresolute-curl.so.4")  # made from packaging/*.c
ENTRIES = "[console_scripts]\nresolute = resolute.__main__:resolute\nresolute-worker = resolute.__main__:worker\n"


def debian_packages(folder):
    """(package, version) of the libraries of a folder, which were copied from this machine's and got names of ours."""
    found = set()
    for library in sorted(folder.iterdir()):
        if library.name in OURS:
            continue
        said = subprocess.run(["dpkg-query", "-S", f"*/lib{library.name.removeprefix('libresolute-')}"], check=False, capture_output=True, text=True)
        owners = [line.split(":")[0] for line in said.stdout.splitlines() if "diversion" not in line]
        if not owners:
            sys.exit(f"resolute: no package of Debian has '{library.name}' (the list of what is in the wheel would be wrong)")
        version = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", owners[0]], capture_output=True, text=True, check=True)
        found.add((owners[0], version.stdout))
    return sorted(found)


def bill_of_materials(tree, version):
    components = [{"type": "library", "name": name, "version": release, "purl": f"pkg:deb/debian/{name}@{release}"}
                  for name, release in debian_packages(tree / "resolute/lib")]
    return json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
                       "metadata": {"component": {"type": "library", "name": "resolute", "version": version}},
                       "components": components}, indent=1, sort_keys=True) + "\n"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tree", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--version", required=True)
    parser.add_argument("--glibc", required=True)
    parser.add_argument("--time", type=int, required=True)
    parser.add_argument("--licence", type=Path, required=True)
    options = parser.parse_args()
    tag = f"py3-none-manylinux_{options.glibc.replace('.', '_')}_x86_64"
    moment = time.gmtime(options.time)[:6]
    information = f"resolute-{options.version}.dist-info"
    bill = bill_of_materials(options.tree, options.version)
    texts = {"METADATA": METADATA.format(version=options.version), "WHEEL": WHEEL.format(tag=tag), "entry_points.txt": ENTRIES,
             "licenses/LICENSE": options.licence.read_text(), "sboms/resolute.cdx.json": bill}
    path = options.out / f"resolute-{options.version}-{tag}.whl"
    record = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as wheel:
        def add(name, data, mode):
            entry = zipfile.ZipInfo(name, moment)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, (0o100000 | mode) << 16
            wheel.writestr(entry, data)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record.append(f"{name},sha256={digest},{len(data)}\n")

        for file in sorted(path for path in options.tree.rglob("*") if path.is_file()):
            program = file.parent.name == "bin" and file.suffix != ".so"
            add(str(file.relative_to(options.tree)), file.read_bytes(), 0o755 if program else 0o644)
        for name, text in texts.items():
            add(f"{information}/{name}", text.encode(), 0o644)
        entry = zipfile.ZipInfo(f"{information}/RECORD", moment)
        entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o100644 << 16
        wheel.writestr(entry, "".join(record) + f"{information}/RECORD,,\n")
    Path(f"{path}.cdx.json").write_text(bill)
    Path(f"{path}.sha256").write_text(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n")


if __name__ == "__main__":
    main()
