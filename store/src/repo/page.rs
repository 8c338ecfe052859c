use super::TenantStore;
use crate::{
    db::{Query, Row},
    error::{store_error, unreadable},
    ports::unsigned,
};
use colloquy_domain::ports::StoreError;

/// Which piece of a list is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    page: u32,
    limit: u32,
}

impl PageRequest {
    /// The most rows that one page has.
    pub const MOST: u32 = 200;

    /// `page` counts from 1; values out of range are brought into it.
    #[must_use]
    pub fn new(page: u32, limit: u32) -> Self {
        Self { page: page.max(1), limit: limit.clamp(1, Self::MOST) }
    }

    pub(super) fn sql_limit(self) -> i64 {
        i64::from(self.limit)
    }

    pub(super) fn sql_offset(self) -> i64 {
        i64::from(self.page - 1) * i64::from(self.limit)
    }

    /// How many rows to take from the end of a list of so many, and how many to pass over there, where that is nearer than
    /// its beginning.
    pub(super) fn near_end(self, total: i64) -> Option<(i64, i64)> {
        let (limit, left) = (self.sql_limit(), total - self.sql_offset());
        (left > 0 && left < total / 2).then(|| (limit.min(left), (left - limit).max(0)))
    }
}

impl Default for PageRequest {
    fn default() -> Self {
        Self::new(1, 50)
    }
}

/// What the rows of a search say of all of them.
#[derive(sqlx::FromRow)]
struct Found {
    total: i64,
}

impl TenantStore {
    /// How many rows a search has: its rows say so, and behind the last page they are counted. So is every other list.
    pub(super) async fn total(&self, searched: bool, page: &[Row], count: Query) -> Result<i64, StoreError> {
        if let Some(row) = page.first().filter(|_| searched) {
            return Ok(row.read::<Found>().map_err(store_error)?.total);
        }
        let counted = count.fetch_optional(self.reads()).await.map_err(store_error)?;
        let (total,) = counted.ok_or_else(|| unreadable("count"))?.read().map_err(store_error)?;
        Ok(total)
    }
}

/// A piece of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Counts from 1.
    pub page: u32,
    pub limit: u32,
    /// Rows of the whole list.
    pub total: u64,
}

impl<T> Page<T> {
    pub(super) fn new(items: Vec<T>, request: PageRequest, total: i64) -> Self {
        Self { items, page: request.page, limit: request.limit, total: unsigned(total) }
    }

    /// The same page of other items.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        let Self { items, page, limit, total } = self;
        Page { items: items.into_iter().map(f).collect(), page, limit, total }
    }

    pub(super) fn try_map<U>(self, f: impl FnMut(T) -> Result<U, StoreError>) -> Result<Page<U>, StoreError> {
        let Self { items, page, limit, total } = self;
        Ok(Page { items: items.into_iter().map(f).collect::<Result<_, _>>()?, page, limit, total })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_pages_are_walked_to_from_the_end() {
        let from_end = |page, total| PageRequest::new(page, 20).near_end(total);
        assert_eq!((from_end(1, 1_000), from_end(25, 1_000)), (None, None), "the beginning is nearer");
        assert_eq!(from_end(27, 1_000), Some((20, 460)));
        assert_eq!(from_end(50, 1_000), Some((20, 0)), "the last one");
        assert_eq!(from_end(51, 1_005), Some((5, 0)), "it may be short");
        assert_eq!(from_end(52, 1_005), None, "there is nothing");
    }
}
