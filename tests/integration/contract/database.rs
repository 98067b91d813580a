//! A database with our schema but no programs, and logins that try its rules.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU32, Ordering};

use diesel::Connection;
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::result::Error;
use diesel::sql_types::Text;
use diesel::{QueryableByName, RunQueryDsl};
use url::Url;

use crate::harness::{Program, Servers, TestDatabase, eventually};

const PASSWORD: &str = "only-for-this-test";
pub(crate) const TABLES: [&str; 10] = [
    "wallets",
    "ledger_entries",
    "orders",
    "webhook_events",
    "products",
    "dead_letters",
    "operator_actions",
    "reversals",
    "suspects",
    "customer_identities",
];
/// One row in every table, so that an UPDATE or a DELETE has something to change.
const ROWS: &str = "
    INSERT INTO ledger_entries (entry_key, wallet_id, order_id, event_id, kind, points)
    VALUES ('order-line:1', 20, 10, 1, 'order_line', 500);
    INSERT INTO orders (order_id, event_id) VALUES (10, 1);
    INSERT INTO webhook_events (event_id, event_type, outcome, order_id, body_sha256, attempts)
    VALUES (1, 'ON_ORDER_COMPLETED', 'credited', 10, sha256('1'), 1);
    INSERT INTO products (product_id, points) VALUES (40, 500);
    INSERT INTO dead_letters (event_id, reason, error, body, body_sha256, attempts)
    VALUES ('2', 'malformed', 'no JSON', '2', sha256('2'), 1);
    INSERT INTO reversals (order_id, sequence, kind, reference_id, event_id, amount_minor)
    VALUES (10, 0, 'refund', 50, 3, 100);
    INSERT INTO suspects (body_sha256, process_id) VALUES (sha256('4'), 1);
    INSERT INTO customer_identities
    VALUES (20, 'steam', '76561198000000001', 'Zofia', now(), now());
    INSERT INTO operator_actions (action, operator, why) VALUES ('discard', 'anna', 'a test');";

pub(crate) struct Ledger {
    name: String,
    pub(crate) database: TestDatabase,
    logins: RefCell<Vec<String>>,
}

impl Ledger {
    /// Creates the schema without rows.
    pub(crate) fn empty() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let serial = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("paynow_contract_{}_{serial}", std::process::id());
        let database = TestDatabase::create(&Servers::of_this_run().database, &name);
        let variables = [("DATABASE_URL".to_owned(), database.url().to_string())];
        Program::run("paynowctl", &variables, &["setup", "--skip-broker"]).succeeded();
        Self {
            name,
            database,
            logins: RefCell::default(),
        }
    }

    /// Creates the schema with one row in every table.
    pub(crate) fn with_rows() -> Self {
        let ledger = Self::empty();
        ledger.database.execute(ROWS).expect("the rows are valid");
        ledger
    }

    /// Creates a login with the rights of `role`, and logs in as it.
    pub(crate) fn log_in_as(&self, role: &str) -> Session {
        let mut logins = self.logins.borrow_mut();
        let login = format!("{}_login_{}", self.name, logins.len());
        self.database
            .execute(&format!(
                "CREATE ROLE {login} LOGIN PASSWORD '{PASSWORD}' IN ROLE {role}"
            ))
            .expect("a superuser makes a role");
        let connection = self.database.connect_as(&login, PASSWORD);
        logins.push(login);
        Session(connection)
    }

    /// Logs in once more as the login that was made at this place, from 0.
    pub(crate) fn log_in_again(&self, place: usize) -> Session {
        let login = &self.logins.borrow()[place];
        Session(self.database.connect_as(login, PASSWORD))
    }

    /// The address for the login that was made at this place.
    pub(crate) fn url_of(&self, place: usize) -> Url {
        let mut url = self.database.url().clone();
        let login = &self.logins.borrow()[place];
        url.set_username(login).expect("it has a host");
        url.set_password(Some(PASSWORD)).expect("it has a host");
        url
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Lets every login make temporary tables, as PostgreSQL does by default and `setup` ends: some rules
    /// must hold there too.
    pub(crate) fn allow_temporary_tables(&self) {
        self.database
            .execute(&format!(
                "GRANT TEMPORARY ON DATABASE {} TO PUBLIC",
                self.name
            ))
            .expect("a superuser grants");
    }

    /// A session of the role that owns the tables, which cannot log in itself.
    pub(crate) fn as_owner(&self) -> Session {
        let mut session = Session(self.database.connect());
        session.works("SET ROLE paynow_owner");
        session
    }

    /// A session of a superuser.
    pub(crate) fn as_superuser(&self) -> Session {
        Session(self.database.connect())
    }

    /// The invariants that `paynowctl check` finds broken, each with its message.
    pub(crate) fn broken(&self) -> Vec<(String, String)> {
        let variables = [("DATABASE_URL".to_owned(), self.database.url().to_string())];
        let check = Program::run(
            "paynowctl",
            &variables,
            &["check", "--skip-broker", "--json"],
        );
        let rows = check.json();
        let rows = rows.as_array().expect("check lists invariants");
        let failed = rows.iter().filter(|row| row["status"] == "failed");
        let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
        let failed: Vec<_> = failed
            .map(|row| (text(&row["id"]), text(&row["message"])))
            .collect();
        assert_eq!(check.code, Some(i32::from(!failed.is_empty())), "{check:?}");
        failed
    }

    /// Every row of every table, as text.
    pub(crate) fn contents(&self) -> Vec<String> {
        let rows = TABLES.map(|table| {
            format!("SELECT '{table} ' || row_of_it::text AS value FROM {table} AS row_of_it")
        });
        self.database
            .texts(&format!("{} ORDER BY value", rows.join(" UNION ALL ")))
    }

    /// Every wallet as `id: balance`.
    pub(crate) fn balances(&self) -> Vec<String> {
        self.database
            .texts("SELECT wallet_id || ': ' || balance AS value FROM wallets ORDER BY wallet_id")
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.database.drop_it();
        // The database is dropped first, because a role that owns a temporary table cannot be
        // dropped.
        let server = Servers::of_this_run().database;
        let mut connection = PgConnection::establish(server.as_str()).expect("the server answers");
        for login in self.logins.borrow().iter() {
            // Fails while the database of another test goes, with the login's settings in it.
            eventually("a login that owns nothing is dropped", || {
                connection.batch_execute(&format!("DROP ROLE {login}")).ok()
            });
        }
    }
}

#[derive(QueryableByName)]
struct Word {
    #[diesel(sql_type = Text)]
    value: String,
}

/// A connection of one login.
pub(crate) struct Session(PgConnection);

impl Session {
    /// A session of a superuser.
    pub(crate) fn of(database: &TestDatabase) -> Self {
        Self(database.connect())
    }

    #[track_caller]
    pub(crate) fn works(&mut self, sql: &str) {
        self.0
            .batch_execute(sql)
            .unwrap_or_else(|error| panic!("{error}: {sql}"));
    }

    /// The texts that a query returns as `value`, or the server's error.
    pub(crate) fn texts(&mut self, sql: &str) -> Result<Vec<String>, Error> {
        let rows = diesel::sql_query(sql).load::<Word>(&mut self.0)?;
        Ok(rows.into_iter().map(|row| row.value).collect())
    }

    /// Runs a statement that must fail. Returns the server's message.
    #[track_caller]
    pub(crate) fn refused(&mut self, sql: &str) -> String {
        match self.0.batch_execute(sql) {
            Ok(()) => panic!("this was not refused: {sql}"),
            Err(error) => error.to_string(),
        }
    }

    /// The name of the constraint that stops a statement.
    #[track_caller]
    pub(crate) fn refused_by(&mut self, sql: &str) -> String {
        let answer = self.answer(sql);
        assert_ne!(answer, "-", "this was not refused: {sql}");
        answer
    }

    /// The name of the constraint that stops a statement, or `-` if none does.
    #[track_caller]
    pub(crate) fn answer(&mut self, sql: &str) -> String {
        match self.0.batch_execute(sql) {
            Ok(()) => "-".to_owned(),
            Err(Error::DatabaseError(_kind, information)) => {
                let name = information.constraint_name().map(str::to_owned);
                name.unwrap_or_else(|| {
                    panic!("no constraint, but {}: {sql}", information.message())
                })
            }
            Err(other) => panic!("{other}: {sql}"),
        }
    }
}
