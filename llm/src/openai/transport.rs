//! One exchange with the endpoint: a request out, an answer in.

use super::{
    OpenAiOptions,
    accumulate::{Accumulator, Answer},
    chunk::{self, bad_response},
    retry,
    sse::{self, BodyDecoder},
};
use async_openai::types::chat::CreateChatCompletionRequest;
use colloquy_domain::{channel::Secret, failure::Failure, model::CompletionRequest, ports::TokenSink};
use futures::StreamExt;
use reqwest::{Client, Response, header::RETRY_AFTER};
use std::time::Duration;
use tokio::time::timeout;

/// Bytes of a refusal that are read.
const REFUSAL: usize = 64 * 1024;
/// Silence after a complete answer before it is taken as all: the count of tokens, or the end mark, may be missing.
const AFTER_END: Duration = Duration::from_secs(2);

pub(super) struct Transport {
    client: Result<Client, Failure>,
    url: String,
    pub(super) api_key: Option<Secret>,
    idle: Duration,
}

/// An exchange that brought no answer.
pub(super) struct Failed {
    pub(super) failure: Failure,
    /// Bytes of an answer came: it must not be asked for again here.
    pub(super) begun: bool,
    /// Status and body, where the server refused.
    pub(super) refused: Option<(u16, String)>,
}

impl From<Failure> for Failed {
    fn from(failure: Failure) -> Self {
        Self { failure, begun: false, refused: None }
    }
}

impl Transport {
    pub(super) fn new(options: &OpenAiOptions) -> Self {
        let client = Client::builder().connect_timeout(options.connect_timeout).build();
        Self {
            client: client.map_err(|_| Failure::fatal("model.not_configured", "no HTTP client can be made")),
            url: format!("{}/chat/completions", options.base_url.trim_end_matches('/')),
            api_key: options.api_key.clone(),
            idle: options.idle_timeout,
        }
    }

    pub(super) fn client(&self) -> Result<&Client, Failure> {
        self.client.as_ref().map_err(Clone::clone)
    }

    /// Asks once and reads the whole answer, passing its words to the sink.
    pub(super) async fn ask(
        &self,
        body: &CreateChatCompletionRequest,
        request: &CompletionRequest,
        sink: &dyn TokenSink,
    ) -> Result<Answer, Failed> {
        let response = self.send(body).await?;
        let tools = request.tools.iter().map(|t| t.name.clone()).collect();
        let reader = Reader {
            accumulator: Accumulator::new(tools, request.steps.len()),
            decoder: BodyDecoder::default(),
            sink,
            begun: false,
            read: 0,
        };
        reader.run(response, self.idle).await
    }

    async fn send(&self, body: &CreateChatCompletionRequest) -> Result<Response, Failed> {
        let client = self.client.as_ref().map_err(Clone::clone)?;
        let mut post = client.post(&self.url).json(body);
        if let Some(key) = &self.api_key {
            post = post.bearer_auth(key.expose());
        }
        let response = post.send().await.map_err(|e| unsent(&e))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let after = response.headers().get(RETRY_AFTER).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let text = refusal_text(response, self.idle).await;
        let failure = retry::refusal(status.as_u16(), after.as_deref(), &text, &body.model);
        Err(Failed { failure, begun: false, refused: Some((status.as_u16(), text)) })
    }
}

/// Why a request got no answer at all; the error's own text is left out, because it can hold the address with a key.
fn unsent(error: &reqwest::Error) -> Failure {
    if error.is_builder() {
        Failure::fatal("model.not_configured", "the base URL or the key cannot be used in a request")
    } else if error.is_connect() {
        Failure::retry("model.unavailable", "no connection to the model server")
    } else {
        Failure::retry("model.unavailable", "the model server closed the connection without an answer")
    }
}

async fn refusal_text(response: Response, idle: Duration) -> String {
    let mut bytes = Vec::new();
    let mut stream = response.bytes_stream();
    while let Ok(Some(Ok(piece))) = timeout(idle, stream.next()).await {
        bytes.extend_from_slice(&piece);
        if bytes.len() > REFUSAL {
            bytes.truncate(REFUSAL);
            break;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads one answer.
struct Reader<'a> {
    accumulator: Accumulator,
    decoder: BodyDecoder,
    sink: &'a dyn TokenSink,
    begun: bool,
    /// Pieces that could be read.
    read: usize,
}

impl Reader<'_> {
    async fn run(mut self, response: Response, idle: Duration) -> Result<Answer, Failed> {
        match self.all(response, idle).await {
            Ok(()) => {}
            Err(failure) => return Err(Failed { failure, begun: self.begun, refused: None }),
        }
        let (begun, read) = (self.begun, self.read);
        let end = if read == 0 && begun { Err(bad_response()) } else { self.accumulator.finish() };
        let (answer, rest) = end.map_err(|failure| Failed { failure, begun, refused: None })?;
        pass_on(self.sink, &rest);
        Ok(answer)
    }

    async fn all(&mut self, response: Response, idle: Duration) -> Result<(), Failure> {
        let mut stream = response.bytes_stream();
        loop {
            let complete = self.accumulator.is_complete();
            let patience = if complete { idle.min(AFTER_END) } else { idle };
            match timeout(patience, stream.next()).await {
                Ok(Some(Ok(bytes))) => {
                    self.begun = true;
                    let events = self.decoder.push(&bytes).map_err(|_| bad_response())?;
                    if self.feed(&events)? {
                        return Ok(());
                    }
                }
                Ok(None) => {
                    let events = self.decoder.finish();
                    // What cannot be read here was cut; whether it was needed, the accumulator knows.
                    let _ = self
                        .feed(&events)
                        .or_else(|f| if f.code == "model.bad_response" { Ok(true) } else { Err(f) })?;
                    return Ok(());
                }
                Ok(Some(Err(_))) | Err(_) if complete => return Ok(()),
                Ok(Some(Err(_))) => return Err(Failure::retry("model.stream_cut", "the model's answer broke off")),
                Err(_) => return Err(Failure::retry("model.timeout", "the model server fell silent")),
            }
        }
    }

    /// Takes events; says whether the end mark was among them.
    fn feed(&mut self, events: &[String]) -> Result<bool, Failure> {
        for data in events {
            if data == sse::END {
                self.accumulator.done();
                return Ok(true);
            }
            for chunk in chunk::parse(data)? {
                self.read += 1;
                let words = self.accumulator.push(chunk)?;
                pass_on(self.sink, &words);
            }
        }
        Ok(false)
    }
}

fn pass_on(sink: &dyn TokenSink, words: &str) {
    if !words.is_empty() {
        sink.delta(words);
    }
}
