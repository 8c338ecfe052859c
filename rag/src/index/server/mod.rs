//! The vector store on a Qdrant server, shared by all processes of an installation.
//!
//! - Two collections in the layout of the embedded store: passages, and notes of documents being replaced
//!   ([`note`], [`switch`]). Created and brought up to date at opening.
//! - Every call has a time limit; transient failures are repeated, refused requests are not ([`client`]).
//! - Every write has been applied when it returns.

mod client;
mod collections;
mod convert;
mod note;
mod switch;
mod view;

pub(super) use client::Patience;
pub(super) use view::View;

use super::{DocumentKey, Point, Reader, Scope, Stored, filter, point::ORDINAL};
use client::{Client, Kind};
use collections::Names;
use colloquy_domain::{channel::Secret, failure::Failure};
use qdrant_client::qdrant::{PointStruct, RetrievedPoint, ScrollPoints, ScrollPointsBuilder, UpsertPointsBuilder};
use std::{
    collections::BTreeSet,
    hash::{BuildHasher, Hasher, RandomState},
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use switch::PAGE;
use uuid::Uuid;

/// Points written by one request.
const BATCH: usize = 64;
/// Bytes of text and vectors written by one request, about; a server takes 32 MiB.
const BATCH_BYTES: usize = 4 << 20;

/// The store; its operations are described at [`super::Index`]. Cheap to clone.
#[derive(Clone)]
pub struct ServerIndex {
    server: Arc<Server>,
}

struct Server {
    client: Client,
    names: Names,
    /// Tells this opening of the store from all others, those of other processes included.
    opening: u64,
    switches: AtomicU64,
}

impl ServerIndex {
    /// Connects, checks the server's version and creates or completes the collections.
    ///
    /// # Errors
    /// `index.config` (fatal) for a URL, key or prefix that cannot be used; `index.version` (fatal) for a server that
    /// is too old; `index.layout` (fatal) for collections that do not fit or that a newer program made; and those of
    /// [`super::Index`].
    pub async fn open(url: &str, api_key: Option<&Secret>, prefix: &str) -> Result<Self, Failure> {
        Self::open_with(url, api_key, prefix, Patience::default()).await
    }

    pub(super) async fn open_with(
        url: &str,
        api_key: Option<&Secret>,
        prefix: &str,
        patience: Patience,
    ) -> Result<Self, Failure> {
        let names = Names::new(prefix)?;
        let client = Client::new(url, api_key, patience)?;
        if api_key.is_some() && url.starts_with("http:") {
            tracing::warn!(vectors.host = client.host(), "the vector store's API key is sent without encryption");
        }
        collections::check_version(&client).await?;
        collections::prepare(&client, prefix, &names).await?;
        // Only has to differ from other openings; nothing is derived from it.
        let opening = RandomState::new().build_hasher().finish();
        let server = Server { client, names, opening, switches: AtomicU64::new(0) };
        Ok(Self { server: Arc::new(server) })
    }

    pub(super) async fn widen(&self, dimension: usize) -> Result<(), Failure> {
        collections::widen(&self.server.client, &self.server.names.passages, dimension).await
    }

    pub(super) async fn written(&self, key: DocumentKey, generation: &str) -> Result<BTreeSet<u32>, Failure> {
        let scroll = ScrollPointsBuilder::new(&self.server.names.passages)
            .filter(convert::filter(&filter::of_generation(key, generation)))
            .limit(PAGE)
            .with_payload(convert::only(&[ORDINAL]))
            .build();
        let mut ordinals = BTreeSet::new();
        self.server
            .each_page(scroll, |point| {
                let ordinal = point.payload.get(ORDINAL).and_then(|v| v.as_integer());
                ordinals.extend(ordinal.and_then(|n| u32::try_from(n).ok()));
                Ok(())
            })
            .await?;
        Ok(ordinals)
    }

    pub(super) async fn passages(&self, key: DocumentKey, ordinals: Range<u32>) -> Result<Vec<Stored>, Failure> {
        let scroll = ScrollPointsBuilder::new(&self.server.names.passages)
            .filter(convert::filter(&filter::first_of_document(key)))
            .limit(1)
            .with_payload(true)
            .build();
        let mut first = None;
        self.server
            .each_page(scroll, |point| {
                first = Some(convert::content::<Stored>(point.payload)?);
                Ok(())
            })
            .await?;
        let Some(first) = first else { return Ok(Vec::new()) };
        let ids: Vec<Uuid> = ordinals.map(|n| first.sibling(n)).collect();
        Ok(self.server.look(&ids).await?.into_iter().map(|(_, stored)| stored).collect())
    }

    pub(super) async fn switch(&self, key: DocumentKey, generation: String, passages: u32) -> Result<(), Failure> {
        self.server.switch(key, generation, passages).await
    }

    pub(super) async fn forget(&self, key: DocumentKey) -> Result<(), Failure> {
        self.server.forget(key).await
    }

    pub(super) async fn outdated(&self, model: &str) -> Result<Vec<DocumentKey>, Failure> {
        let scroll = ScrollPointsBuilder::new(&self.server.names.passages)
            .filter(convert::filter(&filter::of_other_models(model)))
            .limit(PAGE)
            .with_payload(true)
            .build();
        let mut keys = BTreeSet::new();
        self.server
            .each_page(scroll, |point| {
                keys.insert(convert::content::<Stored>(point.payload)?.key());
                Ok(())
            })
            .await?;
        Ok(keys.into_iter().collect())
    }

    pub(super) async fn read<T: Send + 'static>(
        &self,
        scope: Scope,
        work: impl Fn(&Reader<'_>) -> Result<T, Failure> + Send + Sync + 'static,
    ) -> Result<T, Failure> {
        self.server.read(scope, work).await
    }

    pub(super) async fn count(&self) -> Result<usize, Failure> {
        Ok(usize::try_from(self.server.count_of(None).await?).unwrap_or(usize::MAX))
    }

    pub(super) async fn page(&self, from: Option<Uuid>, limit: usize) -> Result<(Vec<Point>, Option<Uuid>), Failure> {
        let mut scroll = ScrollPointsBuilder::new(&self.server.names.passages)
            .limit(u32::try_from(limit).unwrap_or(u32::MAX))
            .with_payload(true)
            .with_vectors(true)
            .build();
        scroll.offset = from.map(convert::point_id);
        let client = &self.server.client;
        let answer = client.call(Kind::Read, || client.qdrant.scroll(scroll.clone())).await?;
        let points = answer.result.into_iter().map(convert::whole).collect::<Result<Vec<Point>, Failure>>()?;
        let next = answer.next_page_offset.map(|next| convert::uuid(Some(next))).transpose()?;
        Ok((points, next))
    }

    /// In requests of bounded size.
    pub(super) async fn upsert(&self, points: Vec<Point>) -> Result<(), Failure> {
        let Server { client, names, .. } = &*self.server;
        for batch in batches(points) {
            let batch = batch.into_iter().map(convert::point).collect::<Result<Vec<PointStruct>, Failure>>()?;
            let upsert = UpsertPointsBuilder::new(&names.passages, batch).wait(true).build();
            client.call(Kind::Write, || client.qdrant.upsert_points(upsert.clone())).await?;
        }
        Ok(())
    }
}

impl Server {
    fn next_switch(&self) -> String {
        format!("{:016x}-{}", self.opening, self.switches.fetch_add(1, Ordering::Relaxed))
    }

    async fn each_page(
        &self,
        mut scroll: ScrollPoints,
        mut each: impl FnMut(RetrievedPoint) -> Result<(), Failure> + Send,
    ) -> Result<(), Failure> {
        loop {
            let answer = self.client.call(Kind::Read, || self.client.qdrant.scroll(scroll.clone())).await?;
            answer.result.into_iter().try_for_each(&mut each)?;
            match answer.next_page_offset {
                Some(next) => scroll.offset = Some(next),
                None => return Ok(()),
            }
        }
    }
}

fn batches(points: Vec<Point>) -> Vec<Vec<Point>> {
    let mut batches: Vec<Vec<Point>> = Vec::new();
    let mut bytes = 0;
    for point in points {
        let size = bytes_of(&point);
        match batches.last_mut() {
            Some(batch) if batch.len() < BATCH && bytes + size <= BATCH_BYTES => {
                bytes += size;
                batch.push(point);
            }
            _ => {
                bytes = size;
                batches.push(vec![point]);
            }
        }
    }
    batches
}

/// About what a point takes on the wire.
fn bytes_of(point: &Point) -> usize {
    let text = point.stored.text.len() + point.stored.headings.iter().map(String::len).sum::<usize>();
    text + 8 * point.words.indices.len() + 4 * point.dense.as_ref().map_or(0, Vec::len) + 512
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::tests::{key, passage};

    #[test]
    fn requests_are_bounded_in_points_and_in_bytes() {
        let point = |n: u32, text: &str| Point::from(passage(key(1, 10, 100), "a", n, text));
        let sizes = |points: Vec<Point>| batches(points).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(sizes((0..130).map(|n| point(n, "short")).collect()), [64, 64, 2]);
        let long = "x".repeat(BATCH_BYTES / 3);
        assert_eq!(sizes((0..5).map(|n| point(n, &long)).collect()), [2, 2, 1]);
        // What is too large alone is for the server to refuse.
        let huge = "x".repeat(BATCH_BYTES * 2);
        assert_eq!(sizes(vec![point(0, "short"), point(1, &huge), point(2, "short")]), [1, 1, 1]);
        assert!(batches(Vec::new()).is_empty());
    }
}
