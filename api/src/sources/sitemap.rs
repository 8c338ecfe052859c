//! Sitemaps (sitemaps.org): the pages that a site names itself.

use quick_xml::{Reader, escape::resolve_predefined_entity, events::Event};

/// What a sitemap holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sitemap {
    pub pages: Vec<String>,
    /// Further sitemaps.
    pub sitemaps: Vec<String>,
}

/// Up to `most` addresses. What is broken further on takes nothing from what was read before.
///
/// # Errors
/// It is no sitemap.
pub fn parse(xml: &[u8], most: usize) -> Result<Sitemap, &'static str> {
    let xml = String::from_utf8_lossy(xml);
    let mut reader = Reader::from_str(&xml);
    let (mut found, mut known) = (Sitemap::default(), false);
    let (mut in_index, mut in_loc, mut text) = (false, false, String::new());
    while found.pages.len() + found.sitemaps.len() < most {
        match reader.read_event() {
            Ok(Event::Start(tag)) => match tag.local_name().as_ref() {
                "urlset" | "sitemapindex" => known = true,
                "sitemap" => in_index = true,
                "url" => in_index = false,
                "loc" => {
                    in_loc = true;
                    text.clear();
                }
                _ => {}
            },
            Ok(Event::Text(piece)) if in_loc => text.push_str(&piece.xml10_content()),
            Ok(Event::CData(piece)) if in_loc => text.push_str(&piece.xml10_content()),
            // An entity of its own making stands for nothing.
            Ok(Event::GeneralRef(name)) if in_loc => match name.resolve_char_ref() {
                Ok(Some(c)) => text.push(c),
                _ => text.push_str(resolve_predefined_entity(&name.xml10_content()).unwrap_or_default()),
            },
            Ok(Event::End(tag)) if tag.local_name().as_ref() == "loc" => {
                in_loc = false;
                let list = if in_index { &mut found.sitemaps } else { &mut found.pages };
                let address = text.trim().to_owned();
                // The extensions for images and videos have a `loc` of their own.
                if !address.is_empty() && tag.name().as_ref() == "loc" && !list.contains(&address) {
                    list.push(address);
                }
            }
            Ok(Event::Eof) | Err(_) => break,
            Ok(_) => {}
        }
    }
    if known { Ok(found) } else { Err("it is no sitemap") }
}

#[cfg(test)]
mod tests {
    use super::*;

    // req: S1-DOC-1
    #[test]
    fn pages_and_further_sitemaps_are_found() {
        let pages = br#"<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e "https://evil/">]>
            <urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:image="http://x">
            <url><loc> https://a.example/help?x=1&amp;y=2 </loc><lastmod>2026-01-01</lastmod>
            <image:image><image:loc>https://a.example/i.png</image:loc></image:image></url>
            <url><loc><![CDATA[https://a.example/b]]></loc></url><url><loc>&e;</loc></url>
            <url><loc>https://a.example/b</loc></url></urlset>"#;
        let found = parse(pages, 10).expect("a sitemap");
        assert_eq!(found.pages, ["https://a.example/help?x=1&y=2", "https://a.example/b"]);
        assert_eq!(parse(pages, 1).expect("a sitemap").pages.len(), 1);
        let index = b"<sitemapindex><sitemap><loc>https://a.example/s1.xml</loc></sitemap></sitemapindex>";
        assert_eq!(parse(index, 10).expect("a sitemap").sitemaps, ["https://a.example/s1.xml"]);
        assert!(parse(b"<html><loc>x</loc></html>", 10).is_err());
        assert!(parse(b"\x1f\x8b binary", 10).is_err());
    }
}
