# shellcheck shell=bash
# Tests the trials of ops/faults themselves: builds the worker with each patch of tests/faults/broken, and expects a
# trial to catch it. ops/faults sources this file after lib.sh. The head of a patch says what it breaks, which faults
# show that, and with which seed, if it is not BROKEN_SEED.

BROKEN_DIR=tests/faults/broken
# The same for all, so that a run can be repeated.
BROKEN_SEED=15
# Short: most of a trial's time is the waits after the last fault.
BROKEN_MINUTES=0.4
# From the start of the trial to its verdict, as its report says.
BROKEN_SECONDS_MAX=120

# run_broken [NAME...]: all patches without a name. Fails if a trial does not catch one of them in time.
run_broken() {
  local name target
  local -a names=("$@") missed=()
  target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
  ((${#names[@]} > 0)) || mapfile -t names < <(basename --suffix .patch "$BROKEN_DIR"/*.patch)
  for name in "${names[@]}"; do
    [[ -f $BROKEN_DIR/$name.patch ]] || fail "there is no $BROKEN_DIR/$name.patch."
  done
  for name in "${names[@]}"; do
    build_broken "$name" "$target/broken"
    is_caught "$name" "$target/broken" || missed+=("$name")
  done
  ((${#missed[@]} == 0)) || fail "not caught within $BROKEN_SECONDS_MAX s: ${missed[*]}."
  say "all ${#names[@]} broken workers were caught"
}

# build_broken NAME DIRECTORY: builds the worker with the patch from a copy of the sources, as DIRECTORY/workers/NAME.
# One target directory serves all patches, so that only the worker is compiled again.
build_broken() {
  local copy=$2/source log=$2/build.log patch=$PWD/$BROKEN_DIR/$1.patch
  say "building $1"
  rm -rf "$copy"
  mkdir -p "$copy" "$2/workers"
  git ls-files -z --cached --others --exclude-standard |
    tar --create --null --files-from - --ignore-failed-read 2>/dev/null | tar --extract --directory "$copy"
  # Without the ceiling, git would take the names for those of the repository around the copy.
  (cd "$copy" && GIT_CEILING_DIRECTORIES=$2 git apply "$patch") || fail "$1 does not apply."
  # A file that the patch before changed is older now than that build.
  touch "$copy/crates/worker/src/lib.rs"
  (cd "$copy" && CARGO_TARGET_DIR=$2 cargo build --quiet --locked --package paynow-worker) >"$log" 2>&1 ||
    fail_with_log "$1 does not compile." "$log"
  cp "$2/debug/paynow-worker" "$2/workers/$1"
}

# is_caught NAME DIRECTORY: runs one trial against the broken worker, which must find that a promise is broken.
is_caught() {
  local status=0 faults seed seconds report=$2/report log=$2/$1.log
  faults=$(sed -n 's/^Faults: //p' "$BROKEN_DIR/$1.patch")
  seed=$(sed -n 's/^Seed: //p' "$BROKEN_DIR/$1.patch")
  rm -f "$report"
  "$OPS_DIR/faults" --seed "${seed:-$BROKEN_SEED}" --minutes "$BROKEN_MINUTES" --faults "$faults" --worker "$2/workers/$1" \
    --report "$report" >"$log" 2>&1 || status=$?
  seconds=$(sed -n 's/.*"seconds":\([0-9]*\).*/\1/p' "$report" 2>/dev/null)
  if ((status == 1 && ${seconds:-BROKEN_SECONDS_MAX + 1} <= BROKEN_SECONDS_MAX)); then
    say "$1: caught after $seconds s"
  else
    tail -n 20 "$log" >&2
    say "$1: NOT caught in time: exit code $status after ${seconds:-an unknown number of} s"
    return 1
  fi
}
