"""Bitmaps over the positions of a batch: lowest bit first."""

from collections.abc import Iterable, Iterator


def from_positions(positions: Iterable[int], length: int) -> bytes:
    bits = bytearray((length + 7) // 8)
    for position in positions:
        bits[position >> 3] |= 1 << (position & 7)
    return bytes(bits)


def positions(bits: bytes | memoryview, length: int) -> Iterator[int]:
    """The set positions below `length`, ascending."""
    for index, byte in enumerate(bytes(bits)):
        left = byte
        while left:
            low = left & -left
            position = (index << 3) + low.bit_length() - 1
            if position >= length:
                return
            yield position
            left ^= low


def count(bits: bytes | memoryview) -> int:
    return int.from_bytes(bytes(bits), "little").bit_count()


def is_set(bits: bytes | memoryview, position: int) -> bool:
    index = position >> 3
    return index < len(bits) and bool(bits[index] >> (position & 7) & 1)


def rank(bits: bytes | memoryview, position: int) -> int:
    """How many bits are set below `position`."""
    return (int.from_bytes(bytes(bits), "little") & ((1 << position) - 1)).bit_count()
