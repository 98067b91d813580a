//! `check`: the invariants, one row each. What cannot be looked at counts as not proven.

mod account;
mod broker;
mod ledger;

use serde_json::{Value, json};

use crate::cli::CheckOptions;
use crate::config::Config;
use crate::database;
use crate::failure::{Failure, in_one_line};
use crate::management::ManagementApi;
use crate::output::{self, Column};

/// How an invariant stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Ok,
    /// Broken: someone must act.
    Failed,
    /// Nothing is broken; someone may want to know.
    Notice,
    /// It could not be looked at.
    Unknown,
}

impl Status {
    fn code(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Notice => "notice",
            Self::Unknown => "unknown",
        }
    }

    fn is_fine(self) -> bool {
        match self {
            Self::Ok | Self::Notice => true,
            Self::Failed | Self::Unknown => false,
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Row {
    id: &'static str,
    status: Status,
    message: String,
}

impl Row {
    fn new(id: &'static str, status: Status, message: impl Into<String>) -> Self {
        Self {
            id,
            status,
            message: message.into(),
        }
    }
}

pub(crate) fn run(options: &CheckOptions, config: &Config) -> Result<(), Failure> {
    let database_url = config.database_url()?;
    let broker = match options.skip_broker {
        true => None,
        false => Some((ManagementApi::new(config.management()?), config.ladder()?)),
    };
    let mut rows = database::read(&database_url, ledger::rows)
        .unwrap_or_else(|error| vec![unknown("database", &error)]);
    if let Some((api, ladder)) = &broker {
        let broker_rows = broker::rows(api, ladder);
        rows.extend(broker_rows.unwrap_or_else(|error| vec![unknown("broker", &error)]));
    }
    if let Some(accepted) = options.accepted {
        // The broker first: what moves on meanwhile is then counted twice rather than not at all.
        let waiting = match &broker {
            Some((api, ladder)) => broker::waiting(api, ladder).unwrap_or(None),
            None => Some(0),
        };
        rows.push(match database::read(&database_url, account::read) {
            Ok(account) => account::row(&account, waiting, accepted),
            Err(error) => unknown("accounted_for", &error),
        });
    }
    print(&rows, options)?;
    if rows.iter().all(|row| row.status.is_fine()) {
        Ok(())
    } else {
        Err(Failure::Told)
    }
}

fn unknown(id: &'static str, error: &dyn std::error::Error) -> Row {
    Row::new(id, Status::Unknown, in_one_line(error))
}

fn print(rows: &[Row], options: &CheckOptions) -> Result<(), Failure> {
    if options.format.json {
        let rows = rows
            .iter()
            .map(|row| json!({"id": row.id, "status": row.status.code(), "message": row.message}));
        return output::json(&rows.collect::<Value>());
    }
    output::table(
        &[
            Column::Text("status"),
            Column::Text("invariant"),
            Column::Text("message"),
        ],
        rows.iter().map(|row| {
            vec![
                row.status.code().to_owned(),
                row.id.to_owned(),
                row.message.clone(),
            ]
        }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_proven_is_fine() {
        assert!(Status::Ok.is_fine() && Status::Notice.is_fine());
        assert!(!Status::Failed.is_fine() && !Status::Unknown.is_fine());
    }
}
