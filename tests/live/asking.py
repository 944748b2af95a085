"""How each resizer is asked for a picture of a given source, signed as its documents say.

Written in Python and by those documents alone, so that a mistake of pinhole's is not made twice.
"""

import base64
import hmac
from collections.abc import Callable, Iterator
from typing import NamedTuple
from urllib.parse import quote, urlencode

Secrets = dict[str, str]


class Asking(NamedTuple):
    """The words of one resizer. A path is without signature and without the slash before it."""

    scaled: Callable[[str, int], str]  # the path of this source, so wide
    enlarged: Callable[[str, int], str]  # of this source as a JPEG, as large as a square of that side holds
    signature: Callable[[str, Secrets], str]
    url: Callable[[str, str], str]  # a path and its signature together

    def signed(self, path: str, secrets: Secrets) -> str:
        return self.url(path, self.signature(path, secrets))


def _base64url(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def _escaped(source: str) -> str:
    return quote(source, safe="")


def _first(path: str, signature: str) -> str:
    return f"/{signature}/{path}"


def _thumbor_like(key: str, kind: str) -> Asking:
    return Asking(
        lambda source, width: f"fit-in/{width}x0/{_escaped(source)}",
        lambda source, side: f"fit-in/{side}x{side}/filters:upscale():format(jpeg)/{_escaped(source)}",
        lambda path, secrets: base64.urlsafe_b64encode(
            hmac.digest(secrets[key].encode(), path.encode(), kind)
        ).decode(),
        _first,
    )


def _imgproxy_signature(path: str, secrets: Secrets) -> str:
    key, salt = (bytes.fromhex(secrets[name]) for name in ("IMGPROXY_KEY", "IMGPROXY_SALT"))
    return _base64url(hmac.digest(key, salt + f"/{path}".encode(), "sha256"))


def _imgproxy_path(options: str, source: str) -> str:
    return f"{options}/{_base64url(source.encode())}"


def _imaginary_signature(path: str, secrets: Secrets) -> str:
    text = f"/{path.replace('?', '', 1)}"
    return _base64url(hmac.digest(secrets["IMAGINARY_KEY"].encode(), text.encode(), "sha256"))


def _imaginary_path(operation: str, source: str, **options: object) -> str:
    return f"{operation}?{urlencode(sorted({'url': source, **options}.items()))}"


def _ipx_path(modifiers: str, source: str) -> str:
    return f"{modifiers}/{_escaped(source.replace('%', '%25'))}"


ASKING = {
    "thumbor": _thumbor_like("THUMBOR_KEY", "sha1"),
    "imagor": _thumbor_like("IMAGOR_SECRET", "sha256"),
    "imgproxy": Asking(
        lambda source, width: _imgproxy_path(f"rs:fit:{width}:0:0", source),
        lambda source, side: _imgproxy_path(f"rs:fit:{side}:{side}:1/f:jpg", source),
        _imgproxy_signature,
        _first,
    ),
    "imaginary": Asking(
        lambda source, width: _imaginary_path("resize", source, width=width),
        lambda source, side: _imaginary_path("enlarge", source, width=side, height=side, nocrop="true", type="jpeg"),
        _imaginary_signature,
        lambda path, signature: f"/{path}&sign={signature}",
    ),
    "ipx": Asking(
        lambda source, width: _ipx_path(f"w_{width}", source),
        lambda source, side: _ipx_path(f"enlarge,s_{side}x{side},fit_inside,f_jpeg", source),
        lambda _path, _secrets: "",
        lambda path, _signature: f"/{path}",
    ),
}


def forgeries(asking: Asking, source: str, secrets: Secrets) -> Iterator[tuple[str, str]]:
    """URLs of the source that nobody signed, each with what is wrong with it."""
    path = asking.scaled(source, 100)
    signature = asking.signature(path, secrets)
    yield "none", f"/{path}"
    for word in ("unsafe", "insecure", "_", ""):
        yield f"the word {word!r}", asking.url(path, word)
    yield "of another key", asking.signed(path, {name: value[::-1] for name, value in secrets.items()})
    yield "of another size", asking.url(asking.scaled(source, 200), signature)
    yield "of another source", asking.url(asking.scaled(source + "x", 100), signature)
    yield "of other options", asking.url(asking.enlarged(source, 100), signature)
    yield "its first half", asking.url(path, signature[: len(signature) // 2])
    yield "in other letters", asking.url(path, signature.swapcase())
    yield "of an empty path", asking.url(path, asking.signature("", secrets))
