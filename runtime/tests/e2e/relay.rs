//! Calls on an open line, as Twilio's ConversationRelay carries them.

use crate::support::{
    calls::{Caller, OURS, action, attribute, redirect, said, signature, telephone},
    client::{Answer, Client},
    relay::{Relay, setup},
    server::{Place, Server},
    speaker::{Completion, Speaker},
    wait::until,
};
use serde_json::{Value, json};

/// A telephone whose agent says what the test has it say.
async fn spoken(settings: Value) -> (Server, Speaker) {
    let speaker = Speaker::start().await;
    let place = Place::default().with("OPENAI_BASE_URL", &format!("{}/v1", speaker.url));
    let server = Server::start_on(place.with("OPENAI_API_KEY", "sk-model")).await;
    let company = server.api.get("/api/companies").await.data();
    let company = company["companies"][0]["id"].as_str().unwrap().to_owned();
    server.api.patch(&format!("/api/tenants/{company}"), &json!({ "name": "Chauffage Martin" })).await.data();
    let agent = json!({ "name": "Léa", "model": { "provider": "openai", "model": "m" }, "tools": [] });
    server.api.post("/api/agents", &agent).await.data();
    line(&server.api, "Léa", settings).await;
    (server, speaker)
}

async fn line(api: &Client, agent: &str, settings: Value) -> String {
    let mut all = json!({ "voice_mode": "relay" });
    all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    telephone(api, agent, &all).await
}

async fn the_call(api: &Client) -> Value {
    let mut calls = api.list("/dashboard/calls", "calls").await;
    assert_eq!(calls.len(), 1, "{calls:?}");
    let id = calls.remove(0)["id"].as_str().unwrap().to_owned();
    api.get(&format!("/dashboard/calls/{id}")).await.data()
}

fn steps(call: &Value) -> Vec<&str> {
    call["steps"].as_array().unwrap().iter().map(|s| s["kind"].as_str().unwrap()).collect()
}

async fn said_in(api: &Client, call: &Value) -> Vec<String> {
    let lines = api.transcript(call["conversation"].as_str().unwrap()).await;
    lines.iter().map(|l| l["text"].as_str().unwrap().to_owned()).collect()
}

/// Twilio tells that the line is closed.
async fn closed(caller: &Caller, document: &Answer, more: &[(&str, &str)]) -> Answer {
    let session = [("SessionId", "VX00000000000000000000000000000000"), ("SessionDuration", "12")];
    let form: Vec<_> = session.iter().chain(more).copied().collect();
    caller.post(&action(&document.text), "in-progress", &form).await
}

// req: S4-TEL-1
// req: S4-TEL-3
// req: S4-LLM-1
// req: S2-CALL-1
// req: S2-LIFE-1
#[tokio::test]
async fn a_caller_hears_the_answer_while_it_is_written_and_the_call_is_remembered() {
    let (server, mut speaker) = spoken(json!({ "recording_notice": "Cet appel est enregistré." })).await;
    let api = &server.api;
    let caller = Caller::new(api, "CA1001");
    let greeted = caller.post("/api/calls/incoming", "ringing", &[]).await;
    let given = |name: &str| attribute(&greeted.text, "ConversationRelay", name);
    let greeting = "Bonjour, vous êtes bien chez Chauffage Martin & Fils. Comment puis-je vous aider ?";
    assert_eq!(
        (said(&greeted.text), given("welcomeGreeting")),
        (vec!["Cet appel est enregistré.".into()], greeting.into())
    );
    assert_eq!(
        (given("language"), given("voice"), given("ttsProvider")),
        ("fr-FR".into(), "Lea-Neural".into(), "Amazon".into())
    );
    assert!(
        given("url").starts_with("ws://") && action(&greeted.text) == "/api/calls/process?line=1",
        "{}",
        greeted.text
    );

    let mut line = Relay::connect(&caller, &greeted).await;
    line.tell(&json!({ "type": "prompt", "voicePrompt": "Quand", "lang": "fr-FR", "last": false })).await;
    line.say("Quand ouvrez-vous ?").await;
    let answer = speaker.asked().await;
    assert_eq!(answer.history().last().unwrap().1, "Quand ouvrez-vous ?");
    let persona = |a: &Completion| a.request["messages"][0]["content"].as_str().unwrap().to_owned();
    let french = persona(&answer);
    assert!(french.starts_with("You are Léa of Chauffage Martin.") && french.contains("Answer in French"), "{french}");
    answer.say("Nous ouvrons à ");
    line.hear_up_to("Nous ouvrons à ").await;
    answer.say("**neuf** heures.");
    drop(answer);
    assert_eq!(line.utterance().await, "Nous ouvrons à neuf heures.", "read out without marks");
    for key in ["4", "2", "#"] {
        line.tell(&json!({ "type": "dtmf", "digit": key })).await;
    }
    let answer = speaker.asked().await;
    assert_eq!(answer.history().last().unwrap().1, "42", "keys are words, too");
    answer.say("C'est noté.");
    drop(answer);
    assert_eq!(line.utterance().await, "C'est noté.");
    line.say("Could you please tell me what that is in English?").await;
    let english = line.hear().await.unwrap();
    let switch = json!({ "type": "language", "ttsLanguage": "en-US", "transcriptionLanguage": "en-US" });
    assert_eq!(english, switch, "what is answered in English is read out by an English voice");
    let answer = speaker.asked().await;
    let english = persona(&answer);
    assert!(
        english.starts_with("You are Léa of Chauffage Martin.") && english.contains("Answer in English"),
        "{english}"
    );
    answer.say("At nine.");
    drop(answer);
    assert_eq!(line.utterance().await, "At nine.");
    line.say("Merci, au revoir.").await;
    let why = line.ended().await;
    let bye = closed(&caller, &greeted, &[("SessionStatus", "ended"), ("HandoffData", &why)]).await;
    assert!(bye.text.contains("<Hangup/>") && said(&bye.text) == ["Merci de votre appel. Au revoir."], "{}", bye.text);
    let ended = [("CallDuration", "61"), ("CallbackSource", "call-progress-events")];
    assert_eq!(caller.post("/api/calls/status", "completed", &ended).await.status, 200);

    let call = the_call(api).await;
    for (field, value) in [
        ("status", json!("completed")),
        ("ai_handled", json!(true)),
        ("outcome_type", json!("ANSWERED")),
        ("duration_seconds", json!(61)),
        ("billed_minutes", json!(2)),
    ] {
        assert_eq!(call[field], value, "{field}: {call}");
    }
    let transcript = [
        &format!("Agent: {greeting}"),
        "Caller: Quand ouvrez-vous ?",
        "Agent: Nous ouvrons à neuf heures.",
        "Caller: 42",
        "Agent: C'est noté.",
        "Caller: Could you please tell me what that is in English?",
        "Agent: At nine.",
        "Caller: Merci, au revoir.",
        "Agent: Merci de votre appel. Au revoir.",
    ];
    assert_eq!(call["transcript"], transcript.join("\n"));
    let life =
        ["incoming", "line", "heard", "replied", "heard", "replied", "heard", "replied", "heard", "farewell", "status"];
    assert_eq!(steps(&call), life);
    assert_eq!(said_in(api, &call).await.len(), 6, "the same conversation as everywhere");
}

// req: S4-TEL-3
#[tokio::test]
async fn a_caller_speaks_over_the_agent_and_nothing_is_remembered_that_they_did_not_hear() {
    let (server, mut speaker) = spoken(json!({})).await;
    let api = &server.api;
    let caller = Caller::new(api, "CA1002");
    let greeted = caller.post("/api/calls/incoming", "ringing", &[]).await;
    let mut line = Relay::connect(&caller, &greeted).await;
    line.interrupt("Bonjour, vous êtes").await;
    line.say("Quand ouvrez-vous ?").await;
    let first = speaker.asked().await;
    first.say("Nous ouvrons à neuf heures, et le samedi ");
    line.hear_up_to("et le samedi ").await;
    line.interrupt("Nous ouvrons à neuf").await;
    first.hung_up().await;
    line.say("Et le dimanche ?").await;
    let second = speaker.asked().await;
    let history = second.history();
    let said: Vec<&str> = history.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(said, ["Quand ouvrez-vous ?", "Nous ouvrons à neuf…", "Et le dimanche ?"]);
    second.say("Nous sommes fermés. Le lundi aussi.");
    drop(second);
    assert_eq!(line.utterance().await, "Nous sommes fermés. Le lundi aussi.");
    line.interrupt("Nous sommes fermés.").await;
    // Somebody goes on before they are answered, and is answered once.
    line.say("D'accord.").await;
    let third = speaker.asked().await;
    let history: Vec<String> = third.history().into_iter().map(|(_, text)| text).collect();
    assert_eq!(history[3..], ["Nous sommes fermés…", "D'accord."]);
    line.say("Où êtes-vous ?").await;
    third.hung_up().await;
    let fourth = speaker.asked().await;
    let last: Vec<String> = fourth.history().into_iter().skip(4).map(|(_, text)| text).collect();
    assert_eq!(last.join("\n").split_whitespace().collect::<Vec<_>>().join(" "), "D'accord. Où êtes-vous ?");
    fourth.say("À Nîmes.");
    drop(fourth);
    assert_eq!(line.utterance().await, "À Nîmes.");

    let call = until("the call's last line", async || {
        Some(the_call(api).await).filter(|c| c["transcript"].as_str().unwrap().ends_with("À Nîmes."))
    })
    .await;
    let transcript = [
        "Caller: Quand ouvrez-vous ?",
        "Agent: Nous ouvrons à neuf…",
        "Caller: Et le dimanche ?",
        "Agent: Nous sommes fermés…",
        "Caller: D'accord.",
        "Caller: Où êtes-vous ?",
        "Agent: À Nîmes.",
    ];
    assert!(call["transcript"].as_str().unwrap().ends_with(&transcript.join("\n")), "{call}");
    let lines = said_in(api, &call).await;
    assert_eq!(lines[1], "Nous ouvrons à neuf…");
    assert_eq!(lines[3], "Nous sommes fermés…");
    assert_eq!(lines.len(), 7);
}

// req: S2-WHK-5
#[tokio::test]
async fn only_twilio_opens_a_line_and_each_only_once() {
    let server = Server::start().await;
    let api = &server.api;
    api.agent("Echo", "scripted", &[]).await;
    let channel = line(api, "Echo", json!({})).await;
    let caller = Caller::new(api, "CA1003");
    let greeted = caller.post("/api/calls/incoming", "ringing", &[]).await;
    let url = attribute(&greeted.text, "ConversationRelay", "url");
    let path = format!("/webhooks/twilio-voice/{channel}/relay");
    assert!(url.ends_with(&path), "{url}");
    let right = signature(caller.token, &url, &[]);
    for wrong in
        ["", "nonsense", &signature("another token", &url, &[]), &signature(caller.token, &format!("{url}x"), &[])]
    {
        assert_eq!(Relay::dial(&url, wrong).await.err(), Some(403), "{wrong}");
    }
    assert_eq!(api.get(&path).await.status, 400, "no WebSocket");
    let nowhere = url.replace(&channel, "0199a1b2-0000-7000-8000-000000000000");
    assert_eq!(Relay::dial(&nowhere, &signature(caller.token, &nowhere, &[])).await.err(), Some(404));

    let other = Caller::new(api, "CA1004");
    for stranger in [json!({ "type": "prompt", "voicePrompt": "x", "last": true }), setup(&other, &greeted), json!("{")]
    {
        let mut line = Relay::dial(&url, &right).await.ok().unwrap();
        line.tell(&stranger).await;
        assert!(line.is_closed().await, "{stranger}");
    }
    let mut first = Relay::connect(&caller, &greeted).await;
    first.say("Allô ?").await;
    assert_eq!(first.utterance().await, "Allô ?");
    let mut again = Relay::connect(&caller, &greeted).await;
    assert!(again.is_closed().await, "a line is opened once");
    first.tell(&json!({ "type": "surprise" })).await;
    first.tell(&json!({ "type": "error", "description": "Invalid message received" })).await;
    first.say("Toujours là ?").await;
    assert_eq!(first.utterance().await, "Toujours là ?", "the one that is open is not disturbed");
    assert_eq!(api.list("/api/calls", "calls").await.len(), 1, "nobody else's call was made");
}

// req: S4-TEL-3
// req: S4-I18N-1
#[tokio::test]
async fn a_line_that_broke_is_followed_by_another_and_at_last_by_requests() {
    let (server, mut speaker) = spoken(json!({})).await;
    let caller = Caller::new(&server.api, "CA1005");
    let mut document = caller.post("/api/calls/incoming", "ringing", &[]).await;
    let lost = [("SessionStatus", "failed"), ("ErrorCode", "64105")];
    let mut line = Relay::connect(&caller, &document).await;
    line.say("Où êtes-vous ?").await;
    let answer = speaker.asked().await;
    answer.say("Je cherche ");
    line.hear_up_to("Je cherche ").await;
    drop(line);
    document = closed(&caller, &document, &lost).await;
    assert_eq!(attribute(&document.text, "ConversationRelay", "welcomeGreeting"), "Me revoici. Je vous écoute.");
    answer.say("encore.");
    drop(answer);
    line = Relay::connect(&caller, &document).await;
    assert_eq!(line.utterance().await, "Je cherche encore.", "what was not heard before");
    line.say("Et quand ?").await;
    let answer = speaker.asked().await;
    answer.say("À neuf heures.");
    drop(answer);
    assert_eq!(line.utterance().await, "À neuf heures.");
    drop(line);
    document = closed(&caller, &document, &lost).await;
    let last = Relay::connect(&caller, &document).await;
    let lines = async || steps(&the_call(&server.api).await).iter().filter(|kind| **kind == "line").count();
    until("the third line", async || (lines().await == 3).then_some(())).await;
    drop(last);
    document = closed(&caller, &document, &lost).await;
    assert!(document.text.contains("<Gather") && !document.text.contains("ConversationRelay"), "{}", document.text);
    let words = [("SpeechResult", "Toujours rien ?"), ("Confidence", "0.9")];
    let asking = tokio::spawn({
        let (caller, path) = (Caller::new(&server.api, "CA1005"), action(&document.text));
        async move { caller.post(&path, "in-progress", &words).await }
    });
    let answer = speaker.asked().await;
    answer.say("Si.");
    drop(answer);
    assert_eq!(said(&asking.await.unwrap().text), ["Si."]);
}

// req: S4-TEL-3
// req: S2-CALL-1
#[tokio::test]
async fn a_person_takes_over_from_a_line() {
    let server = Server::start().await;
    let api = &server.api;
    let agent = api.agent("Absent", "scripted", &[]).await;
    // An agent that is switched off hands everything over.
    api.patch(&format!("/api/agents/{agent}"), &json!({ "enabled": false, "language": "en" })).await.data();
    line(api, "Absent", json!({ "transfer_to": "+33600000000" })).await;
    let caller = Caller::new(api, "CA1006");
    let greeted = caller.post("/api/calls/incoming", "ringing", &[]).await;
    assert_eq!(attribute(&greeted.text, "ConversationRelay", "language"), "en-US", "the agent's language");
    let mut line = Relay::connect(&caller, &greeted).await;
    line.say("I want to talk to somebody").await;
    let why = line.ended().await;
    let through = closed(&caller, &greeted, &[("SessionStatus", "ended"), ("HandoffData", &why)]).await;
    assert!(through.text.contains(">+33600000000</Dial>"), "{}", through.text);
    assert_eq!(said(&through.text), ["I'm putting you through to a person of our team."]);
    let after = caller.post(&action(&through.text), "in-progress", &[("DialCallStatus", "completed")]).await;
    assert!(after.text.contains("<Hangup/>"), "{}", after.text);
    assert_eq!(the_call(api).await["outcome_type"], "TRANSFERRED");
}

// req: S4-TEL-1
// req: S4-CFG-1
// req: S4-I18N-1
#[tokio::test]
async fn calls_speak_the_channels_language_or_the_agents_or_french() {
    let server = Server::start().await;
    let api = &server.api;
    let agent = api.agent("Echo", "scripted", &[]).await;
    let channel = telephone(api, "Echo", &json!({})).await;
    let greeting = async |sid: &str| caller_text(&Caller::new(api, sid)).await;
    assert!(greeting("CA1").await.contains("<Say voice=\"Polly.Léa\" language=\"fr-FR\">Bonjour"), "nobody chose one");
    let english = json!({ "language": "en" });
    assert_eq!(api.patch(&format!("/api/agents/{agent}"), &english).await.data()["language"], "en");
    assert!(greeting("CA2").await.contains("<Say voice=\"Polly.Joanna\" language=\"en-US\">Hello"), "the agent's");
    let settings = json!({ "settings": { "language": "fr-CA" } });
    api.patch(&format!("/api/channels/{channel}"), &settings).await.data();
    assert!(greeting("CA3").await.contains("language=\"fr-CA\">Bonjour"), "the channel's");
    let auto = json!({ "language": "auto" });
    assert_eq!(api.patch(&format!("/api/agents/{agent}"), &auto).await.data()["language"], "auto");
    let wrong = api.patch(&format!("/api/agents/{agent}"), &json!({ "language": "de" })).await;
    assert_eq!(wrong.fields(), ["language"]);
}

async fn caller_text(caller: &Caller) -> String {
    assert_eq!(caller.to, OURS);
    let greeted = caller.post("/api/calls/incoming", "ringing", &[]).await;
    assert_eq!(redirect(&greeted.text), action(&greeted.text));
    greeted.text
}
