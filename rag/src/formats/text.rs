//! Plain text: paragraphs at blank lines, simple bullets as list items.

use super::{Cause, ExtractLimits, Format, Sniff, encoding, tidy, unpaged};
use crate::document::{Block, Extraction};

pub const FORMAT: Format = Format {
    name: "text",
    extensions: &["txt", "text", "log"],
    media_types: &["text/plain"],
    sniff: Sniff::Likely(encoding::looks_like_text),
    extract,
};

fn extract(bytes: &[u8], _: &ExtractLimits) -> Result<Extraction, Cause> {
    let text = encoding::decode(bytes, None).replace("\r\n", "\n").replace(['\r', '\u{0C}'], "\n");
    Ok(unpaged(None, blocks(&text)))
}

/// Paragraphs and items; lines end with `\n`.
pub fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for line in text.split('\n') {
        let line = tidy::line(line);
        if line.is_empty() {
            blocks.extend(open.take());
            continue;
        }
        if let Some(item) = tidy::without_bullet(&line) {
            blocks.extend(open.replace(Block::ListItem { text: item.to_owned() }));
            continue;
        }
        match &mut open {
            Some(Block::Paragraph { text } | Block::ListItem { text }) => {
                text.push(' ');
                text.push_str(&line);
            }
            _ => open = Some(Block::Paragraph { text: line }),
        }
    }
    blocks.extend(open);
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_end_at_blank_lines_and_items_at_bullets() {
        let text = "Opening hours\r\n\r\nThe front desk is open\r\nday and night.\r\n- Breakfast from 7\r\n- Dinner\r\n  until 22\r\n\r\nBye";
        let read = extract(text.as_bytes(), &ExtractLimits::default()).unwrap();
        assert_eq!(
            read.pages[0].blocks,
            [
                Block::Paragraph { text: "Opening hours".into() },
                Block::Paragraph { text: "The front desk is open day and night.".into() },
                Block::ListItem { text: "Breakfast from 7".into() },
                Block::ListItem { text: "Dinner until 22".into() },
                Block::Paragraph { text: "Bye".into() },
            ]
        );
        assert!(!read.paged);
    }

    #[test]
    fn windows_texts_keep_their_accents() {
        let read = extract(b"Chambre r\xE9serv\xE9e \x80 120", &ExtractLimits::default()).unwrap();
        assert_eq!(read.text(), "Chambre réservée € 120");
    }
}
