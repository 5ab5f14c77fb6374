"""Compressed files as sequencing centres and tools make them."""

import struct
import zlib

#: The empty block that ends a whole BGZF file (SAM specification, section 4.1.2).
BGZF_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")


def bgzf_blocks(content: bytes, size: int = 60_000) -> list[bytes]:
    """The blocks that `bgzip` writes, without the empty one at the end.

    Args:
        content: what is compressed.
        size: bytes of content in a block, less than 65,280.
    """
    blocks = []
    for start in range(0, len(content), size):
        part = content[start : start + size]
        deflate = zlib.compressobj(wbits=-15)
        packed = deflate.compress(part) + deflate.flush()
        header = bytes.fromhex("1f8b08040000000000ff060042430200") + struct.pack("<H", len(packed) + 25)
        blocks.append(header + packed + struct.pack("<II", zlib.crc32(part), len(part)))
    return blocks


def bgzf(content: bytes) -> bytes:
    """A whole BGZF file."""
    return b"".join(bgzf_blocks(content)) + BGZF_END
