//! XHTML for a reader of HTML: `<a id="x"/>` ends there in the one and goes on for ever in the other.

use std::borrow::Cow;

/// Elements that never have content, in both.
const VOID: [&str; 14] =
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"];

/// Whether a text says that it is XHTML.
pub fn is(text: &str) -> bool {
    let head: String = text.chars().take(2_000).collect();
    head.trim_start_matches('\u{FEFF}').trim_start().starts_with("<?xml")
        || head.contains("http://www.w3.org/1999/xhtml")
}

/// The same text with an end tag after every element that ends itself.
pub fn expanded(text: &str) -> Cow<'_, str> {
    if !text.contains("/>") {
        return text.into();
    }
    let mut out = String::with_capacity(text.len() + 256);
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        let (before, tag) = rest.split_at(at);
        out.push_str(before);
        let Some(end) = end_of_tag(tag) else {
            rest = tag;
            break;
        };
        let (tag, after) = tag.split_at(end);
        let name: &str =
            tag[1..].split(|c: char| !c.is_alphanumeric() && !matches!(c, ':' | '-' | '_')).next().unwrap_or_default();
        match tag.strip_suffix("/>") {
            Some(open) if !name.is_empty() && !VOID.contains(&name.to_ascii_lowercase().as_str()) => {
                out.push_str(open);
                out.push_str("></");
                out.push_str(name);
                out.push('>');
            }
            _ => out.push_str(tag),
        }
        rest = after;
    }
    out.push_str(rest);
    out.into()
}

/// Where a tag, a comment or a section of characters ends.
fn end_of_tag(tag: &str) -> Option<usize> {
    for (start, end) in [("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>")] {
        if tag.starts_with(start) {
            return tag.find(end).map(|at| at + end.len());
        }
    }
    let mut quote = None;
    for (at, c) in tag.char_indices() {
        match (quote, c) {
            (None, '>') => return Some(at + 1),
            (None, '"' | '\'') => quote = Some(c),
            (Some(q), c) if c == q => quote = None,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_that_end_themselves_get_an_end() {
        let text = "<?xml version=\"1.0\"?><title/><p>a<br/>b<a id='>'/>c</p><!-- <i/> --><svg:x y=\"/>\"/> 1 < 2 <b";
        let want = "<?xml version=\"1.0\"?><title></title><p>a<br/>b<a id='>'></a>c</p><!-- <i/> --><svg:x y=\"/>\"></svg:x> 1 < 2 <b";
        assert_eq!(expanded(text), want);
        assert!(matches!(expanded("<p>plain</p>"), Cow::Borrowed(_)));
        assert!(is(text) && !is("<!doctype html><p>x"));
    }
}
