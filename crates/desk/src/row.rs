//! Rows of queries. The SQL type of a column follows from the type of its field, so that a struct
//! states each column once.

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Binary, Bool, Integer, Nullable, SingleValue, SqlType, Text};

/// A Rust type, and the SQL type that it is read from.
pub(crate) trait Column {
    type Sql: SqlType + SingleValue;
}

macro_rules! column {
    ($($rust:ty: $sql:ty),*) => {$(
        impl Column for $rust {
            type Sql = $sql;
        }
        impl Column for Option<$rust> {
            type Sql = Nullable<$sql>;
        }
    )*};
}

column!(bool: Bool, i32: Integer, i64: BigInt, String: Text, Vec<u8>: Binary);

/// The row of a query for one column, which is named `value`.
#[derive(QueryableByName)]
pub(crate) struct One<T: Column> {
    #[diesel(sql_type = <T as Column>::Sql)]
    pub(crate) value: T,
}

macro_rules! row {
    ($(
        $(#[$attribute:meta])*
        $visibility:vis struct $name:ident {
            $($(#[$field_attribute:meta])* $field_visibility:vis $field:ident: $type:ty,)*
        }
    )*) => {$(
        $(#[$attribute])*
        #[derive(Debug, diesel::QueryableByName)]
        $visibility struct $name {$(
            $(#[$field_attribute])*
            #[diesel(sql_type = <$type as $crate::row::Column>::Sql)]
            $field_visibility $field: $type,
        )*}
    )*};
}
pub(crate) use row;
