//! Reads a lane onward from wherever a read ended; begins anew when another place is asked for, or when the connection was lost
//! in between. A mover reads in two places by turns: at the end, and where it had passed something over.

use super::{
    super::Connection,
    aside, fault,
    frame::{self, Content},
    identity::Identity,
    lane::LaneState,
    offset::{last_of, message_of, offset, place_of},
};
use async_nats::{
    datetime::DateTime,
    jetstream::{
        self, Context, ErrorCode,
        consumer::{AckPolicy, Consumer, DeliverPolicy, pull},
        context::GetStreamErrorKind,
        stream::{RawMessageErrorKind, Stream},
    },
};
use colloquy_domain::ports::{Cursor, LogEntry, NewEntry, Offset, StoreError};
use futures::StreamExt;
use std::{collections::VecDeque, sync::Arc, time::Duration};
use tokio::time::timeout;
use uuid::Uuid;

/// Messages that are fetched at once.
const AHEAD: usize = 64;
/// Places that are kept: a new one costs a consumer, which the server keeps for a while.
const PLACES: usize = 2;
/// For one answer of the server.
const ANSWER: Duration = Duration::from_secs(5);
/// For an entry that was acknowledged to us and that the server has not shown yet.
const SHOWN: Duration = Duration::from_millis(500);
/// The server forgets a consumer that nobody has asked for this long.
const FORGET: Duration = Duration::from_secs(60);

/// One lane's way out.
pub(super) struct Reader {
    connection: Connection,
    js: Context,
    log: Uuid,
    lane: Arc<LaneState>,
    /// The one that was used last at the end. Taken out while the server is asked: whoever gives up in between leaves none
    /// behind, and it is made anew.
    places: Vec<Place>,
    /// The last message that was read, and when the server stored it.
    last: Option<(u64, DateTime)>,
}

/// Where a reader stands.
struct Place {
    consumer: Consumer<pull::Config>,
    generation: u64,
    /// What the buffer begins after.
    from: Cursor,
    /// Entries in order; one that cannot be read stops whoever comes to it.
    buffer: VecDeque<(Offset, Result<NewEntry, StoreError>)>,
    /// What was fetched last, or `from`.
    end: Offset,
    /// The consumer's own count of what it delivered: a gap is something that got lost on the way.
    delivered: u64,
    /// The stream began after this offset when the consumer was made.
    floor: Offset,
    /// What somebody waited for has come: it is handed out before the server is asked for more.
    come: bool,
    /// Messages that were fetched, and when the server stored them; those that were handed out are forgotten.
    fetched: VecDeque<(u64, DateTime)>,
}

impl Place {
    /// Whether the buffer can serve the cursor.
    fn serves(&self, cursor: Cursor) -> bool {
        (self.from..=self.end).contains(&cursor)
    }

    /// Drops what lies before the cursor.
    fn move_to(&mut self, cursor: Cursor, trimmed: Offset) {
        while self.buffer.front().is_some_and(|(offset, _)| *offset <= cursor.max(trimmed)) {
            self.buffer.pop_front();
        }
        self.from = cursor;
    }

    /// As many as can be read; the error of the first where it cannot.
    fn first(&self, max: usize) -> Result<Vec<LogEntry>, StoreError> {
        let mut entries = Vec::new();
        for (offset, entry) in self.buffer.iter().take(max) {
            match entry {
                Ok(entry) => entries.push(LogEntry { offset: *offset, entry: entry.clone() }),
                Err(error) if entries.is_empty() => return Err(error.clone()),
                Err(_) => break,
            }
        }
        Ok(entries)
    }
}

impl Reader {
    pub const fn new(connection: Connection, js: Context, log: Uuid, lane: Arc<LaneState>) -> Self {
        Self { connection, js, log, lane, places: Vec::new(), last: None }
    }

    /// Up to `max` entries after the cursor, of those that are there. After a wait, what it brought.
    pub async fn read(&mut self, cursor: Cursor, max: usize) -> Result<Vec<LogEntry>, StoreError> {
        self.lane.whole()?;
        let mut place = self.at(cursor).await?;
        let come = std::mem::take(&mut place.come) && !place.buffer.is_empty();
        if !come && place.buffer.len() < max && self.fill(&mut place, max).await.is_err() {
            self.lane.whole()?;
            // The consumer is gone, or something was lost on the way. A new one is asked once.
            place = self.begin(cursor).await?;
            self.fill(&mut place, max).await?;
        }
        let entries = place.first(max)?;
        if let Some(last) = entries.last() {
            self.hand_out(&mut place, last.offset);
        }
        self.keep(place);
        Ok(entries)
    }

    /// From now on these are known to have been there.
    fn hand_out(&mut self, place: &mut Place, to: Offset) {
        while let Some(&(number, stored)) = place.fetched.front().filter(|(number, _)| *number <= message_of(to)) {
            self.last = Some((number, stored));
            place.fetched.pop_front();
        }
        self.lane.saw(to);
    }

    /// Returns when there is an entry after the cursor, or after `patience`.
    pub async fn wait(&mut self, cursor: Cursor, patience: Duration) -> Result<(), StoreError> {
        self.lane.whole()?;
        let mut place = self.at(cursor).await?;
        if place.buffer.is_empty() && place.delivered == 0 && cursor > 0 {
            // The cursor's own message is no news.
            self.fetch(&mut place, 1, None).await?;
        }
        if place.buffer.is_empty() {
            place.come = self.fetch(&mut place, 1, Some(patience)).await? > 0;
        }
        self.keep(place);
        Ok(())
    }

    fn keep(&mut self, place: Place) {
        if self.places.len() >= PLACES {
            self.places.remove(0);
        }
        self.places.push(place);
    }

    /// The place that begins after the cursor.
    async fn at(&mut self, cursor: Cursor) -> Result<Place, StoreError> {
        let generation = self.connection.link().generation;
        self.places.retain(|place| place.generation == generation);
        // The one that has the least to drop.
        let able = self.places.iter().enumerate().filter(|(_, place)| place.serves(cursor));
        if let Some((found, _)) = able.max_by_key(|(_, place)| place.from) {
            let mut place = self.places.remove(found);
            place.move_to(cursor, self.lane.trimmed());
            return Ok(place);
        }
        self.begin(cursor).await
    }

    /// A new place, after a look at whether the stream still holds what it must.
    async fn begin(&mut self, cursor: Cursor) -> Result<Place, StoreError> {
        let Some(link) = self.connection.up(ANSWER).await else {
            return Err(StoreError::Unavailable("log: NATS is not connected".to_owned()));
        };
        let stream = self.whole_stream(cursor).await?;
        let floor = last_of(stream.cached_info().state.first_sequence.saturating_sub(1));
        let deliver_policy = match cursor {
            0 => DeliverPolicy::All,
            // The cursor's own message may hold more after it.
            cursor => DeliverPolicy::ByStartSequence { start_sequence: message_of(cursor).max(1) },
        };
        let config = pull::Config {
            deliver_policy,
            filter_subject: self.lane.subject.clone(),
            ack_policy: AckPolicy::None,
            inactive_threshold: FORGET,
            memory_storage: true,
            num_replicas: 1,
            ..pull::Config::default()
        };
        let consumer = stream.create_consumer(config).await.map_err(|e| fault::unavailable(&e))?;
        let (generation, buffer) = (link.generation, VecDeque::new());
        let fetched = VecDeque::new();
        Ok(Place { consumer, generation, from: cursor, buffer, end: cursor, delivered: 0, floor, come: false, fetched })
    }

    /// The lane's stream, if it holds what it must.
    async fn whole_stream(&self, cursor: Cursor) -> Result<Stream, StoreError> {
        let lane = &self.lane;
        // Looked up before the server is asked: what is acknowledged while it answers need not be in its answer.
        let known = message_of(cursor.max(lane.seen()));
        let stream = match timeout(ANSWER, self.js.get_stream(&lane.stream)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(e)) => match e.kind() {
                GetStreamErrorKind::JetStream(told) if told.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                    return Err(lane.regress("does not exist any more"));
                }
                _ => return Err(fault::unavailable(&e)),
            },
            Err(_) => return Err(StoreError::Unavailable("log: NATS does not answer".to_owned())),
        };
        let info = stream.cached_info();
        if Identity::of(&info.config).is_none_or(|i| i.log != self.log) {
            return Err(lane.regress(&format!("is not part of the log {} any more", self.log)));
        }
        let last = info.state.last_sequence;
        if last < known {
            return Err(lane.regress(&format!("ends at message {last}, and {known} was there before")));
        }
        if let Some((number, stored)) = self.last {
            match stream.get_raw_message(number).await {
                Ok(message) if message.time != stored => return Err(lane.regress(&another(number))),
                Ok(_) => {}
                Err(e) if e.kind() == RawMessageErrorKind::NoMessageFound => {}
                Err(e) => return Err(fault::unavailable(&e)),
            }
        }
        Ok(stream)
    }

    /// Fills the buffer with what is there, at least up to `max` entries.
    async fn fill(&mut self, place: &mut Place, max: usize) -> Result<(), StoreError> {
        self.fetch_all(place, max).await?;
        // A consumer learns of new messages a moment after they were acknowledged.
        let seen = self.lane.seen();
        if place.buffer.len() < max && place.end < seen && place.floor.max(self.lane.trimmed()) < seen {
            self.fetch(place, 1, Some(SHOWN)).await?;
            self.fetch_all(place, max).await?;
        }
        Ok(())
    }

    async fn fetch_all(&mut self, place: &mut Place, max: usize) -> Result<(), StoreError> {
        while place.buffer.len() < max {
            if self.fetch(place, AHEAD, None).await? < AHEAD {
                break;
            }
        }
        Ok(())
    }

    /// Fetches up to `count` messages: those that are there, or those that come within `patience`. Returns how many.
    async fn fetch(
        &mut self,
        place: &mut Place,
        count: usize,
        patience: Option<Duration>,
    ) -> Result<usize, StoreError> {
        let limit = patience.unwrap_or_default() + ANSWER;
        let work = async {
            let messages = match patience {
                None => place.consumer.fetch().max_messages(count).messages().await,
                Some(time) => place.consumer.batch().max_messages(count).expires(time).messages().await,
            };
            let mut messages = messages.map_err(|e| fault::unavailable(&e))?;
            let mut found = Vec::new();
            while let Some(message) = messages.next().await {
                found.push(message.map_err(|e| StoreError::Unavailable(format!("log: {e}")))?);
            }
            Ok(found)
        };
        let found: Vec<jetstream::Message> = tokio::select! {
            found = timeout(limit, work) => {
                found.unwrap_or_else(|_| Err(StoreError::Unavailable("log: NATS does not answer".to_owned())))?
            }
            () = self.connection.lost(place.generation) => {
                return Err(StoreError::Unavailable("log: the connection to NATS was lost".to_owned()));
            }
        };
        for message in &found {
            self.take(place, message).await?;
        }
        Ok(found.len())
    }

    async fn take(&mut self, place: &mut Place, message: &jetstream::Message) -> Result<(), StoreError> {
        let info = message.info().map_err(|e| StoreError::Unavailable(format!("log: {e}")))?;
        if info.consumer_sequence != place.delivered + 1 {
            return Err(StoreError::Unavailable("log: a message was lost on its way".to_owned()));
        }
        place.delivered = info.consumer_sequence;
        let number = info.stream_sequence;
        match frame::read(&message.payload) {
            Ok(entries) if number == message_of(place.from) && entries.len() as u64 <= place_of(place.from) => {
                return Err(self.lane.regress(&another(number)));
            }
            Ok(entries) => {
                let entries = entries.into_iter().enumerate().map(|(n, entry)| (offset(number, n), entry));
                let from = place.from;
                for (offset, content) in entries.filter(|(offset, _)| *offset > from) {
                    let entry = match content {
                        Ok(Content::Whole(entry)) => Ok(*entry),
                        Ok(Content::Aside(parts)) => self.get_aside(&parts).await?,
                        Err(error) => Err(error),
                    };
                    place.buffer.push_back((offset, entry));
                }
            }
            // It stands in the way of whoever comes to it.
            Err(error) => place.buffer.push_back((last_of(number), Err(error))),
        }
        place.end = place.buffer.back().map_or(place.end, |(offset, _)| place.end.max(*offset));
        place.fetched.push_back((number, info.published));
        Ok(())
    }
}

impl Reader {
    /// An entry that lies in these messages; an outer error if they cannot be had now.
    async fn get_aside(&self, parts: &[u64]) -> Result<Result<NewEntry, StoreError>, StoreError> {
        let got = timeout(ANSWER, aside::get(&self.js, &self.lane, parts)).await;
        let late = |_| StoreError::Unavailable("log: NATS does not answer".to_owned());
        Ok(frame::read_entry(&got.map_err(late)??))
    }
}

fn another(message: u64) -> String {
    format!("holds something else in message {message} than before")
}
