//! Embeddings: `/embeddings` of an endpoint, which may be another one than that of the completions.

use super::{OpenAiOptions, price, retry, transport::Transport};
use async_trait::async_trait;
use colloquy_domain::{
    channel::Secret,
    failure::Failure,
    meaning::{Embedded, Vector},
    ports::Embeddings,
};
use reqwest::{Response, header::RETRY_AFTER};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::time::Instant;

/// Texts and bytes of one request, at most. Servers take more; a request that fails is asked again as a whole.
const BATCH: usize = 64;
const BATCH_BYTES: usize = 96 * 1024;
/// Characters of a text that are sent: OpenAI's models read 8191 tokens, which these never are.
const LONGEST: usize = 8_000;
/// Numbers of a vector, at most.
const WIDEST: usize = 8_192;

/// Where the vectors come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddingOptions {
    /// Up to and including the version: `https://api.openai.com/v1`.
    pub base_url: String,
    /// `None` for servers that need none.
    pub api_key: Option<Secret>,
    pub model: String,
    /// Asked for where the model can be asked for shorter vectors.
    pub dimensions: Option<u32>,
}

/// A model behind an OpenAI-compatible endpoint.
pub struct EmbeddingEndpoint {
    options: EmbeddingOptions,
    url: String,
    transport: Transport,
}

impl EmbeddingEndpoint {
    /// The process-wide rustls provider must be installed before.
    #[must_use]
    pub fn new(options: EmbeddingOptions) -> Self {
        let transport = Transport::new(&OpenAiOptions {
            api_key: options.api_key.clone(),
            ..OpenAiOptions::new(options.base_url.clone())
        });
        Self { url: format!("{}/embeddings", options.base_url.trim_end_matches('/')), options, transport }
    }

    /// Asks until there is an answer, within the bounds of `retry`.
    async fn batch(&self, texts: &[String], deadline: Instant) -> Result<Answer, Failure> {
        let mut attempt = 1;
        loop {
            let failure = match tokio::time::timeout_at(deadline, self.ask(texts)).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(failure)) => failure,
                Err(_) => return Err(Failure::retry("model.timeout", "the embedding server did not answer in time")),
            };
            let left = deadline.saturating_duration_since(Instant::now());
            let Some(pause) = retry::pause(&failure, attempt, left) else { return Err(failure) };
            tracing::debug!(embedding.model = self.options.model, failure.code, attempt, "embeddings asked for again");
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }

    async fn ask(&self, texts: &[String]) -> Result<Answer, Failure> {
        let EmbeddingOptions { model, dimensions, .. } = &self.options;
        let body = Body { model, input: texts, dimensions: *dimensions, encoding_format: "float" };
        let mut post = self.transport.client()?.post(&self.url).json(&body);
        if let Some(key) = &self.transport.api_key {
            post = post.bearer_auth(key.expose());
        }
        let unreachable = |e: reqwest::Error| {
            if e.is_builder() {
                Failure::fatal("model.not_configured", "the base URL or the key cannot be used in a request")
            } else {
                Failure::retry("model.unavailable", "the embedding server cannot be reached")
            }
        };
        read(post.send().await.map_err(unreachable)?, model, texts.len()).await
    }
}

#[async_trait]
impl Embeddings for EmbeddingEndpoint {
    async fn embed(&self, texts: Vec<String>, within: Duration) -> Result<Embedded, Failure> {
        let deadline = Instant::now() + within;
        let texts: Vec<String> = texts.into_iter().map(cut).collect();
        let (mut vectors, mut tokens) = (Vec::with_capacity(texts.len()), 0);
        for batch in batches(&texts) {
            let answer = self.batch(batch, deadline).await?;
            tokens += answer.tokens.unwrap_or_else(|| batch.iter().map(|t| price::estimate(t.chars().count())).sum());
            vectors.extend(answer.vectors);
        }
        tracing::debug!(embedding.model = self.options.model, embedding.tokens = tokens, "texts embedded");
        Ok(Embedded { model: self.options.model.clone(), vectors, tokens })
    }
}

fn cut(text: String) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => text[..end].to_owned(),
        // An empty input is refused by most servers, and means as little as a blank.
        None if text.is_empty() => " ".to_owned(),
        None => text,
    }
}

fn batches(texts: &[String]) -> impl Iterator<Item = &[String]> {
    let mut rest = texts;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |text: &&String| {
            bytes += text.len();
            bytes <= BATCH_BYTES
        };
        let count = rest.iter().take(BATCH).take_while(fits).count().max(1).min(rest.len());
        let (batch, after) = rest.split_at(count);
        rest = after;
        (!batch.is_empty()).then_some(batch)
    })
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    input: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    dimensions: Option<u32>,
    encoding_format: &'static str,
}

struct Answer {
    vectors: Vec<Vector>,
    /// As the server counted them.
    tokens: Option<u64>,
}

#[derive(Deserialize)]
struct Sent {
    data: Vec<SentVector>,
    #[serde(default)]
    usage: Option<SentUsage>,
}

#[derive(Deserialize)]
struct SentVector {
    /// Servers that leave it out answer in order.
    #[serde(default)]
    index: Option<usize>,
    embedding: Vector,
}

#[derive(Deserialize)]
struct SentUsage {
    #[serde(default)]
    prompt_tokens: Option<u64>,
}

async fn read(answer: Response, model: &str, asked: usize) -> Result<Answer, Failure> {
    let status = answer.status();
    let after = answer.headers().get(RETRY_AFTER).and_then(|v| v.to_str().ok()).map(str::to_owned);
    let body = answer.text().await.map_err(|_| Failure::retry("model.stream_cut", "the vectors broke off"))?;
    if !status.is_success() {
        return Err(retry::refusal(status.as_u16(), after.as_deref(), &body, model));
    }
    let sent: Sent = serde_json::from_str(&body).map_err(|_| unreadable("its answer holds no vectors"))?;
    let tokens = sent.usage.and_then(|u| u.prompt_tokens);
    Ok(Answer { vectors: in_order(sent.data, asked)?, tokens })
}

/// One vector for each text, all of one length.
fn in_order(sent: Vec<SentVector>, asked: usize) -> Result<Vec<Vector>, Failure> {
    let mut places: Vec<Option<Vector>> = vec![None; asked];
    for (n, SentVector { index, embedding }) in sent.into_iter().enumerate() {
        let place = places.get_mut(index.unwrap_or(n)).ok_or_else(|| unreadable("it sent more vectors than texts"))?;
        *place = Some(embedding);
    }
    let vectors: Vec<Vector> = places.into_iter().flatten().collect();
    let width = vectors.first().map_or(0, Vec::len);
    if vectors.len() != asked || (asked > 0 && !(1..=WIDEST).contains(&width)) {
        return Err(unreadable("it did not send one vector for each text"));
    }
    if vectors.iter().any(|v| v.len() != width || v.iter().any(|x| !x.is_finite())) {
        return Err(unreadable("its vectors are of different lengths, or no numbers"));
    }
    Ok(vectors)
}

fn unreadable(why: &str) -> Failure {
    Failure::retry("model.bad_response", format!("the embedding server cannot be understood: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests_support::install_tls;
    use serde_json::{Value, json};
    use wiremock::{
        Mock, MockServer, Request, ResponseTemplate,
        matchers::{body_partial_json, header, method, path},
    };

    const SOON: Duration = Duration::from_secs(20);

    fn endpoint(server: &MockServer) -> EmbeddingEndpoint {
        install_tls();
        EmbeddingEndpoint::new(EmbeddingOptions {
            base_url: format!("{}/v1/", server.uri()),
            api_key: Some(Secret::new("sk-1")),
            model: "small".into(),
            dimensions: Some(2),
        })
    }

    fn texts(all: &[&str]) -> Vec<String> {
        all.iter().map(|t| (*t).to_owned()).collect()
    }

    /// Each text's vector is its length, told in the wrong order.
    fn by_length(request: &Request) -> ResponseTemplate {
        let body: Value = request.body_json().expect("JSON");
        let input = body["input"].as_array().expect("texts");
        let vector = |(n, text): (usize, &Value)| json!({ "object": "embedding", "index": n, "embedding": [text.as_str().map_or(0, str::len), 1] });
        let data: Vec<Value> = input.iter().enumerate().map(vector).rev().collect();
        ResponseTemplate::new(200).set_body_json(json!({ "data": data, "usage": { "prompt_tokens": input.len() } }))
    }

    // req: S0-LLM-1
    #[tokio::test]
    async fn texts_become_vectors_in_their_order_in_bounded_requests() {
        let server = MockServer::start().await;
        let asked = Mock::given(method("POST")).and(path("/v1/embeddings")).and(header("authorization", "Bearer sk-1"));
        let asked =
            asked.and(body_partial_json(json!({ "model": "small", "dimensions": 2, "encoding_format": "float" })));
        asked.respond_with(by_length).expect(3).mount(&server).await;
        let many: Vec<String> = (0..150).map(|n| "x".repeat(n + 1)).collect();
        let made = endpoint(&server).embed(many, SOON).await.expect("embedded");
        assert_eq!((made.model.as_str(), made.vectors.len(), made.tokens), ("small", 150, 150));
        assert!(made.vectors.iter().zip(1_u8..).all(|(v, n)| *v == [f32::from(n), 1.0]));
        assert_eq!(endpoint(&server).embed(Vec::new(), SOON).await.expect("nothing to ask").vectors.len(), 0);
    }

    #[tokio::test]
    async fn a_passing_failure_is_waited_out_and_a_lasting_one_is_told() {
        let server = MockServer::start().await;
        let busy = ResponseTemplate::new(429).insert_header("retry-after", "0.1");
        Mock::given(method("POST")).respond_with(busy).up_to_n_times(1).mount(&server).await;
        Mock::given(method("POST")).respond_with(by_length).mount(&server).await;
        let made = endpoint(&server).embed(texts(&["ab"]), SOON).await.expect("embedded");
        assert_eq!(made.vectors, [[2.0, 1.0]]);
        server.reset().await;
        Mock::given(method("POST")).respond_with(ResponseTemplate::new(401)).expect(1).mount(&server).await;
        let failure = endpoint(&server).embed(texts(&["ab"]), SOON).await.unwrap_err();
        assert_eq!((failure.code.as_str(), failure.is_retry()), ("model.unauthorized", false));
    }

    #[tokio::test]
    async fn a_silent_server_is_not_waited_for() {
        let server = MockServer::start().await;
        let slow = ResponseTemplate::new(200).set_delay(Duration::from_secs(30));
        Mock::given(method("POST")).respond_with(slow).mount(&server).await;
        let failure = endpoint(&server).embed(texts(&["ab"]), Duration::from_millis(100)).await.unwrap_err();
        assert_eq!((failure.code.as_str(), failure.is_retry()), ("model.timeout", true));
    }

    #[test]
    fn vectors_that_are_none_are_refused() {
        let sent = |all: &[(Option<usize>, &[f32])]| {
            let sent = all.iter().map(|(index, v)| SentVector { index: *index, embedding: v.to_vec() }).collect();
            in_order(sent, 2)
        };
        assert!(sent(&[(None, &[1.0]), (None, &[2.0])]).is_ok(), "without numbers they are in order");
        for wrong in [
            &[(None, &[1.0][..])][..],
            &[(Some(0), &[1.0]), (Some(0), &[2.0])],
            &[(Some(0), &[1.0]), (Some(2), &[2.0])],
            &[(None, &[1.0]), (None, &[2.0, 3.0])],
            &[(None, &[1.0]), (None, &[f32::NAN])],
            &[(None, &[]), (None, &[])],
        ] {
            assert_eq!(sent(wrong).unwrap_err().code, "model.bad_response", "{wrong:?}");
        }
    }

    #[test]
    fn long_texts_are_cut_and_large_batches_shared_out() {
        let long = "é".repeat(LONGEST + 1);
        assert_eq!(cut(long).chars().count(), LONGEST);
        assert_eq!(cut(String::new()), " ");
        let large: Vec<String> = (0..5).map(|_| "x".repeat(BATCH_BYTES / 2)).collect();
        assert_eq!(batches(&large).map(<[String]>::len).collect::<Vec<_>>(), [2, 2, 1]);
        assert_eq!(
            batches(&["x".repeat(BATCH_BYTES * 2)]).count(),
            1,
            "one that is too large alone is asked for alone"
        );
    }
}
