#!/usr/bin/env python3
"""Files that HDF5 1.10.8 falls over: a sound one (tests/fuzz/corpus/mat/good-tiny) with a few bytes changed."""
import pathlib
import struct

here = pathlib.Path(__file__).resolve().parent
sound = (here.parent.parent / "fuzz/corpus/mat/good-tiny").read_bytes()
user_block = 512

# A link count and the size of a message of an object header: found by chance, it ends in a segmentation fault.
crash = bytearray(sound)
crash[3948] = 255
crash[18694] = 64
(here / "crash.mat").write_bytes(crash)

# The root group's local heap: its first free block becomes its own successor.
endless = bytearray(sound)
heap = sound.index(b"HEAP")
first_free, data = struct.unpack_from("<QQ", sound, heap + 16)
struct.pack_into("<Q", endless, user_block + data + first_free, first_free)
(here / "endless.mat").write_bytes(endless)
