#!/bin/bash
# What the official image does before its server: gives it its directory, and is root no longer.
set -euo pipefail

if [[ $1 == rabbitmq* && $(id -u) == 0 ]]; then
  find /var/lib/rabbitmq ! -user rabbitmq -exec chown rabbitmq '{}' +
  exec gosu rabbitmq "$0" "$@"
fi
# So that no shell stays above the server, which would keep signals from it.
export RUNNING_UNDER_SYSTEMD=true
exec "$@"
