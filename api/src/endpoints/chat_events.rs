//! `GET /api/chat/events?channel=…&session=…&after=…`: what is said to a visitor of a public web chat, as it is said, as
//! server-sent events: `message`, `mode` (who answers), `typing`, `session:end`.

use crate::{
    edge::LAST_EVENT_ID,
    error::{ApiError, ApiResult},
    peer::Peer,
    realtime::{Guest, Visitor, Word},
    state::Api,
};
use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::HeaderMap,
    response::{
        IntoResponse,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures::stream::{self, Stream};
use schemars::JsonSchema;
use serde::Deserialize;
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::sync::mpsc;

/// Events that wait for a client.
const WAITING: usize = 32;
/// How long a client may take none of them.
const SLOWEST: Duration = Duration::from_secs(10);

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    channel: String,
    /// As for `POST /api/chat`: unguessable, it is what lets its holder hear.
    session: String,
    /// The position of the last line that is known; the header `Last-Event-ID` says it, too, and comes first.
    #[serde(default)]
    after: u64,
}

pub async fn get(
    State(api): State<Arc<Api>>,
    Peer(address): Peer,
    headers: HeaderMap,
    asked: Result<Query<Asked>, QueryRejection>,
) -> ApiResult {
    let Query(asked) = asked.map_err(|e| ApiError::invalid("query", e.body_text()))?;
    let last = headers.get(LAST_EVENT_ID).and_then(|v| v.to_str().ok()?.parse().ok());
    let (channel, session) = (asked.channel.as_str(), asked.session);
    let visitor = Visitor { channel, session, after: last.unwrap_or(asked.after), address };
    let guest = Guest::open(&api, visitor).await?;
    let (told, words) = mpsc::channel(WAITING);
    tokio::spawn(tell(guest, told));
    Ok(Sse::new(stream_of(words)).keep_alive(KeepAlive::default()).into_response())
}

/// Hears for a client until it is gone, or takes nothing for too long.
async fn tell(mut guest: Guest, to: mpsc::Sender<Word>) {
    loop {
        let word = tokio::select! {
            () = to.closed() => return,
            word = guest.next() => word,
        };
        let ends = matches!(word, Word::End(_));
        match to.send_timeout(word, SLOWEST).await {
            Ok(()) if !ends => {}
            Ok(()) | Err(mpsc::error::SendTimeoutError::Closed(_)) => return,
            Err(mpsc::error::SendTimeoutError::Timeout(_)) => {
                tracing::info!(realtime.cut = "slow", "a visitor's stream is read too slowly and ends");
                return;
            }
        }
    }
}

/// Ends with `session:end`, which says why: what came last if it says nothing itself was too slow a client.
fn stream_of(words: mpsc::Receiver<Word>) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(Some(words), |words| async move {
        let mut words = words?;
        let word = words.recv().await.unwrap_or(Word::End("SLOW"));
        let event = Event::default().event(word.name()).data(word.body().to_string());
        let event = if let Word::Line(line) = &word { event.id(line.position.to_string()) } else { event };
        let more = !matches!(word, Word::End(_));
        Some((Ok(event), more.then_some(words)))
    })
}
