"""Requests as bytes: what no client library would send."""

from __future__ import annotations

import base64
import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

# Stands for a connection that is closed without an answer.
CLOSED = 0

MODEL = "classifier"
INFER = f"/v1/models/{MODEL}/infer"
GIF = b"GIF87a\1\0\1\0\x80\1\0\xff\0\0\xff\xff\xff,\0\0\0\0\1\0\1\0\0\2\2\x44\1\0;"


@dataclass(frozen=True)
class RawRequest:
    """Bytes to send, and the statuses that may be the first answer."""

    name: str
    data: bytes
    expect: frozenset[int]
    only: bool = False
    """Whether what is behind it on the connection must not be taken for another request."""

    def never_fits(self) -> bool:
        """Whether it may be too large, and is never answered: sent again, it would be no smaller."""
        return 413 in self.expect and 200 not in self.expect


def raw(name: str, data: bytes, *expect: int) -> RawRequest:
    """A request that gets one of these statuses."""
    return RawRequest(name, data, frozenset(expect))


def head(method: str, target: str | bytes, *headers: str | bytes) -> bytes:
    """A head in HTTP/1.1, without the empty line at its end."""
    path = target if isinstance(target, bytes) else target.encode()
    lines = [method.encode() + b" " + path + b" HTTP/1.1", b"host: localhost", b"connection: close"]
    lines += [header if isinstance(header, bytes) else header.encode() for header in headers]
    return b"\r\n".join(lines) + b"\r\n"


def get(target: str | bytes, *headers: str | bytes) -> bytes:
    """A whole GET."""
    return head("GET", target, *headers) + b"\r\n"


def post(target: str | bytes, body: bytes, *headers: str | bytes) -> bytes:
    """A whole POST, whose length is true."""
    return head("POST", target, f"content-length: {len(body)}", *headers) + b"\r\n" + body


def form(body: bytes, boundary: str = "B") -> bytes:
    """A POST of a form."""
    return post(INFER, body, f"content-type: multipart/form-data; boundary={boundary}")


def part(name: str, value: bytes, *headers: bytes) -> bytes:
    """One part of a form."""
    lines = [b"--B", b'Content-Disposition: form-data; name="' + name.encode() + b'"', *headers, b"", value, b""]
    return b"\r\n".join(lines)


IMAGE = part("image", GIF, b"Content-Type: image/gif")
END = b"--B--\r\n"


def json(body: bytes, target: str = INFER) -> bytes:
    """A POST of JSON."""
    return post(target, body, "content-type: application/json")


def requests() -> list[RawRequest]:
    """Every request of the corpus."""
    return [*_heads(), *_lengths(), *_targets(), *_forms(), *_json(), *_protocols(), *_pipelines()]


def _heads() -> Iterator[RawRequest]:
    many = [f"x-{number}: y" for number in range(1_000)]
    yield raw("a good one", post(INFER, GIF, "content-type: image/gif"), 200)
    yield raw("nothing but line feeds", b"\r\n" * 1_000, 400, CLOSED)
    yield raw("noise", bytes(range(256)) * 40, 400, CLOSED)
    yield raw("a request line without a version", b"GET /v1/models\r\n\r\n", 400, CLOSED)
    yield raw("HTTP/9.9", b"GET /v1/models HTTP/9.9\r\nhost: a\r\n\r\n", 400, 505, CLOSED)
    yield raw("a method of 10000 letters", b"A" * 10_000 + b" / HTTP/1.1\r\nhost: a\r\n\r\n", 400, 405, 414, CLOSED)
    yield raw("a method that is none", head("G\0T", "/v1/models") + b"\r\n", 400, CLOSED)
    yield raw("a target of 100 kB", get("/v1/models/" + "a" * 100_000), 400, 404, 414, 431, CLOSED)
    yield raw("a header of 100 kB", get("/v1/models", "x-long: " + "a" * 100_000), 431, 400, CLOSED)
    yield raw("1000 headers", get("/v1/models", *many), 431, 400, CLOSED)
    yield raw("a header without a colon", get("/v1/models", "colonless"), 400, CLOSED)
    yield raw("a header with NUL", get("/v1/models", b"x-nul: a\0b"), 400, CLOSED)
    yield raw("a header name with a space", get("/v1/models", "x y: z"), 400, CLOSED)
    yield raw("a folded header", get("/v1/models", "x-folded: a\r\n b"), 200, 400, CLOSED)
    yield raw("a header that is no ASCII", get("/v1/models", b"x-latin: \xe4\xff"), 200, 400)
    yield raw("no host", b"GET /v1/models HTTP/1.1\r\nconnection: close\r\n\r\n", 400)
    yield raw("two hosts", get("/v1/models", "host: other"), 400)
    yield raw("a host that is a path", b"GET /v1/models HTTP/1.1\r\nhost: ../../etc\r\nconnection: close\r\n\r\n", 400)
    yield raw("a bearer of nothing", get("/v1/models", "authorization: Bearer "), 200, 401)
    yield raw("an upgrade", get("/v1/models", "upgrade: h2c, websocket"), 200, 400)
    yield raw("HTTP/2 and noise", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 500, CLOSED)
    yield raw("a TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500), 400, CLOSED)
    yield raw("accepts nothing there is", post(INFER, GIF, "content-type: image/gif", "accept: text/html"), 406)
    yield raw("accepts 10000 kinds", post(INFER, GIF, "content-type: image/gif", "accept: " + ",".join(["a/b"] * 10_000)), 200, 406)


def _lengths() -> Iterator[RawRequest]:
    kind = "content-type: image/gif"
    for name, lengths in {
        "two lengths that differ": ["content-length: 5", "content-length: 6"],
        "a negative length": ["content-length: -1"],
        "a length with a sign": ["content-length: +5"],
        "a length in hexadecimal": ["content-length: 0x10"],
        "a length of 2^64": ["content-length: 18446744073709551616"],
        "an empty length": ["content-length: "],
    }.items():
        yield raw(name, head("POST", INFER, kind, *lengths) + b"\r\nabcde", 400, CLOSED)
    both = head("POST", INFER, kind, "content-length: 5", "transfer-encoding: chunked")
    yield raw("a length and chunks", both + b"\r\n0\r\n\r\n", 400, CLOSED)
    for name, body in {
        "a chunk of no number": b"xyz\r\nabc\r\n0\r\n\r\n",
        "a chunk of 2^64": b"10000000000000000\r\nabc",
        "a negative chunk": b"-1\r\nabc\r\n0\r\n\r\n",
        "a chunk longer than it says": b"1\r\nabcdef\r\n0\r\n\r\n",
        "a chunk with 1 MB of extension": b"3;" + b"x" * 1_000_000 + b"\r\nGIF\r\n0\r\n\r\n",
        "trailers without end": b"0\r\n" + b"x-trailer: y\r\n" * 5_000,
    }.items():
        yield raw(name, head("POST", INFER, kind, "transfer-encoding: chunked") + b"\r\n" + body, 400, 415, 422, CLOSED)
    yield raw("an encoding of the transfer that is unknown", head("POST", INFER, kind, "transfer-encoding: zip") + b"\r\n", 400, 501, CLOSED)
    drops = b"".join(b"1\r\n%c\r\n" % byte for byte in GIF)
    yield raw("a picture in chunks of one byte", head("POST", INFER, kind, "transfer-encoding: chunked") + b"\r\n" + drops + b"0\r\n\r\n", 200)
    yield raw("a promise of 10 GiB", head("POST", INFER, kind, "content-length: 10737418240", "expect: 100-continue") + b"\r\n", 413)
    yield raw("a promise of something odd", post(INFER, GIF, kind, "expect: 42-wonders"), 200, 417, 400)
    yield raw("a body of 40 MB", post(INFER, bytes(40 << 20), kind), 413, CLOSED)
    yield raw("no body", post(INFER, b"", kind), 400, 415)


def _targets() -> Iterator[RawRequest]:
    names = ["..", "%2e%2e", "..%2f..%2fetc%2fpasswd", "a%2fb", "a%00b", "%00", "-a", ".a", "a b", "a%20b", "%ff%fe", "a" * 129, "%F0%9F%90%88", "%", "a\\b", "*", "con:predict:predict", "....//....//etc", "%2e%2e%2f%2e%2e%2f", "%252e%252e", "a;b", "a?b", "%c0%ae%c0%ae", "%e2%80%ae", "caf%C3%A9", "a%0d%0ax-y: z".replace(" ", "%20"), "b" * 60_000]
    for name in names:
        path = f"/v1/models/{name}/infer".replace(" ", "%20")
        yield raw(f"model {name[:20]!r}", post(path, GIF, "content-type: image/gif"), 400, 404)
    for version in ["0", "-1", "01", "+1", "1e3", "1.0", "9223372036854775808", "9" * 100, "%201", "", "latest", "%2e"]:
        path = f"/v1/models/{MODEL}/versions/{version}/infer"
        yield raw(f"version {version[:20]!r}", post(path, GIF, "content-type: image/gif"), 400, 404, 405)
    for label in ["..", "%00", "a%2fb", "x" * 200, "UPPER case"]:
        path = f"/v1/models/{MODEL}/labels/{label}/infer".replace(" ", "%20")
        yield raw(f"label {label[:20]!r}", post(path, GIF, "content-type: image/gif"), 400, 404)
    for asset in ["../../Cargo.toml", "..%2f..%2fCargo.toml", "%2e%2e/%2e%2e/etc/passwd", "//etc/passwd", "page%00.js"]:
        yield raw(f"asset {asset!r}", get(f"/assets/{asset}"), 400, 404)
    yield raw("a target of another host", get("http://192.0.2.1/v1/models"), 200, 400, 404)
    yield raw("an authority for a target", head("CONNECT", "127.0.0.1:22") + b"\r\n", 400, 404, 405, CLOSED)
    yield raw("a target of a star", head("OPTIONS", "*") + b"\r\n", 200, 204, 400, 404, 405)
    for method in ["TRACE", "PUT", "DELETE", "PATCH", "PROPFIND", "POST"]:
        yield raw(f"{method} of the list", head(method, "/v1/models", "content-length: 0") + b"\r\n", 405)
    yield raw("a query of 60 kB", post(INFER + "?" + "a=b&" * 15_000, GIF, "content-type: image/gif"), 400, 414, 431, CLOSED)
    for query in ["confidence=NaN", "confidence=1e999", "confidence=-0.1", "iou=inf", "top_k=-1", "top_k=99999999999999999999", "max_detections=0x10", "classes=%ff", "unknown=1", "top_k=1&top_k=2", "%00=1"]:
        yield raw(f"option {query}", post(f"{INFER}?{query}", GIF, "content-type: image/gif"), 400)


def _forms() -> Iterator[RawRequest]:
    yield raw("a form", form(IMAGE + END), 200)
    yield raw("a form without a boundary", post(INFER, IMAGE + END, "content-type: multipart/form-data"), 400)
    yield raw("a form of an empty boundary", form(IMAGE + END, ""), 400)
    yield raw("a form of another boundary", form(IMAGE + END, "C"), 400)
    yield raw("a form of a boundary of 300", form(IMAGE + END, "b" * 300), 400)
    yield raw("a form that does not end", form(IMAGE), 400)
    yield raw("a form of nothing", form(END), 400)
    yield raw("a form of no bytes", form(b""), 400)
    yield raw("a form of 33 pictures", form(IMAGE * 33 + END), 413, 400)
    yield raw("a form of 1000 options", form(IMAGE + b"".join(part(f"o{number}", b"1") for number in range(1_000)) + END), 400, 413)
    yield raw("a form of 20000 empty parts", form(b"--B\r\n\r\n\r\n" * 20_000 + END), 400, 413)
    yield raw("a part with 100 kB of headers", form(part("image", GIF, b"X-Long: " + b"a" * 100_000) + END), 400, 413)
    yield raw("a part with 1000 headers", form(part("image", GIF, *[b"X-Many: a"] * 1_000) + END), 400, 413)
    yield raw("a part without a name", form(b"--B\r\nContent-Disposition: form-data\r\n\r\n" + GIF + b"\r\n" + END), 400)
    yield raw("a part without headers", form(b"--B\r\n\r\n" + GIF + b"\r\n" + END), 400)
    yield raw("a part of an odd disposition", form(b"--B\r\nContent-Disposition: ;;;=\"\r\n\r\n" + GIF + b"\r\n" + END), 400)
    yield raw("a part whose name is cut", form(b'--B\r\nContent-Disposition: form-data; name="ima\r\n\r\n' + GIF + b"\r\n" + END), 400)
    for name, filename in {"leads out": b"../../etc/passwd", "has NUL": b"a\0b.jpg", "is 10 kB": b"a" * 10_000, "is no UTF-8": b"\xff\xfe", "is HTML": b"<script>alert(1)</script>"}.items():
        data = b'--B\r\nContent-Disposition: form-data; name="image"; filename="' + filename + b'"\r\n\r\n' + GIF + b"\r\n" + END
        yield raw(f"a filename that {name}", form(data), 200, 400, 413)
    yield raw("an option twice", form(IMAGE + part("top_k", b"1") + part("top_k", b"2") + END), 400)
    yield raw("an option of 5 MB", form(IMAGE + part("classes", b"a" * 5_000_000) + END), 400, 413)
    inner = b"--C\r\nContent-Disposition: form-data; name=\"image\"\r\n\r\n" + GIF + b"\r\n--C--\r\n"
    yield raw("a form in a form", form(part("image", inner, b"Content-Type: multipart/mixed; boundary=C") + END), 400, 415)
    yield raw("a form behind 5 MB of preamble", form(b"x" * 5_000_000 + b"\r\n" + IMAGE + END), 200, 400, 413)


def _json() -> Iterator[RawRequest]:
    good = base64.b64encode(GIF)
    one = b'{"b64":"' + good + b'"}'
    yield raw("a picture in JSON", json(one), 200)
    for name, body in {
        "no JSON": b"{",
        "10000 lists": b"[" * 10_000,
        "10000 objects": b'{"a":' * 10_000,
        "nothing": b"",
        "null": b"null",
        "a number of 100 kB": b"9" * 100_000,
        "1e999 as an option": b'{"b64":"' + good + b'","confidence":1e999}',
        "NaN as an option": b'{"b64":"' + good + b'","confidence":NaN}',
        "a key twice": b'{"b64":"' + good + b'","b64":"' + good + b'"}',
        "a key unknown": b'{"b64":"' + good + b'","url":"http://169.254.169.254/"}',
        "no UTF-8": b'{"b64":"\xff\xfe"}',
        "half a surrogate": b'{"b64":"\\ud800"}',
        "no base64": b'{"b64":"***"}',
        "base64 and a letter": b'{"b64":"' + good + b'A"}',
        "a picture as a list": b'{"b64":[1,2,3]}',
        "nested options": b'{"b64":"' + good + b'","classes":' + b"[" * 200 + b"]" * 200 + b"}",
        "no pictures": b'{"images":[]}',
    }.items():
        yield raw(f"JSON of {name}", json(body), 400)
    # Nothing is fetched unless it is set, whatever a URL is.
    for url in [
        "https://pictures.example/a.jpg",
        "http://169.254.169.254/latest/meta-data/",
        "http://127.0.0.1:9090/metrics",
        "http://0x7f.1/",
        "http://[::ffff:127.0.0.1]/",
        "https://user:secret@pictures.example/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_FLUSHALL",
        "",
        "a" * 1_000_000,
    ]:
        yield raw(f"a picture at {url[:40]!r}", json(b'{"url":"' + url.encode() + b'"}'), 403)
    yield raw("a picture at a list", json(b'{"url":["https://pictures.example/"]}'), 400)
    yield raw("a picture at two places", json(b'{"image":{"b64":"' + good + b'","url":"https://pictures.example/"}}'), 400)
    yield raw("1000 pictures at URLs", json(b'{"images":[' + b",".join([b'{"url":"https://a.example/"}'] * 1_000) + b"]}"), 413, 400)
    yield raw("a picture here and one at a URL", json(b'{"images":[' + one + b',{"url":"https://a.example/"}]}'), 200)
    yield raw("JSON of 1000 pictures", json(b'{"images":[' + b",".join([one] * 1_000) + b"]}"), 413, 400)
    yield raw("JSON with a byte order mark", json(b"\xef\xbb\xbf" + one), 200, 400)
    yield raw("JSON of 20 MB of base64", json(b'{"b64":"' + b"A" * 20_000_000 + b'"}'), 400, 413, 415, 503)
    yield raw("JSON of 30 MB of spaces", json(b" " * 30_000_000 + one), 200, 400, 413, 503)
    for kind in ["text/plain", "application/xml", "application/x-www-form-urlencoded", "image/svg+xml;charset=\x7f", "*/*", "a" * 5_000]:
        yield raw(f"a body of {kind[:30]!r}", post(INFER, one, f"content-type: {kind}"), 400, 415)
    yield raw("a body of no kind", post(INFER, one), 400, 415)
    yield raw("a body that says it is packed", post(INFER, one, "content-type: application/json", "content-encoding: gzip"), 400, 415)


def _protocols() -> Iterator[RawRequest]:
    predict, classify, oip = f"/v1/models/{MODEL}:predict", f"/v1/models/{MODEL}:classify", f"/v2/models/{MODEL}/infer"
    bomb = gzip.compress(bytes(200 << 20), 9, mtime=0)
    for target in (predict, oip):
        short = target.split("/", 3)[1]
        yield raw(f"{short}: a gzip bomb of 200 MB", post(target, bomb, "content-encoding: gzip"), 413)
        yield raw(f"{short}: gzip of noise", post(target, b"\x1f\x8b" + bytes(100), "content-encoding: gzip"), 400)
        yield raw(f"{short}: a deflate bomb", post(target, zlib.compress(bytes(100 << 20), 9), "content-encoding: deflate"), 413)
        yield raw(f"{short}: an encoding unknown", post(target, b"{}", "content-encoding: br"), 415)
        for name, body in {"10000 lists": b'{"inputs":' + b"[" * 10_000, "noise": bytes(range(256)), "nothing": b"", "a list": b"[]", "null": b"null", "text": b'"a"'}.items():
            yield raw(f"{short}: {name}", json(body, target), 400)
    for name, body in {
        "ragged lists": b'{"instances":[[1,2],[3]]}',
        "no key that is known": b'{"rows":[1]}',
        "both keys": b'{"instances":[1],"inputs":[1]}',
        "instances of nothing": b'{"instances":[]}',
        "texts for numbers": b'{"instances":["a"]}',
        "a million numbers": b'{"instances":[' + b"1," * 1_000_000 + b"1]}",
        "broken base64": b'{"instances":[{"b64":"*"}]}',
        "base64 of no picture": b'{"instances":[{"b64":"AAAA"}]}',
        "infinity": b'{"instances":[[[[Infinity,NaN,-Infinity]]]]}',
        "another signature": b'{"signature_name":"no","instances":[1]}',
    }.items():
        yield raw(f"predict: {name}", json(body, predict), 400, 404, 413, 415, 422)
    for name, body in {"no examples": b'{"examples":[]}', "an example of a number": b'{"examples":[1]}', "a context alone": b'{"context":{}}', "10000 examples": b'{"examples":[' + b",".join([b"{}"] * 10_000) + b"]}"}.items():
        yield raw(f"classify: {name}", json(body, classify), 400, 413)
    tensor = b'{"inputs":[{"name":"%s","datatype":"%s","shape":%s%s}]}'
    for name, values in {
        "a shape of 2^63": (b"x", b"FP32", b"[9223372036854775807,9223372036854775807]", b',"data":[1]'),
        "a negative shape": (b"x", b"FP32", b"[-1,-1]", b',"data":[1]'),
        "a shape of 1000 axes": (b"x", b"FP32", b"[" + b",".join([b"1"] * 1_000) + b"]", b',"data":[1]'),
        "a kind that is none": (b"x", b"FP9000", b"[1]", b',"data":[1]'),
        "no data": (b"x", b"FP32", b"[1]", b""),
        "texts": (b"x", b"BYTES", b"[1]", b',"data":["AAAA"]'),
        "300 in UINT8": (b"x", b"UINT8", b"[1]", b',"data":[300]'),
    }.items():
        yield raw(f"oip: {name}", json(tensor % values, oip), 400, 413, 415, 422)
    document = b'{"inputs":[{"name":"image","datatype":"BYTES","shape":[1],"parameters":{"binary_data_size":%s}}]}'
    for size in [b"4", b"-1", b"9223372036854775807", b'"4"', b"1e3", b"null"]:
        body = document % size
        header = f"inference-header-content-length: {len(body)}"
        yield raw(f"oip: binary of {size.decode()}", post(oip, body + b"abc", header), 400, 415, 422)
    for length in ["-1", "999999999", "x", "", "0", "18446744073709551616"]:
        yield raw(f"oip: a header of {length!r}", post(oip, document % b"4" + bytes(8), f"inference-header-content-length: {length}"), 400)
    yield raw("a load with odd parameters", json(b'{"parameters":{"config":"' + b"a" * 100_000 + b'"}}', "/v2/repository/models/nothing-here/load"), 400, 404)


def _pipelines() -> Iterator[RawRequest]:
    open_get = b"GET /v1/models HTTP/1.1\r\nhost: localhost\r\n\r\n"
    yield raw("two at once", open_get + get("/v1/models"), 200)
    yield raw("200 at once", open_get * 200 + get("/v1/models"), 200)
    yield raw("a body that is a request", post(INFER, get("/v1/models"), "content-type: image/png"), 415)
    yield raw("line feeds alone", b"GET /v1/models HTTP/1.1\nhost: a\nconnection: close\n\n", 200, 400, CLOSED)
    yield raw("carriage returns alone", b"GET /v1/models HTTP/1.1\rhost: a\r\r", 400, 408, CLOSED)
    kind = "content-type: image/gif"
    # RFC 9112 lets a line feed end a line; what is behind the five bytes of this body is a request of its own.
    yield raw("a length behind a line feed", head("POST", INFER, kind, "x: a\ncontent-length: 5") + b"\r\n0\r\n\r\n", 400, 415)
    yield raw("chunks twice", head("POST", INFER, kind, "transfer-encoding: chunked", "transfer-encoding: chunked") + b"\r\n0\r\n\r\n", 400)
    yield from _smuggled(open_get)


def _smuggled(second: bytes) -> Iterator[RawRequest]:
    """Requests behind which lies another one, for who reads them as the first server does not."""
    for name, headers in {
        "a length and chunks, and another request": ["content-length: 6", "transfer-encoding: chunked"],
        "a length and spaced chunks": ["content-length: 6", "transfer-encoding : chunked"],
        "chunks and then not": ["transfer-encoding: chunked, identity"],
        "chunks of what is packed": ["transfer-encoding: gzip, chunked"],
        "chunks of chunks": ["transfer-encoding: chunked, chunked"],
        "chunks behind nothing": ["transfer-encoding: ,chunked"],
        "chunks, misspelt": ["transfer-encoding: xchunked"],
        "chunks behind a vertical tab": ["transfer-encoding: \x0bchunked"],
        "chunks in a folded header": ["transfer-encoding:\r\n chunked"],
        "two lengths in one": ["content-length: 5, 5"],
    }.items():
        start = f"POST {INFER} HTTP/1.1\r\nhost: a\r\ncontent-type: image/gif\r\n" + "\r\n".join(headers)
        yield RawRequest(f"smuggled: {name}", start.encode() + b"\r\n\r\n0\r\n\r\n" + second, frozenset({400, 501, CLOSED}), only=True)
    chunks = f"POST {INFER} HTTP/1.1\r\nhost: a\r\ncontent-type: image/gif\r\ntransfer-encoding: chunked\r\n\r\n".encode()
    for name, body in {
        "a chunk's length and a line feed": b"1\nx\r\n0\r\n\r\n",
        "a chunk's length with an underscore": b"1_0\r\nx\r\n0\r\n\r\n",
        "a chunk of 0x length": b"0x1\r\nx\r\n0\r\n\r\n",
        "a chunk's length and a line feed in its extension": b"1;a\nb\r\nx\r\n0\r\n\r\n",
        "a chunk without its end": b"1\r\nx0\r\n\r\n",
    }.items():
        yield RawRequest(f"smuggled: {name}", chunks + body + second, frozenset({400, CLOSED}), only=True)
