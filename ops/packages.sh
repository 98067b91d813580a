#!/usr/bin/env bash
# Installs missing packages, and prints which and why. Sourced by lib.sh.

as_root() {
  if ((EUID == 0)); then
    "$@"
  elif ! command -v sudo >/dev/null; then
    fail "installing packages needs root, and sudo is not installed: run this once as root."
  elif sudo -n true 2>/dev/null || [[ -t 0 ]]; then
    sudo "$@"
  else
    fail "installing packages needs root, and sudo asks for a password: run this once in a terminal."
  fi
}

package_is_installed() {
  [[ $(dpkg-query -W -f='${db:Status-Abbrev}' "$1" 2>/dev/null) == ii* ]]
}

package_purpose() {
  case $1 in
    rabbitmq-server) echo "the message broker" ;;
    postgresql) echo "the database server" ;;
    libpq-dev) echo "the PostgreSQL client library that our programs link" ;;
    pkg-config) echo "lets cargo find native libraries" ;;
    gcc) echo "links Rust programs and compiles the C parts of crates" ;;
    libc6-dev) echo "the C library that gcc links every program with" ;;
    prometheus) echo "tests the alert rules and monitors the pipeline in tests" ;;
    prometheus-alertmanager) echo "sends the alerts' mails in tests" ;;
    haproxy) echo "the proxy of the cluster overlay, tested with hostile clients" ;;
    nginx | caddy) echo "a proxy with TLS, tested with the configuration that is shipped for it" ;;
    groff-base) echo "reads the manual pages in tests" ;;
    systemd) echo "checks the units of the Debian package in tests" ;;
    dpkg-dev) echo "finds the libraries that the programs of the Debian package need" ;;
    binutils) echo "makes the programs of the Debian package smaller" ;;
    libfaketime) echo "lets the clock of one program jump in trials" ;;
    python3 | python3-psycopg2) echo "runs the Python example of a game backend" ;;
    nodejs | npm) echo "runs the JavaScript example of a game backend, and the tests in a browser" ;;
    chromium) echo "shows the pages of the console to the tests in a browser" ;;
    openssl) echo "creates and serves certificates for the tests" ;;
    curl) echo "talks to the broker's HTTP API" ;;
    ca-certificates) echo "lets cargo verify HTTPS downloads" ;;
    *) echo "needed by this step" ;;
  esac
}

# missing_packages PKG...: prints those of PKG that are not installed.
missing_packages() {
  local package
  for package in "$@"; do
    package_is_installed "$package" || printf '%s\n' "$package"
  done
}

# need_packages PKG...: install those of PKG that are missing.
need_packages() {
  local -a missing still_missing
  local package lock

  if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    fail "this machine has no apt. On Debian or Ubuntu, this script installs $*;" \
      "on other systems, use a Debian container or virtual machine."
  fi
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]} > 0)) || return 0

  # Two scripts may miss the same package at the same time. The second one waits here and checks again.
  # apt's own lock is not enough: the second script would remove POLICY_FILE, which the first still needs.
  exec {lock}<"${BASH_SOURCE[0]}"
  flock "$lock"
  mapfile -t missing < <(missing_packages "$@")
  if ((${#missing[@]} > 0)); then
    for package in "${missing[@]}"; do
      say "installing $package: $(package_purpose "$package")"
    done
    install_packages "${missing[@]}"
    mapfile -t still_missing < <(missing_packages "${missing[@]}")
    ((${#still_missing[@]} == 0)) || fail "could not install ${still_missing[*]}."
    say "installed ${missing[*]}"
  fi
  exec {lock}<&-
}

POLICY_FILE=/usr/sbin/policy-rc.d
POLICY_MARK="# temporary, written by the ops scripts of PayNow while they install packages"

# install_packages PKG...: runs in a subshell, so that its EXIT trap runs on failure and on Ctrl-C too.
install_packages() (
  local log package
  # Ask for root's password now: later, all output goes to the log, where a refusal would not be visible.
  as_root true
  log=$(mktemp)
  trap 'lift_service_ban; rm -f "$log"' EXIT
  trap 'exit 130' INT TERM HUP

  ban_service_starts || fail "could not write $POLICY_FILE, which prevents new services from starting."
  run_apt "$log" update
  if [[ " $* " == *" postgresql "* ]]; then
    # The server package creates a cluster on the default port when it is installed, unless this file
    # of postgresql-common forbids it.
    run_apt "$log" install postgresql-common
    as_root sed -i -E 's/^#? *create_main_cluster *=.*/create_main_cluster = false/' \
      /etc/postgresql-common/createcluster.conf
  fi
  run_apt "$log" install "$@"
  if [[ " $* " == *" rabbitmq-server "* ]]; then
    keep_off_at_boot rabbitmq-server.service epmd.socket epmd.service
  fi
  # Only packages installed just now: a service that existed before is in use by its owner.
  for package in prometheus prometheus-alertmanager haproxy nginx caddy; do
    [[ " $* " != *" $package "* ]] || keep_off_at_boot "$package.service"
  done
)

# run_apt LOG ARGS...: prints nothing on success, and the end of the log on failure.
run_apt() {
  local log=$1
  shift
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -q --no-install-recommends \
    -o DPkg::Lock::Timeout=300 "$@" </dev/null >"$log" 2>&1 && return 0
  tail -n 30 "$log" >&2
  fail "apt-get $* failed; its last lines are above."
}

# Debian starts a service as soon as its package is installed. The file policy-rc.d prevents that. An
# existing one (usual in containers) was put there on purpose, and stays as it is.
ban_service_starts() {
  [[ ! -e $POLICY_FILE ]] || return 0
  printf '#!/bin/sh\n%s\nexit 101\n' "$POLICY_MARK" | as_root tee "$POLICY_FILE" >/dev/null &&
    as_root chmod 755 "$POLICY_FILE"
}

# The mark identifies our file, even if a killed run left it behind.
lift_service_ban() {
  if grep -qsxF "$POLICY_MARK" "$POLICY_FILE"; then
    as_root rm -f "$POLICY_FILE"
  fi
}

# Where systemd runs, preventing the start is not enough: the package also enables the service, which
# would occupy the default ports after the next boot.
keep_off_at_boot() {
  if command -v systemctl >/dev/null; then
    as_root systemctl disable "$@" >/dev/null 2>&1 || true
  fi
}

# need_servers: install the servers that `stack up` starts. Scripts call this before they build, so that
# a failed installation is reported at once and not after minutes of building.
need_servers() {
  need_packages rabbitmq-server postgresql curl
}

# need_proxies: install the proxies that tests start.
need_proxies() {
  need_packages haproxy nginx caddy openssl
}

# need_package_checks: install what tests read the parts of the Debian package with.
need_package_checks() {
  need_packages systemd groff-base
}

# need_clock_jumps: install the library with which a trial lets the clock of one program jump.
need_clock_jumps() {
  need_packages libfaketime
}

# need_monitoring: install the programs that the tests of alerts start.
need_monitoring() {
  need_packages prometheus prometheus-alertmanager openssl
}

# need_game_examples FOLDER: install what tests run the examples of deploy/game-backend with. The npm packages are
# those of its lock file, with their hashes, and go into FOLDER; their install scripts are not run.
need_game_examples() {
  local source=deploy/game-backend
  need_packages python3 python3-psycopg2
  { command -v node && command -v npm; } >/dev/null || need_packages nodejs npm
  ! { cmp -s "$source/package-lock.json" "$1/package-lock.json" && [[ -e $1/node_modules/.package-lock.json ]]; } ||
    return 0
  say "installing the npm package pg into $1: the JavaScript example of a game backend uses it"
  mkdir -p "$1"
  cp "$source"/{package.json,package-lock.json,.npmrc} "$1"
  (cd "$1" && npm ci --no-audit --no-fund --loglevel=error >/dev/null) || fail "npm could not install pg."
}

# need_browser_tests FOLDER: install what the tests of the console in FOLDER need: Debian's browser, and the npm packages
# of the lock file, with their hashes. Playwright's own browsers are not downloaded, and no install script is run.
need_browser_tests() {
  local installed=$1/node_modules/.installed.json
  need_packages chromium
  { command -v node && command -v npm; } >/dev/null || need_packages nodejs npm
  ! cmp -s "$1/package-lock.json" "$installed" || return 0
  say "installing the npm packages of Playwright and axe into $1/node_modules: they drive the browser and find barriers"
  (cd "$1" && PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --no-audit --no-fund --loglevel=error >/dev/null) ||
    fail "npm could not install Playwright."
  cp "$1/package-lock.json" "$installed"
}

# need_build_dependencies: install everything that is needed to build the project.
need_build_dependencies() {
  # gcc only recommends libc6-dev, and recommended packages are not installed.
  need_packages libpq-dev pkg-config gcc libc6-dev curl ca-certificates
  # rustup adds cargo only to the PATH of login shells, which CI and cron do not use.
  PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
  if ! command -v cargo >/dev/null; then
    fail "found no Rust toolchain (cargo): install one with rustup, see https://rustup.rs."
  fi
}
