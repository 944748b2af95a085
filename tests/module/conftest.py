"""Puts envoy/demo and envoy/image on the path, as for the live tests. No Envoy is started here."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "envoy" / "demo"), str(ROOT / "envoy" / "image")]
