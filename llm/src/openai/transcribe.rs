//! Speech to text: `/audio/transcriptions` of the same endpoint.

use super::{OpenAiOptions, price, retry, transport::Transport};
use colloquy_domain::{
    failure::Failure,
    language::Language,
    model::{Recording, Transcript},
};
use reqwest::{
    Response,
    header::RETRY_AFTER,
    multipart::{Form, Part},
};
use serde::Deserialize;
use std::time::Duration;

/// For one recording.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Deserialize)]
struct Answer {
    text: String,
    #[serde(default)]
    usage: Option<Counted>,
}

/// What it was counted as: models that are paid by the minute count seconds instead.
#[derive(Deserialize)]
struct Counted {
    #[serde(default)]
    input_tokens: u64,
    #[serde(default)]
    output_tokens: u64,
}

pub(super) async fn transcribe(
    transport: &Transport,
    options: &OpenAiOptions,
    recording: Recording,
) -> Result<Transcript, Failure> {
    let url = format!("{}/audio/transcriptions", options.base_url.trim_end_matches('/'));
    let mut post = transport.client()?.post(url).multipart(form(options, recording)?).timeout(PATIENCE);
    if let Some(key) = &transport.api_key {
        post = post.bearer_auth(key.expose());
    }
    let answer = post.send().await.map_err(|e| {
        let why = if e.is_timeout() { "the model server fell silent" } else { "the model server cannot be reached" };
        Failure::retry("model.unreachable", why)
    })?;
    read(answer, options).await
}

fn form(options: &OpenAiOptions, recording: Recording) -> Result<Form, Failure> {
    let Recording { name, mime, content, language } = recording;
    let mut part = Part::bytes(content).file_name(name);
    if let Some(mime) = mime {
        part = part
            .mime_str(&mime)
            .map_err(|_| Failure::reject("model.invalid_recording", format!("{mime:?} is no media type")))?;
    }
    let form = Form::new().part("file", part).text("model", options.transcription_model.clone());
    let form = form.text("response_format", "json");
    Ok(match language.map(Language::code) {
        Some(code) => form.text("language", code),
        None => form,
    })
}

async fn read(answer: Response, options: &OpenAiOptions) -> Result<Transcript, Failure> {
    let model = &options.transcription_model;
    let status = answer.status();
    let after = answer.headers().get(RETRY_AFTER).and_then(|v| v.to_str().ok()).map(str::to_owned);
    let body = answer.text().await.map_err(|_| Failure::retry("model.stream_cut", "the model's answer broke off"))?;
    if !status.is_success() {
        return Err(retry::refusal(status.as_u16(), after.as_deref(), &body, model));
    }
    let answer: Answer = serde_json::from_str(&body)
        .map_err(|_| Failure::retry("model.bad_response", "the model server's transcription cannot be read"))?;
    let counted = answer.usage.unwrap_or(Counted { input_tokens: 0, output_tokens: 0 });
    let usage = price::usage(counted.input_tokens, counted.output_tokens, options.prices.get(model));
    Ok(Transcript { text: answer.text.trim().to_owned(), usage })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ModelOptions, Models, OpenAiOptions, Price, tests_support::install_tls};
    use colloquy_domain::{channel::Secret, model::Usage, ports::Model};
    use wiremock::{
        Mock, MockServer, ResponseTemplate,
        matchers::{body_string_contains, header, method, path},
    };

    fn recording() -> Recording {
        Recording {
            name: "question.webm".into(),
            mime: Some("audio/webm".into()),
            content: b"RIFF".to_vec(),
            language: Some(Language::Fr),
        }
    }

    fn models(url: &str) -> Models {
        install_tls();
        let price = Price { prompt_micros: 1_000_000, completion_micros: 1_000_000 };
        let options = OpenAiOptions {
            api_key: Some(Secret::new("sk-1")),
            prices: [("whisper-1".to_owned(), price)].into(),
            ..OpenAiOptions::new(format!("{url}/v1"))
        };
        Models::new(ModelOptions { openai: Some(options), script: None, files: None })
    }

    // req: S0-CHAT-2
    // req: S0-LLM-1
    #[tokio::test]
    async fn a_recording_becomes_words() {
        let server = MockServer::start().await;
        let asked = Mock::given(method("POST")).and(path("/v1/audio/transcriptions"));
        let asked =
            asked.and(header("authorization", "Bearer sk-1")).and(body_string_contains("filename=\"question.webm\""));
        let asked = asked.and(body_string_contains("whisper-1")).and(body_string_contains("RIFF"));
        let usage = serde_json::json!({ "type": "tokens", "input_tokens": 14, "output_tokens": 5, "total_tokens": 19 });
        let body = serde_json::json!({ "text": " Où êtes-vous ? ", "usage": usage });
        asked.respond_with(ResponseTemplate::new(200).set_body_json(body)).expect(1).mount(&server).await;
        let usage = Usage { prompt_tokens: 14, completion_tokens: 5, cost_micros: 19 };
        let said = Transcript { text: "Où êtes-vous ?".into(), usage };
        assert_eq!(models(&server.uri()).transcribe(recording()).await, Ok(said));
    }

    #[tokio::test]
    async fn what_went_wrong_is_said() {
        let server = MockServer::start().await;
        Mock::given(method("POST")).respond_with(ResponseTemplate::new(404)).mount(&server).await;
        let failure = models(&server.uri()).transcribe(recording()).await.unwrap_err();
        assert_eq!(failure.code, "model.not_found");
        install_tls();
        let none = Models::new(ModelOptions::default()).transcribe(recording()).await.unwrap_err();
        assert_eq!(none.code, "model.not_configured");
    }
}
