"""Response headers by which storage, proxies and resizers show themselves. Data only; test_leaks.py sends them.

A family is what one kind of server adds. Names are written as that server writes them, values in its form where
the form itself can tell something, else `CANARY`. INVARIANT: in every value stands something of `leaks.secrets_of`,
so that it is found wherever it comes out, also under another name.
"""

import base64

from origin import BASE, CANARY, HOST

Pairs = list[tuple[str, str]]

URL = f"https://{HOST}{BASE}landscape.jpg"
PATH = f"{BASE}landscape.jpg"
B64 = base64.b64encode(f"{HOST}{BASE}".encode()).decode()
HEX = f"{CANARY}{HOST}".encode().hex()


def named(names: str) -> Pairs:
    return [(name, CANARY) for name in names.split()]


S3 = [
    ("Server", f"AmazonS3/{CANARY}"),
    ("x-amz-id-2", B64),
    ("x-amz-bucket-region", f"eu-{CANARY}-1"),
    ("x-amz-bucket-arn", f"arn:aws:s3:::{CANARY}"),
    ("x-amz-expiration", f'expiry-date="Fri, 25 Dec 2026 00:00:00 GMT", rule-id="{CANARY}"'),
    ("x-amz-restore", f'ongoing-request="false", expiry-date="{CANARY}"'),
    ("x-amz-website-redirect-location", URL),
    ("x-amz-server-side-encryption-aws-kms-key-id", f"arn:aws:kms:eu-west-1:111122223333:key/{CANARY}"),
    ("x-amz-server-side-encryption-context", B64),
    ("x-amz-meta-owner", f"{CANARY}@{HOST}"),
    ("x-amz-meta-original-name", f"=?UTF-8?B?{B64}?="),
    *named(
        """x-amz-request-id x-amz-version-id x-amz-delete-marker x-amz-storage-class x-amz-restore-output-path
        x-amz-archive-status x-amz-replication-status x-amz-request-charged x-amz-object-size x-amz-object-version-id
        x-amz-missing-meta x-amz-mp-parts-count x-amz-tagging-count x-amz-abort-date
        x-amz-abort-rule-id x-amz-access-point-alias x-amz-bucket-location-name x-amz-bucket-location-type
        x-amz-copy-source-version-id x-amz-transition-default-minimum-object-size x-amz-checksum-algorithm
        x-amz-checksum-type x-amz-checksum-crc32 x-amz-checksum-crc32c x-amz-checksum-crc64nvme x-amz-checksum-md5
        x-amz-checksum-sha1 x-amz-checksum-sha256 x-amz-checksum-sha512 x-amz-checksum-xxhash3
        x-amz-checksum-xxhash64 x-amz-checksum-xxhash128 x-amz-server-side-encryption
        x-amz-server-side-encryption-bucket-key-enabled x-amz-server-side-encryption-customer-algorithm
        x-amz-server-side-encryption-customer-key-MD5 x-amz-object-lock-mode x-amz-object-lock-legal-hold
        x-amz-object-lock-retain-until-date x-amz-object-lock-event-hold x-amz-object-lock-event-hold-duration-days
        x-amz-object-lock-event-hold-duration-years x-amz-error-code x-amz-error-message x-amz-error-detail-Key
        x-amzn-RequestId x-amzn-ErrorType x-amzn-Trace-Id x-amz-apigw-id x-amz-rid"""
    ),
]

S3_COMPATIBLE = [
    ("Server", f"MinIO/{CANARY}"),
    ("Server", f"tencent-cos on {HOST}"),
    ("X-Minio-Error-Desc", f'"The specified key {PATH} does not exist"'),
    ("X-Bz-File-Name", "".join(f"%{byte:02X}" for byte in PATH.encode())),
    ("X-Bz-Info-src", URL),
    ("x-oss-symlink-target", PATH),
    ("x-cos-meta-path", PATH),
    ("X-Object-Manifest", f"{HOST}{BASE}"),
    ("X-Rgw-Object-Type", f"Normal {CANARY}"),
    *named(
        """X-Minio-Deployment-Id X-Minio-Error-Code X-Minio-Server-Status
        x-rgw-object-count x-rgw-bytes-used x-do-app-origin x-do-orig-status x-do-cdn-uuid
        X-Bz-File-Id X-Bz-Content-Sha1 X-Bz-Upload-Timestamp X-Bz-Info-author X-Bz-Server-Side-Encryption
        x-oss-request-id x-oss-object-type x-oss-hash-crc64ecma x-oss-storage-class x-oss-server-time x-oss-ec
        x-oss-bucket-version x-oss-version-id x-oss-meta-owner x-oss-server-side-encryption
        x-oss-server-side-encryption-key-id x-oss-next-append-position x-swift-redirect-time
        x-cos-request-id x-cos-trace-id x-cos-hash-crc64ecma x-cos-storage-class x-cos-version-id
        x-cos-replication-status x-cos-server-side-encryption x-ci-request-id
        x-obs-request-id x-obs-id-2 x-obs-bucket-location x-obs-storage-class x-obs-version-id x-obs-meta-owner
        x-wasabi-cm-reference-id x-trans-id x-openstack-request-id x-container-read x-object-meta-owner
        x-account-storage-policy x-timestamp x-static-large-object"""
    ),
]

GCS = [
    ("Server", f"UploadServer {CANARY}"),
    ("x-goog-hash", f"crc32c={CANARY}"),
    ("x-goog-hash", f"md5={B64}"),
    ("x-goog-encryption-kms-key-name", f"projects/{CANARY}/locations/eu/keyRings/r/cryptoKeys/k"),
    ("x-goog-meta-source", URL),
    ("Server-Timing", f'gfet4t7; dur=28; desc="{HOST}"'),
    ("Alt-Svc", f'h3="{HOST}:443"; ma=2592000'),
    *named(
        """x-goog-generation x-goog-metageneration x-goog-stored-content-encoding x-goog-stored-content-length
        x-goog-storage-class x-goog-component-count x-goog-custom-time x-goog-expiration x-goog-restore
        x-goog-encryption-algorithm x-goog-encryption-key-sha256 x-goog-object-lock-mode
        x-goog-object-lock-retain-until-date
        x-guploader-uploadid x-guploader-response-body-transformations
        x-gupload-upload-id x-cloud-trace-context"""
    ),
]

AZURE = [
    ("Server", f"Windows-Azure-Blob/1.0 Microsoft-HTTPAPI/2.0 {CANARY}"),
    ("x-ms-copy-source", f"{URL}?sv=2026-02-06&sig={HEX}"),
    ("x-ms-copy-destination-snapshot", CANARY),
    ("x-ms-meta-container", HOST),
    ("x-ms-or-11111111-2222-3333-4444-555555555555_666", CANARY),
    ("WWW-Authenticate", f"Bearer authorization_uri=https://login.example/{CANARY}/oauth2/authorize"),
    ("Access-Control-Expose-Headers", f"x-ms-request-id,{CANARY}"),
    *named(
        """x-ms-request-id x-ms-client-request-id x-ms-version x-ms-error-code x-ms-version-id x-ms-snapshot
        x-ms-is-current-version x-ms-blob-type x-ms-blob-sequence-number x-ms-blob-committed-block-count
        x-ms-blob-append-offset x-ms-blob-content-length x-ms-blob-content-md5 x-ms-blob-public-access
        x-ms-blob-sealed x-ms-content-crc64 x-ms-content-md5 x-ms-creation-time x-ms-last-access-time
        x-ms-expiry-time x-ms-lease-id x-ms-lease-state x-ms-lease-status x-ms-lease-duration x-ms-lease-time
        x-ms-copy-id x-ms-copy-status x-ms-copy-status-description x-ms-copy-progress x-ms-copy-completion-time
        x-ms-copy-source-error-code x-ms-copy-source-status-code x-ms-incremental-copy x-ms-access-tier
        x-ms-access-tier-inferred x-ms-access-tier-change-time x-ms-smart-access-tier x-ms-archive-status
        x-ms-rehydrate-priority x-ms-tag-count x-ms-server-encrypted x-ms-request-server-encrypted
        x-ms-encryption-scope x-ms-encryption-key-sha256 x-ms-default-encryption-scope
        x-ms-deny-encryption-scope-override x-ms-structured-body x-ms-structured-content-length
        x-ms-has-immutability-policy x-ms-has-legal-hold x-ms-immutability-policy-mode
        x-ms-immutability-policy-until-date x-ms-immutable-storage-with-versioning-enabled x-ms-legal-hold
        x-ms-or-policy-id x-ms-account-kind x-ms-sku-name x-ms-is-hns-enabled x-ms-resource-type x-ms-owner
        x-ms-group x-ms-permissions x-ms-acl x-ms-properties x-ms-continuation x-ms-namespace-enabled
        x-ms-file-id x-ms-file-parent-id x-ms-file-attributes x-ms-activity-id x-azure-ref x-fd-int-roxy-purgeid"""
    ),
]

PROXIES = [
    ("Via", f"1.1 cache-1.{HOST} (varnish)"),
    ("X-Served-By", f"cache-{HOST}"),
    ("Cache-Status", f'"{HOST}"; hit; ttl=600'),
    ("Proxy-Status", f'edge; error=connection_refused; next-hop="{HOST}"; details="{CANARY}"'),
    ("Cf-Resized", f"internal=ok/h q=0 n=12 v={CANARY}"),
    ("CF-Ray", f"{CANARY}-FRA"),
    ("X-Cache", f"MISS from {HOST}"),
    ("X-Cache-Lookup", f"HIT from {HOST}:3128"),
    ("X-Squid-Error", f"ERR_CONNECT_FAIL {CANARY}"),
    ("X-Host", HOST),
    ("X-Forwarded-Host", HOST),
    ("Forwarded", f"for=10.0.0.1;host={HOST};by={CANARY}"),
    ("X-Accel-Redirect", PATH),
    ("X-Sendfile", f"/srv{PATH}"),
    ("X-Lighttpd-Send-File", f"/srv{PATH}"),
    *named(
        """X-Cache-Hits X-Timer X-Varnish X-Varnish-Backend X-Varnish-Server X-Varnish-Cache X-Backend-Server
        X-Backend X-Upstream X-Upstream-Addr X-Forwarded-For X-Forwarded-Server X-Real-IP X-Proxy-Cache
        X-Nginx-Cache X-FastCGI-Cache X-Amz-Cf-Id X-Amz-Cf-Pop X-Edge-Location X-Edge-IP X-HW X-77-Cache X-77-NZT
        X-77-POP CF-Cache-Status CF-Request-ID Cf-Bgj Cf-Polished CF-Worker X-CDN X-Iinfo X-Sucuri-ID
        X-Sucuri-Cache X-Akamai-Request-ID X-Akamai-Staging X-Akamai-Transformed X-Check-Cacheable X-True-Cache-Key
        X-Cache-Key Akamai-Cache-Status Akamai-GRN Fastly-IO-Info Fastly-IO-Error Fastly-Debug-Path
        Fastly-Debug-TTL Fastly-Stats X-Fastly-Request-ID X-Vercel-Id X-Vercel-Cache X-Nf-Request-Id
        Surrogate-Key Surrogate-Control CDN-Cache-Control Cloudflare-CDN-Cache-Control Cache-Tag Edge-Cache-Tag
        Edge-Control CDN-PullZone CDN-RequestId CDN-EdgeStorageId X-LiteSpeed-Cache X-LiteSpeed-Tag
        X-Kong-Upstream-Latency X-Kong-Proxy-Latency X-Kong-Request-Id X-Tyk-Trace-Id X-RateLimit-Limit X-Rack-Cache
        X-Tengine-Error X-Azure-OriginStatusCode X-MSEdge-Ref"""
    ),
]

ENVOY = [
    ("x-envoy-decorator-operation", f"{HOST}:443/*"),
    ("x-envoy-original-path", PATH),
    ("x-envoy-original-host", HOST),
    ("x-envoy-original-dst-host", f"{HOST}:443"),
    ("x-envoy-peer-metadata", B64),
    *named(
        """x-envoy-peer-metadata-id x-envoy-upstream-service-time x-envoy-attempt-count x-envoy-degraded
        x-envoy-upstream-healthchecked-cluster x-envoy-immediate-health-check-fail x-envoy-external-address
        x-envoy-internal x-envoy-ratelimited x-envoy-overloaded x-envoy-local-overloaded x-envoy-cluster
        x-envoy-upstream-canary x-envoy-upstream-hostname x-envoy-upstream-host-address
        x-envoy-auth-partial-evaluation x-istio-attributes x-pinhole-reason x-pinhole-option x-pinhole-cluster
        grpc-status grpc-message grpc-status-details-bin"""
    ),
]

RESIZERS = [
    ("Server", f"imgproxy/{CANARY}"),
    ("Server", f"Thumbor/{CANARY}"),
    ("Server", f"imaginary {CANARY} (bimg {CANARY})"),
    ("Link", f'<{URL}>; rel="canonical"'),
    ("Content-Disposition", f'inline; filename="{CANARY}-landscape.webp"'),
    ("Error", f'{{"message":"error fetching remote http image: (status=404) (url={URL})","status":404}}'),
    ("X-Images-Api", f"5 on {HOST}"),
    *named(
        """X-Origin-Content-Length X-Origin-Width X-Origin-Height X-Result-Content-Length X-Result-Width
        X-Result-Height Image-Width Image-Height X-Upstream-Response-Length X-Nextjs-Cache X-Cld-Error
        X-Cloudinary-Error X-Imgix-ID X-Imgix-Render-Farm X-Imgix-Error X-Imagekit-Request-Id X-Gumlet-Request-Id"""
    ),
]

GENERIC = [
    ("Location", URL),
    ("Content-Location", PATH),
    ("Refresh", f"0; url={URL}"),
    ("Set-Cookie", f"session={CANARY}; Domain={HOST}; Path={BASE}"),
    ("Set-Cookie", f"again={HEX}"),
    ("Set-Cookie2", f'v="{CANARY}"'),
    ("WWW-Authenticate", f'Basic realm="{CANARY}"'),
    ("Proxy-Authenticate", f'Digest realm="{HOST}", nonce="{HEX}"'),
    ("Authentication-Info", f'nextnonce="{CANARY}"'),
    ("Access-Control-Allow-Origin", f"https://{HOST}"),
    ("Timing-Allow-Origin", f"https://{HOST}"),
    ("Content-Security-Policy", f"default-src 'self'; report-uri https://{HOST}/csp"),
    ("Content-Security-Policy-Report-Only", f"img-src {HOST}"),
    ("Report-To", f'{{"group":"d","max_age":9,"endpoints":[{{"url":"https://{HOST}/r"}}]}}'),
    ("Reporting-Endpoints", f'main="https://{HOST}/r"'),
    ("NEL", f'{{"report_to":"{CANARY}","max_age":9}}'),
    ("SourceMap", f"{URL}.map"),
    ("X-SourceMap", f"{URL}.map"),
    ("X-SourceFiles", f"=?UTF-8?B?{B64}?="),
    ("Warning", f'199 {HOST} "{CANARY}"'),
    ("P3P", f'policyref="https://{HOST}/w3c/p3p.xml"'),
    ("traceparent", f"00-{HEX}-{HEX}-01"),
    ("tracestate", f"vendor={CANARY}"),
    ("b3", f"{HEX}-{HEX}-1"),
    ("Onion-Location", f"http://{CANARY}.onion/"),
    ("Deprecation", f'@1; link="https://{HOST}"'),
    ("Sunset", f"Sat, 31 Dec 2033 23:59:59 GMT {CANARY}"),
    ("Clear-Site-Data", f'"cache", "{CANARY}"'),
    ("Date", f"Thu, 01 Jan 1970 00:00:00 GMT ({CANARY})"),
    ("Cache-Control", f"public, s-maxage=31536000, x={CANARY}"),
    ("Expires", f"Fri, 31 Dec 2100 23:59:59 GMT ({CANARY})"),
    ("Vary", f"Accept-Encoding, X-{CANARY}"),
    ("X-Content-Type-Options", CANARY),
    ("X-Bytes", f"\xff\xfe{CANARY}\xe9"),
    ("X-Folded", f"over two lines,\r\n\t{CANARY}"),  # which RFC 9112 forbids, and Envoy takes
    ("Trailer", f"X-{CANARY}"),
    ("Keep-Alive", f"timeout=5, max={CANARY}"),
    *named(
        """X-Powered-By X-Powered-CMS X-Powered-By-Plesk Powered-By X-Server-Powered-By X-Turbo-Charged-By Product
        X-AspNet-Version X-AspNetMvc-Version X-Generator X-Generated-By X-CMS X-Drupal-Cache X-Drupal-Dynamic-Cache
        X-Redirect-By X-Pingback X-Php-Version X-Php-Response-Code X-Runtime X-Rails-Version X-Django-Version
        X-Umbraco-Version X-Joomla-Version Liferay-Portal X-Cocoon-Version X-Framework X-Mod-Pagespeed X-Page-Speed
        X-OWA-Version X-FEServer X-BEServer X-CalculatedBETarget X-CalculatedFETarget X-DiagInfo X-TargetBEServer
        MicrosoftSharePointTeamServices SPRequestGuid SPIisLatency X-Content-Encoded-By X-Old-Content-Length
        Oracle-DMS-ECID Oracle-DMS-RID X-ORACLE-DMS-ECID Pega-Host X-Backside-Transport X-CF-Powered-By
        X-Jitsi-Release X-Kubernetes-PF-FlowSchema-UI X-Kubernetes-PF-PriorityLevel-UI X-OneAgent-JS-Injection
        X-ruxit-JS-Agent X-dtAgentId X-dtHealthCheck X-dtInjectedServlet X-Atmosphere-error
        X-Atmosphere-first-request X-Atmosphere-tracking-id X-FW-Server X-FW-Hash X-FW-Type Host-Header
        K-Proxy-Request $wsep X-Host-Id X-Node X-Pod X-Instance X-Hostname X-Machine X-Debug X-Debug-Token
        X-Debug-Token-Link X-Request-ID X-Correlation-ID X-Trace-Id X-B3-TraceId X-B3-SpanId X-B3-ParentSpanId
        X-B3-Sampled X-Datadog-Trace-Id X-Datadog-Parent-Id uber-trace-id sentry-trace baggage X-Newrelic-App-Data
        X-Original-URL X-Rewrite-URL X-Pad X-Robots-Tag Content-Language Content-MD5 Digest Repr-Digest
        Content-Digest Want-Digest Origin-Agent-Cluster Accept-CH Critical-CH Allow Public DAV MS-Author-Via
        Access-Control-Allow-Methods Access-Control-Allow-Headers Cross-Origin-Resource-Policy
        Strict-Transport-Security Permissions-Policy Expect-CT Public-Key-Pins Retry-After Age"""
    ),
]

# Validators show whose they are by their form alone: each of these is how one kind of server writes them.
FINGERPRINTS = [
    ("ETag", f'"{HEX}"'),  # S3: the MD5
    ("ETag", f'"{HEX}-7"'),  # S3: of as many parts
    ("ETag", f'"65{HEX[:6]}-{CANARY}"'),  # nginx: time and size
    ("ETag", f'"1a2b-{HEX}-5c"'),  # Apache: inode, size and time
    ("ETag", f'"0x8D{HEX.upper()}"'),  # Azure
    ("ETag", f'W/"{CANARY}"'),  # Express
    ("ETag", f'"cf-{CANARY}:{HEX}"'),  # Cloudflare, with the origin's own
    ("Last-Modified", f"Tue, 24 Nov 2026 02:19:19 GMT ({CANARY})"),
    ("Accept-Ranges", f"bytes, {CANARY}"),
    ("Content-Range", f"bytes 0-77/{CANARY}"),
]

FAMILIES: dict[str, Pairs] = {
    "S3": S3,
    "S3-compatible": S3_COMPATIBLE,
    "GCS": GCS,
    "Azure": AZURE,
    "CDNs and proxies": PROXIES,
    "Envoy": ENVOY,
    "resizers": RESIZERS,
    "generic": GENERIC,
    "fingerprints": FINGERPRINTS,
}
