# shellcheck shell=bash
# Helpers shared by the scripts in ops/. Source this file; it does nothing by itself.

# The clock starts when the script starts, so every step line shows how long the person has
# been waiting so far. EPOCHREALTIME uses the locale's decimal separator, hence the stripping.
PAYNOW_STARTED_US=${EPOCHREALTIME//[^0-9]/}

# seconds_since MICROSECONDS: elapsed time with one decimal.
seconds_since() {
  local now_us=${EPOCHREALTIME//[^0-9]/}
  local tenths=$(((now_us - $1) / 100000))
  printf '%d.%d' $((tenths / 10)) $((tenths % 10))
}

# Progress goes to stderr: stdout belongs to whatever the caller captures (ops/stack env).
say() {
  printf '[%6ss] %s\n' "$(seconds_since "$PAYNOW_STARTED_US")" "$*" >&2
}

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# fail_with_log SENTENCE LOG...: for what went wrong in a program that writes to log files.
fail_with_log() {
  tail -v -n 20 "${@:2}" >&2 || true
  fail "$1"
}

repo_root() {
  (cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
}

# random_hex BYTES: hexadecimal, so that it needs no escaping in URLs, configs or SQL.
random_hex() {
  od -An -v -tx1 -N "$1" /dev/urandom | tr -d ' \n'
}

# --- directories ------------------------------------------------------------------------------

# make_own_directory PATH: others may pass through but not look, because root's database server
# runs as another user. In a place like /var/tmp somebody else may have put a directory or a link
# there first, and would then own our passwords.
make_own_directory() {
  [[ -e $1 || -L $1 ]] || (umask 066 && mkdir -p "$1") || fail "cannot create $1."
  [[ -d $1 && -O $1 && ! -L $1 ]] || fail "$1 is not a directory of your own: remove it."
}

# make_and_lock DIRECTORY: held until this script ends. The previous holder may have deleted the
# directory while we waited, and a lock on a deleted one keeps nobody out, so try again then.
make_and_lock() {
  local lock
  while :; do
    (umask 066 && mkdir -p "$1") || fail "cannot create $1."
    exec {lock}<"$1"
    flock "$lock"
    [[ ! /proc/self/fd/$lock -ef $1 ]] || return 0
    exec {lock}<&-
  done
}

# --- waiting ----------------------------------------------------------------------------------

# wait_until SECONDS COMMAND...: poll until COMMAND succeeds; returns 1 once the deadline passed.
wait_until() {
  local deadline_us=$((${EPOCHREALTIME//[^0-9]/} + $1 * 1000000))
  shift
  until "$@"; do
    ((${EPOCHREALTIME//[^0-9]/} < deadline_us)) || return 1
    sleep 0.1
  done
}

# wait_for_port SECONDS PORT: until something accepts connections on 127.0.0.1:PORT.
wait_for_port() {
  wait_until "$1" port_has_listener "$2"
}

# http_ok URL USER:PASSWORD: the password goes through stdin, out of sight of ps.
http_ok() {
  curl -q -fsS --noproxy '*' --max-time 5 -o /dev/null -K - "$1" <<<"user = \"$2\"" 2>/dev/null
}

# --- ports ------------------------------------------------------------------------------------

# The socket tables are read directly: this sees sockets of every user, needs no extra package,
# and does not disturb a service by connecting to it. State 0A is LISTEN.
port_has_listener() {
  grep -qsE "^ *[0-9]+: [0-9A-F]+:$(printf '%04X' "$1") [0-9A-F]+:[0-9A-F]+ 0A " \
    /proc/net/tcp /proc/net/tcp6
}

# Any socket state counts here: a connection still closing on the port is reason to avoid it.
port_in_use() {
  grep -qsE "^ *[0-9]+: [0-9A-F]+:$(printf '%04X' "$1") " /proc/net/tcp /proc/net/tcp6
}

# free_port [RESERVED...]: a random free port between 20000 and 31999, none of RESERVED.
#
# Ports stay below 32768 because the kernel hands out client ports from there upwards: while a
# server is down, a client reconnecting to a port inside that range can be given the same port
# as its source, connect to itself, and keep the server from binding.
free_port() {
  local port attempt
  for ((attempt = 0; attempt < 1000; attempt++)); do
    port=$((20000 + RANDOM % 12000))
    [[ " $* " == *" $port "* ]] && continue
    port_in_use "$port" && continue
    printf '%s\n' "$port"
    return 0
  done
  fail "found no free port between 20000 and 31999 on 127.0.0.1."
}

# choose_ports FILE COMMON NAME...: write NAME_PORT=port lines to FILE. Ports found in the files
# COMMON/*/<name of FILE> count as taken even while nothing listens there, and the lock on COMMON
# keeps two callers from choosing the same ones.
choose_ports() {
  local file=$1 common=$2 lock name port
  local -a reserved
  shift 2
  exec {lock}<"$common"
  flock "$lock"
  mapfile -t reserved < <(sed -n 's/.*=//p' "$common"/*/"${file##*/}" 2>/dev/null || true)
  for name in "$@"; do
    port=$(free_port "${reserved[@]}")
    reserved+=("$port")
    printf '%s_PORT=%s\n' "$name" "$port"
  done >"$file.new"
  mv "$file.new" "$file"
  exec {lock}<&-
}

# need_free_ports OWNER PORT...: for ports chosen earlier.
need_free_ports() {
  local owner=$1 port
  shift
  for port in "$@"; do
    ! port_has_listener "$port" ||
      fail "port $port of $owner is taken by another program: end that, or run down and up to choose new ones."
  done
}

# --- servers: starting and recognising them ------------------------------------------------------------------------

# run_clean HOME [VAR=VALUE...] COMMAND...: none of the caller's PG* or RABBITMQ_* settings may
# redirect a server to somebody else's files, so it starts from an empty environment.
run_clean() {
  local home=$1
  shift
  env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
    HOME="$home" "$@"
}

# run_as_postgres COMMAND...: PostgreSQL refuses to run as root, so for root it runs as the user
# that its package created.
run_as_postgres() {
  ((EUID != 0)) || set -- runuser -u postgres -- "$@"
  run_clean / "$@"
}

# detached LOG COMMAND...: run a server (or what starts one) so that nothing of the caller stays
# open in it: a caller reading our output through a pipe would wait for the server to end.
detached() (
  log=$1
  shift
  exec </dev/null >>"$log" 2>&1
  for fd in "/proc/$BASHPID/fd"/*; do
    fd=${fd##*/}
    # 255 is bash's own handle on this script; it closes by itself on exec.
    ((fd <= 2 || fd == 255)) || eval "exec $fd>&-"
  done
  "$@"
)

# pids_marked MARK: processes started with PAYNOW_PROCESS=MARK in their environment, and their
# children. Unlike a recorded pid, which the kernel may give to somebody else's process once ours
# has ended, the mark cannot be wrong, and it finds helper processes as well.
pids_marked() {
  local file
  for file in $(grep -lzsxF "PAYNOW_PROCESS=$1" /proc/[0-9]*/environ || true); do
    file=${file%/environ}
    echo "${file##*/}"
  done
}

# pids_in_directory NAME DIRECTORY: for PostgreSQL, which writes process titles over its
# environment but stays in its data directory. A person's shell may be there too, hence NAME.
pids_in_directory() {
  local proc name
  for proc in /proc/[0-9]*; do
    # The process may end while we look at it.
    read -r name 2>/dev/null <"$proc/comm" || continue
    [[ $name == "$1" ]] || continue
    [[ $(readlink "$proc/cwd" || true) != "$2"* ]] || echo "${proc##*/}"
  done 2>/dev/null
}

# kill_hard MAIN_PID COMMAND...: SIGKILL all processes that COMMAND prints, as a crash would.
# MAIN_PID (may be empty) is frozen first: it could otherwise start another child between our
# looking for its children and killing them all.
kill_hard() {
  local main=$1
  local -a pids
  shift
  [[ -z $main ]] || kill -STOP "$main" 2>/dev/null || true
  mapfile -t pids < <("$@")
  ((${#pids[@]} == 0)) || kill -KILL "${pids[@]}" 2>/dev/null || true
  wait_until 15 prints_nothing "$@"
}

prints_nothing() { [[ -z $("$@") ]]; }

# find_postgres: set PG_BIN to the newest server's programs, which Debian keeps off the PATH.
find_postgres() {
  PG_BIN=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
  [[ -x $PG_BIN/initdb ]] || fail "found no PostgreSQL server below /usr/lib/postgresql."
}

# create_cluster DIRECTORY NAME PASSWORD LOG: NAME becomes both superuser and database; stdin is
# appended to the configuration. The directory's parent must belong to the server's user.
create_cluster() {
  local dir=$1 name=$2 password=$3 log=$4 password_file=${1%/*}/password
  # Through a file and through stdin, because arguments are visible to every user of the machine.
  run_as_postgres tee "$password_file" <<<"$password" >/dev/null
  run_as_postgres "$PG_BIN/initdb" -D "$dir" -U "$name" --pwfile="$password_file" --encoding=UTF8 \
    --auth=scram-sha-256 --locale=C.UTF-8 </dev/null >"$log" 2>&1 ||
    fail_with_log "initdb could not create the database cluster." "$log"
  run_as_postgres rm "$password_file"
  run_as_postgres tee -a "$dir/postgresql.conf" >/dev/null
  # Single-user mode needs no running server, and so leaves none behind when it fails.
  run_as_postgres "$PG_BIN/postgres" --single -D "$dir" postgres <<<"create database $name" \
    >>"$log" 2>&1 || fail_with_log "could not create the database '$name'." "$log"
}

# remove_shared_memory DIRECTORY: what a killed PostgreSQL leaves in the kernel, until it starts
# again. The last fields of its lock file tell which: key and id, still there and used by nobody.
remove_shared_memory() {
  local key id
  { read -r key id < <(sed -n 7p "$1/postmaster.pid"); } 2>/dev/null || return 0
  if awk -v k="$key" -v i="$id" '$1 == k && $2 == i && $7 == 0 { f = 1 } END { exit !f }' /proc/sysvipc/shm; then
    run_as_postgres ipcrm -m "$id" || true
  fi
}

# limit_files: RabbitMQ wants more files than the usual soft limit, but an unlimited one makes Erlang set
# up tables for a billion of them.
limit_files() {
  local hard
  hard=$(ulimit -Hn)
  [[ $hard != unlimited ]] && ((hard < 65536)) || hard=65536
  ulimit -Sn "$hard"
}

# Always the whole workspace with all its targets: a part would be built with other features, anew.
build_for_tests() {
  # A worker that some bodies can break, beside the real one, for the tests of crashes.
  cargo build --quiet --workspace --bins --locked --features paynow-worker/poison
  local bin=${CARGO_TARGET_DIR:-target}/debug
  cp "$bin/paynow-worker" "$bin/paynow-worker-poison"
  cargo build --quiet --workspace --bins --locked
  cargo test --quiet --workspace --all-targets --no-run --locked
}

# shellcheck source-path=SCRIPTDIR source=packages.sh
source "$(dirname "${BASH_SOURCE[0]}")/packages.sh"
