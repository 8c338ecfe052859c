//! One Markdown tree, rendered into each channel's own markup and cut into messages.
//!
//! [`parse`](ast::parse) reads Markdown into a small tree, [`flow`](flow::flow) lays the tree out as a line of atoms
//! (words, gaps, whole links, whole code blocks), [`split`](split::split) packs atoms into parts that the provider
//! accepts, and a [`Dialect`] writes each part. Styles are opened and closed within a part, so every part stands alone.

mod ast;
mod dialect;
mod flow;
mod speech;
mod split;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod properties;

use colloquy_domain::{channel::Part, outbound::Citation, rich::Rich};
pub(crate) use dialect::Dialect;
pub(crate) use speech::speech;

/// Renders a reply and its sources into parts of at most `limit` units each. Nothing to say gives no part.
pub(crate) fn render(markdown: &str, citations: &[Citation], dialect: Dialect, limit: usize) -> Vec<Part> {
    let mut blocks = ast::parse(markdown);
    if let Some(sources) = sources(citations) {
        blocks.push(sources);
    }
    split::split(&flow::flow(&blocks), dialect, limit)
}

/// As [`render`], with what the last part shows beside its words; `None` if there are no words to stand with it.
pub(crate) fn with_rich(markdown: &str, rich: &Rich, dialect: Dialect, limit: usize) -> Option<Vec<Part>> {
    let mut parts = render(markdown, &[], dialect, limit);
    parts.last_mut()?.rich = Some(rich.clone());
    Some(parts)
}

/// `[1] price list.pdf, p. 3`, one line for each source. Names are literal text: they are not read as Markdown.
fn sources(citations: &[Citation]) -> Option<ast::Block> {
    let mut inlines = Vec::new();
    for c in citations {
        if !inlines.is_empty() {
            inlines.push(ast::Inline::Break);
        }
        let name: String = c.name.split_whitespace().collect::<Vec<_>>().join(" ");
        let page = c.page.map(|p| format!(", p. {p}")).unwrap_or_default();
        inlines.push(ast::Inline::Text(format!("[{}] {name}{page}", c.number)));
    }
    (!inlines.is_empty()).then_some(ast::Block::Paragraph(inlines))
}
