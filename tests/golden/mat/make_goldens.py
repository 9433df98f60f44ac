#!/usr/bin/env python3
"""A file over which HDF5 1.10.8 never ends: sound.mat, as MATLAB would write it, with a word changed."""
import pathlib
import struct

here = pathlib.Path(__file__).resolve().parent
sound = (here / "sound.mat").read_bytes()
user_block = 512

# The root group's local heap: its first free block becomes its own successor.
endless = bytearray(sound)
heap = sound.index(b"HEAP")
first_free, data = struct.unpack_from("<QQ", sound, heap + 16)
struct.pack_into("<Q", endless, user_block + data + first_free, first_free)
(here / "endless.mat").write_bytes(endless)
