#!/bin/bash
# What the official image does before its server: a new database with its owner, then the files of
# /docker-entrypoint-initdb.d.
set -euo pipefail

make_database() {
  local file
  initdb --username="$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE"
  echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
  # Nobody else may come before everything is there.
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
