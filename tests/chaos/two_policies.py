"""Two policies that differ in all that an answer, or the origin, can tell them by; and visitors who tell.

Of an answer: size, type, `cache-control`, `vary`, the source's directory and so the picture, `etag`, which is made under the
seal key. Of what the origin is asked: directory and credential. What is neither the one nor the other is MIXED. What does
not belong here: how policies get into Envoy.
"""

import io
import json
import random
import shutil
import threading
import time
from dataclasses import dataclass

import where
from PIL import Image

import leaks
import marked
import resizers
from restarting import Restarted
from visitors import Recorded
from wire import Answer, Closed, request

HALF = marked.COUNT // 2  # so many names; the second directory has other pictures under them
KEYS = {"A": "a1" * 32, "B": "b2" * 32}
MIXED, LOST = "MIXED", "LOST"


def policy(name: str, resizer: str, **route: object) -> str:
    """A or B. Each opens what the other has sealed, and has both origins. `route` is laid over its only route."""
    is_a = name == "A"
    directory = f"http://secret.example.com/hidden-directory/{name}"
    origins = {
        which: {
            "url": f"{directory}-{which}",
            "cluster": "photos",
            "credentials": {"set": {"authorization": {"env": "PHOTOS_TOKEN"}, "x-which": {"value": f"policy-{name}"}}},
            "origin_auth": "share-publicly",
        }
        for which in ("first", "second")
    }
    path = {"path": "/images/(?<preset>[^/]+)/(?<source>.+)", "origin": "first" if is_a else "second"}
    return json.dumps(
        {
            "presets": {"small": {"width": 300, "format": "auto"} if is_a else {"width": 150}},
            "routes": [path | {"max_age": 3600 if is_a else 1800} | route],
            "origins": origins,
            "resizer": resizers.section(resizer),
            "gate": {
                "url": "http://127.0.0.1:10001",
                "seal_key": {"value": KEYS[name]},
                "previous_seal_key": {"value": KEYS["B" if is_a else "A"]},
                "private_sources": "refuse",
            },
        }
    )


def make_pictures() -> None:
    """The four directories: both policies' are alike, the first's and the second's are not."""
    made = marked.make(where.SCRATCH / "pictures")
    for which, more in (("first", 0), ("second", HALF)):
        for name in ("A", "B"):
            directory = where.SCRATCH / "two" / f"{name}-{which}"
            directory.mkdir(parents=True, exist_ok=True)
            for number in range(HALF):
                shutil.copyfile(made / marked.name(number + more), directory / marked.name(number))


class Swapped(Restarted):
    """A stack with two workers that reads its filters from files, and begins with A."""

    def __init__(self, resizer: str) -> None:
        super().__init__(policy("A", resizer), resizer, from_files=True, concurrency=2)

    def _start_origin(self, port: int | None = None) -> None:
        make_pictures()
        self.pictures = where.SCRATCH / "two"  # in the place of the demo's
        super()._start_origin(port)


@dataclass(frozen=True)
class Told:
    """By which policy an answer is, and when it was asked for and had. Times are those of time.monotonic()."""

    start: float
    end: float
    policy: str
    detail: str = ""


class Telling:
    """A context manager: visitors who ask until it is left."""

    def __init__(self, stack: Swapped, count: int = 4) -> None:
        self.stack, self.told = stack, []
        self.secrets = leaks.secrets_of(stack) | {f"key {name}": key for name, key in KEYS.items()}
        self.tags: dict[tuple[str, int], str] = {}
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self._visit, args=(seed,)) for seed in range(count)]

    def __enter__(self) -> "Telling":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join()

    def _visit(self, seed: int) -> None:
        dice = random.Random(seed)
        connection: Recorded | None = None
        while not self.over.is_set():
            number, start = dice.randrange(HALF), time.monotonic()
            try:
                connection = connection or Recorded(self.stack.ports.edge, 20)
                answer = connection.ask(request(f"/images/small/{marked.name(number)}", headers=[("accept", "image/webp")]))
                which, detail = self.judge(number, answer)
            except (OSError, Closed, AssertionError) as error:  # also on a connection that was idle: nothing closes one
                connection, which, detail = None, LOST, repr(error)
            self.told.append(Told(start, time.monotonic(), which, detail))
            self.over.wait(0.01)
        if connection:
            connection.socket.close()

    def judge(self, number: int, answer: Answer) -> tuple[str, str]:
        """A, B, or neither and why."""
        if told := leaks.found_in(answer.text(), self.secrets):
            return MIXED, f"it tells {told}\n{answer}"
        if answer.status != 200:
            return LOST, f"\n{answer}"
        with Image.open(io.BytesIO(answer.body)) as picture:
            found = (marked.number_of(picture), picture.size, answer.one("content-type"), Image.MIME[picture.format])
        found += (answer.one("cache-control"), answer.one("vary"))
        for which, width, kind, cache, vary, more in (
            ("A", 300, "image/webp", "public, max-age=3600", "accept", 0),
            ("B", 150, "image/jpeg", "public, max-age=1800", None, HALF),
        ):
            size = (width, marked.height(number + more, width))
            if found == (number + more, size, kind, kind, cache, vary):
                tag = answer.one("etag") or ""
                known = self.tags.setdefault((which, number), tag)
                return (which, "") if tag == known else (MIXED, f"{which} with the tag {tag}, and {known} before\n{answer}")
        return MIXED, f"{found}\n{answer}"
