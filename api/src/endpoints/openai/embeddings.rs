//! `POST /v1/embeddings`: the vectors of the embedding model that knowledge is found with, for clients of OpenAI.

use super::{Answered, Client, shape::Refused};
use crate::state::Api;
use axum::{body::Bytes, extract::State, response::IntoResponse};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use colloquy_domain::meaning::Embedded;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

/// Texts of one request: people's questions wait behind them.
const MOST: usize = 128;
/// Characters of a text.
const LONGEST: usize = 8_000;
const PATIENCE: Duration = Duration::from_secs(60);
/// Stands for the model in use, whatever it is called.
const USUAL: &str = "default";

#[derive(Deserialize, JsonSchema)]
pub struct Texts {
    /// The model in use, as answers name it, or `default`.
    model: String,
    input: Input,
    #[serde(default)]
    encoding_format: Encoding,
    /// Those of the model; it gives no others.
    #[serde(default)]
    dimensions: Option<usize>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Input {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize, JsonSchema, Default, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum Encoding {
    #[default]
    Float,
    /// 32-bit numbers, the lowest byte first.
    Base64,
}

pub async fn embed(State(api): State<Arc<Api>>, Client(tenant): Client, body: Bytes) -> Answered {
    let Texts { model, input, encoding_format, dimensions } = read(&body)?;
    let texts = match input {
        Input::One(text) => vec![text],
        Input::Many(texts) => texts,
    };
    check(&texts)?;
    let made = match api.embeddings.embed(texts, PATIENCE).await {
        Ok(made) => made,
        Err(failure) if failure.code == "embed.none" => return Err(Refused::no_embedder(&model, None)),
        Err(failure) if !failure.is_retry() => return Err(Refused::invalid("input", failure.detail)),
        Err(failure) => return Err(Refused::unavailable(&failure)),
    };
    if model != USUAL && model != made.model {
        return Err(Refused::no_embedder(&model, Some(&made.model)));
    }
    let width = made.vectors.first().map_or(0, Vec::len);
    if dimensions.is_some_and(|asked| asked != width) {
        return Err(Refused::invalid("dimensions", format!("the model gives {width} numbers")));
    }
    tracing::info!(tenant.id = %tenant.id, embedding.tokens = made.tokens, "texts embedded for a client");
    Ok(axum::Json(shown(&made, encoding_format)).into_response())
}

fn read(body: &[u8]) -> Result<Texts, Refused> {
    let mut json = serde_json::Deserializer::from_slice(body);
    serde_path_to_error::deserialize(&mut json)
        .map_err(|e| Refused::invalid("body", format!("{}: {}", e.path(), e.inner())))
}

fn check(texts: &[String]) -> Result<(), Refused> {
    if !(1..=MOST).contains(&texts.len()) {
        return Err(Refused::invalid("input", format!("must be 1 to {MOST} texts")));
    }
    let fits = |text: &String| !text.is_empty() && text.chars().count() <= LONGEST;
    if !texts.iter().all(fits) {
        return Err(Refused::invalid("input", format!("a text must have 1 to {LONGEST} characters")));
    }
    Ok(())
}

fn shown(made: &Embedded, encoding: Encoding) -> Value {
    let vector = |v: &Vec<f32>| match encoding {
        Encoding::Float => json!(v),
        Encoding::Base64 => json!(STANDARD.encode(v.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>())),
    };
    let one = |(index, v)| json!({ "object": "embedding", "index": index, "embedding": vector(v) });
    json!({
        "object": "list", "model": made.model,
        "data": made.vectors.iter().enumerate().map(one).collect::<Vec<Value>>(),
        "usage": { "prompt_tokens": made.tokens, "total_tokens": made.tokens },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_numbers_or_their_bytes() {
        let made = Embedded { model: "m".into(), vectors: vec![vec![1.0, -0.5]], tokens: 3 };
        assert_eq!(shown(&made, Encoding::Float)["data"][0]["embedding"], json!([1.0, -0.5]));
        assert_eq!(shown(&made, Encoding::Base64)["data"][0]["embedding"], "AACAPwAAAL8=");
    }

    #[test]
    fn texts_alone_are_read() {
        assert!(read(br#"{"model":"default","input":"one"}"#).is_ok());
        assert!(read(br#"{"model":"default","input":[1,2,3]}"#).is_err(), "tokens are another model's");
        assert!(check(&[]).is_err() && check(&[String::new()]).is_err() && check(&["x".repeat(LONGEST + 1)]).is_err());
        assert!(check(&["x".repeat(LONGEST)]).is_ok());
    }
}
