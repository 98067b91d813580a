#!/bin/bash
# Creates the programs' logins with their passwords at the first start of a new database. `paynowctl setup`
# grants them their rights. Run by the image's entrypoint.
set -euo pipefail

for login in worker reader operator console; do
  psql --quiet --no-psqlrc --set=ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
    --set=login="paynow_$login" --set=password="$(<"/run/secrets/${login}_password")" \
    <<<"CREATE ROLE :\"login\" LOGIN PASSWORD :'password';"
done
