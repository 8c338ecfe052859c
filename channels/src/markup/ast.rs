//! The small Markdown tree that all channels render from.

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Block {
    Paragraph(Vec<Inline>),
    Heading(Vec<Inline>),
    Code {
        language: Option<String>,
        text: String,
    },
    Quote(Vec<Block>),
    List {
        /// The first number, for an ordered list.
        start: Option<u64>,
        items: Vec<Vec<Block>>,
    },
    /// Rows of cells; the first is the header.
    Table(Vec<Vec<Vec<Inline>>>),
    Rule,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Inline {
    Text(String),
    Code(String),
    Bold(Vec<Inline>),
    Italic(Vec<Inline>),
    Strike(Vec<Inline>),
    Link { url: String, label: Vec<Inline> },
    Break,
}

/// Deepest nesting that is kept as structure; below it, text stays and structure is dropped, so that hostile input
/// cannot exhaust the stack.
const DEEPEST: usize = 32;

/// Reads CommonMark with tables and strikethrough. Raw HTML is text: models write it, people must see it.
pub(super) fn parse(markdown: &str) -> Vec<Block> {
    let mut builder = Builder { stack: vec![Frame::new(Kind::Root)] };
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH) {
        builder.take(event);
    }
    while builder.stack.len() > 1 {
        builder.close();
    }
    builder.stack.pop().map(Frame::into_blocks).unwrap_or_default()
}

enum Kind {
    Root,
    Paragraph,
    Heading,
    Code(Option<String>),
    Quote,
    List(Option<u64>),
    Item,
    Table,
    Row,
    Cell,
    Bold,
    Italic,
    Strike,
    Link(String),
    /// Known to the parser, of no meaning here: its content goes to its parent.
    Transparent,
}

struct Frame {
    kind: Kind,
    blocks: Vec<Block>,
    inlines: Vec<Inline>,
    items: Vec<Vec<Block>>,
    rows: Vec<Vec<Vec<Inline>>>,
    cells: Vec<Vec<Inline>>,
}

impl Frame {
    const fn new(kind: Kind) -> Self {
        Self { kind, blocks: Vec::new(), inlines: Vec::new(), items: Vec::new(), rows: Vec::new(), cells: Vec::new() }
    }

    /// Tight list items hold their words without a paragraph; they become one.
    fn settle_inlines(&mut self) {
        if !self.inlines.is_empty() {
            self.blocks.push(Block::Paragraph(std::mem::take(&mut self.inlines)));
        }
    }

    fn push_block(&mut self, block: Block) {
        self.settle_inlines();
        self.blocks.push(block);
    }

    fn into_blocks(mut self) -> Vec<Block> {
        self.settle_inlines();
        self.blocks
    }
}

struct Builder {
    stack: Vec<Frame>,
}

impl Builder {
    fn top(&mut self) -> &mut Frame {
        if self.stack.is_empty() {
            self.stack.push(Frame::new(Kind::Root));
        }
        let last = self.stack.len() - 1;
        &mut self.stack[last]
    }

    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.open(tag),
            Event::End(TagEnd::TableHead) => {
                let cells = std::mem::take(&mut self.top().cells);
                self.top().rows.push(cells);
            }
            Event::End(_) => self.close(),
            Event::Text(t) | Event::Html(t) | Event::InlineMath(t) | Event::DisplayMath(t) => self.text(&t),
            Event::InlineHtml(t) => {
                if t.to_ascii_lowercase().starts_with("<br") {
                    self.top().inlines.push(Inline::Break);
                } else {
                    self.text(&t);
                }
            }
            Event::Code(t) => self.top().inlines.push(Inline::Code(t.into_string())),
            // In a chat, a line that was broken is meant to be broken: models write addresses and hours that way.
            Event::SoftBreak | Event::HardBreak => self.top().inlines.push(Inline::Break),
            Event::Rule => self.top().push_block(Block::Rule),
            Event::FootnoteReference(t) => self.text(&format!("[^{t}]")),
            Event::TaskListMarker(done) => self.text(if done { "[x] " } else { "[ ] " }),
        }
    }

    fn text(&mut self, text: &str) {
        let inlines = &mut self.top().inlines;
        if let Some(Inline::Text(before)) = inlines.last_mut() {
            before.push_str(text);
        } else {
            inlines.push(Inline::Text(text.to_owned()));
        }
    }

    fn open(&mut self, tag: Tag<'_>) {
        let kind = match tag {
            // The header's cells belong to the table itself.
            Tag::TableHead => return,
            _ if self.stack.len() >= DEEPEST => Kind::Transparent,
            Tag::Paragraph | Tag::HtmlBlock => Kind::Paragraph,
            Tag::Heading { .. } => Kind::Heading,
            Tag::CodeBlock(CodeBlockKind::Fenced(info)) => {
                Kind::Code(info.split([' ', ',']).next().filter(|l| !l.is_empty()).map(str::to_owned))
            }
            Tag::CodeBlock(CodeBlockKind::Indented) => Kind::Code(None),
            Tag::BlockQuote(_) => Kind::Quote,
            Tag::List(start) => Kind::List(start),
            Tag::Item => Kind::Item,
            Tag::Table(_) => Kind::Table,
            Tag::TableRow => Kind::Row,
            Tag::TableCell => Kind::Cell,
            Tag::Strong => Kind::Bold,
            Tag::Emphasis => Kind::Italic,
            Tag::Strikethrough => Kind::Strike,
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => Kind::Link(dest_url.into_string()),
            _ => Kind::Transparent,
        };
        self.stack.push(Frame::new(kind));
    }

    fn close(&mut self) {
        if self.stack.len() < 2 {
            return;
        }
        let Some(mut frame) = self.stack.pop() else { return };
        let inlines = std::mem::take(&mut frame.inlines);
        let kind = std::mem::replace(&mut frame.kind, Kind::Transparent);
        let parent = self.top();
        match kind {
            Kind::Paragraph => parent.push_block(Block::Paragraph(inlines)),
            Kind::Heading => parent.push_block(Block::Heading(inlines)),
            Kind::Code(language) => parent.push_block(Block::Code { language, text: plain_text(&inlines) }),
            Kind::Bold => parent.inlines.push(Inline::Bold(inlines)),
            Kind::Italic => parent.inlines.push(Inline::Italic(inlines)),
            Kind::Strike => parent.inlines.push(Inline::Strike(inlines)),
            Kind::Link(url) => parent.inlines.push(Inline::Link { url, label: inlines }),
            Kind::Cell => parent.cells.push(inlines),
            // Words that belong to no cell or item are those of a structure too deep to keep.
            Kind::Row => {
                frame.cells.extend(Some(inlines).filter(|i| !i.is_empty()));
                parent.rows.push(frame.cells);
            }
            Kind::Table => {
                frame.rows.extend(Some(vec![inlines]).filter(|cells| !cells[0].is_empty()));
                parent.push_block(Block::Table(frame.rows));
            }
            Kind::List(start) => {
                let mut items = std::mem::take(&mut frame.items);
                frame.inlines = inlines;
                items.extend(Some(frame.into_blocks()).filter(|i| !i.is_empty()));
                parent.push_block(Block::List { start, items });
            }
            Kind::Quote | Kind::Item | Kind::Transparent | Kind::Root => {
                frame.inlines = inlines;
                close_container(&kind, frame, parent);
            }
        }
    }
}

fn close_container(kind: &Kind, frame: Frame, parent: &mut Frame) {
    match kind {
        Kind::Quote => parent.push_block(Block::Quote(frame.into_blocks())),
        Kind::Item => parent.items.push(frame.into_blocks()),
        _ => {
            let mut frame = frame;
            if frame.blocks.is_empty() {
                parent.inlines.append(&mut frame.inlines);
                // Cells and paragraphs whose structure was dropped must not run into one word.
                parent.inlines.push(Inline::Break);
            } else {
                for block in frame.into_blocks() {
                    parent.push_block(block);
                }
            }
        }
    }
}

/// The words of inlines, without their styles.
pub(super) fn plain_text(inlines: &[Inline]) -> String {
    let mut out = String::new();
    for inline in inlines {
        match inline {
            Inline::Text(t) | Inline::Code(t) => out.push_str(t),
            Inline::Bold(c) | Inline::Italic(c) | Inline::Strike(c) => out.push_str(&plain_text(c)),
            Inline::Link { label, url } => {
                let words = plain_text(label);
                out.push_str(if words.is_empty() { url } else { &words });
            }
            Inline::Break => out.push('\n'),
        }
    }
    out
}
