"""Lets programs and libraries built here run with an older glibc: each version of a symbol that came after 2.28 becomes the one that
glibc had before, or none where libresolute_glibc.so (packaging/older_glibc.c) brings the symbol. x86-64 ELF files, changed in place.

Usage: older_glibc.py NEWEST LIBRARY FILE...     NEWEST: such as 2.28; LIBRARY: the file of libresolute_glibc.so
"""

import struct
import sys
from pathlib import Path

OF_GLIBC = ("libc.so.6", "libm.so.6", "libresolv.so.2", "libpthread.so.0", "libdl.so.2", "librt.so.1", "ld-linux-x86-64.so.2")
FIRST = "GLIBC_2.2.5"  # glibc's oldest version on x86-64, which each of its libraries has
UNVERSIONED = 1  # the symbol of whichever library has it first
DYNSYM, VERSION_DEFINITIONS, VERSION_NEEDS, VERSIONS = 11, 0x6FFFFFFD, 0x6FFFFFFE, 0x6FFFFFFF


def number(version):
    """'GLIBC_2.28' as (2, 28); None: not a version of glibc that has a number."""
    digits = version.removeprefix("GLIBC_").split(".")
    return tuple(int(part) for part in digits) if version.startswith("GLIBC_") and all(part.isdigit() for part in digits) else None


def elf_hash(text):
    value = 0
    for byte in text.encode():
        value = (value << 4) + byte
        high = value & 0xF0000000
        value = (value ^ high >> 24) & ~high
    return value


class Elf:
    """The dynamic symbols of a file and their versions, read from its sections."""

    def __init__(self, path):
        self.path = path
        self.data = bytearray(Path(path).read_bytes())
        if self.data[:6] != b"\x7fELF\x02\x01":
            sys.exit(f"resolute: {path}: not an ELF file of 64 bits")
        start, = struct.unpack_from("<Q", self.data, 0x28)
        size, count = struct.unpack_from("<HH", self.data, 0x3A)
        sections = [struct.unpack_from("<IIQQQQIIQQ", self.data, start + i * size) for i in range(count)]
        self.by_type = {section[1]: section for section in sections}
        self.strings = sections[self.by_type[DYNSYM][6]][4:6]

    def text(self, offset):
        start = self.strings[0] + offset
        return self.data[start:self.data.index(0, start)].decode()

    def symbols(self):
        """(name, whether it is defined here, where its version's number stands); none where no symbol has a version"""
        if VERSIONS not in self.by_type:
            return
        _, _, _, _, offset, size, *_ = self.by_type[DYNSYM]
        versions = self.by_type[VERSIONS][4]
        for i in range(1, size // 24):
            name, _, _, section = struct.unpack_from("<IBBH", self.data, offset + i * 24)
            yield self.text(name), section != 0, versions + 2 * i

    def needs(self):
        """Versions that the file wants of others: number, name, where the entry stands."""
        if VERSION_NEEDS not in self.by_type:
            return
        place = self.by_type[VERSION_NEEDS][4]
        while True:
            _, _, _, first, following = struct.unpack_from("<HHIII", self.data, place)
            entry = place + first
            while True:
                _, _, index, name, further = struct.unpack_from("<IHHII", self.data, entry)
                yield index, self.text(name), entry
                if not further:
                    break
                entry += further
            if not following:
                return
            place += following

    def definitions(self):
        """Versions that the file defines, by number."""
        place, found = self.by_type[VERSION_DEFINITIONS][4], {}
        while True:
            _, _, index, _, _, names, following = struct.unpack_from("<HHHHIII", self.data, place)
            found[index] = self.text(struct.unpack_from("<I", self.data, place + names)[0])
            if not following:
                return found
            place += following

    def version_of(self, place):
        return struct.unpack_from("<H", self.data, place)[0] & 0x7FFF

    def rename(self, entry, version):
        start, size = self.strings
        offset = self.data.find(b"\0" + version.encode() + b"\0", start, start + size) + 1 - start
        if offset < 1:
            sys.exit(f"resolute: {self.path}: does not name {version}")
        struct.pack_into("<I", self.data, entry, elf_hash(version))
        struct.pack_into("<I", self.data, entry + 8, offset)


def earlier_versions(newest):
    """The versions up to `newest` of each symbol of this machine's glibc."""
    found = {}
    loaded = Path("/proc/self/maps").read_text(encoding="utf-8").split()
    folder = Path(next(path for path in loaded if path.endswith("/libc.so.6"))).parent
    for library in OF_GLIBC:
        elf = Elf(folder / library)
        names = elf.definitions()
        for symbol, defined, place in elf.symbols():
            version = names.get(elf.version_of(place), "")
            if defined and (release := number(version)) and release <= newest:
                found.setdefault(symbol, set()).add(version)
    return found


def make_older(path, newest, earlier, brought):
    elf = Elf(path)
    by_name = {name: index for index, name, _ in elf.needs()}
    late = {index: entry for index, name, entry in elf.needs() if (release := number(name)) and release > newest}
    for symbol, _, place in elf.symbols():
        if (index := elf.version_of(place)) not in late:
            continue
        versions = earlier.get(symbol, set())
        version = max(versions, key=number, default=None)
        if symbol in brought:
            index = UNVERSIONED
        elif version is None:
            sys.exit(f"resolute: {path}: glibc {'.'.join(map(str, newest))} has no '{symbol}'; packaging/older_glibc.c must bring it")
        elif version in by_name:
            index = by_name[version]
        elif version != FIRST and FIRST in versions:  # without a version the loader would take the first
            sys.exit(f"resolute: {path}: '{symbol}' wants {version}, which the file does not name")
        elif version != FIRST:
            index = UNVERSIONED
        struct.pack_into("<H", elf.data, place, index)
    for entry in late.values():
        elf.rename(entry, FIRST)
    Path(path).write_bytes(elf.data)


def main():
    newest = tuple(int(part) for part in sys.argv[1].split("."))
    library, files = sys.argv[2], sys.argv[3:]
    brought = {symbol for symbol, defined, _ in Elf(library).symbols() if defined}
    earlier = earlier_versions(newest)
    for file in files:
        make_older(file, newest, earlier, brought)


if __name__ == "__main__":
    main()
