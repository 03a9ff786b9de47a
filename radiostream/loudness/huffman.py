"""The Huffman codes of Layer III (ISO 11172-3, Annex B, Table B.7), as tables that a reader looks bits up in.

Pure. Each code is written down as its leaves from left to right, three characters a leaf: the length of the code word
in base 36, and the two values in hexadecimal. The code words follow from the lengths, as a code is complete. The
tables hold energies (the 8/3rd power of what is quantized), and lengths with the bits for signs, which do not matter.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Final, TypeAlias

_LEAVES: Final = {
    1: ("311301210100"),
    2: ("622602512521520311301310100"),
    3: ("622602512521520310211201200"),
    5: ("833823732631713703730722612621602620311301310100"),
    6: ("733703623632630513531522502412421420301211310300"),
    7: ("a55a45a54a53935944925952815851905934850943933824842714741740804823832803713731730722612521602620411301310100"),
    8: ("b55b54a45953a35a44925952905815851934943950933824842814741804840823832813831803830622602620412421211301310200"),
    9: ("955945835853954905844825852815751734743850804724742733740614641623632513531603630522502412421420311301310300"),
    10: (
        "b77b67b76b57b75b66a47a74a56a65a37a73a46b55b54a63927972a64a07970962a45a35906a53a44817871936926a25a52915951"
        "a34a43816861860905950924942933904814841840823832803713731730722612621602620411301310100"
    ),
    11: (
        "a77a67a76a75a66a47a74b57b55a56a65937973946a45a54a35a53827872964907771817870836863860944925952905815762826"
        "806716761851834850943933824842814841804840723732613631703730622521412502520311301310200"
    ),
    12: (
        "a77a67976957975966947974965856837973955827872846864817871907970836863845854844906905726762761816860835853"
        "825852715751734743850804724742714633641623632740703630513531522412421502520400311301310"
    ),
    13: (
        "jfejfcifdhedgffgefgdfgeegcfgdegbfgfbgcegdchafhe9fecfddgfagcdfbefebf9fff9feafbdfdbf8fff8fccgaeg9ef8eg7fg7e"
        "ef7edafadfbcfcbff6e6fee8e5fe9ded9ef5ee7eacebbe4fef4fcafe6ef3d3fe8ded8d2fdf2e6ee9cd0fec9e5edabe7ded7d4eec8"
        "ed6d3edb9e9beaac1fcf1cf0dbade5de4d8cd6dde3ce2d2ed0ec1ece1de0d5ddd5d7cdc7d4dd8bdb8dd4d9ada9d6ccc6c3ddd3d7b"
        "c2dcd2c1dcb7d5cdc5d99d7acc3da7d97c4bbd1c0dcd0c8aca8c4ccc4c6bcb6b3cb2cbc2b5bcb5c89b1cbc1c98c0cbc0cb4c6aca6"
        "c79b3bbb3c88c5ab2bca5c69ba4c78c87b94c77c76ab2a1bab1b0bbb0b96b4ab3aba3b59b95a2aaa2a1aaa1b0ab68aa0b86b49a93"
        "b39b58b85b67a29a92b57b75a38a83b66b47b74b56b65b73919991a09a90a48a84a72b46b64928982918a37a27917971a55a07a70"
        "a36a63a45a54a26a62a35881908980916961906960a53a44925952905815851934943950924942933814741804840823832713731"
        "703730722612621602620411401310100"
    ),
    15: (
        "dffdefdfeddfceedfddcfdfcddededdbfcfbdcedeccddcafcfacbecebccdcdcc9fcf9ceacbdcdbc8fcf8cccc9ece9c7fcf7cadcda"
        "cbcc6fdaed0fbcbbf6c8ece8c5fc9dbf5b7ebe7bacbcabbbcd9c8db4fbf4b3fbf3bd8be6b2fbf2c6ecf0b1fbf1b9cbc9b5ebabbba"
        "be5b7dbd7b4ebe4b8cbc8b3eb6dbd6be3b9bbb9b2ebaabe2b1ebe1c0ece0b5dbd5b7cbc7b4db8bad4bb8b9aba9b6cbc6b3dad3ad2"
        "b2db0da1da7bab7ad1b5cbd0ac5a8aaa8a4cac4a6bab6b99b0ca3cac3a7aaa7aa6bc0b0b9c2a2ca5bab5a1ca89a98ac1a4bab4a6a"
        "a3ba799b3a97a88a2ba5a9b2aa5a1b9b1ab0a69a96a4aaa4a78a87a3a9a395999592a9a291a9a1a0aaa0968986949994939993a77"
        "a09958985929967976992891919990948984957975938983966947828882818881974908980956965937973946827872864817855"
        "871907970836863845854826862816906960835761853844725752715751805850734743724742733641714704623632740703613"
        "631630522512521502520311401410300"
    ),
    16: (
        "befbfebdfbfdbcfbfcbbfbfbaafbfab9fbf9bf8a8fa7faf7a6faf68ffa5faf594f9f49f39f0a3fgcehechddfdefe9geagd9eeefed"
        "febebeecdfdcfdbeaeeccfadfdaf7efacecafc9f7de5edbd8f292f90f81f8f1d9eebcecbe8eee8e9dee7ebbe8ded8e6ede6d9ceab"
        "ebaee5ed7d4eee4e8cdc8d3ed6ded6e9beb9eaade1dd4eb8ea9d7beb7ed0ce3d0ede0d5ddd5d7cdc7d4dd8bd9ad6cdc6d3dd5cdc5"
        "c0dd8ada8d99d4cdb6d7ac3cd5bd89c1ccc0d98d79be2c2ec1ecd3c2dcd2cd1c3bd97d88b1dcc4c6bcc3ca7b2ccc2cb5cc1c0cc4b"
        "cb4c6aca6bb3c5aca5b2bbb2b1bbb1c0bcb0c69c96c4aca4c78c87ba3c3ac59b2ac95c68ba1c86c77b94c49c57b67aa2a1ab0aba0"
        "b39b93b58b85a29a92b76b09a19a91b90b48b84b75b38b83b66b28a82b47b74a18a81a80b08b56a37a73b65b46a27a72b64b55a07"
        "917971a70a36a63a45a54a26962916961a06a60953a35a44925952851915905934943950924942933814841904940823832713731"
        "803830722612621602620411401310100"
    ),
    24: (
        "8ef8fe8df8fd8cf8fc8bf8fb7fa8af89f7f97f888f87f7f776f7f675f7f574f7f473f7f372f7f27f181f8f090fbeebdebedbcebec"
        "bddbbebebbcdbdcbaebeabbdbdbbccb9ebe9badbdabbcbcbb8ebe8b9dbd9b7ebe7bac4ffbcabbbb8dbd8c0ece0b0dae6b6eb9cac9"
        "a5eabaae5babb7dad7ae4a8cac8b4eb2ea3ea6dad6ae3a9bab9aaaae2a1eae1a5dad5a7cac7a4da8bab8ad4a9aaa9a6cac6a3dad3"
        "a2dad2a1da7bab7ad1a5cac5a8aaa8a99a4cac4a6bab6bd0b0ca3cac3a7aaa7a2cac2a5bab5a1ca89a98ac1a4bbc0b0ba3bbb0b0a"
        "a1a9b4a6aaa6a79a97ba0b09a909b3988a2ba5a9b2aa5a1bab1a699969a4a4aa7898793a9a395999592a9a29a1968986977949994"
        "939993958985929967976992919991948984957975938983966928982918947974981a08a80956965917a07a70873937927872846"
        "864855871836863845854826862816861906960835853844825852815905950751834843724742733714741804840723732613631"
        "703730622512521602620411401410400"
    ),
}

LINBITS: Final = (*(0,) * 16, 1, 2, 3, 4, 6, 8, 10, 13, 4, 5, 6, 7, 8, 9, 11, 13)
"""Bits that follow a 15, by `table_select`."""

FIRST_BITS: Final = 10
NEXT_BITS: Final = 9
"""How many bits are looked up at first, and how many more for a code word that is longer."""

_QUAD_LENGTHS: Final = (1, 4, 4, 5, 4, 6, 5, 6, 4, 5, 5, 6, 5, 6, 6, 6)
_QUAD_CODES: Final = (1, 5, 4, 5, 6, 5, 4, 4, 7, 3, 6, 0, 7, 2, 3, 1)
"""Table A of `count1`, by the four values as bits."""

ESCAPE: Final = 15

Entry: TypeAlias = tuple[int, float, int]
"""Bits of the code word and its signs, energy of the pair, and for one with a 15 in a table with linbits both values
as `x << 4 | y`, else 0. 0 bits: the code word is longer than `FIRST_BITS`, and the last number tells in which further
table it stands."""


def energy(value: int) -> float:
    """The squared magnitude that a quantized value stands for."""
    return math.pow(value, 8 / 3)


def _words(table: int) -> list[tuple[int, int, int, int]]:
    """Length, code word and both values of each leaf."""
    leaves, words, code, before = _LEAVES[table], [], 0, 0
    for at in range(0, len(leaves), 3):
        length, x, y = int(leaves[at], 36), int(leaves[at + 1], 16), int(leaves[at + 2], 16)
        code = code >> before - length if before > length else code << length - before
        words.append((length, code, x, y))
        code, before = code + 1, length
    return words


@cache
def pairs(select: int) -> tuple[list[Entry], list[list[Entry]]]:
    """The table that `table_select` names, and those for the rest of its longer code words."""
    table = select if select < 16 else 16 if select < 24 else 24
    first: list[Entry] = [_NOTHING] * (1 << FIRST_BITS)
    further: list[list[Entry]] = []
    for length, code, x, y in _words(table):
        escaped = x << 4 | y if LINBITS[select] and ESCAPE in (x, y) else 0
        entry = (length + (x > 0) + (y > 0), energy(x) + energy(y), escaped)
        if length <= FIRST_BITS:
            _enter(first, FIRST_BITS, length, code, entry)
            continue
        head = code >> length - FIRST_BITS
        if first[head] is _NOTHING:
            first[head] = (0, 0.0, len(further))
            further.append([_NOTHING] * (1 << NEXT_BITS))
        rest = length - FIRST_BITS
        _enter(further[first[head][2]], NEXT_BITS, rest, code & (1 << rest) - 1, entry)
    return first, further


_NOTHING: Final[Entry] = (1, 0.0, 0)


def _enter(table: list[Entry], bits: int, length: int, code: int, entry: Entry) -> None:
    """Write `entry` wherever the first `length` of so many bits are `code`."""
    spare = bits - length
    table[code << spare : code + 1 << spare] = [entry] * (1 << spare)


@cache
def quads(select: int) -> list[tuple[int, float, float]]:
    """Table A (0) or B (1) of `count1`: bits with signs, and the energies of both pairs, by `FIRST_BITS` bits."""
    table = [(1, 0.0, 0.0)] * (1 << FIRST_BITS)
    for values in range(16):
        length, code = (4, 15 - values) if select else (_QUAD_LENGTHS[values], _QUAD_CODES[values])
        spare = FIRST_BITS - length
        entry = (length + values.bit_count(), float((values >> 2).bit_count()), float((values & 3).bit_count()))
        table[code << spare : code + 1 << spare] = [entry] * (1 << spare)
    return table
