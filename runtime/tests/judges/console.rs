//! The console before Chromium (Debian's package) and axe-core: each flow is a script in `console/`, over a server of its
//! own. The files of the console are held against the registry that the vendored ones come from.

use crate::{
    install,
    support::{
        documents::{fixture_path, warranty_docx},
        graph::{Fault, Graph},
        mcp::Bank,
        meta,
        server::{Place, Server},
        services::Services,
        shop::Shop,
        wait::until,
    },
};
use reqwest::{Method, StatusCode, header};
use serde_json::json;
use std::{net::TcpListener, path::Path, process::Stdio};
use tokio::{process::Command, sync::Mutex};

/// One browser at a time: each takes what the machine has.
static BROWSER: Mutex<()> = Mutex::const_new(());

/// A browser asks more often than a person does.
fn busy_place() -> Place {
    let limits = ["COLLOQUY_LIMIT_API", "COLLOQUY_LIMIT_CHAT", "COLLOQUY_LIMIT_ANONYMOUS"];
    limits.iter().fold(Place::default(), |place, limit| place.with(limit, "100000"))
}

/// Runs a script to its end; what it prints is shown if it fails.
async fn script(name: &str, env: &[(&str, &str)]) {
    let mut node = Command::new("node");
    node.arg(install::script(&format!("console/{name}.cjs"))).env("NODE_PATH", install::node_modules());
    let run = node.envs(env.iter().copied()).stdin(Stdio::null()).kill_on_drop(true).output().await.unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "the flow {name} failed: {said}");
}

async fn flow(name: &str, server: &Server, env: &[(&str, &str)]) {
    let _alone = BROWSER.lock().await;
    let folder = server.place.path().to_string_lossy();
    let (url, key) = (server.api.url.as_str(), server.api.key.as_str());
    let about = [("COLLOQUY_URL", url), ("COLLOQUY_KEY", key), ("FOLDER", folder.as_ref())];
    script(name, &[about.as_slice(), env].concat()).await;
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test]
async fn a_new_team_gets_from_nothing_to_an_answer_from_its_document() {
    let server = Server::start_on(busy_place()).await;
    let document = server.place.file("Warranty.docx", warranty_docx());
    let question = "How long is the warranty of a kettle?";
    let about = [("DOCUMENT", text(&document)), ("QUESTION", question), ("ANSWER", "24 months")];
    flow("first-start", &server, &about).await;
}

// req: S3-CNV-1
#[tokio::test]
async fn a_visitor_and_a_person_of_the_team_speak_in_two_browsers() {
    flow("two-people", &Server::start_on(busy_place()).await, &[]).await;
}

// req: S3-TPL-1
#[tokio::test]
async fn a_template_reaches_whom_words_do_not_any_more() {
    let (graph, server) = (Graph::start().await, Server::start_on(busy_place()).await);
    let settings = meta::whatsapp_settings(&graph.url).to_string();
    let approval = async {
        until("the template", async || graph.templates().first().cloned()).await;
        graph.decide("order_ready", "APPROVED");
    };
    let about = [("SETTINGS", settings.as_str())];
    tokio::join!(flow("template", &server, &about), approval);
    let sent = until("both templates", async || Some(graph.sent()).filter(|sent| sent.len() == 2)).await;
    let body = &sent[1].body["template"]["components"][1]["parameters"];
    assert_eq!(body[1]["text"], "tea", "{:?}", sent[1].body);
    assert_eq!(graph.complaints(), Vec::<String>::new());
}

// req: S3-TPL-1
#[tokio::test]
async fn an_answer_that_came_too_late_is_seen_to_wait_behind_its_template() {
    let (graph, server) = (Graph::start().await, Server::start_on(busy_place()).await);
    let settings = meta::whatsapp_settings(&graph.url).to_string();
    let approval = async {
        until("the template", async || graph.templates().first().cloned()).await;
        graph.next(Fault::Error { status: 400, code: 131_047, message: "Re-engagement message" });
        graph.decide("answer", "APPROVED");
    };
    let about = [("SETTINGS", settings.as_str())];
    tokio::join!(flow("fallback", &server, &about), approval);
    let sent = until("all three", async || Some(graph.sent()).filter(|sent| sent.len() == 3)).await;
    assert!(sent[0].body["type"] == "template" && sent[1].text.contains("Is it ready?"), "{sent:?}");
    assert_eq!(graph.complaints(), Vec::<String>::new());
}

#[tokio::test]
async fn a_call_that_waits_for_a_person_is_decided_in_its_thread() {
    let (services, bank) = (Services::start().await, Bank::start().await);
    let place = busy_place().with("COLLOQUY_PRIVATE_HOSTS", "localhost").with("OPENAI_MODEL", "stand-in");
    let place = place.with("OPENAI_BASE_URL", &format!("{}/v1", services.url)).with("OPENAI_API_KEY", "sk-model");
    flow("approvals", &Server::start_on(place).await, &[("BANK", &bank.url)]).await;
}

#[tokio::test]
async fn another_version_of_an_agent_is_tried_put_into_effect_and_taken_back() {
    flow("agent-versions", &Server::start_on(busy_place()).await, &[]).await;
}

#[tokio::test]
async fn scenarios_are_run_watched_and_compared() {
    flow("simulations", &Server::start_on(busy_place()).await, &[]).await;
}

#[tokio::test]
async fn an_http_interface_is_connected_from_its_document_and_tried_out() {
    let shop = Shop::start().await;
    let server = Server::start_on(busy_place().with("COLLOQUY_PRIVATE_HOSTS", "localhost")).await;
    flow("http-tools", &server, &[("INTERFACE", &shop.url)]).await;
}

#[tokio::test]
async fn from_the_demonstration_to_a_bot_that_answers_from_a_document() {
    let server = Server::demo(busy_place()).await;
    let document = fixture_path("hotel-guide-en.pdf");
    let question = "Until when is late check-out possible, and what does it cost?";
    let about = [("DOCUMENT", text(&document)), ("QUESTION", question), ("ANSWER", "25 euros")];
    flow("from-demo", &server, &about).await;
}

#[tokio::test]
async fn at_the_desk_files_are_seen_and_conversations_go_to_other_agents() {
    flow("desk", &Server::start_on(busy_place()).await, &[]).await;
}

#[tokio::test]
async fn documents_are_dropped_looked_at_tried_and_changed() {
    let scan = fixture_path("scan.pdf");
    flow("knowledge", &Server::start_on(busy_place()).await, &[("SCAN", text(&scan))]).await;
}

#[tokio::test]
async fn channels_are_connected_tested_and_their_health_is_seen() {
    let (graph, server) = (Graph::start().await, Server::start_on(busy_place()).await);
    let settings = meta::whatsapp_settings(&graph.url).to_string();
    flow("channels", &server, &[("SETTINGS", &settings)]).await;
}

#[tokio::test]
async fn a_team_looks_after_its_people_keys_webhooks_money_and_memory() {
    let server = Server::start_on(busy_place().with("COLLOQUY_PRIVATE_HOSTS", "localhost")).await;
    flow("settings", &server, &[]).await;
}

#[tokio::test]
async fn a_template_goes_to_everybody_who_agreed() {
    let (graph, server) = (Graph::start().await, Server::start_on(busy_place()).await);
    let settings = meta::whatsapp_settings(&graph.url).to_string();
    let approval = async {
        until("the template", async || graph.templates().first().cloned()).await;
        graph.decide("pool_open", "APPROVED");
    };
    let about = [("SETTINGS", settings.as_str())];
    tokio::join!(flow("broadcasts", &server, &about), approval);
    assert_eq!(graph.sent().len(), 2, "to two who agreed, not to the third");
}

#[tokio::test]
async fn the_server_dies_and_comes_back_while_two_people_look() {
    let mut server = Server::start_on(busy_place()).await;
    server.stay();
    let folder = server.place.path().to_owned();
    let (url, key) = (server.api.url.clone(), server.api.key.clone());
    let about = [("COLLOQUY_URL", url.as_str()), ("COLLOQUY_KEY", &key), ("FOLDER", text(&folder))];
    let _alone = BROWSER.lock().await;
    // The script asks by a file, which goes when it was done.
    let acts = async {
        for what in ["kill", "start"] {
            let asked = folder.join(what);
            until("what the script asks for", async || asked.exists().then_some(())).await;
            if what == "kill" {
                server.kill().await;
            } else {
                server.restart().await;
            }
            std::fs::remove_file(asked).unwrap();
        }
    };
    tokio::join!(script("restart", &about), acts);
}

#[tokio::test]
async fn events_of_the_server_change_the_view() {
    flow("live", &Server::start_on(busy_place()).await, &[]).await;
}

#[tokio::test]
async fn no_view_has_a_barrier_in_any_theme_size_or_language() {
    flow("views", &Server::start_on(busy_place()).await, &[]).await;
}

/// On a page of another origin, which the server lets call.
#[tokio::test]
async fn a_visitor_chats_on_somebody_elses_page_whatever_its_style_and_policy() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let shop = format!("http://localhost:{port}");
    let server = Server::start_on(busy_place().with("COLLOQUY_CORS_ORIGINS", &shop)).await;
    flow("widget", &server, &[("SHOP", &shop)]).await;
}

#[tokio::test]
async fn hundreds_of_files_and_conversations_are_no_burden() {
    flow("many", &Server::start_on(busy_place()).await, &[]).await;
}

#[tokio::test]
async fn what_others_wrote_is_unchanged_and_every_text_is_there_in_both_languages() {
    script("files", &[]).await;
}

// req: S0-SEC-1
#[tokio::test]
async fn the_pages_are_kept_by_browsers_under_a_strict_policy() {
    let server = Server::start().await;
    let api = &server.api;
    let plain = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let get = async |path: &str, headers: &[(header::HeaderName, &str)]| {
        let request = plain.get(format!("{}{path}", api.url));
        headers.iter().fold(request, |r, (name, value)| r.header(name, *value)).send().await.unwrap()
    };
    let home = get("/", &[(header::ACCEPT, "text/html,*/*")]).await;
    assert_eq!(home.status(), StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(home.headers()["location"], "/console");
    assert_eq!(api.attempt(api.bare(Method::GET, "/")).await.unwrap().status, StatusCode::NOT_FOUND);
    let letter = get("/reset?token=abc", &[]).await;
    assert_eq!(letter.headers()["location"], "/console/reset?token=abc");

    let page = get("/console/inbox/anything", &[]).await;
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'self';") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(page.headers()["cache-control"], "no-cache");
    let page = page.text().await.unwrap();
    let script = page.split('"').find(|part| part.ends_with("/app/main.js")).unwrap().to_owned();
    for address in page.split('"').filter(|part| part.starts_with("/console/assets/")) {
        assert_eq!(get(address, &[]).await.status(), StatusCode::OK, "{address}");
    }

    let file = get(&script, &[(header::ACCEPT_ENCODING, "gzip")]).await;
    assert_eq!(file.headers()["content-type"], "text/javascript; charset=utf-8");
    assert_eq!(file.headers()["content-encoding"], "gzip");
    // A debug build serves what lies on the disk now.
    let kept = if cfg!(debug_assertions) { "no-cache" } else { "public, max-age=31536000, immutable" };
    assert_eq!(file.headers()["cache-control"], kept);
    let tag = file.headers()["etag"].to_str().unwrap().to_owned();
    let again = get(&script, &[(header::IF_NONE_MATCH, tag.as_str())]).await;
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    let (before, after) = script.split_once("/assets/").unwrap();
    let older = format!("{before}/assets/0123456789abcdef/{}", after.split_once('/').unwrap().1);
    assert_eq!(get(&older, &[]).await.headers()["cache-control"], "no-cache");
    for nothing in
        ["/console/assets/x/app/nothing.js", "/console/assets/x/index.html", "/console/assets/x/..%2fCargo.toml"]
    {
        assert_eq!(get(nothing, &[]).await.status(), StatusCode::NOT_FOUND, "{nothing}");
    }
}

/// Visitors read what they were told by the id of their session, and nobody else's.
#[tokio::test]
async fn visitors_read_what_was_said_when_they_did_not_ask() {
    let server = Server::start().await;
    let api = &server.api;
    let agent = api.agent("Echo", "scripted", &[]).await;
    let channel = json!({ "kind": "webchat", "name": "Website", "agent": agent, "settings": { "public": "true" } });
    let channel = api.post("/api/channels", &channel).await.data()["id"].as_str().unwrap().to_owned();
    let heard = async |channel: &str, session: &str, after: u64| {
        let path = format!("/api/chat/messages?channel={channel}&session={session}&after={after}");
        api.attempt(api.bare(Method::GET, &path)).await.unwrap()
    };
    assert_eq!(heard(&channel, "s", 0).await.data()["messages"], json!([]));
    api.chat(&json!({ "channel": channel, "session": "s", "message": "Hello" })).await.data();
    let conversation = api.conversation("s").await.unwrap()["id"].as_str().unwrap().to_owned();
    let said = json!({ "text": "A person here." });
    api.post(&format!("/api/conversations/{conversation}/messages"), &said).await.data();
    let lines = until("what was said", async || {
        let lines = heard(&channel, "s", 0).await.data()["messages"].as_array().unwrap().clone();
        (lines.len() == 3).then_some(lines)
    })
    .await;
    let speakers: Vec<_> = lines.iter().map(|l| l["speaker"].as_str().unwrap()).collect();
    assert_eq!(speakers, ["person", "agent", "operator"]);
    let last = heard(&channel, "s", lines[1]["position"].as_u64().unwrap()).await.data();
    assert_eq!(last["messages"].as_array().unwrap().len(), 1);
    assert_eq!(heard(&channel, "another", 0).await.data()["messages"], json!([]));
    // A channel that is not public tells strangers nothing, not even that it exists.
    let private = json!({ "kind": "webchat", "name": "Inside", "agent": agent });
    let private = api.post("/api/channels", &private).await.data()["id"].as_str().unwrap().to_owned();
    for closed in [private.as_str(), "0190a0a0-0000-7000-8000-000000000000", "nothing"] {
        assert_eq!(heard(closed, "s", 0).await.status, StatusCode::NOT_FOUND, "{closed}");
    }
}
