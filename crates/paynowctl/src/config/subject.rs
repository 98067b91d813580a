//! All settings at once, for `doctor`: one that is wrong hides no other.

use paynow_desk::check::Broker;
use paynow_desk::doctor::Subject;
use paynow_desk::settings::PAYNOWCTL;
use paynow_process::environment::SettingError;
use paynow_process::paynow::PayNowSettings;
use paynow_process::secrets::{RETIRED, SIGNING, SecretSetting};
use paynow_worker::settings::WORKER;

use super::Config;

/// A name of so many letters may have two wrong ones and still be meant.
const LONG: usize = 10;

impl Config {
    pub(crate) fn subject(&self) -> Subject {
        let mut problems: Vec<String> = Vec::new();
        let environment = &self.environment;
        let broker = kept(self.broker(), &mut problems);
        let ladder = kept(self.ladder(), &mut problems);
        // A wrong AMQP_URL is reported once.
        let management = match broker {
            Some(_) => kept(self.management(), &mut problems),
            None => None,
        };
        let whole_broker = match (&broker, management, ladder) {
            (Some(address), Some(api), Some(ladder)) => Some(Broker {
                api,
                ladder,
                address: address.clone(),
            }),
            _incomplete => None,
        };
        // Operators need none: on a plain server they may not read them.
        let secrets = SecretSetting::from_secret(&SIGNING, environment);
        let secrets = kept(secrets, &mut problems).flatten();
        let secrets = secrets.map(|setting| setting.secrets);
        let database = kept(self.database(), &mut problems);
        let policy = kept(self.policy(), &mut problems);
        let public_url = kept(self.public_url(), &mut problems).flatten();
        let retired = SecretSetting::from_secret(&RETIRED, environment).map(drop);
        let api = PayNowSettings::from_environment(environment).map(drop);
        let limits = self.login_limits().map(drop);
        let _read = [retired, api, limits].map(|read| kept(read, &mut problems));
        Subject {
            problems,
            misspelled: self.misspelled(),
            broker,
            whole_broker,
            database,
            secrets,
            public_url,
            reads_metadata: policy.is_some_and(|policy| policy.points_metadata_key.is_some()),
        }
    }

    /// A sentence for each variable that is almost the name of a setting.
    fn misspelled(&self) -> Vec<String> {
        let declared = || WORKER.iter().chain(PAYNOWCTL.iter());
        let names = self.environment.names().into_iter();
        let unread = names.filter(|name| !WORKER.reads(name) && !PAYNOWCTL.reads(name));
        let sentence = |name: &str| {
            let bare = name.strip_suffix("_FILE").unwrap_or(name);
            let meant = declared().find(|it| is_near(bare, it.name))?.name;
            Some(format!("{name} is no setting; is {meant} meant?"))
        };
        unread.filter_map(sentence).collect()
    }
}

/// The value; what is wrong with it is put into the list.
fn kept<T>(read: Result<T, SettingError>, problems: &mut Vec<String>) -> Option<T> {
    read.map_err(|problem| problems.push(problem.to_string()))
        .ok()
}

/// Whether one name becomes the other by one changed, missing or additional letter, or by two in a long
/// name.
fn is_near(given: &str, meant: &str) -> bool {
    let limit = if meant.len() >= LONG { 2 } else { 1 };
    given != meant && distance(given.as_bytes(), meant.as_bytes()) <= limit
}

/// How many letters must be changed, added or removed to make one name of the other.
fn distance(given: &[u8], meant: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=meant.len()).collect();
    for (place, letter) in (1..).zip(given) {
        let mut left: usize = place;
        let mut next = vec![left];
        let pairs = row.iter().zip(row.iter().skip(1)).zip(meant);
        for ((diagonal, above), other) in pairs {
            let changed = diagonal.saturating_add(usize::from(letter != other));
            left = changed
                .min(above.saturating_add(1))
                .min(left.saturating_add(1));
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use paynow_process::environment::Environment;

    use super::*;

    #[test]
    fn a_name_with_a_wrong_letter_is_found_and_other_variables_are_left_alone() {
        let environment = Environment::of([
            ("PAYNOW_SIGNING_SECRET_FILE", "/run/secrets/signing"),
            ("UNKNOWN_PRODUCT", "zero"),
            ("RECEIVER_ADDR", "0.0.0.0:80"),
            ("PAYNOW_SECRETS", "/srv/secrets"),
            ("DATABASE_URL_FILE", "/run/secrets/url"),
            ("PATH", "/bin"),
        ]);
        let config = Config { environment };
        assert_eq!(
            config.misspelled(),
            [
                "PAYNOW_SIGNING_SECRET_FILE is no setting; is PAYNOW_SIGNING_SECRETS meant?",
                "UNKNOWN_PRODUCT is no setting; is UNKNOWN_PRODUCTS meant?",
            ]
        );
    }

    #[test]
    fn every_wrong_setting_is_told() {
        let config = Config {
            environment: Environment::of([
                ("AMQP_URL", "http://broker"),
                ("RETRY_LADDER", "4,1"),
                ("PAYNOW_SIGNING_SECRETS", "short"),
                ("TRIALS", "maybe"),
            ]),
        };
        let subject = config.subject();
        let named: Vec<&str> = subject
            .problems
            .iter()
            .filter_map(|problem| problem.split(' ').next())
            .collect();
        let expected = [
            "AMQP_URL",
            "RETRY_LADDER",
            "PAYNOW_SIGNING_SECRETS",
            "DATABASE_URL",
            "TRIALS",
        ];
        assert_eq!(named, expected);
        assert!(subject.broker.is_none() && subject.database.is_none());
    }
}
