//! Statements that are prepared once per connection: the database parses and plans their text only the
//! first time, and each use is one round trip instead of two.
//!
//! Inserts are prepared, because their plan does not depend on the content of the tables. Queries are
//! planned each time: a plan that was made for a small table would still be used after it has grown.
//! The query of prices is prepared all the same, because there are few products.

use diesel::RunQueryDsl;
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgConnection};
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{HasSqlType, SingleValue, Untyped};

/// Stands for a value in the text.
const PLACEHOLDER: char = '?';

/// A text with one `?` for each value, in order.
pub(super) struct Statement<'a> {
    text: &'static str,
    values: Vec<Box<dyn QueryFragment<Pg> + 'a>>,
}

impl<'a> Statement<'a> {
    pub(super) fn new(text: &'static str) -> Self {
        Self {
            text,
            values: Vec::new(),
        }
    }

    pub(super) fn bind<T, V>(mut self, value: V) -> Self
    where
        T: SingleValue,
        Pg: HasSqlType<T>,
        V: AsExpression<T>,
        V::Expression: QueryFragment<Pg> + 'a,
    {
        self.values.push(Box::new(value.as_expression()));
        self
    }
}

impl QueryFragment<Pg> for Statement<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let mut values = self.values.iter();
        for (index, text) in self.text.split(PLACEHOLDER).enumerate() {
            if index > 0
                && let Some(value) = values.next()
            {
                value.walk_ast(out.reborrow())?;
            }
            out.push_sql(text);
        }
        Ok(())
    }
}

/// Without an id of the type, diesel caches the statement by its text.
impl QueryId for Statement<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Statement<'_> {
    type SqlType = Untyped;
}

impl RunQueryDsl<PgConnection> for Statement<'_> {}
