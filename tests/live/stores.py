"""Storage servers that check every signature: MinIO for S3, Azurite for Azure Blob Storage.

`.make/origins` installs them; where it cannot, `ProgramError` says why. Each holds the demo's pictures and two with
names that need care, in a bucket or container that only a signature opens.
"""

import base64
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import signers
import wire
from children import Child, answers, listens
from programs import installed
from stack import SCRATCH

PLACE = "hidden-bucket"
# Each character that some signer encodes and another does not.
NAMES = ["landscape.jpg", "été 2024/lac & lune.jpg", "a+b@c,d (1)'!*$=:~_-.jpg"]


@dataclass
class Store:
    port: int
    id: str  # the key's name, or the account's
    secret: str


def encoded(name: str) -> str:
    return quote(name, safe="/~")


def _directory(name: str, port: int) -> Path:
    directory = SCRATCH / f"{name}-{port}"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    return directory


def _put(store: Store, path: str, headers: list[tuple[str, str]], body: bytes = b"") -> None:
    headers = headers if body else [*headers, ("content-length", "0")]
    answer = wire.ask(store.port, wire.request(path, "PUT", f"127.0.0.1:{store.port}", headers, body))
    if answer.status not in (200, 201):
        raise AssertionError(f"{answer}")


@contextmanager
def minio(port: int, picture: bytes) -> Iterator[Store]:
    command = [installed("origins", "minio"), "server", "--quiet", f"--address=127.0.0.1:{port}"]
    directory = _directory("minio", port)
    store = Store(port, "canary" + secrets.token_hex(7), secrets.token_urlsafe(30))
    environment = os.environ | {
        "MINIO_ROOT_USER": store.id,
        "MINIO_ROOT_PASSWORD": store.secret,
        "MINIO_DOMAIN": "s3.example.com",
        "MINIO_REGION": "eu-central-1",
        "MINIO_BROWSER": "off",
        "MINIO_UPDATE": "off",
    }
    child = Child("minio", [*command, str(directory / "data")], directory / "log", environment, directory)
    try:
        child.wait_until(lambda: answers(f"http://127.0.0.1:{port}/minio/health/ready"), limit=60)
        for path, body in [
            (f"/{PLACE}", b""),
            *((f"/{PLACE}/{encoded(name)}", picture) for name in NAMES),
        ]:
            key, host = (store.id, store.secret), f"127.0.0.1:{port}"
            headers = signers.aws("PUT", host, path, key, signers.now(), body)
            _put(store, path, [*headers, ("content-type", "image/jpeg")] if body else headers, body)
        yield store
    finally:
        child.stop()


def temporary_key(store: Store) -> dict[str, str]:
    """A key with a session token, from MinIO's AssumeRole."""
    host, body = f"127.0.0.1:{store.port}", b"Action=AssumeRole&Version=2011-06-15&DurationSeconds=3600"
    headers = signers.aws("POST", host, "/", (store.id, store.secret), signers.now(), body, service="sts")
    headers.append(("content-type", "application/x-www-form-urlencoded"))
    text = wire.ask(store.port, wire.request("/", "POST", host, headers, body)).body.decode()
    names = ("AccessKeyId", "SecretAccessKey", "SessionToken")
    return {name: text.partition(f"<{name}>")[2].partition("<")[0] for name in names}


@contextmanager
def azurite(port: int, picture: bytes) -> Iterator[Store]:
    script = installed("origins", "azurite")
    directory = _directory("azurite", port)
    store = Store(port, "canaryaccount", base64.b64encode(secrets.token_bytes(64)).decode())
    command = [
        "node",
        script,
        "--blobHost=127.0.0.1",
        f"--blobPort={port}",
        f"--location={directory / 'data'}",
    ]
    environment = os.environ | {"AZURITE_ACCOUNTS": f"{store.id}:{store.secret}"}
    command += ["--silent", "--disableTelemetry"]
    child = Child("azurite", command, directory / "log", environment, directory)
    try:
        child.wait_until(lambda: listens(port), limit=60)
        path = f"/{store.id}/{PLACE}"
        query = "restype=container"
        headers = signers.azure("PUT", path, store.id, store.secret, signers.now(), query=query)
        _put(store, f"{path}?{query}", headers)
        for name in NAMES:
            where, kind = f"{path}/{encoded(name)}", "image/jpeg"
            headers = signers.azure(
                "PUT",
                where,
                store.id,
                store.secret,
                signers.now(),
                kind,
                len(picture),
                {"x-ms-blob-type": "BlockBlob"},
            )
            _put(store, where, [*headers, ("content-type", kind)], picture)
        yield store
    finally:
        child.stop()
