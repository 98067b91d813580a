#!/usr/bin/env bash
# The tests of the deployment in containers: load, faults and checks. Sourced by ops/containers.

readonly PRODUCT=600000000000000040 POINTS=500 DUPLICATES=1
readonly LOAD_RATE=150

expect() {
  [[ $2 == "$3" ]] || fail "$1: expected $3, found $2."
  say "   $1: $2"
}

# --- load ------------------------------------------------------------------------------------------------------------

# begin_load URL ORDERS: sends signed orders in the background, each of them twice; retries until all are accepted.
begin_load() {
  SENT=$((SENT + $2))
  ctl send --url "$1/webhooks/paynow" --count "$2" --rate "$LOAD_RATE" --duplicate "$DUPLICATES" \
    --connections 8 --give-up-after 600 --product "$PRODUCT" --json >"$WORK/sent.json" &
  LOAD_PID=$!
}

# figure NAME: prints one number of the summary of the load.
figure() { sed -n "s/^ *\"$1\": \([0-9]*\),*$/\1/p" "$WORK/sent.json"; }

end_load() {
  wait "$LOAD_PID" || fail_with_log "not every order was accepted." "$WORK/ctl.log"
  UNITS=$((UNITS + $(sed -n 's/^ *"quantity": \([0-9]*\),*$/\1/p' "$WORK/sent.json" | awk '{ sum += $1 } END { print sum }')))
  say "   posts accepted: $(figure accepted), retried: $(figure retried); p99 $(sed -n 's/.*"p99": //p' "$WORK/sent.json" | tr -d ,) ms"
}

applied() { sql "SELECT count(*) FROM webhook_events"; }

await_progress() {
  local before
  before=$(applied)
  wait_until "$1" more_applied_than "$((before + LOAD_RATE))" || fail "no order was credited for $1 s: $2."
}

more_applied_than() { (($(applied 2>/dev/null || echo 0) > $1)); }

is_clean() { ctl check >"$WORK/check.log" 2>&1; }

# Checks that every order answered with 202 is credited once, and that nothing else is credited.
expect_exactly_once() {
  wait_until 240 is_clean || fail_with_log "the invariants do not hold" "$WORK/check.log"
  expect "events applied" "$(applied)" "$SENT"
  expect "points credited" "$(sql "SELECT sum(points) FROM ledger_entries")" "$((UNITS * POINTS))"
  expect "points in wallets" "$(sql "SELECT sum(balance) FROM wallets")" "$((UNITS * POINTS))"
  expect "dead letters" "$(sql "SELECT count(*) FROM dead_letters")" 0
}

# --- images ----------------------------------------------------------------------------------------------------------

story_images() {
  image_holds receiver paynow-receiver "$RECEIVER_IMAGE"
  image_holds worker paynow-worker "$WORKER_IMAGE"
  image_holds console paynow-console "$CONSOLE_IMAGE"
  image_holds paynowctl paynowctl "$PAYNOWCTL_IMAGE"
  expect "receiver without settings: exit status" "$(exit_status_without_settings)" 64
  grep -qF "is required and not set" "$WORK/output" || fail_with_log "the receiver does not name the missing setting." "$WORK/output"
}

# image_holds NAME PROGRAM IMAGE
image_holds() {
  local size
  size=$(docker inspect --format '{{.Size}}' "$3")
  expect "$1: user" "$(docker inspect --format '{{.Config.User}}' "$3")" 65532:65532
  expect "$1: revision" "$(label "$3" revision)" "$(git rev-parse HEAD)"
  image_files "$3"
  expect "$1: shells" "$(grep -cE '(^|/)(sh|bash|dash|busybox)$' "$WORK/files")" 0
  grep -qx var/lib/dpkg/status.d/libc6 "$WORK/files" || fail "$1: no record of libc6 for scanners."
  expect "$1: has the list of its crates" "$(has_crate_list "$3" "$2")" yes
  ((size < 60000000)) || fail "$1 has $size bytes, more than 60 MB."
  say "   $1: $((size / 1000000)) MB"
}

label() { docker inspect --format "{{index .Config.Labels \"org.opencontainers.image.$2\"}}" "$1"; }

image_files() {
  local created
  created=$(docker create "$1")
  docker export "$created" | tar --list >"$WORK/files"
  docker rm "$created" >/dev/null
}

# has_crate_list IMAGE PROGRAM: whether the program has the list of crates that `cargo auditable` adds for scanners.
has_crate_list() {
  local created
  created=$(docker create "$1")
  docker cp "$created:/usr/bin/$2" "$WORK/program"
  docker rm "$created" >/dev/null
  if readelf --section-headers "$WORK/program" | grep -qF .dep-v0; then echo yes; else echo no; fi
}

exit_status_without_settings() {
  local status=0
  docker run --rm --read-only --cap-drop ALL "$RECEIVER_IMAGE" >"$WORK/output" 2>&1 || status=$?
  echo "$status"
}

# --- one machine -----------------------------------------------------------------------------------------------------

start_one() {
  OVERLAY=()
  SERVICES=(rabbitmq postgres setup receiver worker console prometheus alertmanager)
  [[ ${RUST_IMAGE:-} == "$STAND_IN"* ]] || SERVICES+=(grafana)
  export RECEIVER_PUBLISH=127.0.0.1: CONSOLE_PUBLISH=127.0.0.1: PROMETHEUS_PUBLISH=127.0.0.1: ALERTMANAGER_PUBLISH=127.0.0.1: GRAFANA_PUBLISH=127.0.0.1:
  export POSTGRES_PUBLISH=127.0.0.1:
  start
  SENT=0 UNITS=0
}

story_one() {
  local victim
  start_one
  ctl products set "$PRODUCT" "$POINTS" --by demo --why "a price to try" >/dev/null
  keeps_networks_apart
  runbooks_work
  lets_games_in
  lets_people_in
  # As on a database that is older than this login.
  sql "DROP ROLE paynow_game" >/dev/null
  begin_load http://receiver:8080 9000
  await_progress 60 "after the start"
  say "workers 1 to 4"
  start --scale worker=4
  lets_games_in
  expect "workers" "$(containers worker | wc -l)" 4
  expect "workers that answer a fetch" "$(deploy/compose fetch http://worker:9465/readyz | grep -c '"ready"')" 4
  await_progress 60 "with four workers"
  for victim in worker receiver rabbitmq postgres; do
    breaks_and_recovers "$(container "$victim")" "$victim"
  done
  end_load
  expect_exactly_once
  drains
  comes_back
  end_project
}

breaks_and_recovers() {
  say "SIGKILL of $2"
  kill_process "$1"
  wait_until 60 was_restarted "$1" || fail "the engine did not restart $2."
  await_healthy "$1"
  await_progress 120 "after $2 was killed"
}

was_restarted() { (($(docker inspect --format '{{.RestartCount}}' "$1") > 0)); }

# Checks that the receiver cannot reach the database. The first line proves that the check can succeed.
keeps_networks_apart() {
  expect "worker reaches the database" "$(reaches worker postgres 5432)" yes
  expect "receiver reaches the database" "$(reaches receiver postgres 5432)" no
  expect "receiver reaches its address" "$(reaches receiver "$(address postgres store)" 5432)" no
}

# safe_commands: prints each command of the runbooks and of two guides that may be run at any time, up to a pipe or a
# file. The others need an incident, a certificate, or minutes. An SQL statement may contain both signs.
safe_commands() {
  local -a beginnings=('paynowctl (check|top|setup|dead list|dead show|events show|wallet history|unrouted list) ?'
    'rabbitmqctl (-q )?(list_|eval )' 'rabbitmq-(diagnostics|plugins list|queues quorum_status)'
    'psql ' 'pg_isready ' 'promtool (check|test) ' 'amtool (alert query|check-config) ' 'curl ' 'deploy/compose (logs|ps|kill -s HUP) ')
  local IFS='|'
  awk '/^ *```/ { inside = !inside; next } inside' ops/first-ten-minutes.md ops/broker.md ops/runbooks/*.md |
    sed '/^psql/!s/ [|>] .*//' | grep -E "^(${beginnings[*]})" | grep -v pg_terminate_backend | sort -u
}

# runbooks_work: runs these commands as deploy/on-call.sh lets a person run them on this machine.
runbooks_work() {
  local command status expected
  local -a commands
  mapfile -t commands < <(safe_commands)
  ((${#commands[@]} > 60)) || fail "the runbooks have only ${#commands[@]} commands: the scan is broken."
  # Otherwise curl calls the page of an error a success.
  echo fail >"$WORK/.curlrc"
  for command in "${commands[@]}"; do
    status=0 expected=0
    CURL_HOME=$WORK bash -c '. deploy/on-call.sh; eval "$1"' - "$command" </dev/null >"$WORK/command.log" 2>&1 || status=$?
    case $command in
      # Their ids are examples.
      "paynowctl dead show"* | "paynowctl events show"* | "paynowctl wallet history"*) expected=3 ;;
    esac
    ((status == expected)) || fail_with_log "a command of the runbooks ends with $status: $command" "$WORK/command.log"
    # docker-compose 1.29 shows its usage for an option that it does not know, and succeeds; so does `top` without processes.
    ! grep -q -e '^Usage: ' -e 'no answer from' "$WORK/command.log" || fail_with_log "a command of the runbooks does nothing: $command" "$WORK/command.log"
  done
  say "   commands of the runbooks: ${#commands[@]}"
}

# lets_games_in: checks that a game backend reaches the published port, and logs in with its password.
lets_games_in() {
  local port
  port=$(docker port "$(container postgres)" 5432 | head -n 1)
  timeout 5 bash -c "exec 3<>/dev/tcp/${port%:*}/${port##*:}" || fail "the database is not published at $port."
  expect "wallets of nobody, for a game" "$(docker exec "$(container postgres)" psql "$(<"$PAYNOW_SECRETS/game_database")" \
    --no-psqlrc --tuples-only --no-align --command "SELECT count(*) FROM balance_by('steam', '1')")" 0
}

# lets_people_in: makes the first person of the console, who signs in with the password that was printed.
lets_people_in() {
  local address password
  await_healthy "$(container console)"
  address=$(docker port "$(container console)" 8090 | head -n 1)
  password=$(compose run --rm -T setup people add anna --role admin --by demo --why "the first person" 2>>"$WORK/ctl.log" |
    awk 'END { print $NF }')
  # The address that the console is told, whatever port this test publishes.
  expect "where the first sign-in leads" "$(curl --silent --output /dev/null --write-out '%{http_code} %header{location}' \
    --header "Host: 127.0.0.1:8090" --header "Origin: http://127.0.0.1:8090" \
    --data-urlencode name=anna --data-urlencode "password=$password" "http://$address/login")" "303 /enrol"
}

# reaches SERVICE HOST PORT: tries it from the network of SERVICE, with another image, which has a shell.
reaches() {
  if docker run --rm --network "container:$(container "$1")" --entrypoint bash \
    "$(docker inspect --format '{{.Config.Image}}' "$(container postgres)")" \
    -c "timeout 5 bash -c 'exec 3<>/dev/tcp/$2/$3'" 2>/dev/null; then echo yes; else echo no; fi
}

# drains: checks that each program shuts down cleanly on SIGTERM, within its grace period.
drains() {
  local -a ended
  local id
  mapfile -t ended < <(containers worker; containers receiver)
  compose stop worker receiver >>"$WORK/compose.log" 2>&1
  for id in "${ended[@]}"; do
    expect "exit status after SIGTERM" "$(docker inspect --format '{{.State.ExitCode}}' "$id")" 0
  done
}

# comes_back: checks that the data is still there after all containers were removed and created again.
comes_back() {
  say "down and up"
  compose down >>"$WORK/compose.log" 2>&1
  start
  expect "events applied, after the restart" "$(applied)" "$SENT"
  is_clean || fail_with_log "the invariants do not hold after a restart" "$WORK/check.log"
}

# --- the integration tests -------------------------------------------------------------------------------------------

# What would be no other with the broker of the deployment, whose version is another than that of ops/test: it asks
# decisions, the database, the console or no server at all.
ELSEWHERE=(--skip=tidy:: --skip=kubernetes:: --skip=packaged:: --skip=haproxy:: --skip=stories:: --skip=model::
  --skip=fuzz:: --skip=console:: --skip=people:: --skip=contract:: --skip=privileges:: --skip=spend::
  --skip=upgrade:: --skip=products:: --skip=attribution:: --skip=find:: --skip=game_backend:: --skip=identities::
  --skip=proof:: --skip=top:: --skip=terminal:: --skip=restore:: --skip=retention:: --skip=meaning:: --skip=written::
  --skip=taken_back:: --skip=schema:: --skip=golden:: --skip=hardening:: --skip=silent_database:: --skip=monitoring::alerts::
  --skip=desk:: --skip=locked:: --skip=mutated:: --skip=reversals:: --skip=resolved:: --skip=check_settings::
  --skip=reload:: --skip=harness:: --skip=paynow_events::)

story_suite() {
  local broker login
  build_for_tests
  start_one
  # Each test has its own virtual host and database, so the programs of the deployment do not interfere.
  broker=$(address rabbitmq broker)
  login=setup:$(<"$PAYNOW_SECRETS/rabbitmq_setup_password")
  AMQP_URL=amqp://$login@$broker:5672/%2f AMQP_MANAGEMENT_URL=http://$login@$broker:15672 \
    AMQP_PROMETHEUS_URL=http://$broker:15692 \
    DATABASE_URL=postgres://paynow:$(<"$PAYNOW_SECRETS/postgres_password")@$(address postgres store):5432/paynow \
    run_tests --test=integration --test-threads 4 "${ELSEWHERE[@]}"
  end_project
}

# --- a cluster -------------------------------------------------------------------------------------------------------

story_cluster() {
  # shellcheck disable=SC2034  # compose in ops/containers reads it
  OVERLAY=(--cluster)
  SERVICES=(rabbitmq rabbitmq2 rabbitmq3 postgres setup receiver worker proxy prometheus)
  export PROXY_PUBLISH=127.0.0.1: PROMETHEUS_PUBLISH=127.0.0.1:
  start
  SENT=0 UNITS=0
  expect "nodes that run" "$(running_nodes)" 3
  wait_until 120 queues_have_three_members || fail "not every queue has a member on each node."
  ctl products set "$PRODUCT" "$POINTS" --by demo --why "a price to try" >/dev/null
  replaced_one_by_one
  loses_a_node
  cuts_a_node_off
  expect_exactly_once
  end_project
}

# rabbitmqctl NODE ARGUMENT...
rabbitmqctl() { docker exec "$(container "$1")" rabbitmqctl --quiet "${@:2}"; }

running_nodes() { rabbitmqctl rabbitmq eval 'length(rabbit_nodes:list_running()).'; }

queues_have_three_members() {
  local members
  members=$(rabbitmqctl rabbitmq list_queues --no-table-headers members | grep -c 'rabbitmq1.*rabbitmq2.*rabbitmq3\|rabbitmq.*,.*rabbitmq.*,.*rabbitmq')
  ((members == $(rabbitmqctl rabbitmq list_queues --no-table-headers name | wc -l)))
}

replaced_one_by_one() {
  local id
  begin_load http://proxy:8080 6000
  await_progress 60 "in the cluster"
  for id in $(containers receiver) $(containers worker); do
    say "restarting $(docker inspect --format '{{.Name}}' "$id")"
    docker restart --time 30 "$id" >/dev/null
    await_healthy "$id"
  done
  end_load
  # Usually none. On a busy machine, the proxy may notice a stopped receiver late and send it one more post.
  (($(figure retried) * 1000 <= $(figure accepted))) || fail "$(figure retried) posts had to be tried again."
}

# leader SERVICE: asks the node of SERVICE which service's node leads the queue of orders. Losing the leader
# is the worst case.
leader() {
  local name
  name=$(rabbitmqctl "$1" list_queues --no-table-headers name leader | sed -n 's/^paynow\.credits\t.*rabbit@\(rabbitmq[0-9]\).*$/\1/p')
  [[ $name == rabbitmq1 ]] && name=rabbitmq
  printf '%s\n' "${name:?no node leads paynow.credits}"
}

loses_a_node() {
  local lost id
  begin_load http://proxy:8080 6000
  await_progress 60 "before a node is lost"
  lost=$(leader rabbitmq)
  id=$(container "$lost")
  say "SIGKILL of $lost, which led the queue"
  docker kill "$id" >/dev/null
  await_progress 120 "with $lost lost"
  docker start "$id" >/dev/null
  await_healthy "$id"
  end_load
}

cuts_a_node_off() {
  local cut id network
  begin_load http://proxy:8080 9000
  await_progress 60 "before a node is cut off"
  cut=$(leader rabbitmq)
  id=$(container "$cut")
  say "cutting $cut off, which led the queue"
  for network in broker monitoring; do docker network disconnect "${PROJECT}_$network" "$id"; done
  await_progress 120 "with $cut cut off"
  for network in broker monitoring; do
    docker network connect --alias rabbitmq --alias "$(docker inspect --format '{{.Config.Hostname}}' "$id")" "${PROJECT}_$network" "$id"
  done
  wait_until 120 three_nodes_run || fail "$cut did not come back."
  end_load
}

three_nodes_run() { [[ $(running_nodes) == 3 ]]; }
