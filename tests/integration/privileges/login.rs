//! Logins of the database that have one role of ours, as the programs' own logins do.

use diesel::Connection;
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use url::Url;

use crate::harness::{Servers, TestApp};

/// Any; the database forgets its login with the test.
const PASSWORD: &str = "0123456789abcdef";

/// Under a name of its own, because logins belong to the whole server.
pub(super) struct Login {
    name: String,
    pub(super) url: Url,
}

impl Login {
    pub(super) fn with_role(app: &TestApp, role: &str) -> Self {
        let name = format!("{}_{role}", app.broker.vhost());
        app.database
            .execute(&format!(
                "CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}' IN ROLE {role}"
            ))
            .expect("a superuser makes a login");
        let mut url = app.database.url().clone();
        url.set_username(&name).expect("the address has a host");
        url.set_password(Some(PASSWORD))
            .expect("the address has a host");
        Self { name, url }
    }
}

impl Drop for Login {
    fn drop(&mut self) {
        let server = Servers::of_this_run().database;
        if let Ok(mut connection) = PgConnection::establish(server.as_str()) {
            let _gone = connection.batch_execute(&format!("DROP ROLE IF EXISTS {}", self.name));
        }
    }
}

/// The variables of a world with one of them replaced, or taken out.
pub(super) fn with(
    mut variables: Vec<(String, String)>,
    name: &str,
    value: Option<&str>,
) -> Vec<(String, String)> {
    variables.retain(|(given, _value)| given != name);
    variables.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    variables
}
