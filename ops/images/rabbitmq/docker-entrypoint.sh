#!/bin/bash
# Does the same as the official image before it starts the server: gives the data directory to the
# server's user, and switches from root to that user.
set -euo pipefail

if [[ $1 == rabbitmq* && $(id -u) == 0 ]]; then
  find /var/lib/rabbitmq ! -user rabbitmq -exec chown rabbitmq '{}' +
  exec gosu rabbitmq "$0" "$@"
fi
# Makes the script replace its shell with the server, so that signals reach the server.
export RUNNING_UNDER_SYSTEMD=true
exec "$@"
