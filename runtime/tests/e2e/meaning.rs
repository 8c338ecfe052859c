//! An embedding model at an address, and agents at the door that compare instead of asking a model.

use crate::support::{
    embeddings::{EmbeddingServer, MODEL},
    server::{Place, Server},
    wait::until,
};
use reqwest::StatusCode;
use serde_json::{Value, json};

const HOUSE: &str = "# Animals\n\nDogs are welcome on the second floor, for nine euros a night.\n\n# Parking\n\nThe garage \
    below the house costs twelve euros a day.\n";

/// A server whose embedding model is at an address.
async fn with_vectors() -> (Server, EmbeddingServer) {
    let embeddings = EmbeddingServer::start().await;
    let place = Place::default().with("OPENAI_EMBEDDING_BASE_URL", &embeddings.url);
    let place = place.with("OPENAI_EMBEDDING_MODEL", MODEL).with("OPENAI_EMBEDDING_API_KEY", "sk-embed");
    let place = place.with("OPENAI_EMBEDDING_QUESTION_PREFIX", "query:");
    (Server::start_on(place).await, embeddings)
}

async fn retrieval(server: &Server) -> Value {
    server.api.get("/health").await.body["services"]["retrieval"].take()
}

/// The first passage that is found.
async fn found(server: &Server, question: &str) -> Value {
    let base = server.api.list("/api/knowledge-bases", "knowledge_bases").await;
    let base = base.iter().find(|b| b["name"] == "house").expect("it was learnt");
    let path = format!("/api/knowledge-bases/{}/search", base["id"].as_str().unwrap());
    server.api.post(&path, &json!({ "query": question })).await.data()["passages"][0].take()
}

// req: S0-LLM-1
// req: S1-RAG-1
#[tokio::test]
async fn documents_are_found_by_vectors_from_an_address_and_by_words_while_it_is_away() {
    let (server, embeddings) = with_vectors().await;
    let api = &server.api;
    api.learn("house", "house.md", HOUSE).await;
    let answer = api.ask("house", "Are dogs welcome?").await;
    assert_eq!(answer["citations"][0]["document"], "house.md", "{answer}");
    let puppy = found(&server, "May I bring my puppy?").await;
    assert!(
        puppy["text"].as_str().unwrap().starts_with("Dogs") && puppy["scores"]["cosine"].is_f64(),
        "no word is shared: {puppy}"
    );
    let asked = embeddings.asked();
    assert!(asked.contains(&"query: May I bring my puppy?".to_owned()), "{asked:?}");
    assert!(asked.iter().any(|t| t.contains("Dogs are welcome") && !t.starts_with("query:")), "{asked:?}");

    embeddings.down(true);
    let answer = api.ask("house", "What does the garage cost?").await;
    assert!(answer["answer"].as_str().unwrap().contains("twelve euros"), "found by its words: {answer}");
    until("it says so", async || (retrieval(&server).await == "words_only").then_some(())).await;
    let late = api.learn("house", "late.md", "# Bicycles\n\nA bicycle costs nine euros a day.\n").await;
    let answer = api.ask("house", "What does a bicycle cost?").await;
    assert_eq!(answer["citations"][0]["document"], "late.md", "it is there at once: {late} {answer}");
    let before = embeddings.asked().len();

    embeddings.down(false);
    until("the late document gets its vectors", async || {
        embeddings.asked()[before..].iter().any(|t| t.contains("A bicycle costs")).then_some(())
    })
    .await;
    until("it says so", async || (retrieval(&server).await == "hybrid").then_some(())).await;
    let usual = server.place.run(&["doctor"]).await;
    assert!(usual.stdout.contains("stand-in-embed answers with 768 numbers"), "{usual:?}");
}

// req: S0-LLM-1
#[tokio::test]
async fn clients_are_given_vectors_in_openais_shape() {
    let (server, _embeddings) = with_vectors().await;
    let api = &server.api;
    let asked = |input: Value, model: &str| json!({ "model": model, "input": input });
    let made = api.post("/v1/embeddings", &asked(json!(["the invoice", "a puppy"]), "default")).await.body;
    assert_eq!((&made["object"], &made["model"]), (&json!("list"), &json!("stand-in-embed@768")), "{made}");
    assert_eq!(made["data"][1]["embedding"].as_array().unwrap().len(), 768);
    let bytes = json!({ "model": "stand-in-embed@768", "input": "the invoice", "encoding_format": "base64" });
    assert!(api.post("/v1/embeddings", &bytes).await.body["data"][0]["embedding"].is_string());
    for (body, status, param) in [
        (asked(json!("x"), "text-embedding-3-small"), StatusCode::NOT_FOUND, "model"),
        (asked(json!([]), "default"), StatusCode::BAD_REQUEST, "input"),
        (json!({ "model": "default", "input": "x", "dimensions": 3 }), StatusCode::BAD_REQUEST, "dimensions"),
        (asked(json!([1, 2]), "default"), StatusCode::BAD_REQUEST, "body"),
    ] {
        let refused = api.post("/v1/embeddings", &body).await;
        assert_eq!((refused.status, &refused.body["error"]["param"]), (status, &json!(param)), "{refused:?}");
    }
    let plain = Server::start().await;
    let none = plain.api.post("/v1/embeddings", &asked(json!("x"), "default")).await;
    assert_eq!((none.status, &none.body["error"]["code"]), (StatusCode::NOT_FOUND, &json!("model_not_found")));
}

/// An extractive agent at the door, and whom it leads to.
async fn door(server: &Server) -> String {
    let api = &server.api;
    for name in ["Billing", "Repairs"] {
        api.agent(name, "scripted", &[]).await;
    }
    let desk = api.agent("Desk", "extractive", &[]).await;
    let routes = json!([
        { "to": "Billing", "when": "Questions about an invoice.", "examples": ["My invoice is wrong", "Ma facture est fausse"] },
        { "to": "Repairs", "when": "Something is broken.", "examples": ["My tap is broken", "Mon robinet fuit"] },
    ]);
    let saved = api.patch(&format!("/api/agents/{desk}"), &json!({ "routes": routes })).await.data();
    assert_eq!((&saved["route_by"], &saved["route_threshold"]), (&json!("meaning"), &json!(0.35)), "{saved}");
    desk
}

async fn who_answers(server: &Server, session: &str, message: &str) -> (Value, Value) {
    let said = server.api.chat(&json!({ "agent": "Desk", "session": session, "message": message })).await.data();
    let path = format!("/api/conversations/{}", said["conversation"].as_str().unwrap());
    (server.api.get(&path).await.data()["agent_name"].take(), said["conversation"].clone())
}

// req: S1-ADV-1
#[tokio::test]
async fn an_agent_without_a_language_model_routes_by_meaning() {
    let (mut server, embeddings) = with_vectors().await;
    door(&server).await;
    let (who, conversation) = who_answers(&server, "a", "You charged me, look at my bill please").await;
    assert_eq!(who, "Billing");
    let path = format!("/api/conversations/{}/trail", conversation.as_str().unwrap());
    let steps = server.api.list(&path, "turns").await[0]["steps"].take();
    assert_eq!(steps[0]["calls"][0]["tool"], "route", "{steps}");
    assert!(
        steps[0]["calls"][0]["arguments"].to_string().contains("alike"),
        "how alike it was is written down: {steps}"
    );
    assert_eq!(who_answers(&server, "b", "Mon robinet est en panne, il fuit").await.0, "Repairs");
    assert_eq!(who_answers(&server, "c", "Good morning to all of you").await.0, "Desk", "it is for nobody else");
    let before = embeddings.asked().len();
    assert_eq!(who_answers(&server, "a", "And now something is broken").await.0, "Billing", "who has it keeps it");
    assert_eq!(embeddings.asked().len(), before, "and nothing is compared");

    server.kill().await;
    embeddings.down(true);
    server.restart().await;
    assert_eq!(who_answers(&server, "a", "Still there?").await.0, "Billing", "what was found stays");
    assert_eq!(who_answers(&server, "d", "my invoice is wrong").await.0, "Billing", "by words, while it is away");
}

#[tokio::test]
async fn without_an_embedding_model_words_decide_and_what_is_wrong_is_told() {
    let server = Server::start().await;
    let desk = door(&server).await;
    assert_eq!(who_answers(&server, "a", "The invoice is wrong").await.0, "Billing");
    assert_eq!(who_answers(&server, "b", "La facture est fausse !").await.0, "Billing");
    assert_eq!(who_answers(&server, "c", "What a nice day").await.0, "Desk");
    let path = format!("/api/agents/{desk}");
    let wrong = server.api.patch(&path, &json!({ "route_by": "model", "route_threshold": 1.5 })).await;
    assert_eq!(
        (wrong.status.as_u16(), wrong.fields()),
        (400, ["route_by", "route_threshold"].map(str::to_owned).into())
    );
    let strict = server.api.patch(&path, &json!({ "route_threshold": 1.0 })).await.data();
    assert_eq!(who_answers(&server, "d", "I think the invoice is wrong").await.0, "Desk", "not alike enough");
    let version = strict["version"].as_u64().unwrap();
    let back = server.api.post(&format!("{path}/versions/{}/restore", version - 1), &json!({})).await.data();
    assert_eq!((&back["route_by"], &back["route_threshold"]), (&json!("meaning"), &json!(0.35)), "versions have it");
}
