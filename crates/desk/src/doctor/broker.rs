//! What the broker shows: the login and its rights, the queues, and who consumes them.

use paynow_process::broker::BrokerAddress;
use paynow_process::broker::trial::try_login;

use super::{Row, Status, Subject, certificate};
use crate::check;

const NAME: &str = "paynowctl-doctor";
const BROKER: &str = "broker";
const RIGHTS: &str = "broker_rights";
const CERTIFICATE: &str = "broker_certificate";
const MANAGEMENT: &str = "management";
/// The rows of `check` that are taken over, under our names.
const CHECKED: [(&str, &str, &str); 5] = [
    ("queues", "queues", "paynowctl setup"),
    ("routing", "routing", "paynowctl setup"),
    (
        "unrouted",
        "unrouted",
        "ops/runbooks/PayNowUnroutedMessages.md",
    ),
    (
        "consumers",
        "workers",
        "start a worker; ops/runbooks/PayNowNoConsumers.md",
    ),
    (
        "waiting_is_consumed",
        "waiting",
        "start a worker; ops/runbooks/PayNowNoConsumers.md",
    ),
];
const GUIDE: &str = "ops/broker.md";

pub(super) fn rows(subject: &Subject) -> Vec<Row> {
    let mut rows = match &subject.broker {
        Some(address) => of_login(address),
        None => unset(
            &[BROKER, RIGHTS, CERTIFICATE],
            "AMQP_URL is missing or wrong",
        ),
    };
    match &subject.whole_broker {
        Some(broker) => rows.extend(of_management(broker)),
        None => {
            let ids = CHECKED.map(|(_id, ours, _remedy)| ours);
            let ids = [&[MANAGEMENT][..], &ids].concat();
            rows.extend(unset(
                &ids,
                "the settings of the management API are missing or wrong",
            ));
        }
    }
    rows
}

fn unset(ids: &[&'static str], why: &str) -> Vec<Row> {
    ids.iter().map(|id| Row::unknown(id, why)).collect()
}

fn of_login(address: &BrokerAddress) -> Vec<Row> {
    let (login, rights) = match try_login(address, NAME) {
        Err(error) => (
            Row::failed(
                BROKER,
                &error,
                "check AMQP_URL; ops/runbooks/PayNowBrokerDown.md",
            ),
            Row::unknown(RIGHTS, "the login was not accepted"),
        ),
        Ok(trial) => (
            Row::ok(
                BROKER,
                format!("{} is logged in at {}", address.user(), address.host()),
            ),
            match trial.publishing {
                Ok(()) => Row::ok(RIGHTS, "the login may publish to a queue, as a replay does"),
                Err(error) => Row::failed(RIGHTS, &error, GUIDE),
            },
        ),
    };
    vec![
        login,
        rights,
        certificate(CERTIFICATE, Some(&address.tls_peer())),
    ]
}

fn of_management(broker: &check::Broker) -> Vec<Row> {
    let ours = CHECKED.iter();
    match check::of_broker(broker) {
        Err(error) => {
            let failed = Row::failed(
                MANAGEMENT,
                &error,
                "check AMQP_MANAGEMENT_URL; ops/broker.md",
            );
            let why = "the management API did not answer";
            let others = ours.map(|(_id, ours, _remedy)| Row::unknown(ours, why));
            [failed].into_iter().chain(others).collect()
        }
        Ok(checked) => {
            let answers = format!("the management API answers {}", broker.api.user());
            let others = ours.filter_map(|(id, ours, remedy)| {
                let row = checked.iter().find(|row| row.id == *id)?;
                Some(of_check(row, ours, remedy))
            });
            [Row::ok(MANAGEMENT, answers)]
                .into_iter()
                .chain(others)
                .collect()
        }
    }
}

fn of_check(row: &check::Row, id: &'static str, remedy: &'static str) -> Row {
    let status = match row.status {
        check::Status::Ok => return Row::ok(id, row.message.clone()),
        check::Status::Unknown => return Row::unknown(id, row.message.clone()),
        check::Status::Failed => Status::Fail,
        check::Status::Notice => Status::Warn,
    };
    Row::not_ok(id, status, row.message.clone(), remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_without_settings_is_unknown() {
        let rows = rows(&Subject {
            problems: Vec::new(),
            misspelled: Vec::new(),
            broker: None,
            whole_broker: None,
            database: None,
            secrets: None,
            public_url: None,
            reads_metadata: false,
        });
        let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
        let checked = CHECKED.map(|(_id, ours, _remedy)| ours);
        let own = [BROKER, RIGHTS, CERTIFICATE, MANAGEMENT];
        assert_eq!(ids, [&own[..], &checked].concat());
        assert!(rows.iter().all(|row| row.status == Status::Unknown));
    }
}
