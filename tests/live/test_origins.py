"""Origins that the gate signs for: the whole chain in front of servers that check every signature.

MinIO and Azurite stand for S3 and Azure Blob Storage (`stores.py`); a recorder stands for what has no server to
run here. What the recorder saw is also sent to the real servers again, changed, to see it refused.
"""

import base64
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

import contract
import health
import leaks
import signers
import stores
import wire
from kept import Kept, Recorded, env, free_port, picture, recorded
from programs import ProgramError
from stack import Stack
from stores import NAMES, PLACE, Store, encoded
from upstream import Asked
from wire import Answer, request


def s3(prefix: str) -> dict:
    key = {"access_key_id": env(f"{prefix}_ID"), "secret_access_key": env(f"{prefix}_SECRET")}
    return {"aws": key | {"region": "eu-central-1"}}


@pytest.fixture(scope="module")
def minio() -> Iterator[Kept]:
    try:
        with stores.minio(free_port(), picture()) as store:
            temporary = stores.temporary_key(store)
            session = s3("SESSION")
            session["aws"]["session_token"] = env("SESSION_TOKEN")
            half = s3("SESSION")
            path, host = f"http://127.0.0.1:{store.port}/{PLACE}", f"http://{PLACE}.s3.example.com"
            origins = {
                "path-style": (path, s3("S3")),
                "host-style": (host, s3("S3")),
                "with-a-port": (f"{host}:80", s3("S3")),
                "with-headers": (path, s3("S3") | {"set": {"x-amz-request-payer": {"value": "requester"}}}),
                "temporary": (path, session),
                "wrong-secret": (path, s3("WRONG")),
                "wrong-region": (path, {"aws": s3("S3")["aws"] | {"region": "us-east-1"}}),
                "without-its-token": (path, half),
                "no-such-bucket": (f"http://127.0.0.1:{store.port}/hidden-other", s3("S3")),
            }
            secrets = {
                "S3_ID": store.id,
                "S3_SECRET": store.secret,
                "WRONG_ID": store.id,
                "WRONG_SECRET": store.secret[::-1],
                "SESSION_ID": temporary["AccessKeyId"],
                "SESSION_SECRET": temporary["SecretAccessKey"],
                "SESSION_TOKEN": temporary["SessionToken"],
            }
            yield Kept(store, origins, secrets)
    except ProgramError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def azurite() -> Iterator[Kept]:
    try:
        with stores.azurite(free_port(), picture()) as store:
            host = f"http://{store.id}.blob.core.windows.net/{PLACE}"
            path = f"http://127.0.0.1:{store.port}/{store.id}/{PLACE}"
            key = {"azure_shared_key": {"account": store.id, "key": env("AZURE_KEY")}}
            wrong = {"azure_shared_key": {"account": store.id, "key": env("WRONG_KEY")}}
            origins = {
                "shared-key": (host, key),
                "path-style": (path, key),
                "with-headers": (host, key | {"set": {"x-ms-client-request-id": {"value": "pinhole"}}}),
                "sas": (host, {"azure_sas": env("AZURE_SAS")}),
                "wrong-key": (host, wrong),
                "expired-sas": (host, {"azure_sas": env("EXPIRED_SAS")}),
                "sas-of-another-place": (host, {"azure_sas": env("OTHER_SAS")}),
            }

            def sas(place: str, hours: int) -> str:
                return signers.azure_sas(store.id, store.secret, place, signers.now(timedelta(hours=hours)))

            secrets = {
                "AZURE_KEY": store.secret,
                "WRONG_KEY": base64.b64encode(b"another key of sixty-four bytes".ljust(64)).decode(),
                "AZURE_SAS": sas(PLACE, 1),
                "EXPIRED_SAS": sas(PLACE, -1),
                "OTHER_SAS": sas("hidden-other", 1),
            }
            yield Kept(store, origins, secrets)
    except ProgramError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def minio_stack(minio: Kept) -> Iterator[Stack]:
    with minio.stack(minio.store.port) as stack:
        yield stack
        health.check(stack)


@pytest.fixture(scope="module")
def azurite_stack(azurite: Kept) -> Iterator[Stack]:
    with azurite.stack(azurite.store.port) as stack:
        yield stack
        health.check(stack)


def tells_nothing(answer: Answer, kept: Kept) -> None:
    hidden = {
        "the place": PLACE,
        "the account": "canaryaccount",
        "the server": "minio",
        "its host": "blob.core",
    }
    secrets = {name: value for name, value in kept.secrets.items() if "SAS" not in name}
    told = leaks.found_in(answer.text(), hidden | secrets)
    assert not told, f"the answer tells {', '.join(told)}\n{answer}"


def check_picture(stack: Stack, kept: Kept, origin: str, name: str) -> None:
    answer = wire.ask(stack.ports.edge, request(f"/{origin}/{encoded(name)}"))
    size = contract.check_served(answer, stack, "private, no-store", None, "image/jpeg")
    assert size == (100, 75), f"\n{answer}"
    tells_nothing(answer, kept)


def gate_lines(stack: Stack) -> list[str]:
    return [line for line in stack.envoy_log.read_text().splitlines() if "] gate " in line]


def check_refused(stack: Stack, kept: Kept, origin: str, reason: str, path: str = "landscape.jpg") -> None:
    """The gate gives this reason. thumbor makes 404 of whatever it is."""
    before = len(gate_lines(stack))
    answer = wire.ask(stack.ports.edge, request(f"/{origin}/{path}"))
    contract.check_refused(answer, stack, "source-not-found", 404)
    tells_nothing(answer, kept)
    told, end = f" {contract.UPSTREAM_STATUS[reason]} - reason={reason} ", time.monotonic() + 5
    while told not in "".join(gate_lines(stack)[before:][-1:]):  # the log is written every 50 ms
        assert time.monotonic() < end, f"wanted{told}\n{gate_lines(stack)[before:]}"
        time.sleep(0.02)


# ---- S3


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("origin", ["path-style", "host-style", "with-a-port", "with-headers", "temporary"])
def test_minio_serves_what_is_signed(origin: str, name: str, minio: Kept, minio_stack: Stack) -> None:
    check_picture(minio_stack, minio, origin, name)


@pytest.mark.parametrize("origin", ["wrong-secret", "wrong-region", "without-its-token"])
def test_minio_refuses_a_wrong_key(origin: str, minio: Kept, minio_stack: Stack) -> None:
    check_refused(minio_stack, minio, origin, "upstream-failed")


def test_minio_has_no_such_picture(minio: Kept, minio_stack: Stack) -> None:
    check_refused(minio_stack, minio, "path-style", "source-not-found", "nothing.jpg")
    check_refused(minio_stack, minio, "no-such-bucket", "source-not-found")


# ---- Azure


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("origin", ["shared-key", "path-style", "with-headers", "sas"])
def test_azurite_serves_what_is_signed(origin: str, name: str, azurite: Kept, azurite_stack: Stack) -> None:
    check_picture(azurite_stack, azurite, origin, name)


@pytest.mark.parametrize("origin", ["wrong-key", "expired-sas", "sas-of-another-place"])
def test_azurite_refuses_a_wrong_key(origin: str, azurite: Kept, azurite_stack: Stack) -> None:
    check_refused(azurite_stack, azurite, origin, "upstream-failed")


def test_azurite_has_no_such_picture(azurite: Kept, azurite_stack: Stack) -> None:
    for origin in ("shared-key", "sas"):
        check_refused(azurite_stack, azurite, origin, "source-not-found", "nothing.jpg")


# ---- what the gate sent, sent again


@pytest.fixture(scope="module")
def minio_recorded(minio: Kept) -> Iterator[Recorded]:
    with recorded(minio) as found:
        yield found


@pytest.fixture(scope="module")
def azurite_recorded(azurite: Kept) -> Iterator[Recorded]:
    with recorded(azurite) as found:
        yield found


def again(store: Store, asked: Asked, change: Callable[[dict[str, str]], None] | None = None) -> Answer:
    """The answer of a store to a recorded request; `change` alters its headers, `:method` and `:path` first."""
    method, path, _ = asked.line.split(" ")
    headers = dict(asked.headers) | {":method": method, ":path": path}
    if change:
        change(headers)
    method, path, host = (headers.pop(name) for name in (":method", ":path", "host"))
    return wire.ask(store.port, request(path, method, host, list(headers.items())))


def without(*names: str) -> Callable[[dict[str, str]], None]:
    return lambda headers: [headers.pop(name, None) for name in names]


def other(name: str, value: str | Callable[[str], str]) -> Callable[[dict[str, str]], None]:
    def change(headers: dict[str, str]) -> None:
        headers[name] = value(headers[name]) if callable(value) else value

    return change


def later(stamp: str) -> str:
    """Another second of the same minute."""
    return stamp.replace("0Z", "1Z") if stamp.endswith("0Z") else stamp[:-2] + "0Z"


OTHER_NAME = encoded(NAMES[2])
MINIO_CHANGES = {
    "no signature": without("authorization", "x-amz-date", "x-amz-content-sha256"),
    "no authorization": without("authorization"),
    "no date": without("x-amz-date"),
    "another path": other(":path", f"/{PLACE}/{OTHER_NAME}"),
    "another method": other(":method", "HEAD"),
    "another host": other("host", "127.0.0.1:1"),
    "another second": other("x-amz-date", later),
    "a date of yesterday": other("x-amz-date", signers.now(timedelta(days=-1)).strftime("%Y%m%dT%H%M%SZ")),
    "another payload": other("x-amz-content-sha256", "0" * 64),
    "another signature": other("authorization", lambda value: value[:-1] + "01"[value.endswith("0")]),
    "a header to be billed": other("x-amz-request-payer", "requester"),
    "a query": other(":path", lambda path: f"{path}?versionId=null"),
}
# MinIO takes a header that is not signed, where AWS documents that `x-amz-` headers must be.
MINIO_TAKES = {"a header to be billed"}


@pytest.mark.parametrize("name", MINIO_CHANGES)
def test_minio_refuses_what_was_changed(name: str, minio: Kept, minio_recorded: Recorded) -> None:
    asked = minio_recorded.asked["path-style", "GET"]
    answer = again(minio.store, asked, MINIO_CHANGES[name])
    wanted = (200,) if name in MINIO_TAKES else (400, 403)
    assert answer.status in wanted, f"{name}\n{answer}"


AZURITE_CHANGES = {
    "no signature": without("authorization", "x-ms-date", "x-ms-version"),
    "no authorization": without("authorization"),
    "another path": other(":path", f"/{PLACE}/{OTHER_NAME}"),
    "another method": other(":method", "HEAD"),
    "another date": other("x-ms-date", signers.http_date(signers.now(timedelta(minutes=1)))),
    "another version": other("x-ms-version", "2021-10-04"),
    "another signature": other("authorization", lambda value: value[:-2] + "AB"[value.endswith("A=")] + "="),
    "a range": other("range", "bytes=0-1"),
    "another header": other("x-ms-client-request-id", "a"),
    "a query": other(":path", lambda path: f"{path}?comp=metadata"),
}


@pytest.mark.parametrize("name", AZURITE_CHANGES)
def test_azurite_refuses_what_was_changed(name: str, azurite: Kept, azurite_recorded: Recorded) -> None:
    answer = again(azurite.store, azurite_recorded.asked["shared-key", "GET"], AZURITE_CHANGES[name])
    assert answer.status in (400, 403), f"{name}\n{answer}"


def test_get_and_head_are_signed_each(
    minio: Kept, minio_recorded: Recorded, azurite: Kept, azurite_recorded: Recorded
) -> None:
    for kept, found, origins in [
        (minio, minio_recorded, ["path-style", "host-style", "with-a-port", "with-headers", "temporary"]),
        (azurite, azurite_recorded, ["shared-key", "path-style", "with-headers", "sas"]),
    ]:
        for origin in origins:
            for method in ("GET", "HEAD"):
                answer = again(kept.store, found.asked[origin, method])
                assert answer.status == 200, f"{origin} {method}\n{answer}"
                assert answer.one("content-length") == str(len(picture())), f"\n{answer}"
    get, head = (azurite_recorded.asked["sas", method].line for method in ("GET", "HEAD"))
    assert get.removeprefix("GET") == head.removeprefix("HEAD"), "a SAS is the same for both"


@pytest.mark.parametrize("minutes", [-20, 20])
def test_minio_refuses_a_clock_that_is_wrong(minutes: int, minio: Kept) -> None:
    """The module's clock is the host's; here a signature like its own is made for another time."""
    store, host = minio.store, f"127.0.0.1:{minio.store.port}"
    path = f"/{PLACE}/{NAMES[0]}"
    for shift, status in ((0, 200), (minutes, 403)):
        when = signers.now(timedelta(minutes=shift))
        headers = signers.aws("GET", host, path, (store.id, store.secret), when)
        answer = wire.ask(store.port, request(path, "GET", host, headers))
        assert answer.status == status, f"\n{answer}"
        assert status == 200 or b"RequestTimeTooSkewed" in answer.body, f"\n{answer}"


# ---- what no server here checks

FIXED = {
    "basic": ({"basic": {"user": env("USER_NAME"), "password": env("PASSWORD")}}, ["authorization"]),
    "bearer": ({"bearer": env("TOKEN")}, ["authorization"]),
    "access": (
        {"cloudflare_access": {"client_id": env("USER_NAME"), "client_secret": env("PASSWORD")}},
        ["cf-access-client-id", "cf-access-client-secret"],
    ),
    "secure-auth": (
        {"secure_auth": {"application_id": env("USER_NAME"), "application_key": env("APPLICATION_KEY")}},
        ["authorization", "x-sa-date"],
    ),
}
SECRETS = {
    "USER_NAME": "canary-user-name",
    "PASSWORD": "canary-pass-word",
    "TOKEN": "canary-bearer-token",
    "APPLICATION_KEY": "0123456789abcdef" * 4,
}


@pytest.fixture(scope="module")
def others() -> Iterator[Recorded]:
    origins = {name: ("http://photos.example.com/base", kind) for name, (kind, _) in FIXED.items()}
    with recorded(Kept(Store(0, "", ""), origins, SECRETS)) as found:
        yield found


@pytest.mark.parametrize("name", FIXED)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_origin_gets_its_headers(name: str, method: str, others: Recorded) -> None:
    asked = others.asked[name, method]
    assert asked.line == f"{method} /base/{NAMES[0]} HTTP/1.1"
    headers = dict(asked.headers)
    assert len(headers) == len(asked.headers), f"repeated: {asked}"
    names = {key for kind in FIXED.values() for key in kind[1]} & headers.keys()
    assert names == set(FIXED[name][1]), f"{asked}"
    user, password = SECRETS["USER_NAME"], SECRETS["PASSWORD"]
    path, key = f"/base/{NAMES[0]}", SECRETS["APPLICATION_KEY"]
    wanted = {
        "basic": {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()},
        "bearer": {"authorization": f"Bearer {SECRETS['TOKEN']}"},
        "access": {"cf-access-client-id": user, "cf-access-client-secret": password},
    }.get(name) or {"authorization": signers.secure_auth(method, path, user, key, headers["x-sa-date"])}
    assert wanted.items() <= headers.items(), f"{asked}"
