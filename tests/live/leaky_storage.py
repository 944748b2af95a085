"""Whole answers by which storage shows itself, and the forms in which they come. Data only.

Each is named by who gives it and when, and has that server's own form; the texts are ours, since what counts is
where in them a place, a name or a credential stands. INVARIANT: something of `leaks.secrets_of` stands in each.
The answers of other servers are in `leaky_servers.py`.
"""

import json
from typing import NamedTuple

from leaky_headers import B64, HEX, PATH, URL, Pairs
from origin import BASE, CANARY, HOST

BUCKET = HOST.split(".")[0]


class LeakyAnswer(NamedTuple):
    """What comes from the upstream. The content type is among the headers, where there is one."""

    status: str
    headers: Pairs
    body: bytes


def answer(status: str, kind: str, body: str | bytes, *headers: tuple[str, str]) -> LeakyAnswer:
    return LeakyAnswer(
        status, [("Content-Type", kind), *headers], body if isinstance(body, bytes) else body.encode()
    )


def xml(status: str, root: str, *headers: tuple[str, str], **elements: str) -> LeakyAnswer:
    inside = "".join(f"<{name}>{value}</{name}>" for name, value in elements.items())
    return answer(status, "application/xml", f'<?xml version="1.0"?>\n<{root}>{inside}</{root}>', *headers)


def s3(status: str, code: str, *headers: tuple[str, str], **elements: str) -> LeakyAnswer:
    """An error as S3 and what imitates it write it: with the names of the request and of the host."""
    ids = [("x-amz-request-id", CANARY), ("x-amz-id-2", B64), ("Server", "AmazonS3")]
    last = {"RequestId": CANARY, "HostId": B64}
    return xml(status, "Error", *ids, *headers, Code=code, Message=f"{code}, says {HOST}", **elements, **last)


def azure(status: str, code: str, *headers: tuple[str, str], **elements: str) -> LeakyAnswer:
    ids = [("x-ms-request-id", CANARY), ("x-ms-error-code", code), ("Server", "Windows-Azure-Blob/1.0")]
    return xml(status, "Error", *ids, *headers, Code=code, Message=f"{code}\nRequestId:{CANARY}", **elements)


def page(status: str, body: str, *headers: tuple[str, str]) -> LeakyAnswer:
    title = f"<html><head><title>{status}</title></head><body>"
    return answer(status, "text/html; charset=utf-8", f"{title}{body}</body></html>", *headers)


def text(status: str, body: str, *headers: tuple[str, str]) -> LeakyAnswer:
    return answer(status, "text/plain; charset=utf-8", body, *headers)


def says(status: str, document: object, *headers: tuple[str, str]) -> LeakyAnswer:
    return answer(status, "application/json", json.dumps(document), *headers)


SPACED = " ".join(HEX[at : at + 2] for at in range(0, len(HEX), 2))
STORAGE: dict[str, LeakyAnswer] = {
    "S3: the signature does not match": s3(
        "403 Forbidden",
        "SignatureDoesNotMatch",
        AWSAccessKeyId=f"AKIA{CANARY}",
        StringToSign=f"AWS4-HMAC-SHA256\n20261124T021919Z\n20261124/eu-west-1/s3/aws4_request\n{HEX}",
        SignatureProvided=HEX,
        StringToSignBytes=SPACED,
        CanonicalRequest=f"GET\n{PATH}\n\nhost:{HOST}\n\nhost\nUNSIGNED-PAYLOAD",
        CanonicalRequestBytes=SPACED,
    ),
    "S3: a bucket of another region, without Location": s3(
        "301 Moved Permanently",
        "PermanentRedirect",
        ("x-amz-bucket-region", f"eu-{CANARY}-1"),
        Endpoint=f"{BUCKET}.s3.eu-west-1.{HOST}",
        Bucket=BUCKET,
    ),
    "S3: a bucket that moves": s3(
        "307 Temporary Redirect", "TemporaryRedirect", ("Location", URL), Endpoint=HOST, Bucket=CANARY
    ),
    "S3: a listing in place of a file": xml(
        "200 OK", "ListBucketResult", Name=HOST, Prefix=BASE, Contents=f"<Key>{PATH}</Key><ETag>{HEX}</ETag>"
    ),
    "S3: an error that begins with 200": s3("200 OK", "InternalError", Key=PATH, BucketName=HOST),
    "S3: no such key": s3("404 Not Found", "NoSuchKey", Key=PATH, BucketName=HOST),
    "S3: no such bucket": s3("404 Not Found", "NoSuchBucket", BucketName=HOST),
    "S3: access denied": s3(
        "403 Forbidden", "AccessDenied", Resource=f"arn:aws:iam::111122223333:user/{CANARY}"
    ),
    "S3: an unknown access key": s3("403 Forbidden", "InvalidAccessKeyId", AWSAccessKeyId=f"AKIA{CANARY}"),
    "S3: a clock that is wrong": s3(
        "403 Forbidden", "RequestTimeTooSkewed", ServerTime="2026-11-24T02:19:19Z"
    ),
    "S3: an expired token": s3("400 Bad Request", "ExpiredToken", **{"Token-0": f"{CANARY}/{B64}"}),
    "S3: the wrong region in the signature": s3(
        "400 Bad Request", "AuthorizationHeaderMalformed", Region=CANARY
    ),
    "S3: an archived object": s3(
        "403 Forbidden", "InvalidObjectState", StorageClass="GLACIER", AccessTier=CANARY
    ),
    "S3: a range outside of the object": s3(
        "416 Requested Range Not Satisfiable",
        "InvalidRange",
        ("Content-Range", "bytes */4711"),
        ActualObjectSize="4711",
    ),
    "S3: a deleted version": s3(
        "405 Method Not Allowed", "MethodNotAllowed", ("x-amz-delete-marker", "true")
    ),
    "S3: slow down": s3("503 Slow Down", "SlowDown", ("Retry-After", "7")),
    "S3: a website's page": page(
        "404 Not Found", f"<ul><li>Code: NoSuchKey</li><li>Key: {PATH}</li><li>HostId: {B64}</li></ul>"
    ),
    "MinIO: no such key": s3(
        "404 Not Found", "NoSuchKey", ("X-Minio-Deployment-Id", CANARY), Key=PATH, Resource=f"/{BUCKET}{PATH}"
    ),
    "MinIO: to its console": LeakyAnswer(
        "307 Temporary Redirect", [("Location", f"https://{HOST}:9001/")], b""
    ),
    "Ceph: access denied": xml(
        "403 Forbidden", "Error", Code="AccessDenied", BucketName=BUCKET, HostId=f"{CANARY}-zone"
    ),
    "Aliyun: another endpoint": xml(
        "403 Forbidden",
        "Error",
        ("x-oss-ec", "0003-00000001"),
        Code="AccessDenied",
        HostId=f"b.{HOST}",
        Endpoint=HOST,
    ),
    "Tencent: the signature does not match": xml(
        "403 Forbidden",
        "Error",
        Code="SignatureDoesNotMatch",
        StringToSign=f"sha1\n{HEX}",
        Resource=f"{HOST}{PATH}",
    ),
    "Backblaze: no such file": says(
        "404 Not Found",
        {"code": "not_found", "message": f"bucket {CANARY} has no file {PATH}", "status": 404},
    ),
    "Swift: unauthorized": page(
        "401 Unauthorized", "<h1>Unauthorized</h1>", ("WWW-Authenticate", f'Swift realm="AUTH_{CANARY}"')
    ),
    "Azure: the signature does not match": azure(
        "403 Server failed to authenticate the request",
        "AuthenticationFailed",
        AuthenticationErrorDetail=f"The MAC signature '{B64}' is not that of 'GET\n\n/{CANARY}/{BUCKET}{PATH}'",
    ),
    "Azure: whom to ask for a token": azure(
        "401 Unauthorized",
        "NoAuthenticationInformation",
        ("WWW-Authenticate", f"Bearer authorization_uri=https://login.example/{CANARY} resource_id={URL}"),
    ),
    "Azure: no such blob": azure("404 The specified blob does not exist.", "BlobNotFound"),
    "Azure: no public access": azure("409 Public access is not permitted", "PublicAccessNotPermitted"),
    "Azure: a wrong parameter": azure(
        "400 Bad Request", "InvalidQueryParameterValue", Reason=f"{HEX} of {PATH}"
    ),
    "Azure: busy": azure("503 Server Busy", "ServerBusy"),
    "Azure: a listing in place of a blob": xml(
        "200 OK", "EnumerationResults", ContainerName=URL, Blobs=f"<Blob><Name>{PATH}</Name></Blob>"
    ),
    "GCS: access denied": xml(
        "403 Forbidden",
        "Error",
        ("x-guploader-uploadid", CANARY),
        Code="AccessDenied",
        Details=f"reader@{CANARY}.iam.gserviceaccount.example lacks storage.objects.get on {BUCKET}{PATH}",
    ),
    "GCS: the signature does not match": xml(
        "403 Forbidden", "Error", Code="SignatureDoesNotMatch", StringToSign=f"GOOG4-RSA-SHA256\n{HEX}"
    ),
    "GCS: no such object, in JSON": says(
        "404 Not Found",
        {"error": {"code": 404, "message": f"No such object: {HOST}{PATH}", "errors": [{"domain": HOST}]}},
    ),
    "GCS: the project that pays": xml(
        "400 Bad Request", "Error", Code="UserProjectMissing", Details=f"of {CANARY}"
    ),
}
