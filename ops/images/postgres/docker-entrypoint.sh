#!/bin/bash
# Does the same as the official image before it starts the server: creates a new database and its owner,
# then runs the scripts of /docker-entrypoint-initdb.d.
set -euo pipefail

make_database() {
  local file
  initdb --username="$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE"
  echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
  # Without a network address, so that no client can connect before the database is complete.
  pg_ctl --wait --options="-c listen_addresses=''" start
  createdb --username="$POSTGRES_USER" "$POSTGRES_DB"
  for file in /docker-entrypoint-initdb.d/*.sh; do
    "$file"
  done
  pg_ctl --wait --mode=fast stop
}

if [[ $1 == postgres && $(id -u) == 0 ]]; then
  mkdir -p "$PGDATA" /var/run/postgresql
  chmod 700 "$PGDATA"
  chown -R postgres "$PGDATA" /var/run/postgresql
  exec gosu postgres "$0" "$@"
fi
if [[ $1 == postgres ]]; then
  [[ -s $PGDATA/PG_VERSION ]] || make_database
  set -- "$@" -c "listen_addresses=*"
fi
exec "$@"
