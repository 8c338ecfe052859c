//! Answers that know what they carry: a handler's return type then describes it (`ApiResult<Of<Agent>>`), and whoever
//! returns a plain response says nothing of its content.

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use serde::Serialize;
use std::marker::PhantomData;

/// `{success:true, data}` with this status and a `T` as its data.
pub struct Answer<T, const STATUS: u16>(Response, PhantomData<fn() -> T>);

/// 200 with a `T`.
pub type Of<T> = Answer<T, 200>;
/// 201 with the `T` that was made.
pub type Created<T> = Answer<T, 201>;
/// 202 with a `T` that tells what was begun.
pub type Accepted<T> = Answer<T, 202>;

impl<T, const STATUS: u16> Answer<T, STATUS> {
    /// It holds a secret: nobody on the way keeps it.
    pub fn not_kept(mut self) -> Self {
        self.0.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        self
    }
}

/// 200 with a page of `T`s, under the name of what is listed.
pub struct Listed<T>(Response, PhantomData<fn() -> T>);

/// Rows of a list, as they are handed to an answer.
pub struct Rows<T>(PhantomData<fn() -> T>);

/// What an answer of `T` with this status can become.
pub trait Carries<T, const STATUS: u16> {
    fn carrying(response: Response) -> Self;
}

impl<T, const STATUS: u16> Carries<T, STATUS> for Response {
    fn carrying(response: Response) -> Self {
        response
    }
}

impl<T, const STATUS: u16> Carries<T, STATUS> for Answer<T, STATUS> {
    fn carrying(response: Response) -> Self {
        Self(response, PhantomData)
    }
}

impl<T> Carries<Rows<T>, 200> for Listed<T> {
    fn carrying(response: Response) -> Self {
        Self(response, PhantomData)
    }
}

impl<T, const STATUS: u16> IntoResponse for Answer<T, STATUS> {
    fn into_response(self) -> Response {
        self.0
    }
}

impl<T> IntoResponse for Listed<T> {
    fn into_response(self) -> Response {
        self.0
    }
}

/// Something is gone.
#[derive(Serialize, JsonSchema)]
pub struct Deleted {
    id: String,
    deleted: bool,
}

impl Deleted {
    pub fn of(id: impl ToString) -> Self {
        Self { id: id.to_string(), deleted: true }
    }
}
