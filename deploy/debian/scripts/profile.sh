# shellcheck shell=sh
# Gives paynowctl its settings in the shells of those who may read them.
if [ -r /etc/paynow/paynowctl.env ]; then
  set -a
  # shellcheck source=/dev/null
  . /etc/paynow/paynowctl.env
  set +a
fi
