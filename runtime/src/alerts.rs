//! Calls whoever runs an installation: lines of level `error` go to an address, those of a while together.

use crate::web::Internet;
use colloquy_domain::{
    egress::Egress,
    ports::{Poster, WebPost},
};
use reqwest::Url;
use serde_json::json;
use std::{
    fmt::{self, Write as _},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::Notify, time::sleep};
use tracing::{Event, Subscriber, field::Visit};
use tracing_subscriber::layer::{Context, Layer};

/// What comes at once is told at once.
const TOGETHER: Duration = Duration::from_secs(2);
/// Between two calls: a fault that repeats itself does not ring all the time.
const PAUSE: Duration = Duration::from_secs(60);
const TIMEOUT: Duration = Duration::from_secs(10);
/// Different lines of one call; further ones are counted.
const LINES: usize = 10;
/// Bytes of a line.
const LONGEST: usize = 500;

/// What was logged since the last call.
#[derive(Default)]
pub struct Alerts {
    heard: Mutex<Heard>,
    more: Notify,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Heard {
    errors: u64,
    lines: Vec<String>,
}

/// Hears what is logged.
pub struct Ear(pub Arc<Alerts>);

/// Where the calls go.
pub struct Way {
    internet: Internet,
    url: String,
    node: String,
}

impl Way {
    /// Whoever configured the address may have it inside.
    ///
    /// # Errors
    /// The machine has no usable TLS.
    pub fn new(url: &str, node: String) -> anyhow::Result<Self> {
        let host = Url::parse(url).ok().and_then(|u| u.host_str().map(str::to_owned));
        let egress = Egress::with_private_hosts(host.as_slice());
        Ok(Self { internet: Internet::new(egress)?, url: url.to_owned(), node })
    }

    async fn tell(&self, heard: &Heard) -> bool {
        let errors = if heard.errors == 1 { "1 error".to_owned() } else { format!("{} errors", heard.errors) };
        let text = format!("Colloquy on {}: {errors}\n{}", self.node, heard.lines.join("\n"));
        let body = json!({ "text": text, "node": self.node, "errors": heard.errors, "lines": heard.lines });
        let post = WebPost { url: self.url.clone(), headers: Vec::new(), body: body.to_string(), timeout: TIMEOUT };
        match self.internet.post(post).await {
            Ok(status) if (200..300).contains(&status) => true,
            // Never an error: that would call again.
            Ok(status) => {
                tracing::warn!(http.status = status, "the alert was refused");
                false
            }
            Err(error) => {
                tracing::warn!(%error, "the alert could not be sent");
                false
            }
        }
    }
}

impl Alerts {
    /// Calls as long as it lives.
    pub async fn run(&self, way: &Way) {
        loop {
            self.more.notified().await;
            sleep(TOGETHER).await;
            self.flush(way).await;
            sleep(PAUSE).await;
        }
    }

    /// Tells what was not told yet; what does not arrive is told with the next.
    pub async fn flush(&self, way: &Way) {
        let heard = std::mem::take(&mut *self.lock());
        if heard.errors > 0 && !way.tell(&heard).await {
            self.lock().before(heard);
            self.more.notify_one();
        }
    }

    fn hear(&self, line: String) {
        self.lock().add(line);
        self.more.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Heard {
    fn add(&mut self, line: String) {
        self.errors += 1;
        if self.lines.len() < LINES && !self.lines.contains(&line) {
            self.lines.push(line);
        }
    }

    /// Puts what was not told before what came since.
    fn before(&mut self, earlier: Self) {
        let since = std::mem::replace(self, earlier);
        self.errors += since.errors;
        let room = LINES.saturating_sub(self.lines.len());
        let new: Vec<String> = since.lines.into_iter().filter(|line| !self.lines.contains(line)).take(room).collect();
        self.lines.extend(new);
    }
}

impl<S: Subscriber> Layer<S> for Ear {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = Line::default();
        event.record(&mut line);
        self.0.hear(line.whole());
    }
}

/// An event as a line: its message, then its fields.
#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Line {
    fn whole(self) -> String {
        let mut whole = format!("{}{}", self.message, self.fields);
        whole.truncate(whole.floor_char_boundary(LONGEST));
        whole
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn fmt::Debug) {
        // Writing into a text does not fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{Router, extract::State, http::StatusCode, routing::post};
    use serde_json::Value;
    use tracing_subscriber::{filter::LevelFilter, layer::SubscriberExt as _};

    /// Refuses the first call.
    async fn receiver() -> (String, Arc<Mutex<Vec<Value>>>) {
        let got = Arc::<Mutex<Vec<Value>>>::default();
        let take = async |State(got): State<Arc<Mutex<Vec<Value>>>>, body: String| {
            let mut got = got.lock().unwrap();
            got.push(serde_json::from_str(&body).unwrap());
            if got.len() == 1 { StatusCode::BAD_GATEWAY } else { StatusCode::OK }
        };
        let site = Router::new().route("/hook", post(take)).with_state(Arc::clone(&got));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, site).await });
        (url, got)
    }

    // req: S1-LOG-1
    #[tokio::test]
    async fn errors_call_and_what_did_not_arrive_is_told_with_the_next() {
        // Another test of this process may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (url, got) = receiver().await;
        let (alerts, way) = (Arc::<Alerts>::default(), Way::new(&url, "node-1".into()).unwrap());
        let subscriber = tracing_subscriber::registry().with(Ear(Arc::clone(&alerts)).with_filter(LevelFilter::ERROR));
        let guard = tracing::subscriber::set_default(subscriber);
        tracing::error!(error = "store.broken", tenant.id = "t1", "nothing can be written");
        tracing::error!(error = "store.broken", tenant.id = "t1", "nothing can be written");
        tracing::warn!("nobody is called for that");
        alerts.flush(&way).await;
        tracing::error!("an actor failed");
        alerts.flush(&way).await;
        alerts.flush(&way).await;
        drop(guard);
        let got = got.lock().unwrap().clone();
        let line = r#"nothing can be written error="store.broken" tenant.id="t1""#;
        assert_eq!(got.iter().map(|g| g["errors"].clone()).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(got[1]["lines"], json!([line, "an actor failed"]));
        assert_eq!(got[1]["text"], format!("Colloquy on node-1: 3 errors\n{line}\nan actor failed"));
    }
}
