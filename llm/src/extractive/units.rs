//! From a passage to the pieces that can be an answer: sentences, list items and table rows, each with what it stands
//! under.

/// A piece of a passage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unit {
    pub(super) text: String,
    pub(super) heading: String,
    /// The question before it, or the "…:" that it is an item of.
    pub(super) lead: String,
    pub(super) role: Role,
    /// Pieces of one paragraph have the same number.
    pub(super) paragraph: usize,
}

impl Unit {
    /// All that it stands under.
    pub(super) fn under(&self) -> String {
        format!("{} {}", self.heading, self.lead).trim().to_owned()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Sentence,
    Item,
    Row,
    /// Answers nothing by itself.
    Question,
}

/// A line or several lines that belong together.
#[derive(Debug)]
enum Block {
    Text(String),
    Item(String),
    Heading(String),
    Row(Vec<String>),
}

/// The pieces of a passage's text, in order.
pub(super) fn units(text: &str) -> Vec<Unit> {
    let mut builder = Builder::default();
    let blocks = blocks(text);
    for (place, block) in blocks.iter().enumerate() {
        builder.paragraph = place;
        match block {
            Block::Heading(heading) => builder.heading(heading),
            Block::Text(text) if is_heading(text, blocks.get(place + 1)) => builder.heading(text),
            Block::Text(text) => builder.text(text),
            Block::Item(text) => builder.item(text),
            Block::Row(cells) => builder.row(cells, blocks.get(place + 1)),
        }
    }
    builder.units
}

#[derive(Default)]
struct Builder {
    units: Vec<Unit>,
    heading: String,
    /// The question or the "…:" that the next pieces answer.
    lead: String,
    /// Header cells of the running table; empty cells if it has none.
    table: Option<Vec<String>>,
    paragraph: usize,
}

impl Builder {
    fn heading(&mut self, text: &str) {
        text.trim_matches(['#', '*', ' ']).clone_into(&mut self.heading);
        self.lead.clear();
        self.table = None;
    }

    fn text(&mut self, text: &str) {
        self.table = None;
        for sentence in sentences(text) {
            if sentence.ends_with('?') {
                sentence.clone_into(&mut self.lead);
                self.push(sentence, Role::Question);
            } else {
                self.push(without_label(sentence), Role::Sentence);
            }
        }
        if let Some(last) = self.units.last().filter(|u| u.text.ends_with(':')) {
            last.text.clone_into(&mut self.lead);
        } else if !self.lead.ends_with('?') {
            self.lead.clear();
        }
    }

    fn item(&mut self, text: &str) {
        self.table = None;
        for sentence in sentences(text) {
            self.push(sentence, Role::Item);
        }
    }

    fn row(&mut self, cells: &[String], next: Option<&Block>) {
        if cells.iter().all(|c| c.chars().all(|c| matches!(c, '-' | ':' | ' '))) {
            return;
        }
        let Some(header) = &self.table else {
            let worded = cells.iter().all(|c| !c.chars().any(|c| c.is_ascii_digit()));
            let heads = worded && matches!(next, Some(Block::Row(_)));
            self.table = Some(if heads { cells.to_vec() } else { Vec::new() });
            if !heads {
                self.push(&plain_row(cells), Role::Row);
            }
            return;
        };
        // A table that was cut repeats its header.
        if header == cells {
            return;
        }
        let text = if header.is_empty() { plain_row(cells) } else { headed_row(header, cells) };
        self.push(&text, Role::Row);
    }

    fn push(&mut self, text: &str, role: Role) {
        if !text.trim().is_empty() {
            let (heading, lead) = (self.heading.clone(), self.lead.clone());
            let paragraph = self.paragraph;
            self.units.push(Unit { text: text.trim().to_owned(), heading, lead, role, paragraph });
        }
    }
}

fn plain_row(cells: &[String]) -> String {
    match cells {
        [key, value] => format!("{key}: {value}"),
        _ => cells.iter().filter(|c| !c.is_empty()).cloned().collect::<Vec<_>>().join(", "),
    }
}

fn headed_row(header: &[String], cells: &[String]) -> String {
    let pairs = cells.iter().enumerate().filter(|(_, c)| !c.is_empty());
    let named = pairs.map(|(place, cell)| match header.get(place).filter(|h| !h.is_empty()) {
        Some(head) => format!("{head}: {cell}"),
        None => cell.clone(),
    });
    named.collect::<Vec<_>>().join(", ")
}

/// A short line without an end mark, before something that it can be the heading of.
fn is_heading(text: &str, next: Option<&Block>) -> bool {
    let words = text.split_whitespace().count();
    let ends = text.ends_with(['.', '!', '?', ':', ';', ',', '…']);
    let plain = !ends && !text.contains(": ");
    match next {
        Some(Block::Row(_)) => words <= 16 && !ends,
        Some(_) => plain && words <= 8 && !text.chars().any(|c| c.is_ascii_digit()),
        None => false,
    }
}

fn without_label(sentence: &str) -> &str {
    ["A: ", "R: ", "R : ", "Answer: ", "Réponse : "].iter().find_map(|l| sentence.strip_prefix(l)).unwrap_or(sentence)
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    let mut last_line = 0;
    for line in text.lines().map(str::trim) {
        let begun = if line.is_empty() {
            None
        } else if line.starts_with('#') {
            Some(Block::Heading(line.to_owned()))
        } else if line.contains(" | ") || (line.starts_with('|') && line.ends_with('|')) {
            Some(Block::Row(cells(line)))
        } else if let Some(item) = item(line) {
            Some(Block::Item(item.to_owned()))
        } else {
            match &mut open {
                Some(Block::Text(text) | Block::Item(text)) if continues(last_line, line) => {
                    text.push(' ');
                    text.push_str(line);
                    last_line = line.chars().count();
                    continue;
                }
                _ => Some(Block::Text(line.to_owned())),
            }
        };
        blocks.extend(open.take());
        open = begun;
        last_line = line.chars().count();
    }
    blocks.extend(open);
    blocks
}

/// Whether a line goes on with the one before: long lines are wrapped text, short ones stand for themselves.
fn continues(last_line: usize, line: &str) -> bool {
    last_line >= 60 || line.chars().next().is_some_and(|c| c.is_lowercase() || matches!(c, '(' | ','))
}

fn cells(line: &str) -> Vec<String> {
    line.trim_matches('|').split('|').map(|c| c.trim().to_owned()).collect()
}

fn item(line: &str) -> Option<&str> {
    let bullet = ["- ", "* ", "• ", "– ", "— ", "· ", "▪ "].iter().find_map(|b| line.strip_prefix(b));
    bullet.or_else(|| {
        let digits = line.find(|c: char| !c.is_ascii_digit()).filter(|n| (1..=2).contains(n))?;
        let rest = line[digits..].strip_prefix(['.', ')'])?;
        rest.strip_prefix(' ')
    })
}

/// Abbreviations whose point ends no sentence, in lower case.
const ABBREVIATIONS: &[&str] = &[
    "mr", "mrs", "ms", "dr", "prof", "st", "sr", "jr", "vs", "etc", "no", "inc", "ltd", "co", "corp", "approx", "dept",
    "fig", "e.g", "i.e", "cf", "al", "m", "mm", "mme", "mlle", "art", "av", "apr", "env", "ex", "p", "pp", "vol", "n",
    "tel", "tél", "jan", "feb", "mar", "aug", "sept", "oct", "nov", "dec", "janv", "févr", "juil", "déc", "min", "max",
    "u.s", "j.-c", "ste",
];

/// Cuts a paragraph into sentences.
fn sentences(text: &str) -> Vec<&str> {
    let mut sentences = Vec::new();
    let mut start = 0;
    let marks = text.char_indices().filter(|(_, c)| matches!(c, '.' | '!' | '?' | '…'));
    for (at, mark) in marks {
        let mut end = at + mark.len_utf8();
        end += text[end..]
            .chars()
            .take_while(|c| matches!(c, '"' | '”' | '’' | ')' | ']' | '.' | '!' | '?'))
            .map(char::len_utf8)
            .sum::<usize>();
        // "« Bonjour ! » dit-il": the closing mark stands after a space.
        let rest = &text[end..];
        if end <= start
            || !rest.starts_with(char::is_whitespace)
            || !begins_sentence(rest)
            || is_abbreviation(&text[start..at], mark)
        {
            continue;
        }
        sentences.push(text[start..end].trim());
        start = end;
    }
    sentences.push(text[start..].trim());
    sentences.retain(|s| s.chars().any(char::is_alphanumeric));
    sentences
}

fn begins_sentence(rest: &str) -> bool {
    let rest = rest.trim_start();
    rest.chars()
        .next()
        .is_some_and(|c| c.is_uppercase() || c.is_ascii_digit() || matches!(c, '"' | '“' | '«' | '(' | '[' | '-' | '•'))
}

fn is_abbreviation(before: &str, mark: char) -> bool {
    if mark != '.' {
        return false;
    }
    let word = before.rsplit(|c: char| c.is_whitespace() || matches!(c, '(' | '"' | '«')).next().unwrap_or_default();
    let initial = word.chars().count() == 1 && word.chars().all(char::is_uppercase);
    initial || ABBREVIATIONS.contains(&word.to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> String {
        units(text).iter().map(|u| format!("{:?} <{}> {}\n", u.role, u.under(), u.text)).collect()
    }

    #[test]
    fn sentences_end_where_they_end() {
        let text = "Dr. Smith paid 4.90 € on Jan. 3. He left! Did he return? \"Yes.\" So wrote J. Doe, e.g. in vol. 2.";
        assert_eq!(
            sentences(text),
            [
                "Dr. Smith paid 4.90 € on Jan. 3.",
                "He left!",
                "Did he return?",
                "\"Yes.\"",
                "So wrote J. Doe, e.g. in vol. 2."
            ]
        );
    }

    #[test]
    fn headings_questions_lists_and_tables_give_their_pieces_a_place() {
        let text = "# Shop\n\nOpening hours\n\nMonday: 9–18\nSunday: closed\n\nHow do I return a lamp?\nSend it back.\n\nYou need:\n\
                    - the invoice\n- the box,\nunopened\n\nPlans and prices\nPlan | Price | Users\n--- | --- | ---\nBasic | 12 € | 3\nPro | 30 € | ";
        insta::assert_snapshot!(shown(text), @r"
        Sentence <Opening hours> Monday: 9–18
        Sentence <Opening hours> Sunday: closed
        Question <Opening hours How do I return a lamp?> How do I return a lamp?
        Sentence <Opening hours How do I return a lamp?> Send it back.
        Sentence <Opening hours How do I return a lamp?> You need:
        Item <Opening hours You need:> the invoice
        Item <Opening hours You need:> the box, unopened
        Row <Plans and prices> Plan: Basic, Price: 12 €, Users: 3
        Row <Plans and prices> Plan: Pro, Price: 30 €
        ");
    }

    #[test]
    fn wrapped_lines_are_one_sentence() {
        let text =
            "The warranty of all lamps that are sold in our shops lasts for two\nyears. Claims are sent to Lyon.";
        assert_eq!(units(text).len(), 2);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "([a-zA-Zé.?!|:\\-# \n«»\"0-9]|€){0,80}") {
            units(&text);
        }
    }
}
