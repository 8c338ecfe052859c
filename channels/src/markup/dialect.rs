//! How each channel writes styles, and how its provider counts length.

use super::flow::{Atom, Pre, Style};
use crate::gsm;
use std::borrow::Cow;

/// What a provider counts when it says "4096".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// UTF-16 units of the words, once the markup is parsed away.
    Utf16OfWords,
    /// Characters of everything that is sent.
    Characters,
    /// UTF-8 bytes of everything that is sent.
    Bytes,
    /// UTF-16 units of everything that is sent.
    Utf16,
    /// Septets of everything that is sent, which is all of it in the alphabet of SMS.
    Septets,
}

impl Unit {
    fn of(self, text: &str) -> usize {
        match self {
            Self::Utf16OfWords | Self::Utf16 => text.encode_utf16().count(),
            Self::Characters => text.chars().count(),
            Self::Bytes => text.len(),
            Self::Septets => text.chars().map(|c| gsm::septets(c).unwrap_or(1)).sum(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    TelegramHtml,
    WhatsApp,
    /// Words only; links as `label (address)`.
    Plain,
    /// The same, counted in bytes.
    Instagram,
    /// The same in the alphabet of SMS.
    Gsm,
    /// The same of SMS that need another alphabet.
    Ucs2,
}

/// One opened style with what opens and closes it.
#[derive(Debug, PartialEq, Eq)]
struct Mark {
    open: String,
    close: String,
}

impl Mark {
    fn new(open: impl Into<String>, close: impl Into<String>) -> Self {
        Self { open: open.into(), close: close.into() }
    }
}

impl Dialect {
    pub(super) const fn unit(self) -> Unit {
        match self {
            Self::TelegramHtml => Unit::Utf16OfWords,
            Self::WhatsApp | Self::Plain => Unit::Characters,
            Self::Instagram => Unit::Bytes,
            Self::Gsm => Unit::Septets,
            Self::Ucs2 => Unit::Utf16,
        }
    }

    /// Length of a finished text without markup, as the provider counts it.
    pub(super) fn measure(self, words: &str) -> usize {
        self.unit().of(words)
    }

    /// What the atom's own words count.
    pub(super) fn words_cost(self, atom: &Atom) -> usize {
        match self.unit() {
            Unit::Utf16OfWords => Unit::Utf16OfWords.of(&atom.text),
            whole => {
                let mut out = String::new();
                self.words(atom, &mut out);
                whole.of(&out)
            }
        }
    }

    /// What changing from one style to another counts.
    pub(super) fn turn_cost(self, from: &Style, to: &Style) -> usize {
        if from == to || self.unit() == Unit::Utf16OfWords {
            return 0;
        }
        let mut out = String::new();
        self.turn(from, to, &mut out);
        self.unit().of(&out)
    }

    /// Writes the atoms as one message that stands alone.
    pub(super) fn write(self, atoms: &[Atom]) -> String {
        let (mut out, mut style) = (String::new(), &Style::default());
        let none = Style::default();
        for atom in atoms {
            self.turn(style, &atom.style, &mut out);
            self.words(atom, &mut out);
            style = &atom.style;
        }
        self.turn(style, &none, &mut out);
        out
    }

    /// Closes what ends and opens what begins, properly nested.
    fn turn(self, from: &Style, to: &Style, out: &mut String) {
        if from == to {
            return;
        }
        let (from, to) = (self.marks(from), self.marks(to));
        let kept = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
        from[kept..].iter().rev().for_each(|m| out.push_str(&m.close));
        to[kept..].iter().for_each(|m| out.push_str(&m.open));
    }

    fn words(self, atom: &Atom, out: &mut String) {
        match self {
            Self::TelegramHtml => escape(&atom.text, out),
            Self::Gsm => out.push_str(&gsm::folded(&quoted(atom))),
            Self::WhatsApp if atom.style.code => out.push_str(&atom.text.replace('`', "'")),
            Self::WhatsApp if atom.style.pre.is_some() => out.push_str(&atom.text.replace("```", "'''")),
            Self::WhatsApp | Self::Plain | Self::Instagram | Self::Ucs2 => out.push_str(&quoted(atom)),
        }
    }

    /// The marks of a style, outermost first.
    fn marks(self, style: &Style) -> Vec<Mark> {
        match self {
            Self::TelegramHtml => html_marks(style),
            Self::WhatsApp => whatsapp_marks(style),
            Self::Plain | Self::Instagram | Self::Gsm | Self::Ucs2 => plain_marks(style),
        }
    }
}

/// The words, with the mark of a quotation on each of their lines.
fn quoted(atom: &Atom) -> Cow<'_, str> {
    if atom.style.quote { atom.text.replace('\n', "\n> ").into() } else { Cow::Borrowed(&atom.text) }
}

fn html_marks(style: &Style) -> Vec<Mark> {
    let mut marks = Vec::new();
    let flags = [(style.quote, "blockquote"), (style.bold, "b"), (style.italic, "i"), (style.strike, "s")];
    marks.extend(flags.iter().filter(|f| f.0).map(|(_, tag)| Mark::new(format!("<{tag}>"), format!("</{tag}>"))));
    if let Some(url) = &style.link {
        let mut href = String::new();
        escape(url, &mut href);
        marks.push(Mark::new(format!("<a href=\"{href}\">"), "</a>"));
    }
    if style.code {
        marks.push(Mark::new("<code>", "</code>"));
    }
    match &style.pre {
        Some(Pre(Some(language))) => {
            marks.push(Mark::new(format!("<pre><code class=\"language-{language}\">"), "</code></pre>"));
        }
        Some(Pre(None)) => marks.push(Mark::new("<pre>", "</pre>")),
        None => {}
    }
    marks
}

fn whatsapp_marks(style: &Style) -> Vec<Mark> {
    let mut marks = plain_marks(&Style { quote: style.quote, ..Style::default() });
    let flags = [(style.bold, "*"), (style.italic, "_"), (style.strike, "~")];
    marks.extend(flags.iter().filter(|f| f.0).map(|(_, mark)| Mark::new(*mark, *mark)));
    marks.extend(plain_marks(&Style { link: style.link.clone(), ..Style::default() }));
    if style.code {
        marks.push(Mark::new("`", "`"));
    }
    if style.pre.is_some() {
        marks.push(Mark::new("```\n", "\n```"));
    }
    marks
}

fn plain_marks(style: &Style) -> Vec<Mark> {
    let quote = style.quote.then(|| Mark::new("> ", ""));
    let link = style.link.as_ref().map(|url| Mark::new("", format!(" ({url})")));
    quote.into_iter().chain(link).collect()
}

fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            // Not allowed in messages, and nothing that a person could read.
            '\0' => {}
            c => out.push(c),
        }
    }
}
