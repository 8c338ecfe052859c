//! What an endpoint reads and answers, told by the types of its handler: nothing is written down twice.

use crate::{
    answer::{Answer, Listed},
    auth::Tenant,
    body::{Body, PageOf, Paging},
    error::ApiError,
    limits::Stranger,
    peer::Peer,
    speech::Speech,
};
use axum::{
    Extension, Json,
    body::Bytes,
    extract::{Multipart, OriginalUri, Path, Query, RawQuery, Request, State},
    handler::Layered,
    http::HeaderMap,
    response::{Redirect, Response},
};
use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::Value;

/// One endpoint, as it is described.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Operation {
    /// Objects whose properties are parameters of the query.
    pub query: Vec<Value>,
    /// The body's media types with their schemas.
    pub reads: Vec<(&'static str, Value)>,
    /// It has a body that its handler reads by itself.
    pub reads_raw: bool,
    pub answers: Success,
}

/// What comes if nothing is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Success {
    /// The handler makes the response itself, and its type says nothing.
    #[default]
    Unknown,
    /// `{success:true, data}`.
    Data(u16, Value),
    /// A page of rows.
    Rows(Value),
    /// Anything else, with its media type.
    Other(&'static str, Value),
    /// The connection goes on as a WebSocket.
    WebSocket,
}

/// How JSON of `T` is read.
pub fn read<T: JsonSchema>() -> Value {
    plain(SchemaSettings::draft2020_12().for_deserialize(), |g| g.into_root_schema_for::<T>().to_value())
}

/// How JSON of `T` is written.
pub fn written<T: JsonSchema>() -> Value {
    plain(SchemaSettings::draft2020_12().for_serialize(), |g| g.into_root_schema_for::<T>().to_value())
}

fn plain(settings: SchemaSettings, schema: impl FnOnce(schemars::SchemaGenerator) -> Value) -> Value {
    let settings = settings.with(|s| {
        s.inline_subschemas = true;
        s.meta_schema = None;
    });
    let mut schema = schema(settings.into_generator());
    forget_names(&mut schema);
    schema
}

/// The names of our types say nothing to anybody outside.
fn forget_names(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if fields.get("title").is_some_and(Value::is_string) {
                fields.remove("title");
            }
            fields.values_mut().for_each(forget_names);
        }
        Value::Array(items) => items.iter_mut().for_each(forget_names),
        _ => {}
    }
}

/// Something that a handler takes from a request. Most of it says nothing that the registry does not know.
pub trait Takes {
    fn describe(_: &mut Operation) {}
}

impl<S> Takes for State<S> {}
impl<T> Takes for Path<T> {}
impl Takes for Tenant {}
impl Takes for Stranger {}
impl Takes for Peer {}
impl Takes for Speech {}
impl Takes for HeaderMap {}
impl Takes for OriginalUri {}
impl Takes for RawQuery {}
impl<T> Takes for Extension<T> {}

/// What is read by hand: the registry has to say what it is.
macro_rules! raw {
    ($($taken:ty;)*) => {
        $(impl Takes for $taken {
            fn describe(operation: &mut Operation) {
                operation.reads_raw = true;
            }
        })*
    };
}

raw! {
    Request;
    Multipart;
    Bytes;
}

impl<T: JsonSchema> Takes for Body<T> {
    fn describe(operation: &mut Operation) {
        operation.reads.push(("application/json", read::<T>()));
    }
}

impl<T: JsonSchema> Takes for Query<T> {
    fn describe(operation: &mut Operation) {
        operation.query.push(read::<T>());
    }
}

impl Takes for PageOf {
    fn describe(operation: &mut Operation) {
        operation.query.push(read::<Paging>());
    }
}

impl<T: Takes, E> Takes for Result<T, E> {
    fn describe(operation: &mut Operation) {
        T::describe(operation);
    }
}

/// Something that a handler answers.
pub trait Gives {
    fn success() -> Success;
}

impl Gives for Response {
    fn success() -> Success {
        Success::Unknown
    }
}

impl Gives for Redirect {
    fn success() -> Success {
        Success::Unknown
    }
}

impl Gives for Json<Value> {
    fn success() -> Success {
        Success::Unknown
    }
}

impl<T: JsonSchema, const STATUS: u16> Gives for Answer<T, STATUS> {
    fn success() -> Success {
        Success::Data(STATUS, written::<T>())
    }
}

impl<T: JsonSchema> Gives for Listed<T> {
    fn success() -> Success {
        Success::Rows(written::<T>())
    }
}

impl<T: Gives> Gives for Result<T, ApiError> {
    fn success() -> Success {
        T::success()
    }
}

/// A handler whose types describe it. `T` is what axum takes its parameters for.
pub trait Described<T> {
    fn operation() -> Operation;
}

impl<F, R> Described<((),)> for F
where
    F: FnOnce() -> R,
    R: Future<Output: Gives>,
{
    fn operation() -> Operation {
        Operation { answers: <R::Output as Gives>::success(), ..Operation::default() }
    }
}

macro_rules! handlers {
    ($($taken:ident)*) => {
        impl<F, R, M, $($taken,)*> Described<(M, $($taken,)*)> for F
        where
            F: FnOnce($($taken,)*) -> R,
            R: Future<Output: Gives>,
            $($taken: Takes,)*
        {
            fn operation() -> Operation {
                let mut operation = Operation { answers: <R::Output as Gives>::success(), ..Operation::default() };
                $($taken::describe(&mut operation);)*
                operation
            }
        }
    };
}

handlers!(A);
handlers!(A B);
handlers!(A B C);
handlers!(A B C D);
handlers!(A B C D E);
handlers!(A B C D E G);

impl<L, H: Described<T>, T, S> Described<T> for Layered<L, H, T, S> {
    fn operation() -> Operation {
        H::operation()
    }
}
