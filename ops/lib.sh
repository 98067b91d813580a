# shellcheck shell=bash
# Functions shared by the scripts in ops/, which source this file.

# The time at which the script started: every line of progress shows the seconds since then.
# EPOCHREALTIME uses the locale's decimal separator, so all non-digits are removed.
PAYNOW_STARTED_US=${EPOCHREALTIME//[^0-9]/}

# seconds_since MICROSECONDS: elapsed time with one decimal.
seconds_since() {
  local now_us=${EPOCHREALTIME//[^0-9]/}
  local tenths=$(((now_us - $1) / 100000))
  printf '%d.%d' $((tenths / 10)) $((tenths % 10))
}

# Progress goes to stderr, because callers capture stdout (ops/stack env).
say() {
  printf '[%6ss] %s\n' "$(seconds_since "$PAYNOW_STARTED_US")" "$*" >&2
}

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# fail_with_log SENTENCE LOG...: for a failure of a program that writes to log files.
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

# --- side by side -----------------------------------------------------------------------------

# beside COMMAND...: runs COMMAND in the background, in a process group of its own. What it prints is shown by join_all.
beside() {
  local log
  log=$(mktemp)
  set -m
  ("$@") >"$log" 2>&1 &
  set +m
  BESIDE_PIDS+=("$!") BESIDE_LOGS+=("$log")
}

# join_all: waits for all that runs beside this script. Returns 1 if any of it failed.
join_all() {
  local place status=0
  for place in "${!BESIDE_PIDS[@]}"; do
    wait "${BESIDE_PIDS[place]}" || status=1
    cat "${BESIDE_LOGS[place]}"
    rm "${BESIDE_LOGS[place]}"
  done
  BESIDE_PIDS=() BESIDE_LOGS=()
  return "$status"
}

# end_all: ends what still runs, for a script that gives up. Its own clean-up is waited for.
end_all() {
  local place
  for place in "${!BESIDE_PIDS[@]}"; do
    kill -- "-${BESIDE_PIDS[place]}" 2>/dev/null || true
    wait "${BESIDE_PIDS[place]}" || true
    tail -n 20 "${BESIDE_LOGS[place]}" >&2
    rm "${BESIDE_LOGS[place]}"
  done
  BESIDE_PIDS=() BESIDE_LOGS=()
}

BESIDE_PIDS=() BESIDE_LOGS=()

# --- tests ------------------------------------------------------------------------------------

# run_tests OPTION ARGUMENT...: runs Rust tests; OPTION tells Cargo which, and the ARGUMENTs are for the test programs.
run_tests() {
  once_more '/^failures:$/,/^test result/s/^    ([a-z0-9_:]+)$/\1/p' run_tests_alone cargo test --workspace "$1" --locked --no-fail-fast -- "${@:2}"
}

run_tests_alone() {
  cargo test --workspace --all-targets --locked -- --include-ignored --exact --test-threads 1 "$@"
}

# once_more EXPRESSION AGAIN COMMAND...: runs COMMAND. If it fails and TRY_AGAIN_LIST names a file, as in CI, where a machine
# can stand still for seconds, AGAIN runs the failed tests once more if they are few; EXPRESSION, of sed, finds their names in
# what COMMAND printed. They are added to the file, because each of them is something to look into.
once_more() {
  local log status=0
  local -a failed
  log=$(mktemp)
  "${@:3}" 2>&1 | tee "$log" || status=$?
  mapfile -t failed < <(sed -nE "$1" "$log" | sort -u)
  rm "$log"
  ((status)) || return 0
  [[ ${TRY_AGAIN_LIST:-} ]] && ((${#failed[@]} >= 1 && ${#failed[@]} <= 3)) || return "$status"
  say "failed, and tried once more: ${failed[*]}"
  "$2" "${failed[@]}" || return
  printf '%s\n' "${failed[@]}" >>"$TRY_AGAIN_LIST"
}

# --- directories ------------------------------------------------------------------------------

# make_own_directory PATH: other users may enter the directory but not list it, because the database
# server of root runs as another user. In a place like /var/tmp, another user may have created a
# directory or a link with this name, and could then read our passwords.
make_own_directory() {
  [[ -e $1 || -L $1 ]] || (umask 066 && mkdir -p "$1") || fail "cannot create $1."
  [[ -d $1 && -O $1 && ! -L $1 ]] || fail "$1 is not a directory of your own: remove it."
}

# make_and_lock DIRECTORY: holds the lock until this script ends. The previous holder may have deleted
# the directory while we waited; a lock on a deleted directory excludes nobody, so try again then.
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

# wait_until SECONDS COMMAND...: repeat COMMAND until it succeeds; returns 1 after the deadline.
wait_until() {
  local deadline_us=$((${EPOCHREALTIME//[^0-9]/} + $1 * 1000000))
  shift
  until "$@"; do
    ((${EPOCHREALTIME//[^0-9]/} < deadline_us)) || return 1
    sleep 0.1
  done
}

# wait_for_port SECONDS PORT: wait until a server accepts connections on 127.0.0.1:PORT.
wait_for_port() {
  wait_until "$1" port_has_listener "$2"
}

# http_ok URL USER:PASSWORD: passes the password through stdin, because ps shows arguments.
http_ok() {
  curl -q -fsS --noproxy '*' --max-time 5 -o /dev/null -K - "$1" <<<"user = \"$2\"" 2>/dev/null
}

# --- ports ------------------------------------------------------------------------------------

# Reads the kernel's socket tables: they show the sockets of every user, need no extra package, and
# reading them does not disturb a service as a connection would. State 0A is LISTEN.
port_has_listener() {
  grep -qsE "^ *[0-9]+: [0-9A-F]+:$(printf '%04X' "$1") [0-9A-F]+:[0-9A-F]+ 0A " \
    /proc/net/tcp /proc/net/tcp6
}

# Counts sockets in any state: a port is in use even while a connection on it is still closing.
port_in_use() {
  grep -qsE "^ *[0-9]+: [0-9A-F]+:$(printf '%04X' "$1") " /proc/net/tcp /proc/net/tcp6
}

# free_port [RESERVED...]: a random free port between 20000 and 31999, none of RESERVED.
#
# Ports stay below 32768 because the kernel takes client ports from there upwards. While a server
# is down, a client that reconnects to a port in that range can get the same port as its source,
# connect to itself, and prevent the server from binding the port.
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
# COMMON/*/<name of FILE> count as taken even while nothing listens there. The lock on COMMON
# prevents two callers from choosing the same ports.
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

# need_free_ports OWNER PORT...: fail if another program has taken a port that was chosen earlier.
need_free_ports() {
  local owner=$1 port
  shift
  for port in "$@"; do
    ! port_has_listener "$port" ||
      fail "another program uses port $port of $owner: end that program, or run down and up to choose new ports."
  done
}

# --- servers: starting and recognising them ------------------------------------------------------------------------

# run_clean HOME [VAR=VALUE...] COMMAND...: run in an empty environment, so that no PG* or RABBITMQ_*
# variable of the caller directs a server to other files.
run_clean() {
  local home=$1
  shift
  env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
    HOME="$home" "$@"
}

# run_as_postgres COMMAND...: if we are root, run as the user that PostgreSQL's package created,
# because PostgreSQL refuses to run as root.
run_as_postgres() {
  ((EUID != 0)) || set -- runuser -u postgres -- "$@"
  run_clean / "$@"
}

# detached LOG COMMAND...: run a server, or a command that starts one, without the caller's open files.
# Otherwise a caller that reads our output through a pipe would wait until the server ends.
detached() (
  log=$1
  shift
  exec </dev/null >>"$log" 2>&1
  for fd in "/proc/$BASHPID/fd"/*; do
    fd=${fd##*/}
    # 255 is bash's own descriptor of this script; exec closes it.
    ((fd <= 2 || fd == 255)) || eval "exec $fd>&-"
  done
  "$@"
)

# pids_marked MARK: processes started with PAYNOW_PROCESS=MARK in their environment, and their
# children. A recorded pid may belong to another program after our process has ended; the mark is
# always right, and it finds helper processes as well.
pids_marked() {
  local file
  for file in $(grep -lzsxF "PAYNOW_PROCESS=$1" /proc/[0-9]*/environ || true); do
    file=${file%/environ}
    echo "${file##*/}"
  done
}

# pids_in_directory NAME DIRECTORY: processes called NAME that run in DIRECTORY. For PostgreSQL, which
# overwrites its environment with process titles, but stays in its data directory. NAME excludes
# others, such as a person's shell.
pids_in_directory() {
  local proc name
  for proc in /proc/[0-9]*; do
    # The process may end while we read its files.
    read -r name 2>/dev/null <"$proc/comm" || continue
    [[ $name == "$1" ]] || continue
    [[ $(readlink "$proc/cwd" || true) != "$2"* ]] || echo "${proc##*/}"
  done 2>/dev/null
}

# kill_hard MAIN_PID COMMAND...: SIGKILL all processes that COMMAND prints, to simulate a crash.
# MAIN_PID (may be empty) is stopped first: otherwise it could start another child after COMMAND
# has listed its children.
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

# find_postgres: set PG_BIN to the directory of the newest server, which Debian leaves out of PATH.
find_postgres() {
  PG_BIN=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
  [[ -x $PG_BIN/initdb ]] || fail "found no PostgreSQL server below /usr/lib/postgresql."
}

# create_cluster DIRECTORY NAME PASSWORD LOG: NAME becomes the name of the superuser and of the database;
# stdin is appended to the configuration. The parent of DIRECTORY must belong to the server's user.
create_cluster() {
  local dir=$1 name=$2 password=$3 log=$4 password_file=${1%/*}/password
  # The password goes through stdin and a file, because every user of the machine can see arguments.
  run_as_postgres tee "$password_file" <<<"$password" >/dev/null
  run_as_postgres "$PG_BIN/initdb" -D "$dir" -U "$name" --pwfile="$password_file" --encoding=UTF8 \
    --auth=scram-sha-256 --locale=C.UTF-8 </dev/null >"$log" 2>&1 ||
    fail_with_log "initdb could not create the database cluster." "$log"
  run_as_postgres rm "$password_file"
  run_as_postgres tee -a "$dir/postgresql.conf" >/dev/null
  # Single-user mode starts no server that could remain after a failure.
  run_as_postgres "$PG_BIN/postgres" --single -D "$dir" postgres <<<"create database $name" \
    >>"$log" 2>&1 || fail_with_log "could not create the database '$name'." "$log"
}

# remove_shared_memory DIRECTORY: remove the shared memory that a killed PostgreSQL leaves in the kernel
# until its next start. Line 7 of its lock file has the key and the id; the segment must be unused.
remove_shared_memory() {
  local key id
  { read -r key id < <(sed -n 7p "$1/postmaster.pid"); } 2>/dev/null || return 0
  if awk -v k="$key" -v i="$id" '$1 == k && $2 == i && $7 == 0 { f = 1 } END { exit !f }' /proc/sysvipc/shm; then
    run_as_postgres ipcrm -m "$id" || true
  fi
}

# limit_files: RabbitMQ needs more open files than the usual soft limit allows, but with an unlimited
# one Erlang would allocate tables for a billion files.
limit_files() {
  local hard
  hard=$(ulimit -Hn)
  [[ $hard != unlimited ]] && ((hard < 65536)) || hard=65536
  ulimit -Sn "$hard"
}

# Builds the whole workspace with all targets: building a part would select other features and compile
# the dependencies again.
build_for_tests() {
  local bin=${CARGO_TARGET_DIR:-target}/debug program
  # For the crash tests: a second build, which certain bodies can crash, and which can be killed at each boundary.
  cargo build --quiet --workspace --bins --locked --features paynow-worker/poison,paynow-process/fault-points
  cp "$bin/paynow-worker" "$bin/paynow-worker-poison"
  for program in paynow-receiver paynow-worker paynowctl; do cp "$bin/$program" "$bin/$program-faulty"; done
  cargo build --quiet --workspace --bins --locked
  cargo test --quiet --workspace --all-targets --no-run --locked
}

# shellcheck source-path=SCRIPTDIR source=packages.sh
source "$(dirname "${BASH_SOURCE[0]}")/packages.sh"
