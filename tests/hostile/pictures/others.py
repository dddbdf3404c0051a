"""What is no picture here, whatever it is called."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator

from .item import BROKEN, LARGE, NO_FORMAT, NO_IMAGE, Picture, picture
from .png import MAGIC

XXE = b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg xmlns="http://www.w3.org/2000/svg"><text>&x;</text></svg>'


def _formats() -> dict[str, bytes]:
    return {
        "tiff, little-endian": b"II*\0\x08\0\0\0" + bytes(64),
        "tiff, big-endian": b"MM\0*\0\0\0\x08" + bytes(64),
        "bmp": b"BM" + struct.pack("<IHHI", 1_000, 0, 0, 54) + struct.pack("<IiiHHIIiiII", 40, 30_000, 30_000, 1, 8, 1, 0, 0, 0, 0, 0),
        "bmp, run-length encoded": b"BM" + struct.pack("<IHHI", 1_000, 0, 0, 54) + struct.pack("<IiiHHIIiiII", 40, 30_000, 30_000, 1, 8, 1, 0, 0, 0, 0, 0)[:16] + struct.pack("<I", 1) + bytes(20) + b"\xff\x00" * 50,
        "ico": b"\0\0\1\0\1\0" + bytes(32),
        "cur": b"\0\0\2\0\1\0" + bytes(32),
        "qoi": b"qoif" + struct.pack(">IIBB", 20_000, 20_000, 4, 0),
        "pnm": b"P6\n30000 30000\n255\n",
        "pam": b"P7\nWIDTH 30000\nHEIGHT 30000\nDEPTH 4\nMAXVAL 255\nENDHDR\n",
        "dds": b"DDS " + bytes(124),
        "tga": bytes([0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0]) + struct.pack("<HHBB", 30_000, 30_000, 24, 0),
        "hdr": b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 30000 +X 30000\n",
        "exr": b"\x76\x2f\x31\x01\x02\0\0\0" + bytes(64),
        "psd": b"8BPS\0\1" + bytes(40),
        "jpeg 2000": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(40),
        "jpeg xl": b"\xff\x0a" + bytes(40),
        "jpeg xl, boxed": b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(40),
        "avif": b"\0\0\0\x20ftypavif\0\0\0\0avifmif1miaf" + bytes(40),
        "heic": b"\0\0\0\x18ftypheic\0\0\0\0heicmif1" + bytes(40),
        "mp4": b"\0\0\0\x18ftypisom\0\0\0\0isommp42" + bytes(40),
        "svg that reads a file": XXE,
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="1e9" height="1e9"/>',
        "pdf": b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n",
        "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n(/etc/passwd) (r) file\n",
        "mvg": b"push graphic-context\nimage over 0,0 0,0 'ephemeral:/etc/passwd'\n",
        "elf": b"\x7fELF\2\1\1" + bytes(60),
        "windows program": b"MZ" + bytes(60),
        "html": b"<!doctype html><script>alert(1)</script>",
        "zip": b"PK\3\4" + bytes(40),
        "gzip": b"\x1f\x8b\x08" + bytes(40),
        "zstd": b"\x28\xb5\x2f\xfd" + bytes(40),
        "wav, which is RIFF too": b"RIFF\x24\0\0\0WAVEfmt " + bytes(24),
        "json": b'{"b64": "AAAA"}',
        "shell": b"#!/bin/sh\nrm -rf /\n",
        "text": "ein Bild, wirklich".encode(),
        "one byte": b"\xff",
        "jpeg start alone": b"\xff\xd8",
        "nul bytes": bytes(1_000),
        "png magic misspelt": b"\x89PNG\r\n\x1a\r" + bytes(40),
        "png magic after a line feed": b"\n" + MAGIC + bytes(40),
        "byte order mark": b"\xef\xbb\xbfGIF89a" + bytes(20),
    }


def pictures(seed: int) -> Iterator[Picture]:
    """Everything that is no picture."""
    yield picture("nothing", b"", NO_IMAGE, NO_FORMAT)
    for name, data in _formats().items():
        yield picture(name, data, NO_FORMAT)
    noise = random.Random(seed)
    yield picture("5 MB of noise", b"\0" + noise.randbytes(5_000_000), NO_FORMAT)
    for name, head in {"jpeg": b"\xff\xd8\xff", "png": MAGIC, "gif": b"GIF89a", "webp": b"RIFF\0\0\0\0WEBP"}.items():
        yield picture(f"{name} magic and 100 kB of noise", head + noise.randbytes(100_000), BROKEN, LARGE)
    yield picture("png magic on a jpeg", MAGIC + b"\xff\xd8\xff\xe0" + noise.randbytes(2_000), BROKEN, LARGE)
