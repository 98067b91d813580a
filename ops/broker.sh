#!/usr/bin/env bash
# Functions that create, start, check and stop the broker of a stack. Sourced by stack; uses its variables.
# shellcheck disable=SC2154

create_broker() {
  mkdir -p "$BROKER"/{home,data,log,conf.d,schema}
  random_hex 32 >"$BROKER/home/.erlang.cookie"
  chmod 400 "$BROKER/home/.erlang.cookie"
  echo '[rabbitmq_management,rabbitmq_prometheus].' >"$BROKER/enabled_plugins"
  cp "$OPS_DIR/../deploy/rabbitmq/advanced.config" "$BROKER/advanced.config"
  : >"$BROKER/rabbitmq-env.conf"
  # When the broker starts without data, it creates default_user with all permissions on the vhost /,
  # and does not create the user guest.
  cat >"$BROKER/rabbitmq.conf" <<CONF
listeners.tcp.1 = 127.0.0.1:$AMQP_PORT
management.tcp.ip = 127.0.0.1
management.tcp.port = $MANAGEMENT_PORT
prometheus.tcp.ip = 127.0.0.1
prometheus.tcp.port = $PROMETHEUS_PORT
default_user = paynow
default_pass = $PASSWORD
default_user_tags.administrator = true
loopback_users = none
collect_statistics_interval = 1000
disk_free_limit.absolute = 50MB
log.console = false
log.file = broker.log
CONF
}

# broker_env COMMAND...: sets all paths, because RabbitMQ's scripts would otherwise read /etc/rabbitmq
# and write to /var/lib. Schedulers stay unbound: each broker would bind its first scheduler to the
# first core, and several stacks would compete for that core.
broker_env() {
  run_clean "$BROKER/home" RABBITMQ_NODENAME="$NODE" RABBITMQ_USE_LONGNAME=false \
    RABBITMQ_CONF_ENV_FILE="$BROKER/rabbitmq-env.conf" RABBITMQ_CONFIG_FILE="$BROKER/rabbitmq.conf" \
    RABBITMQ_CONFIG_FILES="$BROKER/conf.d" RABBITMQ_ADVANCED_CONFIG_FILE="$BROKER/advanced.config" \
    RABBITMQ_ENABLED_PLUGINS_FILE="$BROKER/enabled_plugins" RABBITMQ_SCHEMA_DIR="$BROKER/schema" \
    RABBITMQ_MNESIA_BASE="$BROKER/data" RABBITMQ_LOG_BASE="$BROKER/log" \
    RABBITMQ_PID_FILE="$BROKER/server.pid" RABBITMQ_DIST_PORT="$DISTRIBUTION_PORT" \
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1}" \
    RABBITMQ_CTL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1}" \
    RABBITMQ_SCHEDULER_BIND_TYPE=u ERL_CRASH_DUMP="$BROKER/log/erl_crash.dump" \
    ERL_EPMD_PORT="$EPMD_PORT" ERL_EPMD_ADDRESS=127.0.0.1 "$@"
}

# Each stack has its own epmd: the one on the default port would be shared with every Erlang program
# on the machine, and would keep running after the stack is down.
launch_epmd() {
  is_gone epmd || return 0
  need_free_ports "the stack '$STACK_NAME'" "$EPMD_PORT"
  STARTED+=(epmd)
  detached "$BROKER/log/epmd.log" run_clean "$BROKER/home" PAYNOW_PROCESS="epmd:$STATE" \
    setsid --fork epmd -address 127.0.0.1 -port "$EPMD_PORT"
  wait_for_port 10 "$EPMD_PORT" || fail_with_log "epmd did not start." "$BROKER/log/epmd.log"
}

launch_broker() {
  launch_epmd
  need_free_ports "the stack '$STACK_NAME'" "$AMQP_PORT" "$MANAGEMENT_PORT" "$PROMETHEUS_PORT" "$DISTRIBUTION_PORT"
  STARTED+=(broker)
  rm -f "$BROKER/server.pid"
  limit_files
  detached "$BROKER/log/console.log" broker_env PAYNOW_PROCESS="broker:$STATE" \
    setsid --fork "$RABBITMQ_BIN/rabbitmq-server"
}

broker_get() {
  http_ok "http://127.0.0.1:$MANAGEMENT_PORT$1" "paynow:$PASSWORD"
}

# Succeeds when the broker is ready or has ended: there is nothing more to wait for in either case.
broker_has_settled() {
  is_gone broker && return 0
  port_has_listener "$MANAGEMENT_PORT" && broker_get /api/health/checks/virtual-hosts &&
    broker_get "/api/health/checks/port-listener/$AMQP_PORT"
}

await_broker() {
  local problem=
  wait_until "$START_SECONDS" broker_has_settled || problem="was not ready within $START_SECONDS seconds"
  ! is_gone broker || problem="ended while starting"
  [[ -z $problem ]] || fail_with_log "the broker $problem." "$BROKER"/log/{broker,console}.log
}

stop_broker() {
  local main
  # The tool starts an epmd if ours has ended; with the mark, `down` finds and ends it.
  if ! detached "$BROKER/log/console.log" broker_env PAYNOW_PROCESS="epmd:$STATE" \
    timeout "$STOP_SECONDS" "$RABBITMQ_BIN/rabbitmqctl" -q shutdown; then
    # A broker that its command line tool cannot reach still shuts down on SIGTERM.
    main=$(main_pid broker)
    [[ -z $main ]] || kill -TERM "$main" 2>/dev/null || true
  fi
  wait_until "$STOP_SECONDS" is_gone broker
}

# ask_broker ARGUMENT...: run the broker's own command line tool, for actions that no API offers.
ask_broker() {
  load_created
  broker_env PAYNOW_PROCESS="epmd:$STATE" timeout "$STOP_SECONDS" "$RABBITMQ_BIN/rabbitmqctl" -q "$@"
}
