"""Origins that Envoy's own filters open: the shipped variants of envoy.yaml, as they are.

The module knows nothing of these credentials, and neither may anybody else but the origin.
"""

import urllib.request
from collections.abc import Iterator
from urllib.parse import quote

import pytest

import contract
import leaks
from conftest import RESIZER
from sigv4 import Bucket, fault
from stack import Stack
from wire import Answer, ask, request

CACHE = "public, max-age=3600"
AWS = {
    "AWS_ACCESS_KEY_ID": "AKIDcanaryOfTheKeyId",
    "AWS_SECRET_ACCESS_KEY": "canary/of+the/secret+access/key+0123456789",
    "AWS_SESSION_TOKEN": "canaryOfTheSessionToken0123456789",
}

pytestmark = pytest.mark.skipif(RESIZER != "thumbor", reason="the shipped configurations are for thumbor")


def get(stack: Stack, path: str = "/images/small/landscape.jpg", *headers: tuple[str, str]) -> Answer:
    return ask(stack.ports.edge, request(path, headers=list(headers)))


def config_dump(stack: Stack) -> bytes:
    with urllib.request.urlopen(f"{stack.admin_url}/config_dump", timeout=10) as response:
        return response.read()


# ---- credential_injector


@pytest.fixture(scope="module")
def injecting() -> Iterator[Stack]:
    with Stack(configuration="envoy-credential-injector.yaml") as stack:
        yield stack


def test_the_injected_token_opens_the_origin(injecting: Stack) -> None:
    # The origin compares the whole header, and a visitor's own does not come through.
    for headers in ([], [("authorization", "Bearer canary-of-the-visitor")]):
        answer = get(injecting, "/images/small/landscape.jpg", *headers)
        contract.check_served(answer, injecting, CACHE, None, "image/jpeg")
        seen = injecting.origin_requests()[-1]["headers"]
        values = [value for name, value in seen if name.lower() == "authorization"]
        assert values == [injecting.env["PHOTOS_TOKEN"]], seen


def test_an_origins_own_private_holds(injecting: Stack) -> None:
    answer = get(injecting, "/images/small/private/landscape.jpg")
    contract.check_served(answer, injecting, "private, no-store", None, "image/jpeg")


def test_no_one_but_the_origin_learns_the_injected_token(injecting: Stack) -> None:
    get(injecting, "/images/small/error.jpg")
    token = {"the token": injecting.env["PHOTOS_TOKEN"].removeprefix("Bearer ")}
    assert not leaks.found_in(config_dump(injecting), token)
    assert not leaks.found_in(injecting.envoy_log.read_bytes() + injecting.resizer_log.read_bytes(), token)


def test_without_the_injector_the_origin_stays_closed() -> None:
    """The test above would also pass if something else opened it."""
    off = "        - name: envoy.filters.http.credential_injector\n"

    def configure(text: str) -> str:
        assert text.count(off) == 1
        return text.replace(off, f"{off}          disabled: true\n")

    with Stack(configuration="envoy-credential-injector.yaml", configure=configure) as stack:
        contract.check_refused(get(stack), stack, "source-not-found", 404)
        assert [entry["status"] for entry in stack.origin_requests()] == [401]


# ---- aws_request_signing


@pytest.fixture(scope="module")
def signing() -> Iterator[tuple[Stack, Bucket]]:
    with Stack(configuration="envoy-aws-signing.yaml", env=AWS) as stack:
        stack.child("origin").stop()
        with Bucket(stack.ports.origin, AWS["AWS_ACCESS_KEY_ID"], AWS["AWS_SECRET_ACCESS_KEY"]) as bucket:
            yield stack, bucket


@pytest.mark.parametrize("source", ["landscape.jpg", "été 2024/a & b.jpg", "a+b=c,e~f.jpg", "x/$!'()@.png"])
def test_what_pinhole_asks_is_signed(signing: tuple[Stack, Bucket], source: str) -> None:
    stack, bucket = signing
    answer = get(stack, f"/images/small/{quote(source)}", ("x-amz-date", "canary"), ("authorization", "canary"))
    path, headers, wrong = bucket.asked[-1]
    assert wrong is None, wrong
    assert answer.status == 200, f"\n{answer}"
    leaks.check(answer, stack)
    assert headers["host"] == "secret.example.com" and path.startswith("/hidden-directory/"), (path, headers)
    assert headers["x-amz-security-token"] == AWS["AWS_SESSION_TOKEN"] and "canary" not in headers["x-amz-date"]


def test_no_one_but_envoy_learns_the_signing_key(signing: tuple[Stack, Bucket]) -> None:
    stack, bucket = signing
    get(stack)
    logs = stack.envoy_log.read_bytes() + stack.resizer_log.read_bytes()
    assert not leaks.found_in(config_dump(stack) + logs, AWS)
    assert not leaks.found_in(repr(bucket.asked).encode(), {"the key": AWS["AWS_SECRET_ACCESS_KEY"]})


def test_a_wrong_key_opens_nothing() -> None:
    wrong_key = {"AWS_SECRET_ACCESS_KEY": "x" * 40}
    with Stack(configuration="envoy-aws-signing.yaml", env=AWS, envoy_env=wrong_key) as stack:
        stack.child("origin").stop()
        with Bucket(stack.ports.origin, AWS["AWS_ACCESS_KEY_ID"], AWS["AWS_SECRET_ACCESS_KEY"]) as bucket:
            contract.check_refused(get(stack), stack, "source-not-found", 404)
            assert [wrong.split(" of ")[0] for _, _, wrong in bucket.asked] == ["wrong signature"]


def test_the_bucket_knows_amazons_own_example() -> None:
    """GET Object of Amazon's documentation of Signature Version 4; any other byte in it is refused."""
    signature = "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    headers = {
        "host": "examplebucket.s3.amazonaws.com",
        "range": "bytes=0-9",
        "x-amz-content-sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "x-amz-date": "20130524T000000Z",
        "authorization": "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
        f"SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,Signature={signature}",
    }
    example = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    assert fault("GET", "/test.txt", headers, *example) is None
    assert fault("GET", "/test.txt", headers | {"range": "bytes=0-8"}, *example)
    assert fault("GET", "/Test.txt", headers, *example)
