"""Facts read from the project's sources: settings, time limits, probe paths, alert thresholds, job names."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

# The page that lists every setting of every program.
PAGE = "ops/settings.md"
# Variables that libraries read, and our own code does not.
LIBRARY_VARIABLES = {"SSL_CERT_FILE"}

# A row of the page: the variable, the programs that read it, its default, its values.
ROW = re.compile(r"^\| `([A-Z0-9_]+)` \| ([a-z, ]+) \|([^|]*)\|([^|]*)\|", re.MULTILINE)


@dataclass(frozen=True)
class Settings:
    """The variables of one program; a secret may also come from the file that NAME_FILE names."""

    plain: frozenset
    secrets: frozenset

    def reads(self, variable):
        return (
            variable in self.plain
            or variable in LIBRARY_VARIABLES
            or variable.removesuffix("_FILE") in self.secrets
        )


def text(path):
    return (ROOT / path).read_text(encoding="utf-8")


def settings_of(program):
    """What ops/settings.md says; a test keeps that page equal to the declarations in the code."""
    plain, secrets = set(), set()
    for name, programs, _default, values in ROW.findall(text(PAGE)):
        if program in programs.split(", "):
            (secrets if values.strip().startswith("secret") else plain).add(name)
    if not secrets:
        raise LookupError(f"{PAGE}: found no secret of {program}, so this scan does not work any more")
    return Settings(frozenset(plain), frozenset(secrets))


def number(path, pattern):
    """A number read from a file, so that the rules here follow when it changes."""
    found = re.search(pattern, text(path))
    if not found:
        raise LookupError(f"{path}: nothing matches {pattern}")
    return int(found.group(1).replace("_", ""))


def drain_seconds():
    """The longest time that each program may take for an orderly shutdown, in seconds."""
    close = number(
        "crates/process/src/broker/connect.rs",
        r"const CLOSE_LIMIT: Duration = Duration::from_secs\((\d+)\)",
    )
    lead_ms = number(
        "crates/receiver/src/app.rs",
        r"const READINESS_LEAD: Duration = Duration::from_millis\((\d+)\)",
    )
    receiver = number("crates/receiver/src/socket/server.rs", r"const DRAIN_LIMIT_SECONDS: u64 = (\d+)")
    console = number("crates/console/src/app.rs", r"const STOP_SECONDS: u64 = (\d+)")
    worker = number(
        "crates/worker/src/session.rs", r"const DRAIN_LIMIT: Duration = Duration::from_secs\((\d+)\)"
    )
    statement_ms = number("crates/worker/src/database.rs", r"statement_timeout%3D(\d+)")
    return {
        "receiver": receiver + close + lead_ms / 1000,
        "worker": worker + close + statement_ms / 1000,
        "console": console + close,
    }


def probe_paths():
    """The probe paths that both programs serve, read from the sources that route them."""
    routed = [
        set(re.findall(r'"(/[a-z]+z)"', text(path)))
        for path in ("crates/process/src/admin.rs", "crates/receiver/src/http.rs")
    ]
    return routed[0] & routed[1]


def memory_alert_bytes():
    mebibytes = number(
        "deploy/prometheus/alerts/process.yml",
        r"process_resident_memory_bytes\{[^}]*\} > (\d+) \* 1024 \* 1024",
    )
    return mebibytes * 1024 * 1024


def jobs():
    """The job names that the alert rules use."""
    return set(re.findall(r"job_name: (\S+)", text("deploy/prometheus/prometheus.yml")))
