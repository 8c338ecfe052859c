//! From documents to answers that name their source.

use crate::support::{
    client::Client,
    documents::{BIKES_TXT, HANDBOOK_MD, PRICES_CSV, RETURNS_HTML, fixture, warranty_docx},
    server::Server,
};
use serde_json::{Value, json};

/// Everything that we know, in one knowledge base.
async fn learned() -> Server {
    let server = Server::start().await;
    let documents = [
        ("handbook.md", HANDBOOK_MD.into()),
        ("bikes.txt", BIKES_TXT.into()),
        ("spa.csv", PRICES_CSV.into()),
        ("retours.html", RETURNS_HTML.into()),
        ("warranty.docx", warranty_docx()),
        ("guide.pdf", fixture("hotel-guide-en.pdf")),
        ("clinique.pdf", fixture("clinique-fr.pdf")),
    ];
    for (name, content) in documents {
        server.api.upload("house", name, content).await;
    }
    for document in server.api.list("/api/documents", "documents").await {
        let document = server.api.finished(&document).await;
        assert_eq!(document["status"], "ready", "{document}");
    }
    server
}

/// The answer, with the document and the page that it names first.
async fn sourced(api: &Client, kb: &str, question: &str) -> (String, Value, Value) {
    let answer = api.ask(kb, question).await;
    assert_eq!(answer["abstained"], false, "{question}: {answer}");
    let first = &answer["citations"][0];
    (answer["answer"].as_str().unwrap().to_owned(), first["document"].clone(), first["page"].clone())
}

// req: S1-DOC-1
// req: S1-FILE-1
// req: S1-RAG-1
// req: C-KB-1
// req: C-ACT-2
#[tokio::test]
async fn answers_name_the_right_document_and_page_in_both_languages() {
    let server = learned().await;
    for (question, says, document, page) in [
        ("How many days of paid leave do I have?", "twenty-seven", "handbook.md", None),
        ("What does a city bicycle cost per day?", "nine euros", "bikes.txt", None),
        ("How much is the hot stone massage?", "120 euros", "spa.csv", None),
        ("Sous quel délai puis-je retourner un article ?", "trente jours", "retours.html", None),
        ("How long is the warranty of the coffee machine?", "36 months", "warranty.docx", None),
        ("Until when can a reservation be cancelled free of charge?", "48 hours", "guide.pdf", Some(3)),
        ("What does a double room with sea view cost in high season?", "168 euros", "guide.pdf", Some(2)),
        ("Quels sont les horaires des visites en réanimation ?", "15 h à 18 h", "clinique.pdf", Some(1)),
        ("Où se trouve le code d’accès du réseau sans fil ?", "bracelet", "clinique.pdf", Some(3)),
    ] {
        let (answer, from, at) = sourced(&server.api, "house", question).await;
        assert!(answer.contains(says), "{question} → {answer}");
        assert_eq!((from, at), (json!(document), json!(page)), "{question} → {answer}");
    }
}

// req: C-ACT-3
// req: S1-RAG-1
#[tokio::test]
async fn what_the_documents_do_not_say_is_not_answered() {
    let server = learned().await;
    for question in ["Who won the football world cup in 1998?", "Quelle est la capitale du Pérou ?"] {
        let answer = server.api.ask("house", question).await;
        assert_eq!((&answer["abstained"], &answer["citations"]), (&json!(true), &json!([])), "{question}: {answer}");
    }
    let api = &server.api;
    api.agent("House", "extractive", &["house"]).await;
    let say =
        async |message: &str| api.chat(&json!({ "agent": "House", "session": "s", "message": message })).await.data();
    let known = say("How much does a monthly parking permit cost?").await;
    assert_eq!(known["reply"]["citations"][0]["document"], "handbook.md", "{known}");
    let unknown = say("Who won the football world cup in 1998?").await;
    assert_eq!((&unknown["outcome"], &unknown["reply"]["abstained"]), (&json!("answered"), &json!(true)), "{unknown}");
    let missing = api.post("/api/ask", &json!({ "kb": "nothing", "question": "Is anybody there?" })).await;
    assert_eq!(missing.status, 404);
    let empty = api.post("/api/ask", &json!({ "kb": "house", "question": "  " })).await;
    assert_eq!((empty.status.as_u16(), empty.fields()), (400, vec!["question".to_owned()]));
}

// req: S1-DOC-1
#[tokio::test]
async fn a_deleted_document_answers_nothing_any_more() {
    let server = Server::start().await;
    let api = &server.api;
    let bikes = api.learn("house", "bikes.txt", BIKES_TXT).await;
    api.learn("house", "handbook.md", HANDBOOK_MD).await;
    let question = "What does a city bicycle cost per day?";
    assert_eq!(sourced(api, "house", question).await.1, "bikes.txt");
    let path = format!("/api/documents/{}", bikes["id"].as_str().unwrap());
    api.delete(&path).await.data();
    let after = api.ask("house", question).await;
    let cited = after["citations"].as_array().unwrap().iter().any(|c| c["document"] == "bikes.txt");
    assert!(!cited && !after["answer"].as_str().unwrap().contains("nine"), "{after}");
    assert_eq!(api.get(&path).await.status, 404);
    assert_eq!(api.delete(&path).await.status, 404);
    let files = server.place.data_dir().join("files");
    let kept = std::fs::read_dir(files).unwrap().flat_map(|t| std::fs::read_dir(t.unwrap().path()).unwrap()).count();
    assert_eq!(kept, 1, "the bytes are gone as well");
}

// req: S1-FILE-1
#[tokio::test]
async fn an_upload_of_the_same_name_replaces_what_was_there() {
    let server = Server::start().await;
    let api = &server.api;
    api.learn("house", "bikes.txt", BIKES_TXT).await;
    api.learn("house", "bikes.txt", BIKES_TXT.replace("nine euros", "fourteen euros")).await;
    let (answer, ..) = sourced(api, "house", "What does a city bicycle cost per day?").await;
    assert!(answer.contains("fourteen euros") && !answer.contains("nine euros"), "{answer}");
    assert_eq!(api.list("/api/documents", "documents").await.len(), 1);
    api.learn("annexe", "bikes.txt", BIKES_TXT).await;
    let (answer, ..) = sourced(api, "house", "What does a city bicycle cost per day?").await;
    assert!(answer.contains("fourteen euros") && !answer.contains("nine euros"), "bases are kept apart: {answer}");
}

// req: S1-AGT-1
#[tokio::test]
async fn an_agent_is_tested_without_a_trace() {
    let server = learned().await;
    let api = &server.api;
    let id = api.agent("House", "extractive", &["house"]).await;
    let path = format!("/api/agents/{id}/test");
    let found = api.post(&path, &json!({ "message": "How much does a monthly parking permit cost?" })).await.data();
    assert_eq!(
        (&found["abstained"], &found["citations"][0]["document"]),
        (&json!(false), &json!("handbook.md")),
        "{found}"
    );
    assert!(found["passages"].as_array().unwrap().iter().any(|p| p["document"] == "handbook.md"), "{found}");
    assert_eq!(found["calls"], json!([]));
    let history = json!([
        { "speaker": "person", "text": "Who won the football world cup in 1998?" },
        { "speaker": "agent", "text": "I do not know." },
    ]);
    let body = json!({ "message": "Et combien coûte la capitale du Pérou ?", "history": history, "language": "fr" });
    let unknown = api.post("/api/agents/House/test", &body).await.data();
    assert_eq!(unknown["abstained"], true, "{unknown}");
    assert!(api.list("/api/conversations", "conversations").await.is_empty(), "nothing is kept");

    let wrong = json!({ "message": " ", "language": "xx", "history": [{ "speaker": "agent", "text": "" }] });
    let refused = api.post(&path, &wrong).await;
    assert_eq!((refused.status.as_u16(), refused.fields().len()), (400, 3), "{refused:?}");
    assert_eq!(api.post("/api/agents/Nobody/test", &json!({ "message": "Hi" })).await.status, 404);
}
