//! Database logins with one role of ours, like the logins of our programs.

use diesel::Connection;
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use url::Url;

use crate::harness::{Servers, TestApp};

/// Any password, because the test drops the login.
const PASSWORD: &str = "0123456789abcdef";

/// A login with a unique name, because logins belong to the whole server.
pub(crate) struct Login {
    name: String,
    pub(crate) url: Url,
}

impl Login {
    pub(crate) fn with_role(app: &TestApp, role: &str) -> Self {
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

/// The variables with one of them replaced or removed.
pub(crate) fn with(
    mut variables: Vec<(String, String)>,
    name: &str,
    value: Option<&str>,
) -> Vec<(String, String)> {
    variables.retain(|(given, _value)| given != name);
    variables.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    variables
}
