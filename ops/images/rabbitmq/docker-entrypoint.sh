#!/bin/bash
# What the official image does before its server: gives it its directory, and is root no longer.
set -euo pipefail

if [[ $1 == rabbitmq* && $(id -u) == 0 ]]; then
  find /var/lib/rabbitmq ! -user rabbitmq -exec chown rabbitmq '{}' +
  exec gosu rabbitmq "$0" "$@"
fi
# Debian's script would keep a shell above the server, which then hears no signal.
export RUNNING_UNDER_SYSTEMD=true
exec "$@"
