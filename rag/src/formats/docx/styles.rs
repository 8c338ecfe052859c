//! What paragraph styles mean, and the making of blocks from paragraphs and tables: shared by both readings.

use crate::{
    document::Block,
    formats::{markup::attribute, tidy},
};
use quick_xml::{Reader, events::Event};
use std::collections::HashMap;

/// How far `basedOn` is followed.
const MAX_CHAIN: usize = 10;

/// Style id → what it means.
#[derive(Debug, Default)]
pub struct Styles {
    by_id: HashMap<String, Style>,
}

#[derive(Debug, Default, Clone)]
struct Style {
    name: String,
    based_on: Option<String>,
    /// From 0.
    outline: Option<u8>,
    numbered: bool,
}

/// A paragraph as either reading finds it.
#[derive(Debug, Default, Clone)]
pub struct Paragraph {
    pub text: String,
    pub style: Option<String>,
    /// Whether it has a bullet or number of its own; `Some(false)` takes away the style's.
    pub numbered: Option<bool>,
    /// Outline level of its own, from 0.
    pub outline: Option<u8>,
}

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Role {
    Heading(u8),
    Caption,
    Contents,
    Body,
}

impl Styles {
    /// Reads `word/styles.xml`; what is broken in it is left out.
    pub fn read(xml: &str) -> Self {
        let mut styles = Self::default();
        let mut id = String::new();
        let mut current = Style::default();
        let mut reader = Reader::from_str(xml);
        loop {
            match reader.read_event() {
                Ok(Event::Start(e) | Event::Empty(e)) => match e.local_name().as_ref() {
                    "style" => {
                        id = attribute(&e, "styleId").unwrap_or_default();
                        current = Style::default();
                    }
                    "name" => current.name = attribute(&e, "val").unwrap_or_default().to_lowercase(),
                    "basedOn" => current.based_on = attribute(&e, "val"),
                    "outlineLvl" => current.outline = attribute(&e, "val").and_then(|v| v.parse().ok()),
                    "numPr" => current.numbered = true,
                    _ => {}
                },
                Ok(Event::End(e)) if e.local_name().as_ref() == "style" => {
                    styles.by_id.insert(std::mem::take(&mut id), std::mem::take(&mut current));
                }
                Ok(Event::Eof) | Err(_) => return styles,
                Ok(_) => {}
            }
        }
    }

    /// The style and those it is based on, nearest first.
    fn chain<'a>(&'a self, id: &'a str) -> impl Iterator<Item = (&'a str, Option<&'a Style>)> {
        std::iter::successors(Some((id, self.by_id.get(id))), |(_, style)| {
            let parent = style.as_ref()?.based_on.as_deref()?;
            Some((parent, self.by_id.get(parent)))
        })
        .take(MAX_CHAIN)
    }

    fn role(&self, paragraph: &Paragraph) -> Role {
        if let Some(level) = paragraph.outline.filter(|l| *l < 9) {
            return Role::Heading(level + 1);
        }
        for (id, style) in paragraph.style.iter().flat_map(|id| self.chain(id)) {
            let name = style.map_or("", |s| s.name.as_str());
            // Word writes the English name for its own styles whatever its language; other programs write both in theirs.
            for name in [name, &id.to_lowercase()] {
                if let Some(role) = role_of_name(name) {
                    return role;
                }
            }
            if let Some(level) = style.and_then(|s| s.outline).filter(|l| *l < 9) {
                return Role::Heading(level + 1);
            }
        }
        Role::Body
    }

    fn is_item(&self, paragraph: &Paragraph) -> bool {
        paragraph.numbered.unwrap_or_else(|| {
            paragraph.style.iter().flat_map(|id| self.chain(id)).any(|(id, style)| {
                let id = id.to_lowercase();
                style.is_some_and(|s| s.numbered) || id.starts_with("listbullet") || id.starts_with("listnumber")
            })
        })
    }

    /// The block that a paragraph makes; nothing for an empty one and for a table of contents, whose page numbers and
    /// repeated headings only mislead a search.
    pub fn block(&self, paragraph: &Paragraph) -> Option<Block> {
        let text = tidy::line(&paragraph.text);
        if text.is_empty() {
            return None;
        }
        match self.role(paragraph) {
            Role::Heading(level) => Some(Block::Heading { level, text }),
            Role::Contents => None,
            Role::Caption | Role::Body if self.is_item(paragraph) => Some(Block::ListItem { text }),
            Role::Caption | Role::Body => Some(match tidy::without_bullet(&text) {
                Some(item) if !text.starts_with(|c: char| c.is_alphanumeric()) => Block::ListItem { text: item.into() },
                _ => Block::Paragraph { text },
            }),
        }
    }

    pub fn is_caption(&self, paragraph: &Paragraph) -> bool {
        self.role(paragraph) == Role::Caption
    }
}

/// Word's own styles in English and French, LibreOffice's and Google's names for them.
fn role_of_name(name: &str) -> Option<Role> {
    let name: String = name.chars().filter(|c| !c.is_whitespace() && *c != '-' && *c != '_').collect();
    match name.as_str() {
        "title" | "titre" => return Some(Role::Heading(1)),
        "subtitle" | "soustitre" => return Some(Role::Heading(2)),
        "caption" | "légende" | "lgende" | "legende" => return Some(Role::Caption),
        "tocheading" | "entêtedetabledesmatières" => return Some(Role::Contents),
        _ => {}
    }
    let level = |prefix: &str| name.strip_prefix(prefix)?.parse::<u8>().ok().filter(|l| (1..=9).contains(l));
    ["heading", "titre", "überschrift", "titolo", "título", "kop"]
        .iter()
        .find_map(|prefix| level(prefix).map(Role::Heading))
        .or_else(|| ["toc", "tm", "contents"].iter().find_map(|prefix| level(prefix).map(|_| Role::Contents)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_style(styles: &Styles, id: &str) -> Option<Block> {
        let paragraph = Paragraph { text: "Words".into(), style: Some(id.into()), ..Paragraph::default() };
        styles.block(&paragraph)
    }

    #[test]
    fn headings_are_known_by_name_outline_and_ancestry() {
        let styles = Styles::read(
            r#"<w:styles xmlns:w="w"><w:style w:styleId="Titre2"><w:name w:val="heading 2"/></w:style>
            <w:style w:styleId="Chapitre"><w:name w:val="Chapitre"/><w:basedOn w:val="Titre2"/></w:style>
            <w:style w:styleId="Boxed"><w:name w:val="Boxed"/><w:pPr><w:outlineLvl w:val="2"/></w:pPr></w:style>
            <w:style w:styleId="Puce"><w:name w:val="Puce"/><w:pPr><w:numPr><w:numId w:val="3"/></w:numPr></w:pPr></w:style>
            <w:style w:styleId="Loop"><w:name w:val="x"/><w:basedOn w:val="Loop"/></w:style></w:styles>"#,
        );
        let heading = |level| Some(Block::Heading { level, text: "Words".into() });
        assert_eq!(of_style(&styles, "Titre2"), heading(2));
        assert_eq!(of_style(&styles, "Chapitre"), heading(2));
        assert_eq!(of_style(&styles, "Boxed"), heading(3));
        assert_eq!(of_style(&Styles::default(), "Titre 1"), heading(1));
        assert_eq!(of_style(&Styles::default(), "Heading3"), heading(3));
        assert_eq!(of_style(&styles, "Puce"), Some(Block::ListItem { text: "Words".into() }));
        assert_eq!(of_style(&styles, "Loop"), Some(Block::Paragraph { text: "Words".into() }));
        assert_eq!(of_style(&styles, "TOC1"), None);
    }
}
