"""Keys of a server under attack: made by its own command, shown in every way, and then looked for."""

from __future__ import annotations

import base64
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .requests import GIF, INFER, MODEL, get, post
from .server import BINARY, ROOT


@dataclass(frozen=True)
class Key:
    """A key, as it was printed once."""

    text: str

    @property
    def secret(self) -> str:
        """What nobody else may read of it: all behind `ocl_<id>_`."""
        return self.text.split("_", 2)[2]

    def traces(self) -> dict[str, bytes]:
        """What would give it away, by name."""
        whole, secret = self.text.encode(), self.secret.encode()
        return {
            "the key": whole,
            "its secret": secret,
            "the first half of its secret": secret[: len(secret) // 2],
            "the second half of its secret": secret[len(secret) // 2 :],
            "the key in base64": base64.b64encode(whole)[:-4],
            "its secret in base64": base64.b64encode(secret)[:-4],
            "its secret in hexadecimal": secret.hex().encode(),
        }


def make(file: Path, *arguments: str) -> Key:
    """A new key in a file."""
    said = _keys("create", "--access-keys", file, "--name", "hostile", *arguments)
    return Key(said.strip())


def revoke(file: Path, key: Key) -> None:
    """Ends a key."""
    _keys("revoke", key.text.split("_", 2)[1], "--access-keys", file)


def _keys(*arguments: str | Path) -> str:
    return subprocess.run([BINARY, "keys", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def shown(key: Key, request: bytes, header: str = "authorization: Bearer") -> bytes:
    """A request with a key, where its head is one that can take it; of those without bodies, each that follows."""
    host = b"\r\nhost: localhost\r\n"
    if host not in request.partition(b"\r\n\r\n")[0] + b"\r\n":
        return request
    heads = -1 if request.startswith(b"GET ") else 1
    return request.replace(host, host + f"{header} {key.text}\r\n".encode(), heads)


def misplaced(key: Key) -> list[bytes]:
    """Requests of people who put a key where it does not belong."""
    text, secret = key.text, key.secret
    basic = base64.b64encode(f"{text}:{text}".encode()).decode()
    picture = "content-type: image/gif"
    form = f'--B\r\nContent-Disposition: form-data; name="image"; filename="{text}"\r\n\r\n'.encode() + GIF + b"\r\n--B--\r\n"
    return [
        get(f"/v1/models?key={text}"),
        get(f"/v1/models/{text}"),
        get(f"/{text}/v1/models"),
        get(f"/v1/models/{MODEL}/versions/{text}"),
        post(f"/v1/models/{text}/infer", GIF, picture),
        post(f"/v1/models/{text}/infer", GIF, picture, f"authorization: Bearer {text}"),
        post(f"{INFER}?api_key={text}", GIF, picture, f"authorization: Bearer {text}"),
        post(f"{INFER}?classes={text}", GIF, picture, f"authorization: Bearer {text}"),
        post(INFER, GIF, picture, f"authorization: Basic {basic}"),
        post(INFER, GIF, picture, f"authorization: Bearer {text[:-1]}"),
        post(INFER, GIF, picture, f"authorization: Bearer {text} {text}"),
        post(INFER, GIF, picture, f"authorization: {text}"),
        post(INFER, GIF, picture, f"authorization: Bearer {secret}"),
        post(INFER, GIF, picture, f"cookie: key={text}"),
        post(INFER, GIF, picture, f"x-request-id: {text}"),
        post(INFER, GIF, picture, f"traceparent: {text}", f"user-agent: {text}", f"referer: http://a/{text}"),
        post(INFER, GIF, f"content-type: {text}/{secret}", f"authorization: Bearer {text}"),
        post(INFER, GIF, picture, f"accept: {text}", f"authorization: Bearer {text}"),
        post(INFER, f'{{"b64":"{text}"}}'.encode(), "content-type: application/json", f"authorization: Bearer {text}"),
        post(INFER, f'{{"{text}":1}}'.encode(), "content-type: application/json", f"authorization: Bearer {text}"),
        post(INFER, form, "content-type: multipart/form-data; boundary=B", f"authorization: Bearer {text}"),
        post(f"/v2/repository/models/{text}/load", b"{}", f"authorization: Bearer {text}"),
        post(f"/v2/models/{MODEL}/infer", f'{{"id":"{text}","inputs":[]}}'.encode(), f"authorization: Bearer {text}"),
    ]
