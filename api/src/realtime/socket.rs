//! The Socket.io server: who gets in, and with what. What follows is a [`session`](super::session).

use super::{
    ears::{Ears, Joined},
    frame::Names,
    guest::{Guest, Visitor},
    session::{Asked, Session},
    visit::{self, Visit},
};
use crate::{
    auth,
    error::{ApiError, ApiResult},
    peer::Peer,
    state::Api,
};
use axum::{
    Router,
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use colloquy_domain::{ids::ConversationId, rate::Rate};
use serde::Deserialize;
use serde_json::Value;
use socketioxide::{
    ParserConfig, SocketIo,
    extract::{AckSender, Event, SocketRef, TryData},
    handler::ConnectHandler,
};
use std::{
    collections::HashSet,
    fmt,
    future::ready,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};
use tokio::sync::{Notify, mpsc};
use url::Url;

/// Where clients look for it unless they are told otherwise.
const PATH: &str = "/socket.io";
/// Packets that wait for a client; a client that is slower than this for too long is cut off.
const OUTBOX: usize = 256;
/// Commands of a client that wait to be done.
pub const INBOX: usize = 64;
/// Bytes of one message of a client.
const LARGEST: usize = 256 * 1024;
/// How long a connection may be there without saying whose it is.
const NAMELESS: Duration = Duration::from_secs(10);
/// Conversations that a connection may join.
pub const MOST_JOINED: usize = 200;

/// What a client says in the handshake.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Auth {
    token: Option<String>,
    /// The last event that it saw.
    #[serde(alias = "last_event_id")]
    last_event_id: Option<String>,
    /// One family of names.
    names: Option<String>,
    /// Conversations to join at once: ids, or `all`.
    conversations: Option<Wanted>,
    /// A visitor's, in place of a token: a public web chat, their session, and the last line that they know.
    channel: Option<String>,
    session: Option<String>,
    after: Option<u64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Wanted {
    Word(String),
    Ids(Vec<String>),
}

/// Why somebody was not let in, as the client reads it.
struct Refused(ApiError);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code, self.0.message)
    }
}

/// Somebody who was let in and is not connected yet.
type Admitted = Arc<Mutex<Option<Life>>>;

/// What a socket lives for.
enum Life {
    Member(Box<Session>),
    Visitor(Box<Visit>),
}

/// Puts the server at its path.
pub fn route(router: Router<Arc<Api>>, api: &Arc<Api>) -> Router<Arc<Api>> {
    let (service, io) = SocketIo::builder()
        .max_buffer_size(OUTBOX)
        .max_payload(LARGEST as u64)
        .ws_max_message_size(LARGEST)
        .ws_max_frame_size(LARGEST)
        .connect_timeout(NAMELESS)
        .with_parser(ParserConfig::common().max_incoming_binaries(0))
        .build_svc();
    let door = Arc::downgrade(api);
    let admit = move |socket: SocketRef, TryData(auth): TryData<Auth>| {
        let door = Weak::clone(&door);
        async move { admit(door, socket, auth.unwrap_or_default()).await.map_err(Refused) }
    };
    io.ns("/", connected.with(admit));
    // Only the first router of an installation stops its sockets; there is one.
    let _ = api.realtime.sockets.set(io);
    router.route_service(PATH, service.clone()).route_service(&format!("{PATH}/"), service)
}

async fn connected(socket: SocketRef) {
    let admitted = socket.extensions.remove::<Admitted>();
    let life = admitted.and_then(|a| a.lock().unwrap_or_else(PoisonError::into_inner).take());
    match life {
        Some(Life::Member(session)) => session.run(socket).await,
        Some(Life::Visitor(visit)) => visit.run(socket).await,
        None => {}
    }
}

async fn admit(door: Weak<Api>, socket: SocketRef, auth: Auth) -> ApiResult<()> {
    let api = door.upgrade().ok_or_else(ApiError::internal)?;
    let mut parts = socket.req_parts().clone();
    if !own_page(&parts.headers, &api) {
        return Err(ApiError::forbidden("pages of this origin may not connect (cors_origins)"));
    }
    let credential = auth.token.filter(|t| !t.is_empty());
    if let (None, Some(channel)) = (&credential, auth.channel.as_deref()) {
        let session = auth.session.unwrap_or_default();
        return admit_visitor(&api, &socket, &mut parts, channel, session, auth.after.unwrap_or(0)).await;
    }
    let tenant = auth::opened_by(&mut parts, &api, credential.clone()).await?;
    auth::count(&api, &tenant.who, Rate::Api)?;
    let names = match auth.names.as_deref() {
        None => Names::Both,
        Some(text) => {
            Names::read(text).ok_or_else(|| ApiError::invalid("names", "must be both, snake_case or kebab-case"))?
        }
    };
    let joined = joined(&tenant, auth.conversations).await?;
    let last = auth.last_event_id.as_deref();
    let ears = Ears::open(&api, tenant, credential.unwrap_or_default(), joined, last).await?;
    let (ask, asked) = mpsc::channel(INBOX);
    let gone = leaving(&socket);
    socket.on_fallback(move |Event(name): Event, TryData(body): TryData<Value>, ack: AckSender| {
        hand_over(&ask, Asked { name, body: body.unwrap_or_default(), ack });
        ready(())
    });
    let session = Session::new(api, ears, names, asked, gone);
    socket.extensions.insert(admitted(Life::Member(Box::new(session))));
    Ok(())
}

/// A visitor of a public web chat: their session is their credential.
async fn admit_visitor(
    api: &Arc<Api>,
    socket: &SocketRef,
    parts: &mut Parts,
    channel: &str,
    session: String,
    after: u64,
) -> ApiResult<()> {
    let Ok(Peer(address)) = Peer::from_request_parts(parts, api).await;
    let guest = Guest::open(api, Visitor { channel, session, after, address }).await?;
    socket.on_fallback(|ack: AckSender| {
        // An error: the client is too slow even for that.
        let _ = ack.send(&visit::refused());
        ready(())
    });
    let visit = Visit::new(guest, leaving(socket));
    socket.extensions.insert(admitted(Life::Visitor(Box::new(visit))));
    Ok(())
}

fn admitted(life: Life) -> Admitted {
    Arc::new(Mutex::new(Some(life)))
}

/// Told when the socket is disconnected.
fn leaving(socket: &SocketRef) -> Arc<Notify> {
    let gone = Arc::new(Notify::new());
    let left = Arc::clone(&gone);
    socket.on_disconnect(move || {
        left.notify_one();
        ready(())
    });
    gone
}

/// To the session, in the order in which it came; more than it can do is refused.
fn hand_over(to: &mpsc::Sender<Asked>, asked: Asked) {
    if let Err(mpsc::error::TrySendError::Full(asked)) = to.try_send(asked) {
        // An error: the client is too slow even for that.
        let _ = asked.ack.send(&ApiError::too_many(Duration::from_secs(1)).body());
    }
}

async fn joined(tenant: &auth::Tenant, wanted: Option<Wanted>) -> ApiResult<Joined> {
    let ids = match wanted {
        None => Vec::new(),
        Some(Wanted::Word(word)) if word == "all" => return Ok(Joined::All),
        Some(Wanted::Word(id)) => vec![id],
        Some(Wanted::Ids(ids)) => ids,
    };
    if ids.len() > MOST_JOINED {
        return Err(ApiError::invalid("conversations", format!("must be at most {MOST_JOINED}")));
    }
    let mut joined = HashSet::new();
    for (n, id) in ids.iter().enumerate() {
        let id = id.parse::<ConversationId>();
        let id = id.map_err(|e| ApiError::invalid(format!("conversations[{n}]"), e.to_string()))?;
        joined.insert(tenant.store.conversation(id).await?.id);
    }
    Ok(Joined::Some(joined))
}

/// Whether the page that connects is one of ours or of an origin that may call. What is no browser names none.
fn own_page(headers: &HeaderMap, api: &Api) -> bool {
    let text = |name| headers.get(name).and_then(|v| v.to_str().ok());
    let Some(origin) = text(header::ORIGIN) else { return true };
    let options = &api.options;
    if options.cors_origins.iter().any(|o| o == origin) {
        return true;
    }
    let Ok(page) = Url::parse(origin) else { return false };
    let host = |url: &Url| {
        url.host_str().map(|h| match url.port() {
            Some(port) => format!("{h}:{port}"),
            None => h.to_owned(),
        })
    };
    let public = Url::parse(&options.public_url).is_ok_and(|url| url.origin() == page.origin());
    public || (host(&page).is_some() && host(&page).as_deref() == text(header::HOST))
}
