# shellcheck shell=bash
# For whoever is on call at the machine of deploy/compose: makes the commands of ops/runbooks and of
# ops/first-ten-minutes.md work as they are written. To be sourced in bash, in the root of the repository:
#
#   . deploy/on-call.sh
#
# From then on, paynowctl and the tools of the broker, the database and the monitoring run in the containers that
# have them, and curl and openssl know the names of the services. Files of this machine are not there: use standard
# input. No password comes into this shell: psql reads it in the container of the database.

if [ -z "${BASH_VERSION:-}" ]; then
  echo "deploy/on-call.sh needs bash" >&2
  return 1
fi

ON_CALL_COMPOSE=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/compose
ON_CALL_SERVICES='receiver|worker|proxy|rabbitmq|rabbitmq2|rabbitmq3|postgres|prometheus|alertmanager|grafana'
# The operator's login, and the one of setup, which may do everything.
export DATABASE_URL=postgres://paynow_operator@postgres:5432/paynow
export SUPERUSER_URL=postgres://paynow@postgres:5432/paynow

# on_call_container SERVICE: prints one container of the service that runs.
on_call_container() {
  local ids
  ids=$(docker ps --quiet --filter "label=com.docker.compose.project=${COMPOSE_PROJECT_NAME:-paynow}" \
    --filter "label=com.docker.compose.service=$1" --filter label=com.docker.compose.oneoff=False)
  if [[ -z $ids ]]; then
    echo "no container of $1 runs in the project ${COMPOSE_PROJECT_NAME:-paynow}: deploy/compose ps --all shows why" >&2
    return 1
  fi
  echo "${ids%%$'\n'*}"
}

# on_call_address SERVICE: prints the address of one container. This machine reaches the internal networks, too.
on_call_address() {
  local id addresses
  id=$(on_call_container "$1") || return
  addresses=$(docker inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}' "$id") || return
  read -r addresses _ <<<"$addresses"
  echo "$addresses"
}

# on_call_in SERVICE COMMAND...: runs the command in a container of the service.
on_call_in() {
  local id
  local -a terminal=()
  id=$(on_call_container "$1") || return
  [[ ! -t 0 || ! -t 1 ]] || terminal=(--tty)
  docker exec --interactive "${terminal[@]}" "$id" "${@:2}"
}

# on_call_node COMMAND...: on a node of the broker that runs. A cluster may have lost the first.
on_call_node() {
  local node
  for node in rabbitmq rabbitmq2 rabbitmq3 rabbitmq; do
    ! on_call_container "$node" >/dev/null 2>&1 || break
  done
  on_call_in "$node" "$@"
}

# on_call_database COMMAND...: with the password of the login that the address names.
on_call_database() {
  # shellcheck disable=SC2016  # the shell in the container fills it in
  on_call_in postgres bash -c '
    secret=postgres_password
    [[ "$*" != *//paynow_operator@* ]] || secret=operator_password
    PGPASSWORD=$(<"/run/secrets/$secret") exec "$@"' - "$@"
}

# Setup needs logins that may do everything; all else has the operator's. No receiver or worker is in its container.
paynowctl() {
  local service=ctl
  local -a terminal=()
  [[ ${1:-} != setup ]] || service=setup
  if [[ ${1:-} == top && $* != *--metrics* ]]; then
    set -- "$@" --metrics http://receiver:9464/metrics --metrics http://worker:9465/metrics
  fi
  [[ -t 0 && -t 1 ]] || terminal=(-T)
  "$ON_CALL_COMPOSE" run --rm --no-deps "${terminal[@]}" "$service" "$@"
}

psql() { on_call_database psql "$@"; }
pg_isready() { on_call_database pg_isready "$@"; }
rabbitmqctl() { on_call_node rabbitmqctl "$@"; }
rabbitmq-diagnostics() { on_call_node rabbitmq-diagnostics "$@"; }
rabbitmq-plugins() { on_call_node rabbitmq-plugins "$@"; }
rabbitmq-queues() { on_call_node rabbitmq-queues "$@"; }
amtool() { on_call_in alertmanager amtool "$@"; }

# A pattern such as /etc/prometheus/alerts/*.yml is for the files of the container.
promtool() {
  # shellcheck disable=SC2016  # the shell in the container fills it in
  on_call_in prometheus sh -c 'exec promtool $*' - "$@"
}

curl() {
  local argument service address
  local -a connect=()
  for argument in "$@"; do
    [[ $argument =~ ^https?://($ON_CALL_SERVICES)[:/] ]] || continue
    service=${BASH_REMATCH[1]}
    address=$(on_call_address "$service") || return
    connect+=(--noproxy "$service" --connect-to "$service::$address:")
  done
  command curl "${connect[@]}" "$@"
}

openssl() {
  local argument address
  local -a arguments=()
  for argument in "$@"; do
    if [[ $argument =~ ^($ON_CALL_SERVICES):([0-9]+)$ ]]; then
      address=$(on_call_address "${BASH_REMATCH[1]}") || return
      argument=$address:${BASH_REMATCH[2]}
    fi
    arguments+=("$argument")
  done
  command openssl "${arguments[@]}"
}
