"""Where things are. Imported first: it also lets the benches import what starts processes for the demo."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BENCHES = ROOT / "benches"
SCRATCH = ROOT / "target" / "bench"  # configurations, logs, results as JSON, the table
MODULE = ROOT / "target" / "wasm32-wasip1" / "release" / "pinhole.wasm"

sys.path.insert(0, str(ROOT / "envoy" / "demo"))
