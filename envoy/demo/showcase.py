"""What the demo's page shows of a policy: the address of every preset of a picture, and requests that must be refused.

It reads the policy as it is written. Whether a request is really served or refused is pinhole's to say, and the page's
to ask. A route whose pattern is more than plain text with named groups is left out, never guessed at.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

GROUP = re.compile(r"\(\?<(\w+)>")
SCALING = {"width", "height", "quality", "format", "extends"}  # the keys of a preset that only makes pictures smaller


class ShowcaseError(Exception):
    """The policy has nothing that a page of presets could show."""


@dataclass(frozen=True)
class Attempt:
    """A request that nobody should get a picture for, and the refusal that pinhole has for it."""

    says: str
    path: str
    status: int
    reason: str
    method: str = "GET"


class Showcase:
    """The first route of the policy that serves presets, and all that lies around it."""

    def __init__(self, policy: dict) -> None:
        self.routes: list[dict] = policy["routes"]
        self.presets = _resolved(policy.get("presets", {}))
        if not self.presets:
            raise ShowcaseError("the policy has no presets")
        asked = {"preset": next(iter(self.presets)), "source": "a"}
        routes = [route for route in self.routes if not route.keys() & {"signature", "hosts", "sources", "presets"}]
        served = [route["path"] for route in routes if address(route["path"], asked)]
        if not served:
            raise ShowcaseError("no route of the policy serves its presets to everybody at a path that can be told")
        self.pattern = served[0]

    def path(self, preset: str, source: str) -> str:
        """Where the page gets this picture."""
        found = address(self.pattern, {"preset": preset, "source": source})
        if found is None:
            raise ShowcaseError(f"{self.pattern} does not match the preset {preset!r} of {source!r}")
        return found

    def size(self, preset: str, original: tuple[int, int]) -> tuple[int, int] | None:
        """The pixels of the preset's picture; None where it does more than make one smaller."""
        options = self.presets[preset]
        if not options.keys() <= SCALING:
            return None
        sides = zip(("width", "height"), original, strict=True)
        scale = min(1.0, *(options[side] / length for side, length in sides if side in options))
        return max(1, round(original[0] * scale)), max(1, round(original[1] * scale))

    def attempts(self, source: str, drawing: str) -> Iterator[Attempt]:
        """Ways around the policy that a visitor may try with a picture, and with a drawing that is not resized."""
        preset = next(iter(self.presets))
        served = self.path(preset, source)
        directory = served.removesuffix(quote(source))
        unknown = next(name for name in ("original", "full", "unlimited") if name not in self.presets)
        yield Attempt("A size that the policy does not name", self.path(unknown, source), 404, "unknown-preset")
        if not any(_matches(route["path"], f"/{source}") for route in self.routes):
            yield Attempt("The original, by its own name", f"/{quote(source)}", 404, "no-route")
        yield Attempt("A width of one’s own beside the preset’s", f"{served}?width=4000", 400, "unknown-option")
        yield from self._beyond_limits(source)
        slash, twice = f"{directory}..%2f{quote(source)}", f"{directory}%252e%252e/{quote(source)}"
        yield Attempt("Out of the directory, by an escaped slash", slash, 400, "malformed-request")
        yield Attempt("Out of the directory, by escaping twice", twice, 400, "malformed-path")
        yield Attempt("A drawing that could carry a script", self.path(preset, drawing), 415, "not-resizable")
        yield Attempt("To delete the picture", served, 405, "method-not-allowed", method="DELETE")

    def _beyond_limits(self, source: str) -> Iterator[Attempt]:
        for route in self.routes:
            path = address(route["path"], {"source": source})
            if not path or "hosts" in route:
                continue
            if "signature" in route:
                yield Attempt("Without the signature that this route wants", path, 403, "bad-signature")
                continue
            width = route.get("query", {}).get("width", {})
            if "max" in width and width.get("over", "reject") == "reject":
                most = int(width["max"])
                yield Attempt(f"Wider than this route’s {most}", f"{path}?width={most * 5}", 400, "over-limit")
                twice = f"{path}?width={most // 2}&width={most * 5}"
                yield Attempt("One width to be checked, another to be used", twice, 400, "repeated-option")


def address(pattern: str, groups: dict[str, str]) -> str | None:
    """The path that a route's pattern matches with exactly these groups, or None where that cannot be told."""
    path, rest = "", pattern
    while found := GROUP.search(rest):
        if found[1] not in groups:
            return None
        path += rest[: found.start()] + groups[found[1]]
        rest = rest[_end_of_group(rest, found.end()) :]
    path += rest
    matched = _matches(pattern, path)
    return quote(path) if matched and matched.groupdict() == groups else None


def _end_of_group(pattern: str, start: int) -> int:
    # Brackets within a class or behind a backslash would be counted wrongly; then the path does not match either.
    depth = 1
    for place in range(start, len(pattern)):
        depth += {"(": 1, ")": -1}.get(pattern[place], 0)
        if depth == 0:
            return place + 1
    return len(pattern)


def _matches(pattern: str, path: str) -> re.Match | None:
    # Python writes named groups with a P, and lacks some classes of Rust's.
    try:
        return re.fullmatch(GROUP.sub(r"(?P<\1>", pattern), path)
    except re.error:
        return None


def _resolved(presets: dict[str, dict]) -> dict[str, dict]:
    """The presets with all that they extend, which pinhole checks: it is there, and there is no circle."""

    def whole(preset: dict) -> dict:
        return (whole(presets[preset["extends"]]) if "extends" in preset else {}) | preset

    return {name: whole(preset) for name, preset in presets.items()}
