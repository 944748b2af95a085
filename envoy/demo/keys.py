"""The secrets of one run: made fresh every time, kept in environment variables only.

Each process of the stack gets its own and no others: the resizer never has the origin's token, the origin
never has a key. Run as a program it starts another program with all of them, for what needs the variables set
and does not serve anybody: ``python envoy/demo/keys.py pinhole check envoy/policy.json``.
"""

import os
import secrets
import sys

# Every variable that envoy.yaml lists under host_env_keys.
NAMES = ("PHOTOS_TOKEN", "PINHOLE_SEAL_KEY", "THUMBOR_KEY")
NAMES += ("IMGPROXY_KEY", "IMGPROXY_SALT", "IMAGOR_SECRET", "IMAGINARY_KEY")


def fresh() -> dict[str, str]:
    """New values, each in the form that its reader takes."""
    return {
        "PHOTOS_TOKEN": "Bearer demo-" + secrets.token_urlsafe(24),  # the whole value of the header
        "THUMBOR_KEY": secrets.token_urlsafe(32),  # any string
        "PINHOLE_SEAL_KEY": secrets.token_hex(32),
        "IMGPROXY_KEY": secrets.token_hex(32),
        "IMGPROXY_SALT": secrets.token_hex(32),
        "IMAGOR_SECRET": secrets.token_urlsafe(32),
        "IMAGINARY_KEY": secrets.token_urlsafe(32),
    }


def environment(values: dict[str, str]) -> dict[str, str]:
    """This process's environment with these secrets and without any other value of theirs."""
    return {name: value for name, value in os.environ.items() if name not in NAMES} | values


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("keys: usage: keys.py COMMAND [ARGUMENT ...]")
    try:
        os.execvpe(sys.argv[1], sys.argv[1:], environment(fresh()))
    except OSError as error:
        sys.exit(f"keys: cannot start {sys.argv[1]}: {error.strerror}")
