#!/usr/bin/env bash
# The test of the Debian package: follows ops/plain-server.md on a bare Debian that boots systemd. Sourced by ops/containers.

# The release that the package is built on must be that of the server, because programs need its libraries.
readonly SERVER_DEBIAN=bookworm GUIDE=ops/plain-server.md

story_package() {
  local release
  # shellcheck source=/dev/null
  release=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
  if [[ $release != "$SERVER_DEBIAN" ]]; then
    say "this machine is no Debian $SERVER_DEBIAN, so its package would not run on one: skipping"
    return 0
  fi
  start_server
  follows_the_guide
  is_closed
  comes_back_by_itself
  upgrades
  goes_back
  goes_away
  docker rm --force "$SERVER" >/dev/null
}

# The server has no network: what the guide installs is in its image.
start_server() {
  deploy/debian/build --debug --out "$WORK/packages" >/dev/null
  deploy/debian/build --debug --out "$WORK/newer" --version 9.0.0 >/dev/null
  local image=$STAND_IN/server:$SERVER_DEBIAN
  build_image "$image" --build-arg "BASE=${BASE_IMAGE:-debian:$SERVER_DEBIAN-slim}" "$OPS_DIR/images/server"
  SERVER=$PROJECT-server
  docker run --detach --name "$SERVER" --hostname shop --network none --env container=docker \
    --cgroupns private --cap-add SYS_ADMIN --cap-add SYS_PTRACE --security-opt seccomp=unconfined --security-opt apparmor=unconfined \
    --tmpfs /run --tmpfs /run/lock --tmpfs /tmp "$image" >/dev/null
  wait_until 60 server_has_booted || fail "systemd does not boot in a container."
  docker cp "$WORK/packages/." "$SERVER:/srv/" >/dev/null
}

on_server() { docker exec --workdir /srv "$SERVER" "$@"; }
quietly_on_server() { on_server "$@" >>"$WORK/server.log" 2>&1; }
server_has_booted() { [[ $(on_server systemctl is-system-running 2>/dev/null) == running ]]; }

# commands FROM TO: the commands of the guide between two of its headings.
commands() {
  awk -v from="## $1" -v to="## $2" '
    $0 == from { inside = 1 }
    $0 == to { inside = 0 }
    /^```/ { code = ($0 == "```sh"); next }
    inside && code
  ' "$GUIDE"
}

# follow FROM TO: runs these commands as the guide asks, in a login shell of root, and stops at the first that fails.
follow() {
  # shellcheck disable=SC2016  # the shell of the server fills it in
  { echo 'set -euxo pipefail; PS4="+\$SECONDS "'; commands "$@"; } >"$WORK/commands.sh"
  docker cp "$WORK/commands.sh" "$SERVER:/srv/" >/dev/null
  quietly_on_server bash --login commands.sh || fail_with_log "a command of $GUIDE failed." "$WORK/server.log"
}

ctl_on_server() { on_server bash --login -c "paynowctl $1"; }

balance() { ctl_on_server "wallet show 600000000000100000 --json" | sed -n 's/^ *"balance": \([0-9-]*\),*$/\1/p'; }

has_balance() { [[ $(balance) == "$1" ]]; }

# credits [SECRETS]: one more order is credited.
credits() {
  local expected
  expected=$(($(balance) + POINTS))
  on_server env "PAYNOW_SIGNING_SECRETS=${1:-$(on_server cat /etc/paynow/secrets/signing)}" \
    paynowctl send --url http://127.0.0.1:8080/webhooks/paynow --product "$PRODUCT" --give-up-after 30 \
    >>"$WORK/server.log" 2>&1 || fail_with_log "an order was not accepted." "$WORK/server.log"
  wait_until 30 has_balance "$expected" || fail "the wallet has $(balance) points, not $expected."
  say "   points: $expected"
}

follows_the_guide() {
  say "following $GUIDE"
  follow "Servers and programs" Upgrade
  expect "points after the first order" "$(balance)" "$POINTS"
  credits "second:pn-another-secret-of-yours-here"
  grep -qF '"code":"missing_header"' <(tr -d ' ' <"$WORK/server.log") ||
    fail_with_log "nginx does not pass a webhook on." "$WORK/server.log"
  grep -qx 404 "$WORK/server.log" || fail_with_log "nginx passes another path on." "$WORK/server.log"
}

# may USER FILE
may() { if on_server runuser -u "$1" -- test -r "/etc/paynow/$2"; then echo yes; else echo no; fi; }

is_closed() {
  local unit file
  for unit in paynow-receiver paynow-worker@9465 paynow-console; do
    expect "$unit: user" "$(on_server bash -c "ps -o user= \$(systemctl show --value -p MainPID $unit)")" paynow
  done
  for file in receiver_amqp worker_database setup_database operator_database console_database; do
    expect "the programs' user reads $file" "$(may paynow "secrets/$file")" no
  done
  expect "the programs' user reads signing" "$(may paynow secrets/signing)" yes
  expect "an operator reads operator_database" "$(may anna secrets/operator_database)" yes
  expect "an operator reads setup_database" "$(may anna secrets/setup_database)" no
  expect "an operator reads worker.env" "$(may anna worker.env)" no
  expect "nobody reads paynowctl.env" "$(may nobody paynowctl.env)" no
  on_server runuser --login anna -c 'paynowctl wallet show 600000000000100000' >/dev/null
  say "   an operator uses paynowctl"
}

comes_back_by_itself() {
  local unit
  for unit in paynow-receiver paynow-worker@9465 paynow-console; do
    on_server systemctl kill --signal=KILL "$unit"
    wait_until 20 restarted "$unit" || fail "systemd did not start $unit again."
  done
  credits
  on_server systemctl stop paynow-receiver paynow-worker@9465 paynow-console
  for unit in paynow-receiver paynow-worker@9465 paynow-console; do
    expect "$unit: result of a stop" "$(on_server systemctl show --value -p Result "$unit")" success
  done
  on_server systemctl start paynow-receiver paynow-worker@9465 paynow-console
  on_server bash -c 'echo RECEIVER_ADDR=nowhere >>/etc/paynow/receiver.env; systemctl restart paynow-receiver'
  wait_until 20 has_failed paynow-receiver || fail "a wrong setting is no failure."
  expect "starts after a wrong setting" "$(on_server systemctl show --value -p NRestarts paynow-receiver)" 0
  on_server bash -c 'sed -i /nowhere/d /etc/paynow/receiver.env; systemctl restart paynow-receiver'
}

restarted() { (($(on_server systemctl show --value -p NRestarts "$1") > 0)); }
has_failed() { [[ $(on_server systemctl show --value -p ExecMainStatus "$1") == 64 ]]; }

checksums() { on_server bash -c 'cd /etc/paynow && sha256sum *.env secrets/* && stat --format "%n %a %U %G" *.env secrets/*'; }

# keeps WHEN CHECKSUMS
keeps() {
  [[ $(checksums) == "$2" ]] || fail "settings or secrets have changed $1."
  say "   settings and secrets are the same $1"
}

upgrades() {
  local before pid
  on_server bash -c "echo LOG_LEVEL=debug >>/etc/paynow/worker.env"
  before=$(checksums)
  pid=$(on_server systemctl show --value -p MainPID paynow-worker@9465)
  on_server bash -c 'rm paynow-points_*.deb'
  docker cp "$WORK/newer/." "$SERVER:/srv/" >/dev/null
  follow Upgrade Removal
  # shellcheck disable=SC2016  # dpkg's own variable
  expect "version" "$(on_server dpkg-query --show --showformat='${Version}' paynow-points)" 9.0.0
  keeps "after an upgrade" "$before"
  [[ $(on_server systemctl show --value -p MainPID paynow-worker@9465) != "$pid" ]] || fail "the worker was not restarted."
  credits
  quietly_on_server apt-get install --yes --reinstall ./paynow-points_9.0.0_"$(dpkg --print-architecture)".deb
  keeps "after a reinstallation" "$before"
}

started() { on_server systemctl show --value -p ActiveEnterTimestampMonotonic "$1"; }

# An older package leaves the schema alone, and the receiver is replaced before the worker.
goes_back() {
  local before setup
  before=$(checksums)
  setup=$(on_server systemctl show --value -p ExecMainStartTimestampMonotonic paynow-setup)
  docker cp "$WORK/packages/." "$SERVER:/srv/" >/dev/null
  quietly_on_server bash -c "apt-get install --yes --allow-downgrades \$(ls ./paynow-points_*.deb | grep -v 9.0.0)"
  # shellcheck disable=SC2016  # dpkg's own variable
  [[ $(on_server dpkg-query --show --showformat='${Version}' paynow-points) != 9.0.0 ]] || fail "the newer version is still installed."
  expect "the last setup" "$(on_server systemctl show --value -p ExecMainStartTimestampMonotonic paynow-setup)" "$setup"
  (($(started paynow-receiver) < $(started paynow-worker@9465))) || fail "the worker was replaced before the receiver."
  keeps "after going back" "$before"
  credits
}

goes_away() {
  local before
  before=$(checksums)
  quietly_on_server apt-get remove --yes paynow-points
  keeps "after a removal" "$before"
  expect "programs that run" "$(on_server bash -c "pgrep --count --uid paynow || true")" 0
  follow Removal ""
  expect "settings and secrets, after a purge" "$(on_server bash -c 'ls -d /etc/paynow 2>/dev/null || echo none')" none
  expect "user" "$(on_server bash -c 'getent passwd paynow || echo none')" none
}
