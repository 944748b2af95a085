"""Signatures computed in Python, from the services' documents: what the tests store pictures with, and a second
opinion on what the module computes."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from urllib.parse import quote


def now(shift: timedelta = timedelta()) -> datetime:
    return datetime.now(UTC) + shift


def http_date(when: datetime) -> str:
    return when.strftime("%a, %d %b %Y %H:%M:%S GMT")


def _mac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def aws(
    method: str,
    host: str,
    path: str,
    key: tuple[str, str],
    when: datetime,
    body: bytes = b"",
    region: str = "eu-central-1",
    service: str = "s3",
) -> list[tuple[str, str]]:
    """The headers of AWS Signature Version 4, for an encoded path without a query."""
    stamp, day = when.strftime("%Y%m%dT%H%M%SZ"), when.strftime("%Y%m%d")
    digest = hashlib.sha256(body).hexdigest()
    headers = {"host": host, "x-amz-content-sha256": digest, "x-amz-date": stamp}
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    canonical = f"{method}\n{path}\n\n{lines}\n{names}\n{digest}"
    scope = f"{day}/{region}/{service}/aws4_request"
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    secret = f"AWS4{key[1]}".encode()
    for part in (day, region, service, "aws4_request"):
        secret = _mac(secret, part)
    signature = _mac(secret, f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashed}").hex()
    credential = f"AWS4-HMAC-SHA256 Credential={key[0]}/{scope}, SignedHeaders={names}, Signature={signature}"
    return [("authorization", credential), *(pair for pair in headers.items() if pair[0] != "host")]


def azure(
    method: str,
    path: str,
    account: str,
    key: str,
    when: datetime,
    kind: str = "",
    length: int = 0,
    extra: dict[str, str] | None = None,
    query: str = "",
) -> list[tuple[str, str]]:
    """The headers of Azure's Shared Key. `query` is one parameter, `name=value`."""
    headers = {"x-ms-date": http_date(when), "x-ms-version": "2021-12-02"} | (extra or {})
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    resource = f"/{account}{path}" + (f"\n{query.replace('=', ':')}" if query else "")
    text = f"{method}\n\n\n{length or ''}\n\n{kind}\n\n\n\n\n\n\n{lines}{resource}"
    signature = base64.b64encode(_mac(base64.b64decode(key), text)).decode()
    return [("authorization", f"SharedKey {account}:{signature}"), *headers.items()]


def azure_sas(account: str, key: str, container: str, expires: datetime) -> str:
    """A service SAS that reads a container ("Create a service SAS", version 2020-12-06 and later)."""
    expiry, version = expires.strftime("%Y-%m-%dT%H:%M:%SZ"), "2021-12-02"
    fields = ["r", "", expiry, f"/blob/{account}/{container}", "", "", "", version, "c", *[""] * 7]
    signature = base64.b64encode(_mac(base64.b64decode(key), "\n".join(fields))).decode()
    return f"sv={version}&sr=c&sp=r&se={expiry}&sig={quote(signature, safe='')}"


def secure_auth(method: str, path: str, application: str, key: str, date: str) -> str:
    """The value of SecureAuth's `authorization`."""
    tag = base64.b64encode(_mac(bytes.fromhex(key), f"{method}\n{date}\n{application}\n{path}")).decode()
    return "Basic " + base64.b64encode(f"{application}:{tag}".encode()).decode()
