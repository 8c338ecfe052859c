//! Citation marks in a reply: `[3]`, `[2, 5]`.

/// A text with its marks renumbered.
pub(super) struct Marked {
    pub text: String,
    /// Places of the cited passages, in the order in which the text cites them first.
    pub cited: Vec<usize>,
    /// Numbers that named no passage.
    pub dropped: u32,
}

/// Renumbers the marks in the order of the text and drops what names none of the `known` passages. Leaves links
/// (`[1](…)`) and other brackets alone.
pub(super) fn renumber(text: &str, known: usize) -> Marked {
    let mut out = Marked { text: String::with_capacity(text.len()), cited: Vec::new(), dropped: 0 };
    let mut rest = text;
    while let Some((before, mark, after)) = next(rest) {
        out.text.push_str(before);
        rest = after;
        let Mark::Numbers(numbers) = mark else {
            out.text.push_str(mark.text());
            continue;
        };
        let mut any = false;
        for n in numbers {
            if !(1..=known).contains(&n) {
                out.dropped += 1;
                continue;
            }
            let place = out.cited.iter().position(|&m| m == n - 1).unwrap_or_else(|| {
                out.cited.push(n - 1);
                out.cited.len() - 1
            });
            out.text.push_str(&format!("[{}]", place + 1));
            any = true;
        }
        if !any && out.text.ends_with(' ') {
            out.text.pop();
        }
    }
    out.text.push_str(rest);
    out
}

/// The text without its marks, and the numbers in them.
pub(super) fn stripped(text: &str) -> (String, Vec<usize>) {
    let (mut out, mut found, mut rest) = (String::new(), Vec::new(), text);
    while let Some((before, mark, after)) = next(rest) {
        out.push_str(before);
        rest = after;
        match mark {
            Mark::Numbers(numbers) => found.extend(numbers),
            Mark::Other(text) => out.push_str(text),
        }
    }
    out.push_str(rest);
    (out, found)
}

enum Mark<'a> {
    Numbers(Vec<usize>),
    /// Brackets that are something else, as written.
    Other(&'a str),
}

impl<'a> Mark<'a> {
    const fn text(&self) -> &'a str {
        match self {
            Self::Numbers(_) => "",
            Self::Other(text) => text,
        }
    }
}

/// What stands before the next pair of brackets, the brackets, and what stands behind.
fn next(text: &str) -> Option<(&str, Mark<'_>, &str)> {
    let (before, from) = text.split_at(text.find('[')?);
    let len = from.find(']')?;
    let (inside, after) = (&from[1..len], &from[len + 1..]);
    let mark = match numbers(inside) {
        Some(numbers) if !after.starts_with('(') => Mark::Numbers(numbers),
        _ => Mark::Other(&from[..=len]),
    };
    Some((before, mark, after))
}

fn numbers(inside: &str) -> Option<Vec<usize>> {
    let marks: Option<Vec<usize>> = inside.split([',', ';']).map(|n| n.trim().parse().ok()).collect();
    marks.filter(|m| !m.is_empty() && inside.len() <= 24)
}
