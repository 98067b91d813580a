"""What the project says of itself: the settings its programs read, and the times they take."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
CRATES = ROOT / "crates"

# Where a crate reads settings, if it has the file.
READERS = ("main.rs", "config.rs", "database.rs")
# What a crate calls to read a setting that another crate names.
SHARED_READERS = {
    "program::run(": "process/src/telemetry.rs",
    "BrokerAddress::from_environment(": "process/src/broker/connect.rs",
    "ManagementSettings::from_environment(": "desk/src/management/settings.rs",
}
# Set for the libraries below us, not for our programs.
LIBRARY_VARIABLES = {"SSL_CERT_FILE"}

VARIABLE = re.compile(r'"([A-Z][A-Z0-9]*_[A-Z0-9_]+)"')
SECRET = re.compile(r'secret\(\s*(?:"([A-Z0-9_]+)"|NAME)')
NAME = re.compile(r'const NAME: &str = "([A-Z0-9_]+)"')


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
    """A source without its tests and comments."""
    lines = path.read_text(encoding="utf-8").split("#[cfg(test)]")[0].splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith("//"))


def secrets_in(source):
    """Names within calls that read a secret; a constant stands for the one declared before it."""
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
        raise LookupError(f"crates/{crate}: no secret found, so the scan is broken")
    return Settings(frozenset(plain), frozenset(secrets))


def number(path, pattern):
    """A figure in a file, so that what is derived from it here follows when it changes."""
    found = re.search(pattern, text(path))
    if not found:
        raise LookupError(f"{path}: nothing like {pattern}")
    return int(found.group(1).replace("_", ""))


def drain_seconds():
    """The longest that each program may take to end in order."""
    goodbye = number(
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
        "receiver": receiver + goodbye + lead_ms / 1000,
        "worker": worker + goodbye + statement_ms / 1000,
    }


def probe_paths():
    """The paths that both programs answer, in the sources that route them."""
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
    """The names under which the rules look for what is scraped."""
    return set(re.findall(r"job_name: (\S+)", text("deploy/prometheus/prometheus.yml")))
