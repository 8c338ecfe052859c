//! Lists: `{<name>: [...], pagination: {page, limit, total, totalPages}}`.

use crate::{
    answer::{Carries, Rows},
    body::PageOf,
    error::{ApiResult, answer},
};
use axum::http::StatusCode;
use colloquy_store::{Page, PageRequest};
use serde::Serialize;
use serde_json::json;

impl From<PageOf> for PageRequest {
    fn from(p: PageOf) -> Self {
        Self::new(p.page, p.limit)
    }
}

/// Answers with a page of `name`.
pub fn list<T, O: Serialize, R: Carries<Rows<O>, 200>>(
    name: &str,
    page: Page<T>,
    show: impl FnMut(T) -> O,
) -> ApiResult<R> {
    let page = page.map(show);
    let pages = page.total.div_ceil(u64::from(page.limit));
    let pagination = json!({ "page": page.page, "limit": page.limit, "total": page.total, "totalPages": pages });
    let mut data = json!({ "pagination": pagination });
    data[name] = json!(page.items);
    answer(StatusCode::OK, data).map(R::carrying)
}
