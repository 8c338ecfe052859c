//! Markdown: headings, paragraphs, lists, tables and code through pulldown-cmark; front matter only gives the title.

use super::{Cause, ExtractLimits, Format, Sniff, encoding, html, tidy, unpaged};
use crate::document::{Block, Extraction};
use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

pub const FORMAT: Format = Format {
    name: "Markdown",
    extensions: &["md", "markdown", "mdown", "mkd"],
    media_types: &["text/markdown", "text/x-markdown"],
    sniff: Sniff::ByNameOnly,
    extract,
};

fn extract(bytes: &[u8], _: &ExtractLimits) -> Result<Extraction, Cause> {
    let text = encoding::decode(bytes, None);
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS
        | Options::ENABLE_PLUSES_DELIMITED_METADATA_BLOCKS;
    let mut reader = Reader::default();
    for event in Parser::new_ext(&text, options) {
        reader.event(event);
    }
    reader.flush();
    Ok(unpaged(reader.title, reader.blocks))
}

/// What the words that come now belong to.
#[derive(Default, Clone, Copy, PartialEq)]
enum Within {
    #[default]
    Paragraph,
    Heading(u8),
    Item,
    Code,
    FrontMatter,
    Html,
}

#[derive(Default)]
struct Reader {
    blocks: Vec<Block>,
    title: Option<String>,
    words: String,
    within: Within,
    list_depth: usize,
    header: Vec<String>,
    rows: Vec<Vec<String>>,
    row: Vec<String>,
    in_cell: bool,
}

impl Reader {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(&tag),
            Event::End(tag) => self.end(tag),
            Event::Text(t) | Event::Code(t) | Event::InlineMath(t) | Event::DisplayMath(t) => self.words.push_str(&t),
            Event::Html(t) => self.words.push_str(&t),
            Event::InlineHtml(t) => {
                if t.starts_with("<br") {
                    self.words.push(' ');
                }
            }
            Event::SoftBreak | Event::HardBreak => self.line_break(),
            Event::Rule => self.flush(),
            Event::FootnoteReference(_) | Event::TaskListMarker(_) => {}
        }
    }

    fn start(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::Heading { level, .. } => self.begin(Within::Heading(level_number(*level))),
            Tag::Paragraph if self.list_depth == 0 => self.begin(Within::Paragraph),
            Tag::Item => self.begin(Within::Item),
            Tag::List(_) => {
                self.flush();
                self.list_depth += 1;
            }
            Tag::CodeBlock(_) => self.begin(Within::Code),
            Tag::HtmlBlock => self.begin(Within::Html),
            Tag::MetadataBlock(_) => self.begin(Within::FrontMatter),
            Tag::Table(_) => self.flush(),
            Tag::TableCell => {
                self.words.clear();
                self.in_cell = true;
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph
            | TagEnd::Heading(_)
            | TagEnd::CodeBlock
            | TagEnd::HtmlBlock
            | TagEnd::MetadataBlock(_) => {
                self.flush();
                self.within = if self.list_depth > 0 { Within::Item } else { Within::Paragraph };
            }
            TagEnd::Item => self.flush(),
            TagEnd::List(_) => {
                self.flush();
                self.list_depth = self.list_depth.saturating_sub(1);
            }
            TagEnd::TableCell => {
                let cell = tidy::line(&std::mem::take(&mut self.words));
                self.row.push(cell);
                self.in_cell = false;
            }
            TagEnd::TableHead => self.header = std::mem::take(&mut self.row),
            TagEnd::TableRow => self.rows.push(std::mem::take(&mut self.row)),
            TagEnd::Table => self.blocks.push(Block::Table {
                caption: None,
                header: std::mem::take(&mut self.header),
                rows: std::mem::take(&mut self.rows),
            }),
            _ => {}
        }
    }

    fn begin(&mut self, within: Within) {
        self.flush();
        self.within = within;
    }

    fn line_break(&mut self) {
        self.words.push(if self.within == Within::Code { '\n' } else { ' ' });
    }

    fn flush(&mut self) {
        if self.in_cell {
            return;
        }
        let words = std::mem::take(&mut self.words);
        if words.trim().is_empty() {
            return;
        }
        let block = match self.within {
            Within::Heading(level) => Block::Heading { level, text: tidy::line(&words) },
            Within::Code => Block::Code { text: tidy::lines(&words) },
            Within::Item => Block::ListItem { text: tidy::line(&words) },
            Within::Paragraph => Block::Paragraph { text: tidy::line(&words) },
            Within::FrontMatter => {
                self.title = self.title.take().or_else(|| front_matter_title(&words));
                return;
            }
            Within::Html => return self.blocks.extend(html::blocks(&words)),
        };
        self.blocks.push(block);
    }
}

const fn level_number(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}

/// `title: …` (YAML) or `title = "…"` (TOML).
fn front_matter_title(text: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let rest = line.strip_prefix("title")?.trim_start();
        let value = rest.strip_prefix([':', '='])?.trim().trim_matches(['"', '\'']);
        Some(tidy::line(value)).filter(|v| !v.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::outline;

    fn read(text: &str) -> Extraction {
        extract(text.as_bytes(), &ExtractLimits::default()).unwrap()
    }

    #[test]
    fn structure_survives() {
        let read = read(
            "---\ntitle: \"House rules\"\ndate: 2026\n---\n# Rules\n\nBe *kind* and\n`quiet`.\n\n- Towels\n- Slippers\n  and robes\n    1. White\n\n\
             | Room | Price |\n|---|---|\n| Blue | 90 |\n| Red | 110 |\n\n```sh\nls -l\n  x\n```\n\n> A quote\n\n<div><p>Inside <b>HTML</b></p></div>\n\n[Link](https://x.example) text",
        );
        assert_eq!(read.title.as_deref(), Some("House rules"));
        insta::assert_snapshot!(outline(&read), @r"
        h1 Rules
        p Be kind and quiet.
        li Towels
        li Slippers and robes
        li White
        table [Room, Price] [Blue, 90] [Red, 110]
        code ls -l
          x
        p A quote
        p Inside HTML
        p Link text
        ");
    }

    #[test]
    fn without_front_matter_the_first_heading_is_the_title() {
        assert_eq!(read("# Menu du jour\n\nSoupe").title.as_deref(), Some("Menu du jour"));
        assert_eq!(read("+++\ntitle = 'Été'\n+++\nx").title.as_deref(), Some("Été"));
        assert_eq!(read("no title at all").title, None);
    }

    #[test]
    fn a_heading_or_code_inside_an_item_does_not_break_the_rest() {
        let read = read("1. First\n\n   More of it\n\n   ```\n   code\n   ```\n\n   tail\n2. Second\n\nAfter");
        let kinds: Vec<String> = read.pages[0].blocks.iter().map(|b| format!("{b:?}")).collect();
        assert_eq!(kinds.len(), 6, "{kinds:?}");
        assert!(matches!(&read.pages[0].blocks[5], Block::Paragraph { text } if text == "After"));
    }
}
