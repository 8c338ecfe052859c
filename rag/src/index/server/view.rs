//! Searches on the server: what is asked in one request, and how it is known to be one consistent view.

use super::{
    Server,
    client::Kind,
    convert,
    note::{Board, Entry, looked_at},
    switch::PAGE,
};
use crate::{
    embed::Vector,
    index::{
        Ask, DocumentKey, Found, Hit, Reader, Scope, Stored, blocking,
        filter::{self, Test, Where},
    },
};
use colloquy_domain::failure::Failure;
use qdrant_client::qdrant::{Filter, GetPointsBuilder, QueryBatchPointsBuilder, QueryPoints, ScrollPointsBuilder};
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::runtime::Handle;
use uuid::Uuid;

/// How often a search runs when documents are replaced under it, and the milliseconds that it then waits.
const REPEATS: [u64; 10] = [0, 0, 2, 5, 10, 20, 40, 80, 160, 320];

/// The server as one search sees it; asked from a blocking thread.
pub(in crate::index) struct View {
    server: Arc<Server>,
    runtime: Handle,
    before: Board,
    seen: Mutex<Seen>,
}

/// What a search has read.
#[derive(Default)]
struct Seen {
    documents: BTreeSet<DocumentKey>,
    /// Something that was found was gone a moment later.
    missing: bool,
}

impl View {
    pub(in crate::index) fn candidates(
        &self,
        scope: &Scope,
        asks: &[Ask<'_>],
        limit: usize,
    ) -> Result<Vec<Found>, Failure> {
        let (name, live) = (&self.server.names.passages, self.visible(filter::live_in(scope)));
        let comparable = self.visible(filter::comparable_in(scope));
        let mut queries = Vec::with_capacity(asks.len() * 2);
        for ask in asks {
            if !ask.words.is_empty() {
                queries.push(convert::by_words(name, ask.words, live.clone(), limit));
            }
            if let Some(vector) = ask.vector {
                queries.push(convert::by_meaning(name, vector, comparable.clone(), limit));
            }
        }
        let mut answers = self.ask(queries)?.into_iter();
        let mut next = |asked: bool| if asked { answers.next().unwrap_or_default() } else { Vec::new() };
        Ok(asks
            .iter()
            .map(|ask| Found { words: next(!ask.words.is_empty()), meaning: next(ask.vector.is_some()) })
            .collect())
    }

    pub(in crate::index) fn cosines(
        &self,
        scope: &Scope,
        vectors: &[&Vector],
        ids: &[Uuid],
    ) -> Result<Vec<Hit>, Failure> {
        let filter = self.visible(filter::comparable_in(scope).and(Test::Ids(ids.to_vec())));
        let query = |v: &&Vector| convert::by_meaning(&self.server.names.passages, v, filter.clone(), ids.len());
        Ok(self.ask(vectors.iter().map(query).collect())?.into_iter().flatten().collect())
    }

    pub(in crate::index) fn load(&self, ids: &[Uuid]) -> Result<Vec<(Uuid, Stored)>, Failure> {
        let stored = self.look(ids)?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.missing |= stored.len() < ids.len();
        Ok(stored)
    }

    pub(in crate::index) fn look(&self, ids: &[Uuid]) -> Result<Vec<(Uuid, Stored)>, Failure> {
        let stored = self.runtime.block_on(self.server.look(ids))?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.documents.extend(stored.iter().map(|(_, s)| s.key()));
        Ok(stored)
    }

    fn visible(&self, which: Where) -> Filter {
        convert::filter(&which.but_not(self.before.overlooked()))
    }

    /// The hits of each query, in their order.
    fn ask(&self, queries: Vec<QueryPoints>) -> Result<Vec<Vec<Hit>>, Failure> {
        if queries.is_empty() {
            return Ok(Vec::new());
        }
        let (asked, client) = (queries.len(), &self.server.client);
        let batch = QueryBatchPointsBuilder::new(&self.server.names.passages, queries).build();
        let answer = self.runtime.block_on(client.call(Kind::Read, || client.qdrant.query_batch(batch.clone())))?;
        if answer.result.len() != asked {
            return Err(Failure::retry("index.unavailable", "the server answered another number of queries"));
        }
        answer.result.into_iter().map(|r| convert::hits(r.result)).collect()
    }
}

impl Server {
    /// What is stored under `ids`, of which some may not exist.
    pub(super) async fn look(&self, ids: &[Uuid]) -> Result<Vec<(Uuid, Stored)>, Failure> {
        let ids: Vec<_> = ids.iter().copied().map(convert::point_id).collect();
        let get = GetPointsBuilder::new(&self.names.passages, ids).with_payload(true).build();
        let client = &self.client;
        let answer = client.call(Kind::Read, || client.qdrant.get_points(get.clone())).await?;
        answer.result.into_iter().map(convert::stored).collect()
    }

    pub(super) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        scope: Scope,
        work: impl Fn(&Reader<'_>) -> Result<T, Failure> + Send + Sync + 'static,
    ) -> Result<T, Failure> {
        let (work, scope) = (Arc::new(work), Arc::new(scope));
        let mut before = self.board(&scope).await?;
        for pause in REPEATS {
            let view = View {
                server: Arc::clone(self),
                runtime: Handle::current(),
                before: before.clone(),
                seen: Mutex::default(),
            };
            let (work, within) = (Arc::clone(&work), Arc::clone(&scope));
            let run = move || {
                let result = work(&Reader::of_server(&view, &within))?;
                Ok((result, view.seen.into_inner().unwrap_or_else(PoisonError::into_inner)))
            };
            let (result, seen) = blocking(run).await?;
            let mut after = self.board(&scope).await?;
            if !seen.missing && before.is_quiet(&after, &seen.documents) {
                return Ok(result);
            }
            let watched = before.watched().chain(seen.documents.iter().copied()).collect();
            after.watch(&watched, self.notes(watched.iter().copied()).await?);
            if !seen.missing && before.still_holds(&after, &seen.documents) {
                return Ok(result);
            }
            before = after;
            if pause > 0 {
                tokio::time::sleep(Duration::from_millis(pause)).await;
                before = self.board(&scope).await?;
                before.watch(&watched, self.notes(watched.iter().copied()).await?);
            }
        }
        Err(Failure::retry("index.busy", "documents are being replaced faster than they can be read"))
    }

    /// What is noted for the scope, watching no document yet.
    async fn board(&self, scope: &Scope) -> Result<Board, Failure> {
        let mut board = Board::default();
        if scope.bases.is_empty() {
            return Ok(board);
        }
        let scroll = ScrollPointsBuilder::new(&self.names.switches)
            .filter(convert::filter(&looked_at(scope)))
            .limit(PAGE)
            .with_payload(true)
            .build();
        self.each_page(scroll, |point| {
            board.add(convert::content::<Entry>(point.payload)?);
            Ok(())
        })
        .await?;
        Ok(board)
    }
}
