//! What providers are answered, by the types of their own packages: npm's `twilio` and `@vapi-ai/server-sdk`.

use crate::{
    install,
    judge::Judge,
    support::{
        calls::{Caller, OURS, THEIRS, action, attribute, parameter, telephone},
        client::Client,
        server::Server,
    },
};
use reqwest::Method;
use serde_json::{Value, json};
use std::process::Stdio;
use tokio::{io::AsyncWriteExt, process::Command};

/// Whether each value has its type; what is wrong is printed.
async fn typed(types: &str, values: &[(&str, Value)]) -> bool {
    let modules = install::node_modules();
    let mut node = Command::new("node");
    node.arg(install::script("typed.cjs")).env("NODE_PATH", &modules);
    let mut child = node.stdin(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let said = json!({ "types": modules.join(types), "values": values }).to_string();
    child.stdin.take().unwrap().write_all(said.as_bytes()).await.unwrap();
    child.wait().await.unwrap().success()
}

/// In attributes, these may be written as they are.
fn plain(document: &str) -> String {
    document.replace("&gt;", ">").replace("&apos;", "'")
}

const TWILIO: &str = "twilio/lib/twiml/VoiceResponse";
const VAPI: &str = "@vapi-ai/server-sdk/dist/cjs/index";

/// The attributes of the line that a document opens, of these names, as Twilio's types want them.
fn line(document: &str, names: &[&str]) -> Value {
    let typed = |value: String| if value == "true" { json!(true) } else { json!(value) };
    let of = |name: &&str| ((*name).to_owned(), typed(attribute(document, "ConversationRelay", name)));
    Value::Object(names.iter().map(of).collect())
}

// req: S4-TEL-1
// req: S4-TEL-3
#[tokio::test]
async fn a_line_is_opened_as_twilios_own_sdk_opens_it() {
    let script = install::script("telephone.cjs");
    let mut judge = Judge::start(Command::new("node").arg(script).env("NODE_PATH", install::node_modules()));
    let server = Server::start().await;
    server.api.agent("Echo", "scripted", &[]).await;
    let hostile = "Martin & Fils <\"été\"> 'n' ]]>";
    let usual: &[&str] = &[
        "url",
        "welcomeGreeting",
        "welcomeGreetingInterruptible",
        "interruptible",
        "dtmfDetection",
        "language",
        "ttsProvider",
        "voice",
    ];
    let both: &[&str] = &[
        "url",
        "welcomeGreeting",
        "welcomeGreetingInterruptible",
        "interruptible",
        "dtmfDetection",
        "ttsLanguage",
        "transcriptionLanguage",
        "transcriptionProvider",
        "speechModel",
        "ttsProvider",
        "voice",
    ];
    for (n, (settings, names, other)) in [
        (json!({}), usual, None),
        (json!({ "language": "en-GB", "voice": "ElevenLabs.UgBBYS2s", "interruptible": "speech" }), usual, None),
        (json!({ "other_language": "en-US" }), both, Some("en-US")),
    ]
    .into_iter()
    .enumerate()
    {
        let mut all = json!({ "voice_mode": "relay", "greeting": hostile });
        all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        let channel = telephone(&server.api, "Echo", &all).await;
        let caller = Caller::new(&server.api, &format!("CA{n}"));
        let opened = caller.post(&format!("/webhooks/twilio-voice/{channel}"), "ringing", &[]).await;
        assert_eq!(opened.status, 200, "{opened:?}");
        let attributes = line(&opened.text, names);
        assert_eq!(attributes["welcomeGreeting"], hostile, "{}", opened.text);
        let language = other.map(|code| {
            let of = |name: &str| attribute(&opened.text, "Language", name);
            json!({ "code": code, "ttsProvider": of("ttsProvider"), "voice": of("voice") })
        });
        let parameters: Vec<Value> = ["line", "seal"]
            .iter()
            .map(|name| json!({ "name": name, "value": parameter(&opened.text, name) }))
            .collect();
        let mut inside: Vec<Value> = language.iter().map(|l| json!(["language", l])).collect();
        inside.extend(parameters.iter().map(|p| json!(["parameter", p])));
        let connect = json!({ "action": action(&opened.text), "method": "POST" });
        let wanted = json!([["connect", connect, [["conversationRelay", attributes, inside]]]]);
        let wanted = judge.ask("twiml", json!({ "verbs": wanted })).await;
        assert_eq!(plain(wanted.as_str().unwrap()), plain(&opened.text), "nothing more, and nothing else");

        let mut values = vec![("T.ConnectAttributes", connect), ("T.ConversationRelayAttributes", attributes.clone())];
        values.extend(language.map(|l| ("T.LanguageAttributes", l)));
        values.extend(parameters.into_iter().map(|p| ("T.ParameterAttributes", p)));
        assert!(typed(TWILIO, &values).await, "{}", opened.text);
        server.api.delete(&format!("/api/channels/{channel}")).await;
    }
    // It does look.
    for wrong in [json!({ "url": "wss://x", "welcome": "x" }), json!({ "dtmfDetection": "perhaps" })] {
        assert!(!typed(TWILIO, &[("T.ConversationRelayAttributes", wrong.clone())]).await, "{wrong}");
    }
}

async fn vapi(api: &Client, message: &Value) -> Value {
    let request = api.bare(Method::POST, "/webhooks/vapi/default").header("x-vapi-secret", "hush");
    let answer = api.attempt(request.json(&json!({ "message": message }))).await.unwrap();
    assert_eq!(answer.status, 200, "{message}: {answer:?}");
    answer.body
}

// req: S2-PROV-1
// req: S2-WHK-1
#[tokio::test]
async fn vapi_is_answered_in_its_own_types() {
    let server = Server::start().await;
    let api = &server.api;
    api.agent("Echo", "scripted", &[]).await;
    let settings = json!({ "provider": "vapi", "webhook_secret": "hush" });
    let body = json!({ "kind": "voice", "name": "Vapi", "agent": "Echo", "external_id": OURS, "settings": settings });
    let channel = api.post("/api/channels", &body).await.data()["id"].as_str().unwrap().to_owned();
    let call = json!({ "id": "c1", "type": "inboundPhoneCall", "customer": { "number": THEIRS }, "phoneNumber": { "number": OURS } });
    let arguments = json!({ "question": "À quelle heure ?" });
    let function = json!({ "name": "ask", "arguments": arguments });
    let asked = json!({ "id": "t1", "type": "function", "function": function });
    let wrapped = json!({ "name": "ask", "toolCall": { "id": "t4", "function": function } });
    let mut values = Vec::new();
    for (lists, count) in [
        (json!({ "toolCallList": [asked, { "id": "t2", "name": "nothing" }] }), 2),
        (json!({ "toolCallList": [{ "id": "t3", "name": "ask", "parameters": arguments.to_string() }] }), 1),
        (json!({ "toolWithToolCallList": [wrapped] }), 1),
        (json!({ "toolCalls": [asked], "toolCallList": [asked] }), 1),
    ] {
        let mut message = json!({ "type": "tool-calls", "call": call });
        message.as_object_mut().unwrap().extend(lists.as_object().unwrap().clone());
        let answer = vapi(api, &message).await;
        assert_eq!(answer["results"].as_array().map(Vec::len), Some(count), "{answer}");
        values.push(("T.Vapi.ServerMessageResponseToolCalls", answer));
    }
    let wanted = json!({ "type": "assistant-request", "call": call });
    values.push(("T.Vapi.ServerMessageResponseAssistantRequest", vapi(api, &wanted).await));
    let own = json!({ "settings": { "assistant_id": "a-1" } });
    api.patch(&format!("/api/channels/{channel}"), &own).await.data();
    values.push(("T.Vapi.ServerMessageResponseAssistantRequest", vapi(api, &wanted).await));
    assert_eq!(values.last().unwrap().1, json!({ "assistantId": "a-1" }));
    for answer in values.clone() {
        values.push(("T.Vapi.ServerMessageResponse", json!({ "messageResponse": answer.1 })));
    }
    assert!(typed(VAPI, &values).await);
    // It does look: a result of which Vapi would not know the tool, and a model of no provider.
    for wrong in [
        ("T.Vapi.ServerMessageResponseToolCalls", json!({ "results": [{ "toolCallId": "t1", "result": "x" }] })),
        ("T.Vapi.ServerMessageResponseAssistantRequest", json!({ "assistant": { "model": { "url": "https://x" } } })),
    ] {
        assert!(!typed(VAPI, std::slice::from_ref(&wrong)).await, "{wrong:?}");
    }
}
