//! The machine-readable shape of `colloquy extract FILE --json`, kept stable.

use crate::document::Extraction;
use serde_json::{Value, json};

/// `{status, cause, pages: [{number, status, text}]}`.
#[must_use]
pub fn public_json(extraction: &Extraction) -> Value {
    let pages: Vec<Value> = extraction
        .pages
        .iter()
        .map(|page| json!({ "number": page.number, "status": page.status, "text": page.text() }))
        .collect();
    json!({ "status": extraction.status, "cause": extraction.cause, "pages": pages })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::{ExtractLimits, extract};
    use std::path::Path;

    #[test]
    fn the_shape_is_stable() {
        let read = extract(Path::new("a.md"), b"Rates\n\nFrom 90 euro.", &ExtractLimits::default());
        let page = json!({ "number": 1, "status": "ok", "text": "Rates\n\nFrom 90 euro." });
        assert_eq!(public_json(&read), json!({ "status": "ok", "cause": null, "pages": [page] }));
        let refused = public_json(&extract(Path::new("a.bin"), &[0, 1, 2, 3], &ExtractLimits::default()));
        assert_eq!(refused["status"], "failed");
        assert_eq!(refused["pages"], json!([]));
        assert!(refused["cause"].as_str().unwrap().starts_with("extract.unknown_format: "));
    }
}
