"""The random numbers of core/random.h, for twins of what draws them. Shares no code with core/."""
import hashlib
import struct


class RandomStream:
    """core/random.h: Philox4x32-10 keyed by the SHA-256 of a purpose and integers."""

    def __init__(self, purpose, key):
        text = struct.pack("<Q", len(purpose)) + purpose.encode() + b"".join(struct.pack("<Q", k) for k in key)
        words = struct.unpack("<4I", hashlib.sha256(text).digest()[:16])
        self.key, self.counter, self.block, self.used = words[:2], [0, 0, words[2], words[3]], None, 4

    def next_u64(self):
        if self.used == 4:
            c, k = list(self.counter), list(self.key)
            for _ in range(10):
                p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
                c = [(p1 >> 32) ^ c[1] ^ k[0], p1 & 0xFFFFFFFF, (p0 >> 32) ^ c[3] ^ k[1], p0 & 0xFFFFFFFF]
                k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
            self.block, self.used = c, 0
            self.counter[0] += 1
        low, high = self.block[self.used], self.block[self.used + 1]
        self.used += 2
        return (high << 32) | low

    def below(self, bound):
        limit = (1 << 64) - (1 << 64) % bound
        while True:
            draw = self.next_u64()
            if draw < limit:
                return draw % bound
