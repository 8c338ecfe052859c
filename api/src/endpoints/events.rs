//! `GET /api/events`: what happens in conversations, as server-sent events, from now or from `Last-Event-ID` on.

use crate::{
    auth::{self, Tenant},
    edge::LAST_EVENT_ID,
    error::{ApiError, ApiResult},
    realtime::{Ears, Frame, Heard, Joined, Names},
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
use colloquy_domain::ids::ConversationId;
use futures::stream::{self, Stream};
use schemars::JsonSchema;
use serde::Deserialize;
use std::{collections::HashSet, convert::Infallible, sync::Arc, time::Duration};
use tokio::sync::mpsc;

/// Events that wait for a client.
const WAITING: usize = 32;
/// How long a client may take none of them.
const SLOWEST: Duration = Duration::from_secs(10);
/// Conversations that can be asked for.
const MOST: usize = 200;

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Filter {
    /// Ids with commas between them; all conversations if absent.
    #[serde(alias = "conversationId")]
    conversation: Option<String>,
    /// As the header.
    last_event_id: Option<String>,
    names: Option<String>,
}

pub async fn get(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    headers: HeaderMap,
    filter: Result<Query<Filter>, QueryRejection>,
) -> ApiResult {
    let Query(filter) = filter.map_err(|e| ApiError::invalid("query", e.body_text()))?;
    let names = match filter.names.as_deref() {
        None => Names::Kebab,
        Some(text) => Names::read(text)
            .filter(|n| *n != Names::Both)
            .ok_or_else(|| ApiError::invalid("names", "must be snake_case or kebab-case"))?,
    };
    let joined = joined(&tenant, filter.conversation.as_deref()).await?;
    let header = headers.get(LAST_EVENT_ID).and_then(|v| v.to_str().ok());
    let last = header.or(filter.last_event_id.as_deref()).filter(|id| !id.is_empty());
    let credential = auth::bearer_in(&headers).unwrap_or_default().to_owned();
    let lists = joined == Joined::All;
    let mut ears = Ears::open(&api, tenant, credential, joined, last).await?;
    ears.lists = lists;
    let (told, events) = mpsc::channel(WAITING);
    tokio::spawn(tell(ears, told));
    Ok(Sse::new(stream_of(events, names)).keep_alive(KeepAlive::default()).into_response())
}

async fn joined(tenant: &Tenant, wanted: Option<&str>) -> ApiResult<Joined> {
    let Some(wanted) = wanted else { return Ok(Joined::All) };
    let mut joined = HashSet::new();
    for id in wanted.split(',').map(str::trim) {
        let id = id.parse::<ConversationId>().map_err(|e| ApiError::invalid("conversation", e.to_string()))?;
        joined.insert(tenant.store.conversation(id).await?.id);
        if joined.len() > MOST {
            return Err(ApiError::invalid("conversation", format!("must be at most {MOST}")));
        }
    }
    Ok(Joined::Some(joined))
}

/// Hears for a client until it is gone, or takes nothing for too long.
async fn tell(mut ears: Ears, to: mpsc::Sender<Heard>) {
    loop {
        let heard = tokio::select! {
            () = to.closed() => return,
            heard = ears.next() => heard,
        };
        let ends = matches!(heard, Heard::End(_));
        match to.send_timeout(heard, SLOWEST).await {
            Ok(()) if !ends => {}
            Ok(()) | Err(mpsc::error::SendTimeoutError::Closed(_)) => return,
            Err(mpsc::error::SendTimeoutError::Timeout(_)) => {
                tracing::info!(realtime.cut = "slow", "a stream is read too slowly and ends");
                return;
            }
        }
    }
}

/// Ends with `session:end`, which says why: what came last if it says nothing itself was too slow a client.
fn stream_of(events: mpsc::Receiver<Heard>, names: Names) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(Some(events), move |events| async move {
        let mut events = events?;
        let heard = events.recv().await.unwrap_or(Heard::End("SLOW"));
        let event = heard.frame().map_or_else(Event::default, |frame| shown(&frame, names));
        let more = !matches!(heard, Heard::End(_));
        Some((Ok(event), more.then_some(events)))
    })
}

fn shown(frame: &Frame, names: Names) -> Event {
    let event = Event::default().data(frame.body.to_string());
    let event = frame.kind.names(names).take(1).fold(event, |event, name| event.event(name));
    frame.id.iter().fold(event, |event, id| event.id(id.to_string()))
}
