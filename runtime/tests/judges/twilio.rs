//! Twilio: its own library signs what we must accept, and finds wrong what we must refuse.

use crate::{
    install,
    judge::Judge,
    support::{
        server::{Place, Server},
        twilio::{self, AUTH_TOKEN, Form, NUMBER, Twilio},
        wait::{USUAL, until},
    },
};
use serde_json::{Value, json};
use tokio::process::Command;
use url::form_urlencoded;

const PUBLIC: &str = "https://colloquy.example";

fn form(fields: &[(&str, &str)]) -> Form {
    fields.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

// req: S2-WHK-5
#[tokio::test]
async fn what_twilios_library_signs_is_accepted_and_nothing_else() {
    let mut judge =
        Judge::start(Command::new("node").arg(install::script("twilio.cjs")).env("NODE_PATH", install::node_modules()));
    let twilio = Twilio::start().await;
    let server = Server::start_on(Place::default().with("COLLOQUY_PUBLIC_URL", PUBLIC)).await;
    let api = &server.api;
    api.agent("Echo", "scripted", &[]).await;
    twilio::connect(api, "twilio_sms", "Echo", &twilio.url).await;
    let forms = [
        form(&[
            ("MessageSid", "SM1"),
            ("From", "+33611111111"),
            ("To", NUMBER),
            ("Body", "l'été & \"déjà\" = 100 %+ 😀"),
        ]),
        form(&[
            ("MessageSid", "SM2"),
            ("From", "+33611111112"),
            ("To", NUMBER),
            ("Body", "a b+c"),
            ("Z", ""),
            ("a", "1"),
        ]),
    ];
    for (path, form) in ["/webhooks/twilio/default", "/webhooks/twilio/default?x=1&y=%20z"].iter().zip(&forms) {
        // Twilio may sign the port that it calls, and may not.
        for url in [format!("{PUBLIC}{path}"), format!("{PUBLIC}:443{path}")] {
            let signature = judge.ask("sign", json!({ "token": AUTH_TOKEN, "url": url, "params": form })).await;
            let signature = signature.as_str().unwrap();
            let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
            assert_eq!(twilio::deliver_raw(api, path, body.clone(), signature).await.status, 200, "{url}");
            let changed = format!("{body}&Extra=1");
            assert_eq!(twilio::deliver_raw(api, path, changed, signature).await.status, 401, "{url}");
        }
        // And ours, which the tests of the channel sign with, are Twilio's.
        let url = format!("{PUBLIC}{path}");
        let ours =
            json!({ "token": AUTH_TOKEN, "url": url, "params": form, "signature": twilio::signature(&url, form) });
        assert_eq!(judge.ask("verify", ours.clone()).await, Value::Bool(true));
        let mut other = ours;
        other["token"] = json!("another");
        assert_eq!(judge.ask("verify", other).await, Value::Bool(false));
    }
    until("both answers", async || (twilio.sent().len() == 2).then_some(())).await;
    server.idle(USUAL).await;
    assert_eq!(twilio.sent().len(), 2, "each was answered once");
}
