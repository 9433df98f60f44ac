"""Reads every #include of the sources and fails on an arrow between parts, or on a vendor header, that the design forbids.

Usage: check_includes.py ROOT     prints FILE:LINE: what, and the rule; exit code 1 if anything is wrong
"""

import re
import sys
from pathlib import Path

# part -> the parts it may include (docs/architecture.md)
ARROWS = {
    "core": set(),
    "settings": {"core"},
    "methods": {"core", "settings"},
    "experiments": {"core", "settings", "methods"},
    "datasets": {"core", "settings"},
    "results": {"core", "settings", "methods", "experiments"},
    "slurm": {"core", "settings"},
    "orchestrator": {"core", "settings", "methods", "experiments"},
    "workers": {"core", "settings", "methods", "datasets", "experiments", "results"},
    "cli": {"core", "settings", "methods", "datasets", "experiments", "results", "slurm", "orchestrator"},
}

# A method's folder holds what the torch-free parts read of it; the rest of the folder is the worker's.
METHOD_FILE = re.compile(r"methods/\w+/(?!(?:options|row)\.)\w+\.\w+")

# header pattern -> the places that alone may include it
FENCES = [
    (r"(torch|ATen|c10|caffe2)/.*", [r"workers/.*", METHOD_FILE.pattern]),
    (r"mpi\.h", [r"orchestrator/transport/mpi.*"]),
    (r"hdf5\.h|H5.*\.h|hdf5_hl\.h", [r"datasets/hdf5/.*"]),
    (r"nccl\.h|.*ProcessGroupNCCL\.hpp", [r"workers/ddp/nccl.*"]),
    (r"cuda.*\.h|c10/cuda/.*|ATen/cuda/.*", [r"workers/cuda.*", r"workers/ddp/nccl.*"]),
    (r"gloo/.*|.*ProcessGroupGloo\.hpp", [r"workers/ddp/gloo\.cpp"]),
    (r"jpeglib\.h|png\.h|stb/.*|turbojpeg\.h", [r"datasets/image/.*"]),
    (r"cblas\.h", [r"results/gemm_openblas\.cpp"]),
    (r"toml\+\+/.*|toml\.hpp", [r"experiments/.*"]),
    (r"boost/program_options.*", [r"cli/.*", r"workers/main\.cpp"]),
]

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')


def part_of(name: str) -> str:
    """The part to which a file or a header belongs."""
    return "workers" if METHOD_FILE.fullmatch(name) else name.split("/")[0]


def violations(root: Path):
    for folder in sorted(ARROWS):
        for path in sorted((root / folder).rglob("*")):
            if path.suffix not in {".h", ".cpp"}:
                continue
            name = path.relative_to(root).as_posix()
            part = part_of(name)
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
                match = INCLUDE.match(line)
                if not match:
                    continue
                header = match.group(1) or match.group(2)
                target = part_of(header)
                if target in ARROWS and target != part and target not in ARROWS[part]:
                    allowed = ", ".join(sorted(ARROWS[part])) or "nothing"
                    yield f"{name}:{number}: includes {header}; {part} may include {allowed} only"
                for pattern, places in FENCES:
                    inside = any(re.fullmatch(place, name) for place in places)
                    if re.fullmatch(pattern, header) and not inside:
                        yield f"{name}:{number}: includes {header}; only {' and '.join(places)} may"


def main() -> int:
    root = Path(sys.argv[1])
    found = list(violations(root))
    for text in found:
        print(text)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
