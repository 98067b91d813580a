"""Facts read from the project's sources: settings, time limits, probe paths, alert thresholds, job names."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
CRATES = ROOT / "crates"

# The files in which a crate reads settings; not every crate has each.
READERS = ("main.rs", "config.rs", "database.rs")
# Calls that read settings named in another crate, with the source that names them.
SHARED_READERS = {
    "program::run(": "process/src/telemetry.rs",
    "BrokerAddress::from_environment(": "process/src/broker/connect.rs",
    "ManagementSettings::from_environment(": "desk/src/management/settings.rs",
    "PayNowSettings::from_environment(": "process/src/paynow.rs",
}
# Variables that libraries read, and our own code does not.
LIBRARY_VARIABLES = {"SSL_CERT_FILE"}

VARIABLE = re.compile(r'"([A-Z][A-Z0-9]*_[A-Z0-9_]+)"')
SECRET = re.compile(r'secret\(\s*(?:"([A-Z0-9_]+)"|NAME|KEY_NAME)')
NAME = re.compile(r'const (?:KEY_)?NAME: &str = "([A-Z0-9_]+)"')


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


def code(path):
    """A source file without its tests and comments."""
    lines = path.read_text(encoding="utf-8").split("#[cfg(test)]")[0].splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith("//"))


def secrets_in(source):
    """The names of secrets in calls that read one; `NAME` means the constant declared last before the call."""
    found = set()
    for call in SECRET.finditer(source):
        declared = NAME.findall(source[: call.start()])
        found.add(call.group(1) or (declared[-1] if declared else ""))
    return found - {""}


def settings_of(crate):
    own = [CRATES / crate / "src" / name for name in READERS]
    sources = [code(path) for path in own if path.exists()]
    called = "".join(sources)
    sources += [code(CRATES / path) for call, path in SHARED_READERS.items() if call in called]
    every = "\n".join(sources)
    secrets = secrets_in(every)
    plain = set(VARIABLE.findall(every)) - secrets
    if not secrets:
        raise LookupError(f"crates/{crate}: found no secret, so this scan does not work any more")
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
    worker = number(
        "crates/worker/src/session.rs", r"const DRAIN_LIMIT: Duration = Duration::from_secs\((\d+)\)"
    )
    statement_ms = number("crates/worker/src/database.rs", r"statement_timeout%3D(\d+)")
    return {
        "receiver": receiver + close + lead_ms / 1000,
        "worker": worker + close + statement_ms / 1000,
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
