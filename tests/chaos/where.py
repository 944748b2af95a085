"""Where things are. Imported first: it also lets what is here import what starts and judges for demo and live tests."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRATCH = ROOT / "target" / "chaos"  # pictures, logs, results

for directory in ("envoy/demo", "tests/live"):
    if str(ROOT / directory) not in sys.path:
        sys.path.insert(0, str(ROOT / directory))
