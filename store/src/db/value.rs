//! Typed values: PostgreSQL is told the type of every parameter, of a NULL, too.

use sqlx::{Arguments as _, error::BoxDynError, postgres::PgArguments, sqlite::SqliteArguments};
use uuid::Uuid;

/// A parameter.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Uuid(Option<Uuid>),
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
    Bool(Option<bool>),
}

macro_rules! values {
    ($($from:ty => $kind:ident($value:ident, $as:expr);)*) => {
        $(impl From<$from> for Value {
            fn from($value: $from) -> Self {
                Self::$kind($as)
            }
        })*
    };
}

values! {
    Uuid => Uuid(v, Some(v));
    &Uuid => Uuid(v, Some(*v));
    Option<Uuid> => Uuid(v, v);
    i64 => Int(v, Some(v));
    &i64 => Int(v, Some(*v));
    Option<i64> => Int(v, v);
    String => Text(v, Some(v));
    &String => Text(v, Some(v.clone()));
    &str => Text(v, Some(v.to_owned()));
    Option<String> => Text(v, v);
    &Option<String> => Text(v, v.clone());
    Option<&str> => Text(v, v.map(str::to_owned));
    Vec<u8> => Bytes(v, Some(v));
    bool => Bool(v, Some(v));
    Option<bool> => Bool(v, v);
}

impl Value {
    pub(super) fn add_sqlite(self, to: &mut SqliteArguments) -> Result<(), BoxDynError> {
        match self {
            Self::Uuid(v) => to.add(v),
            Self::Int(v) => to.add(v),
            Self::Text(v) => to.add(v.map(storable)),
            Self::Bytes(v) => to.add(v),
            Self::Bool(v) => to.add(v),
        }
    }

    pub(super) fn add_postgres(self, to: &mut PgArguments) -> Result<(), BoxDynError> {
        match self {
            Self::Uuid(v) => to.add(v),
            Self::Int(v) => to.add(v),
            Self::Text(v) => to.add(v.map(storable)),
            Self::Bytes(v) => to.add(v),
            Self::Bool(v) => to.add(v),
        }
    }
}

/// One array for PostgreSQL of one column's values, which are all of the first one's type.
pub(super) fn add_column(column: Vec<Value>, to: &mut PgArguments) -> Result<(), BoxDynError> {
    macro_rules! array {
        ($kind:ident, $each:expr) => {{
            let values = column.into_iter().map(|v| match v {
                Value::$kind(v) => Ok(v.map($each)),
                other => Err(format!("a column of {} holds {other:?}", stringify!($kind))),
            });
            to.add(values.collect::<Result<Vec<Option<_>>, String>>()?)
        }};
    }
    match column.first() {
        None | Some(Value::Int(_)) => array!(Int, |v| v),
        Some(Value::Uuid(_)) => array!(Uuid, |v| v),
        Some(Value::Text(_)) => array!(Text, storable),
        Some(Value::Bytes(_)) => array!(Bytes, |v| v),
        Some(Value::Bool(_)) => array!(Bool, |v| v),
    }
}

/// PostgreSQL's text cannot hold the character NUL, and refusing it would let anybody who sends one stop a lane. Both
/// databases get the same.
pub(crate) fn storable(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_has_one_type() {
        let mut arguments = PgArguments::default();
        let mixed = vec![Value::from(1_i64), Value::from("text")];
        assert!(add_column(mixed, &mut arguments).is_err());
        assert!(add_column(vec![Value::from(None::<String>), Value::from("text")], &mut arguments).is_ok());
        assert_eq!(storable("a\0b".to_owned()), "a\u{fffd}b");
    }
}
