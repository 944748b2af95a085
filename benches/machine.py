"""What the figures are of: the machine, the programs, the module, the commit."""

import os
import platform
import subprocess
from pathlib import Path

from paths import ROOT

from stack import find_envoy


def _said(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or done.stderr.strip() or "unknown"


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def describe(modules: list[Path]) -> dict[str, str]:
    """Everything that a reader needs to judge the figures, by name."""
    changed = subprocess.run(["git", "diff", "--quiet", "HEAD"], cwd=ROOT, check=False).returncode
    about = {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "kernel": f"{platform.system()} {platform.release()}",
        "load at start": f"{os.getloadavg()[0]:.2f}",
        "Envoy": _said(find_envoy(), "--version").rpartition("version: ")[2].split("/")[1],
        "rustc": _said("rustc", "--version").removeprefix("rustc "),
        "commit": _said("git", "rev-parse", "--short", "HEAD") + (", with changes" if changed else ""),
    }
    for module in modules:
        name = module.name if len(modules) == 1 else f"{module.parent.name}/{module.name}"
        about[f"module {name}"] = f"{module.stat().st_size:,} bytes"
    return about
