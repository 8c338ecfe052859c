//! The telephone and the models: Twilio's SDK signs and verifies, and builds the documents that we answer; OpenAI's SDK
//! talks with our agents.

use crate::{
    install,
    judge::Judge,
    support::{
        calls::{Caller, TOKEN, action, telephone},
        embeddings::{EmbeddingServer, MODEL},
        server::{Place, Server},
    },
};
use serde_json::{Map, Value, json};
use tokio::process::Command;

fn judge() -> Judge {
    let script = install::script("telephone.cjs");
    Judge::start(Command::new("node").arg(script).env("NODE_PATH", install::node_modules()))
}

async fn echo() -> Server {
    let server = Server::start().await;
    server.api.agent("Echo", "scripted", &[]).await;
    server
}

fn listen(language: &str, then: &str, say: &[&str]) -> Value {
    let voice = json!({ "voice": "Polly.Léa", "language": language });
    let said: Vec<Value> = say.iter().map(|words| json!(["say", voice, words])).collect();
    let gather = json!({
        "input": ["speech"], "language": language, "action": then, "method": "POST", "timeout": 5,
        "speechTimeout": "auto", "actionOnEmptyResult": true,
    });
    json!([["gather", gather, said], ["redirect", { "method": "POST" }, then]])
}

// req: S4-TEL-1
// req: S4-TEL-3
// req: S2-WHK-5
#[tokio::test]
async fn twilios_own_sdk_signs_what_is_believed_and_writes_what_is_answered() {
    let mut judge = judge();
    let server = echo().await;
    let hostile = "Martin & Fils <\"été\"> 'n' ]]>";
    telephone(&server.api, "Echo", &json!({ "greeting": hostile })).await;
    let caller = Caller::new(&server.api, "CA9");
    let path = "/api/calls/incoming";
    let fields: Map<String, Value> =
        caller.form("ringing", &[]).into_iter().map(|(k, v)| (k.to_owned(), json!(v))).collect();
    let url = format!("{}{path}", server.api.url);
    let signed = judge.ask("sign", json!({ "token": TOKEN, "url": url, "fields": fields })).await;
    let ours = crate::support::calls::signature(TOKEN, &url, &caller.form("ringing", &[]));
    assert_eq!(signed, ours, "the caller of our tests signs as Twilio does");

    let greeted = caller.post(path, "ringing", &[]).await;
    assert_eq!(greeted.status, 200);
    let wanted = judge.ask("twiml", json!({ "verbs": listen("fr-FR", &action(&greeted.text), &[hostile]) })).await;
    assert_eq!(wanted, greeted.text);
    let answered = caller.say(&greeted, "C'est l'été & <b>demain</b> ?").await;
    let said = ["C'est l'été & <b>demain</b> ?"];
    let wanted = judge.ask("twiml", json!({ "verbs": listen("fr-FR", &action(&answered.text), &said) })).await;
    assert_eq!(wanted, answered.text);
    let bye = caller.say(&answered, "au revoir").await;
    let voice = json!({ "voice": "Polly.Léa", "language": "fr-FR" });
    let verbs = json!([["say", voice, "Merci de votre appel. Au revoir."], ["hangup", {}]]);
    assert_eq!(judge.ask("twiml", json!({ "verbs": verbs })).await, bye.text);
}

// req: S0-LLM-1
#[tokio::test]
async fn openais_own_sdk_is_given_vectors() {
    let mut judge = judge();
    let embeddings = EmbeddingServer::start().await;
    let place = Place::default().with("OPENAI_EMBEDDING_BASE_URL", &embeddings.url);
    let place = place.with("OPENAI_EMBEDDING_MODEL", MODEL).with("OPENAI_EMBEDDING_API_KEY", "sk-embed");
    let server = Server::start_on(place).await;
    let asked = json!({ "url": server.api.url, "key": server.api.key, "model": "default", "input": ["the invoice", "a puppy"] });
    let made = judge.ask("embedded", asked).await;
    let vectors = |form: &str| -> Vec<Vec<f64>> { serde_json::from_value(made[form].clone()).unwrap() };
    let (usual, numbers) = (vectors("usual"), vectors("numbers"));
    assert_eq!((usual.len(), usual[0].len()), (2, 768), "{}", made["model"]);
    let near = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-6;
    assert!(usual.iter().zip(&numbers).all(|(a, b)| a.iter().zip(b).all(near)), "bytes and numbers say the same");
    assert!(made["usage"]["total_tokens"].as_u64().unwrap() > 0, "{}", made["usage"]);
}

// req: S1-AI-1
// req: S0-LLM-1
#[tokio::test]
async fn openais_own_sdk_talks_with_an_agent() {
    let mut judge = judge();
    let server = echo().await;
    let (url, key) = (&server.api.url, &server.api.key);
    let models = judge.ask("models", json!({ "url": url, "key": key })).await;
    assert!(models.as_array().unwrap().contains(&json!("Echo")), "{models}");
    let asking = |text: &str| {
        let messages = json!([{ "role": "system", "content": "x" }, { "role": "user", "content": text }]);
        json!({ "url": url, "key": key, "model": "Echo", "user": "u-1", "messages": messages })
    };
    let whole = judge.ask("whole", asking("Où êtes-vous ?")).await;
    assert_eq!((&whole["text"], &whole["finish"]), (&json!("Où êtes-vous ?"), &json!("stop")));
    let streamed = judge.ask("streamed", asking("un deux trois quatre")).await;
    let pieces: Vec<&str> = streamed["pieces"].as_array().unwrap().iter().map(|p| p.as_str().unwrap()).collect();
    assert_eq!(pieces.concat(), "un deux trois quatre");
    assert!(pieces.len() > 1, "{streamed}");
    assert_eq!(streamed["finish"], "stop");
    assert!(streamed["usage"]["total_tokens"].is_u64(), "{streamed}");
    for (change, status, name, code) in [
        (json!({ "model": "gpt-9" }), 404, "NotFoundError", "model_not_found"),
        (json!({ "key": "clq_0000000000000000000000000000" }), 401, "AuthenticationError", "unauthorized"),
        (json!({ "messages": [] }), 400, "BadRequestError", "invalid_value"),
    ] {
        let mut asked = asking("x");
        asked.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let refused = judge.ask("refused", asked).await;
        assert_eq!(
            (&refused["status"], &refused["name"], &refused["code"]),
            (&json!(status), &json!(name), &json!(code)),
            "{refused}"
        );
    }
}
