//! The vocabulary as a `tokenizer.json`: SentencePiece's unigrams as XLM-RoBERTa uses them.

use super::{Packed, bad};
use colloquy_domain::failure::Failure;

/// All but the vocabulary. Control characters and everything that separates words are read as one space. As text, so that
/// the bytes do not depend on how a JSON library orders keys.
const FRAME: &str = r#"{"version":"1.0","truncation":null,"padding":null,"added_tokens":[
{"id":0,"content":"<s>","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true},
{"id":1,"content":"<pad>","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true},
{"id":2,"content":"</s>","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true},
{"id":3,"content":"<unk>","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}],
"normalizer":{"type":"Sequence","normalizers":[{"type":"NFKC"},{"type":"Replace","pattern":{"Regex":
"[\\s\\u0000-\\u001F\\u007F\\u200B-\\u200F\\u2028\\u2029\\u2581\\uFEFF\\uFFFD]+"},"content":" "}]},
"pre_tokenizer":{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true},
"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},
{"Sequence":{"id":"A","type_id":0}},{"SpecialToken":{"id":"</s>","type_id":0}}],"pair":[
{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}},{"SpecialToken":{"id":"</s>","type_id":0}},
{"SpecialToken":{"id":"</s>","type_id":0}},{"Sequence":{"id":"B","type_id":0}},{"SpecialToken":{"id":"</s>","type_id":0}}],
"special_tokens":{"<s>":{"id":"<s>","ids":[0],"tokens":["<s>"]},"</s>":{"id":"</s>","ids":[2],"tokens":["</s>"]}}},
"decoder":{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true},
"model":{"type":"Unigram","byte_fallback":false,"unk_id":"#;

pub(super) fn build(packed: &Packed<'_>) -> Result<Vec<u8>, Failure> {
    let pieces: Vec<(&str, f64)> = packed.pieces.iter().map(|(piece, score)| (*piece, f64::from(*score))).collect();
    let vocabulary = serde_json::to_string(&pieces).map_err(|e| bad(&e.to_string()))?;
    Ok(format!("{FRAME}{},\"vocab\":{vocabulary}}}}}\n", packed.unknown).into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_is_json_with_the_pieces_in_their_order() {
        let packed = super::super::tests::tiny();
        let made = build(&Packed::read(&packed).expect("read")).expect("made");
        let json: serde_json::Value = serde_json::from_slice(&made).expect("JSON");
        assert_eq!(json["model"]["vocab"], serde_json::json!([["a", 0.0], ["b", -1.0]]));
        assert_eq!(json["model"]["unk_id"], 1);
        assert_eq!(json["added_tokens"].as_array().map(Vec::len), Some(4));
    }
}
