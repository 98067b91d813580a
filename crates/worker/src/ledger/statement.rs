//! Statements that are prepared once per connection: the database parses and plans their text the
//! first time only, and each use is one round trip instead of two.
//!
//! Right for what is written, whose plan does not depend on what is there. What is looked up is
//! planned each time: a plan made when a table was small would be kept while it grows. Prices are the
//! exception: products stay few.

use diesel::RunQueryDsl;
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgConnection};
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{HasSqlType, SingleValue, Untyped};

/// Where a value goes in the text.
const PLACE: char = '?';

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
        for (place, text) in self.text.split(PLACE).enumerate() {
            if place > 0
                && let Some(value) = values.next()
            {
                value.walk_ast(out.reborrow())?;
            }
            out.push_sql(text);
        }
        Ok(())
    }
}

/// No id by type: the cache goes by the text.
impl QueryId for Statement<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Statement<'_> {
    type SqlType = Untyped;
}

impl RunQueryDsl<PgConnection> for Statement<'_> {}
