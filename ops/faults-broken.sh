# shellcheck shell=bash
# Tests the suite of ops/faults itself: builds the worker with each patch of tests/faults/broken, and expects a trial
# to catch it. ops/faults sources this file after lib.sh. The head of a patch says what it breaks, and which faults
# show that.

BROKEN_DIR=tests/faults/broken
# The same for all, so that a run can be repeated.
BROKEN_SEED=15
BROKEN_MINUTES=1
# From the start of the trial, without the builds.
BROKEN_SECONDS_MAX=120

# run_broken [NAME...]: all patches without a name. Fails if a trial does not catch one of them.
run_broken() {
  local name target
  local -a names=("$@") missed=()
  target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
  ((${#names[@]} > 0)) || mapfile -t names < <(basename --suffix .patch "$BROKEN_DIR"/*.patch)
  for name in "${names[@]}"; do
    [[ -f $BROKEN_DIR/$name.patch ]] || fail "there is no $BROKEN_DIR/$name.patch."
  done
  # One target directory for all, so that only the worker is compiled again.
  for name in "${names[@]}"; do build_broken "$name" "$target/broken"; done
  for name in "${names[@]}"; do
    is_caught "$name" "$target/broken" || missed+=("$name")
  done
  ((${#missed[@]} == 0)) || fail "not caught: ${missed[*]}."
}

# build_broken NAME DIRECTORY: builds the worker with the patch from a copy of the sources, as DIRECTORY/workers/NAME.
build_broken() {
  local copy=$2/source log=$2/build.log patch=$PWD/$BROKEN_DIR/$1.patch
  say "building $1"
  rm -rf "$copy"
  mkdir -p "$copy" "$2/workers"
  git ls-files -z --cached --others --exclude-standard | tar --create --null --files-from - --ignore-failed-read 2>/dev/null |
    tar --extract --directory "$copy"
  # Outside of its repository, `git apply` would take the names for those of the repository around it.
  (cd "$copy" && GIT_CEILING_DIRECTORIES=$2 git apply "$patch") || fail "$1 does not apply."
  # A file that an earlier patch changed is older now than that build.
  touch "$copy/crates/worker/src/lib.rs"
  (cd "$copy" && CARGO_TARGET_DIR=$2 cargo build --quiet --locked --package paynow-worker) >"$log" 2>&1 ||
    fail_with_log "$1 does not compile." "$log"
  cp "$2/debug/paynow-worker" "$2/workers/$1"
}

# is_caught NAME DIRECTORY: runs one trial against the broken worker, which must say that a promise is broken.
is_caught() {
  local began=${EPOCHREALTIME//[^0-9]/} status=0 faults
  faults=$(sed -n 's/^Faults: //p' "$BROKEN_DIR/$1.patch")
  timeout --kill-after 30 "$BROKEN_SECONDS_MAX" ops/faults --seed "$BROKEN_SEED" --minutes "$BROKEN_MINUTES" \
    --faults "$faults" --worker "$2/workers/$1" >"$2/$1.log" 2>&1 || status=$?
  if ((status == 1)); then
    say "$1: caught after $(seconds_since "$began") s"
  else
    tail -n 20 "$2/$1.log" >&2
    say "$1: NOT caught, exit code $status after $(seconds_since "$began") s"
    return 1
  fi
}
