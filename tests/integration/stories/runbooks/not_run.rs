//! The commands of runbooks and guides that no test runs, by their beginnings, and why.

const HOST: &str = "it is for the host's own services, which a test must leave alone";
const CHANGES: &str = "it changes services under load; the stories of ops/stories.sh start, scale and stop them themselves";
const MAILS: &str =
    "it changes the silences and alerts of the one Alertmanager; monitoring::mail tries real mails";
const SETS: &str = "it only gives a setting to a program or to the command after it";
const CLUSTER: &str = "it needs a cluster; the story `cluster` loses nodes without it";

pub(super) const NOT_RUN: &[(&str, &str)] = &[
    ("amtool alert add", MAILS),
    ("amtool silence add", MAILS),
    (
        "curl -sS http://receiver:9464/metrics | grep paynow_certificate",
        "without TLS there is no such metric; tls:: has it",
    ),
    (
        "curl -sS http://worker:9465/metrics | grep paynow_certificate",
        "without TLS there is no such metric; tls:: has it",
    ),
    (
        "openssl s_client",
        "the servers of the tests of pages have no TLS; tls:: has it",
    ),
    ("date -u", HOST),
    ("timedatectl", HOST),
    ("systemctl ", HOST),
    ("journalctl ", HOST),
    ("df ", HOST),
    ("ss ", HOST),
    (
        "jq ",
        "jq is no package of the tests, and it reads a log that only an incident fills",
    ),
    ("deploy/compose up", CHANGES),
    ("docker compose up", CHANGES),
    ("deploy/compose stop", CHANGES),
    ("deploy/compose restart", CHANGES),
    ("deploy/compose --cluster", CLUSTER),
    ("rabbitmq-queues grow", CLUSTER),
    ("rabbitmq-queues rebalance", CLUSTER),
    (
        "rabbitmqctl set_",
        "it changes the limits of a broker that the other tests use",
    ),
    (
        "rabbitmqctl change_password",
        "it locks the programs out until they have the new password",
    ),
    ("export ", SETS),
    ("echo 'PAYNOW_RETIRED_SECRETS=", SETS),
    ("RECEIVER_TRUSTED_PROXIES=", SETS),
    ("RECEIVER_ALLOWED_SOURCES=", SETS),
    (
        "promtool check config deploy/",
        "monitoring::alerts runs it",
    ),
    ("promtool test rules deploy/", "monitoring::alerts runs it"),
    ("amtool check-config deploy/", "monitoring::alerts runs it"),
    ("amtool silence query", MAILS),
    (
        "paynowctl setup --skip-broker --game-login",
        "its login would belong to the whole server; setup::game_login runs it",
    ),
    (
        "deploy/make-secrets --signing",
        "privileges::secrets and stories::shop run it",
    ),
    (
        "PAYNOW_API_KEY=",
        "products::paynow asks a stand-in of PayNow's API",
    ),
    (
        "paynowctl products import --from-paynow",
        "products::paynow asks a stand-in of PayNow's API",
    ),
    (
        "paynowctl dead replay --reason partial_refund",
        "attribution::paynow asks a stand-in of PayNow's API",
    ),
    (
        "psql \"$SUPERUSER_URL\" -c \"SELECT pg_terminate_backend",
        "its process is an example; privileges::guides runs the statement",
    ),
];
