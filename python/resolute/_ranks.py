"""The process ranks of one training: each is connected with process rank 0, behind proofs that both know the attempt's secret.

    rank 0 → guest   32 random bytes H
    guest → rank 0   32 random bytes G, its number R in 4 bytes, HMAC-SHA256(secret, "member" H G R)
    rank 0 → guest   HMAC-SHA256(secret, "host" H G R)

A message behind that: the sizes of a note and of data, the note as JSON, the data.
"""

import contextlib
import hmac
import json
import os
import selectors
import socket
import struct
import time
from argparse import Namespace
from collections.abc import Callable
from typing import Any

from .errors import InputError, MachineError

_NONCE, _PROOF = 32, 32
_RANK, _SIZES = struct.Struct("!I"), struct.Struct("!IQ")
_MOST_GUESTS = 64  # strangers hold no more connections than these: whoever comes next takes the place of the oldest
_LONGEST_SECRET = 4096
_BETWEEN_TRIES = 0.05


def _proof(secret: bytes, role: str, nonces: bytes) -> bytes:
    return hmac.digest(secret, f"resolute ranks 1 {role} ".encode() + nonces, "sha256")


def _address(text: str | None) -> tuple[str, int]:
    host, _, port = (text or "").rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 1 << 16:
        raise InputError(f"--rendezvous '{text or ''}' is no HOST:PORT")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _secret(descriptor: int) -> bytes:
    if descriptor < 0:
        raise InputError("--secret-fd is missing (ranks that meet prove that they are the attempt's)")
    with open(descriptor, "rb") as pipe:
        secret = pipe.read(_LONGEST_SECRET + 1)
    if not 0 < len(secret) <= _LONGEST_SECRET:
        raise InputError(f"the secret is empty or too long (it has 1 to {_LONGEST_SECRET} bytes)")
    return secret


def _received(connection: socket.socket, size: int) -> bytearray:
    data = bytearray(size)
    view = memoryview(data)
    while view:
        count = connection.recv_into(view)
        if count == 0:
            raise ConnectionError("it has closed the connection")
        view = view[count:]
    return data


def _put(peer: socket.socket, note: dict[str, Any], data: Any = b"") -> None:
    text = json.dumps(note).encode()
    peer.sendall(_SIZES.pack(len(text), len(data)) + text)
    peer.sendall(data)


def _take(peer: socket.socket) -> tuple[dict[str, Any], bytearray]:
    sizes = _SIZES.unpack(_received(peer, _SIZES.size))
    return json.loads(_received(peer, sizes[0])), _received(peer, sizes[1])


class _Guest:
    """A connection with process rank 0 that has proven nothing yet. No call waits."""

    def __init__(self, connection: socket.socket):
        self.connection, self._nonce, self._answer = connection, os.urandom(_NONCE), b""
        connection.setblocking(False)
        connection.sendall(self._nonce)  # an empty socket takes it at once

    def rank(self, secret: bytes) -> int | None:
        """Its number once it has proven itself, None before. Raises OSError for a stranger."""
        missing = _NONCE + _RANK.size + _PROOF - len(self._answer)
        part = self.connection.recv(missing)
        self._answer += part
        if 0 < len(part) < missing:
            return None
        nonces, proof = self._nonce + self._answer[:-_PROOF], self._answer[-_PROOF:]
        if not part or not hmac.compare_digest(_proof(secret, "member", nonces), proof):
            raise ConnectionError("a stranger")
        self.connection.sendall(_proof(secret, "host", nonces))
        return int(_RANK.unpack(nonces[-_RANK.size:])[0])


def _admit(door: selectors.BaseSelector, listener: socket.socket) -> None:
    with contextlib.suppress(OSError):  # a connection that has ended already
        guest = _Guest(listener.accept()[0])
        door.register(guest.connection, selectors.EVENT_READ, guest)
    guests = [key.data for key in door.get_map().values() if key.data]
    if len(guests) > _MOST_GUESTS:
        door.unregister(guests[0].connection)
        guests[0].connection.close()


class Ranks:
    """options: process_rank, process_ranks, and of several ranks rendezvous, rendezvous_fd, secret_fd, rendezvous_timeout and
    exchange_timeout of docs/inside/worker.md. All ranks make the same calls in one order. Each raises MachineError for a rank that has
    gone, or does not answer within the exchange's limit."""

    def __init__(self, options: Namespace):
        self.rank, self.count = options.process_rank, options.process_ranks
        if not 0 <= self.rank < self.count:
            raise InputError(f"process rank {self.rank} of {self.count} (ranks count from 0 to one less than their number)")
        self.first = self.rank == 0
        self._peers: dict[int, socket.socket] = {}  # of process rank 0 all others, of any other process rank 0
        if self.count == 1:
            return
        address, secret = _address(options.rendezvous), _secret(options.secret_fd)
        # Others wait for process rank 0 to arrive, and then to have waited for the slowest: it is the one that can name who is missing.
        self._limit = options.exchange_timeout * (1 if self.first else 2)
        self._meeting = options.rendezvous_timeout
        deadline = time.monotonic() + self._meeting
        if not self.first:
            self._join(address, secret, deadline)
            return
        with socket.socket(fileno=options.rendezvous_fd) if options.rendezvous_fd >= 0 else \
                socket.create_server(address, family=socket.getaddrinfo(*address)[0][0]) as listener:
            self._gather(listener, address, secret, deadline)

    def _gather(self, listener: socket.socket, address: tuple[str, int], secret: bytes, deadline: float) -> None:
        listener.setblocking(False)
        with selectors.DefaultSelector() as door:
            door.register(listener, selectors.EVENT_READ)
            while missing := [rank for rank in range(1, self.count) if rank not in self._peers]:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise self._lost(f"process rank{'s' if len(missing) > 1 else ''} {', '.join(map(str, missing))} did not come to "
                                     f"{address[0]}:{address[1]} (process rank 0 waited {self._meeting} s for {self.count} ranks); "
                                     "look at their logs")
                for key, _ in door.select(left):
                    if key.data is None:
                        _admit(door, listener)
                    elif key.data.connection.fileno() >= 0:  # it has not been sent away meanwhile
                        self._hear(door, key.data, secret)
            for guest in [key.data for key in door.get_map().values() if key.data]:
                guest.connection.close()

    def _hear(self, door: selectors.BaseSelector, guest: _Guest, secret: bytes) -> None:
        try:
            rank = guest.rank(secret)
        except OSError:
            door.unregister(guest.connection)
            guest.connection.close()
            return
        if rank is not None:  # a rank that comes again has lost its connection
            door.unregister(guest.connection)
            self._keep(rank, guest.connection)

    def _join(self, address: tuple[str, int], secret: bytes, deadline: float) -> None:
        while True:
            connection = None
            try:
                connection = socket.create_connection(address, max(_BETWEEN_TRIES, deadline - time.monotonic()))
                nonces = bytes(_received(connection, _NONCE)) + os.urandom(_NONCE) + _RANK.pack(self.rank)
                connection.sendall(nonces[_NONCE:] + _proof(secret, "member", nonces))
                if not hmac.compare_digest(_proof(secret, "host", nonces), _received(connection, _PROOF)):
                    raise ConnectionError("it does not know the secret")
                self._keep(0, connection)
                return
            except OSError as error:
                if connection is not None:
                    connection.close()
                if time.monotonic() > deadline:
                    raise MachineError(f"process rank 0 did not answer at {address[0]}:{address[1]} ({error.strerror or error}); "
                                       "look at its log") from None
            time.sleep(_BETWEEN_TRIES)

    def _keep(self, rank: int, connection: socket.socket) -> None:
        connection.settimeout(self._limit)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # A host that is cut off ends a wait that has no limit.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in ((socket.TCP_KEEPIDLE, 30), (socket.TCP_KEEPINTVL, 10), (socket.TCP_KEEPCNT, 6)):
            connection.setsockopt(socket.IPPROTO_TCP, name, value)
        self._peers[rank] = connection

    def _lost(self, problem: str) -> MachineError:
        """Tells the others, so that all end with one line."""
        for peer in self._peers.values():
            with contextlib.suppress(OSError):
                _put(peer, {"lost": problem})
        return MachineError(problem)

    def _exchange(self, rank: int, words: Callable[[socket.socket], Any]) -> Any:
        try:
            return words(self._peers[rank])
        except OSError as error:
            why = f"silent for {self._limit} s" if isinstance(error, TimeoutError) else error.strerror or error
            self._peers.pop(rank).close()
            raise self._lost(f"process rank {rank} did not answer ({why}); look at its log") from None

    def send(self, rank: int, note: dict[str, Any], data: Any = b"") -> None:
        """data: bytes or a memoryview of bytes."""
        self._exchange(rank, lambda peer: _put(peer, note, data))

    def receive(self, rank: int) -> tuple[dict[str, Any], bytearray]:
        note, data = self._exchange(rank, _take)
        if "lost" in note:
            raise MachineError(note["lost"])
        return note, data

    def tell(self, note: dict[str, Any], data: Any = b"") -> None:
        """By process rank 0, to all others."""
        for rank in sorted(self._peers):
            self.send(rank, note, data)

    def shared(self, data: bytes) -> bytes:
        """Process rank 0's data, on every rank."""
        if self.first:
            self.tell({}, data)
            return data
        return bytes(self.receive(0)[1])

    def agree(self, text: str) -> None:
        """Raises MachineError where a rank says something else."""
        if not self.first:
            self.send(0, {"text": text})
            return
        for rank in sorted(self._peers):
            other = self.receive(rank)[0]["text"]
            if other != text:
                raise self._lost(f"process ranks 0 and {rank} disagree ('{text}' and '{other}'); "
                                 "place a job on nodes of one numeric class")

    def wait_for_first(self, work: Callable[[], None]) -> None:
        """Process rank 0 works, however long it takes; the others go on behind it."""
        if self.first:
            work()
            self.tell({})
            return
        self._peers[0].settimeout(None)
        self.receive(0)
        self._peers[0].settimeout(self._limit)

    def close(self) -> None:
        for peer in self._peers.values():
            peer.close()
