"""Pictures and what Pillow and OpenCV themselves make of them, for the tests of preprocessing.

    make_goldens.py            writes inputs/, expected/ and cases.json beside this file
    make_goldens.py --check    makes them anew in memory and says which of those here differ

Inputs are small cuts of CC0 photos that scikit-image ships (`make photos` fetches them). What is
expected is eight-bit RGB before normalisation, kept as PNG.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

HERE = Path(__file__).parent
PHOTOS = HERE.parents[1] / ".ocellus" / "photos"
Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Case:
    """An input file, the `[input]` section of a contract, and the pixels expected of them."""

    name: str
    input: str
    contract: str
    expected: str


class Files:
    """Everything that is made, by its name below this folder."""

    def __init__(self) -> None:
        self.made: dict[str, bytes] = {}
        self.cases: list[Case] = []

    def input(self, name: str, data: bytes) -> str:
        self.made[f"inputs/{name}"] = data
        return f"inputs/{name}"

    def case(self, name: str, source: str, contract: str, expected: Pixels) -> None:
        path = f"expected/{name}.png"
        self.made[path] = png(Image.fromarray(expected))
        self.cases.append(Case(name, source, contract, path))


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    data = io.BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


def png(image: Image.Image) -> bytes:
    return encoded(image, "PNG", optimize=True)


def photo(name: str, box: tuple[int, int, int, int], size: tuple[int, int]) -> Image.Image:
    """A cut of a photo, made small so that the files are."""
    return Image.open(PHOTOS / name).convert("RGB").crop(box).resize(size, Image.Resampling.LANCZOS)


def upright_rgb(data: bytes) -> Pixels:
    """What Pillow reads: the first frame, upright, over white where it is transparent."""
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    if "A" in image.getbands() or "transparency" in image.info:
        layer = image.convert("RGBA")
        white = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, layer)
    return np.asarray(image.convert("RGB"))


def exif(orientation: int) -> bytes:
    data = Image.Exif()
    data[0x0112] = orientation
    return data.tobytes()


def formats(image: Image.Image) -> Iterator[tuple[str, bytes]]:
    """The picture in every format and kind of pixels that is accepted."""
    alpha = Image.linear_gradient("L").resize(image.size)
    rgba = image.copy()
    rgba.putalpha(alpha)
    grey = image.convert("L")
    deep = np.asarray(grey, np.uint16) * 257
    frames = [image, ImageOps.flip(image)]
    yield "444.jpg", encoded(image, "JPEG", quality=92, subsampling=0)
    yield "420.jpg", encoded(image, "JPEG", quality=92, subsampling=2)
    yield "progressive.jpg", encoded(image, "JPEG", quality=92, progressive=True)
    yield "grey.jpg", encoded(grey, "JPEG", quality=92)
    yield "cmyk.jpg", encoded(image.convert("CMYK"), "JPEG", quality=92)
    yield "rgb.png", png(image)
    yield "rgba.png", png(rgba)
    yield "palette.png", png(image.quantize(64))
    yield "grey.png", png(grey)
    yield "grey_alpha.png", png(rgba.convert("LA"))
    yield "grey16.png", sixteen_bits(deep)
    yield "rgb16.png", sixteen_bits(np.asarray(image, np.uint16)[:, :, ::-1] * 257)
    yield "animated.png", encoded(frames[0], "PNG", save_all=True, append_images=frames[1:])
    yield "lossy.webp", encoded(image, "WEBP", quality=85)
    yield "lossless.webp", encoded(image, "WEBP", lossless=True)
    yield "alpha.webp", encoded(rgba, "WEBP", lossless=True)
    yield "animated.webp", encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    yield "still.gif", encoded(image.quantize(64), "GIF")
    yield "animated.gif", encoded(frames[0].quantize(64), "GIF", save_all=True, append_images=frames[1:])


def sixteen_bits(array: NDArray[np.uint16]) -> bytes:
    """OpenCV writes what Pillow cannot: sixteen bits a channel (its order is BGR)."""
    written, data = cv2.imencode(".png", array)
    assert written
    return data.tobytes()


def decoding(files: Files) -> None:
    image = photo("coffee.png", (150, 20, 450, 320), (48, 40))
    as_it_is = "height = 40\nwidth = 48\nresize.mode = \"none\""
    for name, data in formats(image):
        expected = upright_rgb(data)
        if name.endswith("16.png"):
            # Pillow cannot bring sixteen bits down to eight; both here are eight bits times 257.
            array = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) // 257
            array = array.astype(np.uint8)
            expected = cv2.cvtColor(array, cv2.COLOR_GRAY2RGB if array.ndim == 2 else cv2.COLOR_BGR2RGB)
        source = files.input(name, data)
        files.case(f"decode_{name.replace('.', '_')}", source, as_it_is, expected)
    for orientation in range(1, 9):
        for kind, options in (("jpg", {"quality": 92}), ("png", {}), ("webp", {"lossless": True})):
            encoder = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP"}[kind]
            data = encoded(image, encoder, exif=exif(orientation), **options)
            source = files.input(f"exif_{orientation}.{kind}", data)
            expected = upright_rgb(data)
            contract = f"height = {expected.shape[0]}\nwidth = {expected.shape[1]}\nresize.mode = \"none\""
            files.case(f"exif_{orientation}_{kind}", source, contract, expected)


PILLOW = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "area": Image.Resampling.BOX,
}
OPENCV = {
    "nearest": cv2.INTER_NEAREST,
    "bilinear": cv2.INTER_LINEAR,
    "bicubic": cv2.INTER_CUBIC,
    "area": cv2.INTER_AREA,
}
Resizer = Callable[[Pixels, int, int], Pixels]


def resizers() -> Iterator[tuple[str, str, Resizer]]:
    """Every filter of every profile, as a function of pixels, width and height."""
    for name, resampling in PILLOW.items():
        yield "pillow", name, lambda pixels, width, height, by=resampling: np.asarray(
            Image.fromarray(pixels).resize((width, height), by)
        )
    for name, interpolation in OPENCV.items():
        yield "opencv", name, lambda pixels, width, height, by=interpolation: cv2.resize(
            pixels, (width, height), interpolation=by
        )


def resizing(files: Files) -> None:
    cat = photo("chelsea.png", (60, 10, 400, 290), (157, 131))
    source = files.input("cat.png", png(cat))
    pixels = np.asarray(cat)
    for profile, name, resize in resizers():
        settings = f'profile = "{profile}", filter = "{name}"'
        for width, height in ((64, 64), (61, 37), (200, 150), (200, 60)):
            contract = f'height = {height}\nwidth = {width}\nresize = {{ mode = "stretch", {settings} }}'
            expected = resize(pixels, width, height)
            files.case(f"stretch_{profile}_{name}_{width}x{height}", source, contract, expected)
        letterboxes(files, source, pixels, settings, f"{profile}_{name}", resize)


def letterboxes(files: Files, source: str, pixels: Pixels, settings: str, label: str, resize: Resizer) -> None:
    """Ultralytics' LetterBox: one scale, rounded sides, the smaller half of odd padding first."""
    height, width = pixels.shape[:2]
    side = 96
    scale = min(side / height, side / width)
    resized = resize(pixels, round(width * scale), round(height * scale))
    room = side - resized.shape[0]
    for anchor, top in (("center", round(room / 2 - 0.1)), ("top_left", 0)):
        canvas = np.full((side, side, 3), 114, np.uint8)
        canvas[top : top + resized.shape[0], : resized.shape[1]] = resized
        mode = f'mode = "letterbox", anchor = "{anchor}", {settings}'
        contract = f"height = {side}\nwidth = {side}\nresize = {{ {mode} }}"
        files.case(f"letterbox_{anchor}_{label}", source, contract, canvas)


def cropping(files: Files) -> None:
    cat = Image.open(io.BytesIO(files.made["inputs/cat.png"]))
    tall = cat.transpose(Image.Transpose.ROTATE_90).resize((101, 163), Image.Resampling.BICUBIC)
    sources = {"wide": ("inputs/cat.png", cat), "tall": (files.input("tall.png", png(tall)), tall)}
    for label, (source, image) in sources.items():
        for name in ("bilinear", "bicubic"):
            crop = center_crop(image, 64, 0.875, PILLOW[name])
            settings = f'mode = "center_crop", fraction = 0.875, filter = "{name}"'
            contract = f"height = 64\nwidth = 64\nresize = {{ {settings} }}"
            files.case(f"center_crop_{label}_{name}", source, contract, crop)
            for size in (72, 48):
                edge = shortest_edge(image, 64, size, PILLOW[name])
                settings = f'mode = "shortest_edge", shortest_edge = {size}, filter = "{name}"'
                contract = f"height = 64\nwidth = 64\nresize = {{ {settings} }}"
                files.case(f"shortest_edge_{label}_{name}_{size}", source, contract, edge)


def center_crop(image: Image.Image, side: int, fraction: float, by: Image.Resampling) -> Pixels:
    """EfficientNet's preprocess_for_eval: crop whole pixels, offsets rounded up, then resize."""
    width, height = image.size
    crop = int(fraction * min(width, height))
    left, top = (width - crop + 1) // 2, (height - crop + 1) // 2
    return np.asarray(image.crop((left, top, left + crop, top + crop)).resize((side, side), by))


def shortest_edge(image: Image.Image, side: int, size: int, by: Image.Resampling) -> Pixels:
    """torchvision's Resize(size) and CenterCrop(side) on a Pillow picture."""
    width, height = image.size
    if width <= height:
        resized = image.resize((size, int(size * height / width)), by)
    else:
        resized = image.resize((int(size * width / height), size), by)
    width, height = resized.size
    left, top = max(side - width, 0) // 2, max(side - height, 0) // 2
    canvas = Image.new("RGB", (max(side, width), max(side, height)))
    canvas.paste(resized, (left, top))
    left, top = round((canvas.width - side) / 2.0), round((canvas.height - side) / 2.0)
    return np.asarray(canvas.crop((left, top, left + side, top + side)))


def make() -> dict[str, bytes]:
    files = Files()
    decoding(files)
    resizing(files)
    cropping(files)
    cases = json.dumps([asdict(case) for case in files.cases], indent=1) + "\n"
    return {**files.made, "cases.json": cases.encode()}


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("--check", action="store_true", help="write nothing, compare with what is here")
    check = arguments.parse_args().check
    differing = []
    for name, data in make().items():
        path = HERE / name
        if not check:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
        elif not path.is_file() or path.read_bytes() != data:
            differing.append(name)
    for name in differing:
        print(f"tests/goldens/{name} is not what make_goldens.py makes", file=sys.stderr)
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
