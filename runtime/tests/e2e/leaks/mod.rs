//! Every endpoint that the server describes, asked by everybody there can be in one tenant for everything that another
//! tenant has: nothing of it is seen, nothing of it changes, and the table of roles holds to the letter. Endpoints are
//! found in the served description, so new ones are walked as well; rows of a new kind are planted in `tenants.rs`.

mod callers;
mod endpoints;
mod fill;
mod plant;
mod tenants;

use crate::support::client::Answer;
use callers::{Caller, callers};
use endpoints::{Endpoint, described};
use fill::Fill;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use tenants::{MARKS, Neighbour, Tenants};

/// What a platform administrator sees of other tenants: that is what these are for.
const OF_THE_PLATFORM: &[&str] = &["/tenants", "/companies"];

/// The console's page, whatever view is named.
const PAGES: &str = "/console/{view}";
/// Reading that finds no row of the neighbour's to ask for: somebody's own text, not a tenant's, or one's own by a name that
/// all tenants share.
const WITHOUT_ROWS: &[&str] = &[
    "/api/docs/{file}",
    "/api/integrations/{provider}",
    // It needs another one in its query, and is asked for the neighbour's there.
    "/api/simulations/{id}/compare",
    "/chat/{channel}",
    "/console/assets/{version}/{file}",
    PAGES,
    // Only a WebSocket of the provider's opens it.
    "/webhooks/twilio-voice/{channel}/relay",
    "/webhooks/{channel}",
];

/// Requests of a key of one scope to an endpoint that it may use: what handlers do is the same for everybody who may.
const OF_A_KEY: usize = 3;
/// A refusal may come before the request was sent, and is lost then.
const ATTEMPTS: usize = 5;

/// Counted, for whoever reads the output.
#[derive(Default)]
struct Walked {
    endpoints: usize,
    refused: usize,
    requests: usize,
    wrong: Vec<String>,
}

// req: S1-AUTH-3
// req: S2-TEN-1
// req: S3-TEN-1
#[tokio::test]
async fn no_caller_gets_anything_of_another_tenant_from_any_endpoint() {
    let tenants = Tenants::plant().await;
    let all = described(&tenants.owner).await;
    let neighbour = Neighbour::explored(&tenants, &all).await;
    let unread: Vec<_> = neighbour.unread(&all).into_iter().filter(|p| !WITHOUT_ROWS.contains(p)).collect();
    assert!(unread.is_empty(), "plant rows of the neighbour's for these, or the walk shows nothing: {unread:?}");
    let before = tenants::everything(&tenants.neighbour, &all).await;
    assert_eq!(neighbour.marks.len(), MARKS.len(), "their owner sees all marks: {:?}", neighbour.marks);

    let callers = callers(&tenants.platform, &tenants.tokens, &all).await;
    let mut walked = Walked { endpoints: all.iter().map(|e| e.paths.len()).sum(), ..Walked::default() };
    // First what reads, or must be refused; then what writes: its rows may name the neighbour's, as they were told to.
    for ask in [true, false] {
        for caller in &callers {
            for (place, endpoint) in all.iter().enumerate() {
                let scope = endpoint.access.as_ref().map(|(scope, _)| scope.as_str());
                if !caller.tries(scope, place) {
                    continue;
                }
                for path in &endpoint.paths {
                    walked.walk(caller, endpoint, path, &neighbour, ask).await;
                }
            }
        }
    }
    println!(
        "{} endpoints × {} callers: {} requests for {} ids of the neighbour's, {} refused by the table of roles",
        walked.endpoints,
        callers.len(),
        walked.requests,
        neighbour.ids.len(),
        walked.refused,
    );
    assert!(walked.wrong.is_empty(), "{} findings:\n{}", walked.wrong.len(), walked.wrong.join("\n"));
    let after = tenants::everything(&tenants.neighbour, &all).await;
    for (path, text) in &before {
        assert_eq!(Some(text), after.get(path), "{path}: the neighbour's rows changed");
    }
    for (path, text) in tenants::everything(&tenants.owner, &all).await {
        let found = neighbour.seen_in(&text, &neighbour.references().concat());
        assert!(found.is_empty(), "{path} shows {found:?} of the neighbour's now");
    }
}

impl Walked {
    async fn walk(&mut self, caller: &Caller, endpoint: &Endpoint, path: &str, neighbour: &Neighbour, ask: bool) {
        if caller.sees_all_tenants() && OF_THE_PLATFORM.iter().any(|p| path.contains(p)) {
            return;
        }
        let allowed = endpoint.allows(caller);
        if path == PAGES {
            return;
        }
        if allowed && endpoint.streams && !path.contains('{') {
            // Whoever listens hears of their own tenant: the tests of events show that.
            return;
        }
        let reads = endpoint.method == Method::GET || path.contains('{') || !allowed;
        let usual = *path == endpoint.paths[0];
        let mut fills = match ask {
            true if reads => Fill::theirs(endpoint, path, neighbour),
            false if allowed && endpoint.method != Method::GET => {
                Fill::own(endpoint, path, neighbour, usual && caller.is_thorough())
            }
            _ => return,
        };
        if !allowed || !usual {
            fills.truncate(1);
        } else if !caller.is_somebody() {
            fills.truncate(OF_A_KEY);
        }
        for mut fill in fills {
            if !ask {
                fill.sent.extend(neighbour.references());
            }
            let answer = answer(caller, endpoint, &fill).await;
            self.requests += 1;
            let seen = neighbour.seen_in(&answer.text, &fill.sent);
            let gate = answer.status == StatusCode::FORBIDDEN && is_gate(&answer.body);
            let fits = match (allowed, caller.is_known()) {
                (false, true) => gate,
                (false, false) => answer.status == StatusCode::UNAUTHORIZED,
                (true, _) => {
                    (!gate || endpoint.access.is_none())
                        && !answer.status.is_server_error()
                        && (!fill.names_a_row || refused(answer.status))
                }
            };
            self.refused += usize::from(!allowed);
            if !fits || !seen.is_empty() {
                let text: String = answer.text.chars().take(200).collect();
                self.wrong.push(format!(
                    "{} {} as {}: {} {seen:?} {text}",
                    endpoint.method, fill.path, caller.name, answer.status
                ));
            }
        }
    }
}

async fn answer(caller: &Caller, endpoint: &Endpoint, fill: &Fill) -> Answer {
    let mut causes = Vec::new();
    for _ in 0..ATTEMPTS {
        match caller.api.attempt(fill.request(&caller.api, endpoint)).await {
            Ok(answer) => return answer,
            Err(cause) => causes.push(cause),
        }
    }
    panic!("{}: no answer: {causes:?}", fill.path)
}

/// A row of another tenant is not there, whatever is wrong besides.
fn refused(status: StatusCode) -> bool {
    matches!(status.as_u16(), 400 | 401 | 403 | 404)
}

/// Refused by the table of roles, not by something that the handler knows.
fn is_gate(body: &Value) -> bool {
    let message = body["message"].as_str().unwrap_or_default();
    let message = body["error"]["message"].as_str().unwrap_or(message);
    (body["code"] == "FORBIDDEN" || body["error"]["code"] == "forbidden")
        && (message == "your role does not allow this" || message.starts_with("the API key lacks the scope"))
}

/// All UUIDs in a text.
fn uuids(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_hexdigit() && c != '-');
    words.filter(|w| w.len() == 36 && w.matches('-').count() == 4).map(str::to_owned).collect()
}

/// Rows by the path that shows them: what has to stand for its parameters.
type Found = BTreeMap<String, Vec<Vec<String>>>;
