"""Reads every #include of the sources and fails on an arrow between parts or rooms, on a room's own header that others
include, or on a vendor header, that docs/inside/architecture.md forbids. And on a room that is too large or has no README.

Usage: check_includes.py ROOT     prints FILE:LINE: what, and the rule; exit code 1 if anything is wrong
"""

import re
import sys
from pathlib import Path

# part -> the parts it may include (docs/inside/architecture.md)
ARROWS = {
    "core": set(),
    "settings": {"core"},
    "methods": {"settings"},
    "networks": {"core", "settings"},
    "methods/networks": {"core", "settings", "methods", "networks"},
    "experiments": {"core", "settings", "methods"},
    "datasets": {"core", "settings"},
    "results": {"core", "settings", "experiments", "datasets"},
    "slurm": {"core", "settings"},
    "orchestrator": {"core", "settings", "experiments"},
    "workers": {"core", "settings", "methods", "datasets", "networks", "methods/networks", "experiments", "results"},
    "operations": {"core", "settings", "experiments", "results", "slurm", "orchestrator"},
    "report": {"core", "settings", "experiments", "results", "operations"},
    "cli": {"core", "settings", "datasets", "experiments", "results", "slurm", "orchestrator", "operations", "report"},
    "python": {"core", "settings", "datasets", "results"},
}

# part -> room -> the rooms of the part that it may include, lowest first; "" is the part's root. Of rooms that are not its
# own a file may include what their READMEs offer.
ROOMS = {
    "cli": {
        "": set(),
        "data": {""},
        "doctor": {""},
        "job": {""},
        "store": {""},
        "suite": {"", "store"},
        "results": {"", "suite"},
        "submission": {"", "job", "suite"},
    },
    "core": {
        "": set(),
        "hash": {""},
        "process": {"", "hash"},
        "files": {"", "hash", "process"},
        "random": {"", "hash"},
    },
    "datasets": {
        "arrays": {"hdf5"},
        "hdf5": set(),
        "image": set(),
        "samples": set(),
        "manifest": {"samples"},
        "stand_ins": {"image", "samples"},
        "sources": {"image", "samples", "stand_ins"},
        "pack": {"hdf5", "image", "manifest", "samples", "sources"},
        "split": {"manifest", "pack", "samples", "sources"},
        "loader": {"image", "pack", "split"},
        "lists": {"image", "pack", "samples", "sources", "split"},
    },
    "experiments": {
        "specification": set(),
        "store": {"specification"},
        "language": {"specification"},
        "planning": {"language", "specification", "store"},
        "": {"language", "planning", "specification", "store"},
    },
    "operations": {
        "space": set(),
        "look": set(),
        "simulation": set(),
        "submissions": {"look"},
        "liveness": {"look", "space", "submissions"},
        "growth": {"liveness", "look", "submissions"},
        "notices": {"submissions"},
        "start": {"growth", "liveness", "look", "notices", "submissions"},
    },
    "orchestrator": {
        "messages": set(),
        "decisions": {"messages"},
        "journal": {"decisions", "messages"},
        "launch": {"messages"},
        "transport": {"launch", "messages"},
        "agent": {"decisions", "launch", "messages", "transport"},
        "store": {"decisions", "journal", "launch", "messages"},
        "course": {"decisions", "messages", "store", "transport"},
        "coordinator": {"course", "decisions", "journal", "launch", "messages", "store", "transport"},
        "run": {"agent", "coordinator", "decisions", "journal", "messages", "store", "transport"},
    },
    "networks": {
        "": set(),
        "kernels": {""},
        "nn": {"", "kernels"},
        "onnx": {"", "nn"},
        "weights": {""},
    },
    "python": {"native": set()},
    "report": {
        "figures": set(),
        "page": set(),
        "document": {"figures", "page"},
        "server": {"page"},
    },
    "results": {
        "kernel": set(),
        "scores": {"kernel"},
        "records": {"scores"},
        "verdicts": {"records", "scores"},
        "tables": {"records", "scores", "verdicts"},
        "exports": {"records", "scores", "tables", "verdicts"},
        "pictures": {"records", "scores"},
    },
    "workers": {
        "": set(),
        "ddp": set(),
        "rank": {"ddp"},
        "packs": {"rank"},
        "device": {"ddp", "rank"},
        "evaluation": {"ddp", "device"},
        "training": {"ddp", "device", "evaluation", "rank"},
        "jobs": {"ddp", "device", "evaluation", "rank", "training"},
    },
}
LARGEST_ROOM = 22  # files

# Folders outside of the product whose rooms are as small → whether each room has a README.
OTHER_ROOMS = {"bench": True, "tests/system": False}

# Networks and losses of methods have arrows of their own; what stands beside these folders needs no libtorch.
METHOD_NETWORKS = r"methods/(\w+/)?networks/.*"

# header pattern -> the places that alone may include it
FENCES = [
    (r"(torch|ATen|c10|caffe2)/.*", [r"networks/.*", METHOD_NETWORKS, r"workers/.*"]),
    (r"mpi\.h", [r"orchestrator/transport/mpi_library\.h"]),
    (r"hdf5\.h|H5.*\.h|hdf5_hl\.h", [r"datasets/hdf5/.*"]),
    (r"zip\.h", [r"core/files/zip_archive\.cpp"]),
    (r"matio\.h", [r"datasets/arrays/.*"]),
    (r"nccl\.h|.*ProcessGroupNCCL\.hpp", [r"workers/ddp/nccl.*"]),
    (r"cuda.*\.h|c10/cuda/.*|ATen/cuda/.*", [r"workers/device/cuda.*", r"workers/ddp/gpu_properties.*", r"workers/ddp/nccl.*"]),
    (r"gloo/.*|.*ProcessGroupGloo\.hpp", [r"workers/ddp/gloo\.cpp"]),
    (r"jpeglib\.h|png\.h|stb/.*|turbojpeg\.h", [r"datasets/image/.*"]),
    (r"httplib\.h", [r"report/server/page_server\.cpp", r"tests/report/server/.*"]),
    (r"sqlite3\.h", [r"results/exports/sqlite_export\.cpp"]),
    (r"cblas\.h", [r"results/kernel/gemm_openblas\.cpp"]),
    (r"toml\+\+/.*|toml\.hpp", [r"experiments/.*"]),
    (r"boost/program_options.*", [r"cli/.*", r"workers/rank/command_line\..*", r"workers/(jobs|packs)/main\.cpp"]),
]

# room -> headers that it includes nowhere: what decides next computes, and does nothing else.
PURE = {
    room: r"core/(log|clock)\.h|core/(files/file_system|process/.*)\.h|(filesystem|fstream|iostream|thread|unistd\.h|sys/.*)"
    for room in ("orchestrator/decisions", "orchestrator/messages")
}

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')


def part_of(name: str) -> str:
    """The part to which a file or a header belongs, or its half in ARROWS."""
    return "methods/networks" if re.fullmatch(METHOD_NETWORKS, name) else name.split("/")[0]


def room_of(name: str) -> tuple[str, str]:
    """The part and the room to which a file or a header belongs."""
    part, _, room = name.rpartition("/")[0].partition("/")
    return part, room


def offers(root: Path, folder: str) -> set[str]:
    """What the README of a room says that others may include of it."""
    text = (root / folder / "README.md").read_text(encoding="utf-8")
    return set(re.findall(r"`([^`]+)`", text.partition("Offers:")[2]))


def wrong_rooms(root: Path):
    for part, rooms in ROOMS.items():
        if not (root / part).is_dir():
            continue
        there = {room_of(path.relative_to(root).as_posix())[1]
                 for path in (root / part).rglob("*") if path.suffix in {".h", ".cpp"}}
        for room in sorted(there - set(rooms)):
            yield f"{part}/{room}:1: a room that check_includes.py does not know; say what it may include"
        for room in sorted(there & set(rooms)):
            folder = root / part / room
            number = sum(path.suffix in {".h", ".cpp"} for path in folder.iterdir())
            if number > LARGEST_ROOM:
                yield f"{part}/{room}:1: {number} files; a room has at most {LARGEST_ROOM}"
            if room and not (folder / "README.md").is_file():
                yield f"{part}/{room}:1: no README.md, which says what the room is for and what it offers"
    for place, described in OTHER_ROOMS.items():
        files = [path for path in (root / place).rglob("*") if path.is_file() and path.suffix != ".pyc"]
        for folder in sorted({path.parent for path in files}):
            room = folder.relative_to(root).as_posix()
            names = {path.name for path in files if path.parent == folder}
            if (number := len(names - {"README.md", "CMakeLists.txt"})) > LARGEST_ROOM:
                yield f"{room}:1: {number} files; a room has at most {LARGEST_ROOM}"
            if described and "README.md" not in names:
                yield f"{room}:1: no README.md, which says what the room is for"


def wrong_room_include(root: Path, name: str, header: str):
    part, room = room_of(name)
    target_part, target_room = room_of(header)
    if target_part not in ROOMS or (part, room) == (target_part, target_room):
        return None
    if part == target_part and target_room not in ROOMS[part].get(room, set()):
        allowed = ", ".join(sorted(f"{part}/{other}".rstrip("/") for other in ROOMS[part].get(room, set()))) or "nothing"
        return f"{part}/{room} may include of its part {allowed} only"
    if target_room and (root / target_part / target_room / "README.md").is_file():
        if header.split("/")[-1] not in offers(root, f"{target_part}/{target_room}"):
            return f"{target_part}/{target_room}/README.md does not offer it"
    return None


def violations(root: Path):
    yield from wrong_rooms(root)
    for folder in sorted({part.split("/")[0] for part in ARROWS}):
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
                elif rule := wrong_room_include(root, name, header):
                    yield f"{name}:{number}: includes {header}; {rule}"
                if re.fullmatch(PURE.get("/".join(name.split("/")[:-1]), "(?!)"), header):
                    yield f"{name}:{number}: includes {header}; what decides does no I/O and asks no clock"
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
