#!/usr/bin/env bash
# Provides a Docker engine and the images of the deployment. Sourced by ops/containers.

# The Debian releases of the stand-in images, which are built from packages when no image registry answers.
readonly DEBIAN=bookworm DEBIAN_OF_BROKER=trixie
readonly STAND_IN=paynow-stand-in
# Debian's package of the engine. The quotes keep it from looking like the name of the registry.
readonly ENGINE=docker".io"

docker_answers() { docker version >/dev/null 2>&1; }

# need_docker LOG: uses the engine of this machine, or installs and starts one, which stop_docker ends.
need_docker() {
  if ! docker_answers; then
    need_packages "$ENGINE"
    say "starting a Docker engine"
    # The engine writes its own pid, because the shell's job may be a sudo around the engine.
    DOCKER_PID_FILE=$1.pid
    as_root dockerd --pidfile "$DOCKER_PID_FILE" >"$1" 2>&1 &
    DOCKER_JOB=$!
    wait_until 60 docker_answers || no_docker "$1"
  fi
  docker compose version >/dev/null 2>&1 || command -v docker-compose >/dev/null || need_packages docker-compose
}

# Exits with 69 (EX_UNAVAILABLE), so that a caller can distinguish this from a failed test.
no_docker() {
  tail -n 5 "$1" >&2
  say "no Docker engine can run on this machine (the end of its log is above): the container tests are skipped"
  stop_docker
  exit 69
}

stop_docker() {
  [[ $DOCKER_PID_FILE ]] || return 0
  [[ ! -e $DOCKER_PID_FILE ]] || as_root kill "$(<"$DOCKER_PID_FILE")" || true
  wait "$DOCKER_JOB" || true
  DOCKER_PID_FILE=
}

image_exists() { docker image inspect "$1" >/dev/null 2>&1; }

# need_images: sets and exports the variables from which the compose files take the images' names.
need_images() {
  if timeout 60 docker pull --quiet debian:$DEBIAN-slim >/dev/null 2>&1; then
    say "an image registry answers: using the official images"
  else
    say "no image registry answers: building stand-in images from Debian's packages, without Grafana"
    make_stand_ins
  fi
}

make_stand_ins() {
  need_packages debootstrap
  base_image "$DEBIAN"
  base_image "$DEBIAN_OF_BROKER"
  RABBITMQ_IMAGE=$(stand_in rabbitmq "${RABBITMQ_DEBIAN:-$DEBIAN_OF_BROKER}")
  POSTGRES_IMAGE=$(stand_in postgres "$DEBIAN")
  PROMETHEUS_IMAGE=$(stand_in prometheus "$DEBIAN")
  ALERTMANAGER_IMAGE=$(stand_in alertmanager "$DEBIAN")
  HAPROXY_IMAGE=$(stand_in haproxy "$DEBIAN")
  RUST_IMAGE=$(rust_image)
  BASE_IMAGE=$STAND_IN/debian:$DEBIAN
  export RABBITMQ_IMAGE POSTGRES_IMAGE PROMETHEUS_IMAGE ALERTMANAGER_IMAGE HAPROXY_IMAGE RUST_IMAGE BASE_IMAGE
}

# base_image RELEASE: a minimal Debian, from the package mirror of this machine.
base_image() {
  local image=$STAND_IN/debian:$1 mirror root
  ! image_exists "$image" || return 0
  say "building $image"
  # shellcheck disable=SC2016  # apt's own variable
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | head -n 1)
  root=$WORK/$1
  as_root debootstrap --variant=minbase "$1" "$root" "${mirror:?apt knows no mirror}" >"$WORK/debootstrap-$1.log" 2>&1 ||
    fail_with_log "debootstrap of $1 failed." "$WORK/debootstrap-$1.log"
  as_root tar --directory "$root" --exclude './var/cache/apt/*' --exclude './dev/*' --create . |
    docker import - "$image" >/dev/null
  as_root rm -rf "$root"
}

# stand_in NAME RELEASE: builds the image of ops/images/NAME on that release of Debian; prints its name.
stand_in() {
  local image=$STAND_IN/$1:$2
  build_image "$image" --build-arg "BASE=$STAND_IN/debian:$2" "$OPS_DIR/images/$1"
  printf '%s\n' "$image"
}

# rust_image: builds an image with the Rust toolchain of this machine, without the documentation.
rust_image() {
  local image sysroot host
  sysroot=$(rustc --print sysroot)
  host=$(rustc --version --verbose | sed -n 's/^host: //p')
  image=$STAND_IN/rust:$(rustc --version | cut -d' ' -f2)
  if ! image_exists "$image"; then
    tar --create --file "$WORK/rust.tar" --directory "$OPS_DIR/images/rust" Dockerfile
    tar --append --file "$WORK/rust.tar" --directory /etc/ssl/certs ca-certificates.crt
    (cd "$sysroot" && tar --append --file "$WORK/rust.tar" bin/cargo bin/rustc lib/*.so* "lib/rustlib/$host")
    build_image "$image" --build-arg "BASE=$STAND_IN/debian:$DEBIAN" - <"$WORK/rust.tar"
    rm "$WORK/rust.tar"
  fi
  printf '%s\n' "$image"
}

# build_image NAME ARGUMENT...: builds with the machine's network, through which it can reach Debian's packages.
build_image() {
  say "building $1"
  docker build --network=host --tag "$@" >"$WORK/build.log" 2>&1 || fail_with_log "building $1 failed." "$WORK/build.log"
}
