//! What a server is sent where a model sees.

use super::*;
use colloquy_domain::ports::{FileOf, Missing};

/// Pictures by the message that they came with; whatever else is asked for is gone.
struct Album(std::collections::HashMap<FileOf, Result<Vec<u8>, Missing>>);

#[async_trait]
impl SentFiles for Album {
    async fn file(&self, of: FileOf, most: u64, _: Duration) -> Result<Vec<u8>, Missing> {
        let found = self.0.get(&of).cloned().unwrap_or(Err(Missing::Gone))?;
        if found.len() as u64 > most { Err(Missing::TooLarge) } else { Ok(found) }
    }
}

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// A question about two images, after one that was shown before.
fn looking() -> CompletionRequest {
    let said = |speaker, text: &str, image| HistoryMessage { speaker, text: text.into(), image };
    let history = vec![said(Speaker::Person, "[image]", Some(1)), said(Speaker::Agent, "A kettle.", None)];
    CompletionRequest { history, images: vec![3, 4], ..request("[image] And these?") }
}

async fn shown(server: &MockServer, album: Vec<(u64, Result<Vec<u8>, Missing>)>) -> (CompletionResult, Vec<Value>) {
    let CompletionRequest { tenant, conversation, .. } = looking();
    let album = album.into_iter().map(|(message, found)| (FileOf { tenant, conversation, message }, found)).collect();
    let provider = seeing(&format!("{}/v1/", server.uri()), Some(Arc::new(Album(album))));
    let result = provider.complete(looking(), &Heard::default()).await;
    let bodies = server.received_requests().await.unwrap().iter().map(|r| r.body_json().unwrap()).collect();
    (result, bodies)
}

#[tokio::test]
async fn images_are_parts_of_the_persons_messages() {
    let server = server(vec![ok(sse(&[words("Two."), end()]))]).await;
    let large = Ok([PNG, &vec![0; 6 << 20]].concat());
    let (result, bodies) =
        shown(&server, vec![(1, Ok(PNG.to_vec())), (3, large), (4, Ok(b"\xff\xd8\xff\xe0".to_vec()))]).await;
    let part = |url: &str| json!({ "type": "image_url", "image_url": { "url": url } });
    let text = |text: &str| json!({ "type": "text", "text": text });
    assert_eq!(
        bodies[0]["messages"].as_array().unwrap()[1..],
        [
            json!({ "role": "user", "content": [text("[image]"), part("data:image/png;base64,iVBORw0KGgo=")] }),
            json!({ "role": "assistant", "content": "A kettle." }),
            json!({ "role": "user", "content": [
                text("[image] And these?\n\n(An image is not shown: it is too large.)"), part("data:image/jpeg;base64,/9j/4A==")
            ] }),
        ]
    );
    let usage = result.unwrap().usage;
    assert!((1_600..1_700).contains(&usage.prompt_tokens), "two images and a few words: {}", usage.prompt_tokens);
}

#[tokio::test]
async fn what_cannot_be_shown_is_said() {
    let server = server(vec![ok(sse(&[words("None."), end()]))]).await;
    let (result, bodies) = shown(&server, vec![(1, Err(Missing::Late)), (3, Ok(b"<svg>".to_vec()))]).await;
    assert_eq!(result.unwrap().text, "None.");
    let said: Vec<&str> =
        bodies[0]["messages"].as_array().unwrap().iter().filter_map(|m| m["content"].as_str()).collect();
    assert_eq!(said[1], "[image]\n\n(An image is not shown: it did not arrive in time.)");
    assert_eq!(
        said[3],
        "[image] And these?\n\n(An image is not shown: it is none that can be read.)\n\n(An image is not shown: it is not \
         there any more.)"
    );
}

#[tokio::test]
async fn a_server_that_refuses_images_is_asked_in_words() {
    let refusal = ResponseTemplate::new(400).set_body_json(json!({ "error": { "message": "Invalid image data" } }));
    let server = server(vec![refusal, ok(sse(&[words("I cannot see it."), end()]))]).await;
    let (result, bodies) = shown(&server, vec![(1, Ok(PNG.to_vec())), (4, Ok(PNG.to_vec()))]).await;
    assert_eq!(result.unwrap().text, "I cannot see it.");
    assert!(bodies[0].to_string().contains("image_url") && !bodies[1].to_string().contains("image_url"));
    assert!(bodies[1].to_string().contains("the model cannot read it"), "{}", bodies[1]);
}
