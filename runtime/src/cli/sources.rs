//! Citations as people read them.

use crate::{client::Citation, out};

/// Characters of a quote that are shown.
const QUOTE: usize = 160;

/// Prints the passages that an answer rests on; nothing if there are none.
pub fn print(citations: &[Citation]) {
    if citations.is_empty() {
        return;
    }
    out::line("\nSources:");
    for (n, citation) in citations.iter().enumerate() {
        out::line(format_args!("  [{}] {}", n + 1, line(citation)));
    }
}

fn line(c: &Citation) -> String {
    let page = c.page.map_or_else(String::new, |p| format!(", page {p}"));
    format!("{}{page} ({:.2}): “{}”", c.document, c.score, short(&c.quote))
}

/// On one line, cut at a word.
fn short(quote: &str) -> String {
    let mut kept = String::new();
    for word in quote.split_whitespace() {
        if kept.chars().count() + word.chars().count() > QUOTE {
            return format!("{kept} …");
        }
        if !kept.is_empty() {
            kept.push(' ');
        }
        kept.push_str(word);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_one_line() {
        let quote = format!("Leave is\n25 days a year. {}", "More words follow. ".repeat(20));
        let citation = Citation { document: "handbook.pdf".to_owned(), page: Some(3), quote, score: 0.8249 };
        let line = line(&citation);
        assert!(line.starts_with("handbook.pdf, page 3 (0.82): “Leave is 25 days a year. More"), "{line}");
        assert!(line.ends_with(" …”") && !line.contains('\n') && line.chars().count() < 220, "{line}");
    }
}
