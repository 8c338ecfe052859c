//! The vocabulary as a `tokenizer.json`: SentencePiece's unigrams as XLM-RoBERTa uses them.

use super::{Packed, bad};
use colloquy_domain::failure::Failure;
use serde_json::{Value, json};

/// Control characters and everything that separates words are read as one space.
const SPACES: &str = r"[\s\u0000-\u001F\u007F\u200B-\u200F\u2028\u2029\u2581\uFEFF\uFFFD]+";

pub(super) fn build(packed: &Packed<'_>) -> Result<Vec<u8>, Failure> {
    let special = |(id, content): (usize, &str)| {
        json!({ "id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false, "special": true })
    };
    let token = |token: &str| json!({ "SpecialToken": { "id": token, "type_id": 0 } });
    let text = |id: &str| json!({ "Sequence": { "id": id, "type_id": 0 } });
    let known = |id: u32, token: &str| json!({ "id": token, "ids": [id], "tokens": [token] });
    let words = json!({ "type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true });
    let vocabulary: Vec<Value> = packed.pieces.iter().map(|(piece, score)| json!([piece, f64::from(*score)])).collect();
    let specials: Vec<Value> = ["<s>", "<pad>", "</s>", "<unk>"].into_iter().enumerate().map(special).collect();
    let tokenizer = json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": specials,
        "normalizer": { "type": "Sequence", "normalizers": [
            { "type": "NFKC" },
            { "type": "Replace", "pattern": { "Regex": SPACES }, "content": " " },
        ] },
        "pre_tokenizer": words.clone(),
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [token("<s>"), text("A"), token("</s>")],
            "pair": [token("<s>"), text("A"), token("</s>"), token("</s>"), text("B"), token("</s>")],
            "special_tokens": { "<s>": known(0, "<s>"), "</s>": known(2, "</s>") },
        },
        "decoder": words,
        "model": { "type": "Unigram", "unk_id": packed.unknown, "vocab": vocabulary, "byte_fallback": false },
    });
    serde_json::to_vec(&tokenizer).map_err(|e| bad(&e.to_string()))
}
