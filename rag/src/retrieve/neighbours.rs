//! The words around the best passage: where a section was cut into several passages, what answers a question may stand
//! in the one before or after.

use super::fuse::Fused;
use crate::index::{Reader, Stored};
use colloquy_domain::failure::Failure;

/// Passages that bring their neighbours. More would mostly lengthen what a model has to read.
const WIDENED: usize = 1;
/// Characters between passages that follow one another: the break between two paragraphs.
const BREAK: u64 = 2;

/// Widens the best passages by the ones before and after that belong to the same section and page. Those keep their own
/// place if they were found themselves.
pub(super) fn widen(reader: &Reader<'_>, chosen: &mut [(Fused, Stored)]) -> Result<(), Failure> {
    let found: Vec<_> = chosen.iter().map(|(_, s)| (s.key(), s.ordinal)).collect();
    for (_, passage) in chosen.iter_mut().take(WIDENED) {
        let ordinals = [passage.ordinal.checked_sub(1), passage.ordinal.checked_add(1)];
        let wanted = ordinals.into_iter().flatten().filter(|n| !found.contains(&(passage.key(), *n)));
        let ids: Vec<_> = wanted.map(|n| passage.sibling(n)).collect();
        for (_, neighbour) in reader.look(&ids)? {
            join(passage, &neighbour);
        }
    }
    Ok(())
}

/// Adds the neighbour's words, if the two are one piece of text.
fn join(passage: &mut Stored, neighbour: &Stored) {
    let together = neighbour.live && neighbour.headings == passage.headings && neighbour.page == passage.page;
    if !together {
        return;
    }
    let joined = if neighbour.ordinal < passage.ordinal {
        joined(neighbour, passage).map(|text| (neighbour.offset, text))
    } else {
        joined(passage, neighbour).map(|text| (passage.offset, text))
    };
    if let Some((offset, text)) = joined {
        (passage.offset, passage.text) = (offset, text);
    }
}

/// `first` and `second` as one text; `None` when they do not follow one another (a piece of a table does not). What both
/// have is there once.
fn joined(first: &Stored, second: &Stored) -> Option<String> {
    let end = first.offset + first.text.chars().count() as u64;
    if second.offset < first.offset || second.offset > end + BREAK {
        return None;
    }
    if second.offset >= end {
        let between = if second.offset == end { "" } else { "\n\n" };
        // One character apart: a space.
        let between = if second.offset == end + 1 { " " } else { between };
        return Some(format!("{}{between}{}", first.text, second.text));
    }
    let both = usize::try_from(end - second.offset).ok()?;
    let rest: String = second.text.chars().skip(both).collect();
    let shared: String = second.text.chars().take(both).collect();
    first.text.ends_with(&shared).then(|| format!("{}{rest}", first.text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retrieve::dedupe::tests::found;

    fn piece(ordinal: u32, offset: u64, text: &str) -> Stored {
        Stored { ordinal, ..found(1, offset, text).1 }
    }

    #[test]
    fn neighbours_become_one_text_and_what_both_have_is_there_once() {
        let mut best = piece(1, 10, "klmnopqrst");
        join(&mut best, &piece(2, 16, "qrstuvw"));
        join(&mut best, &piece(0, 0, "abcdefghij"));
        assert_eq!((best.offset, best.text.as_str()), (0, "abcdefghijklmnopqrstuvw"));
        let mut best = piece(1, 10, "first");
        join(&mut best, &piece(2, 17, "second"));
        assert_eq!(best.text, "first\n\nsecond");
    }

    #[test]
    fn what_does_not_follow_or_stands_under_another_heading_stays_away() {
        let (elsewhere, later) = (
            Stored { headings: vec!["Other".into()], ..piece(2, 15, "second") },
            Stored { page: Some(2), ..piece(2, 15, "second") },
        );
        // A piece of a table repeats its header: its offset says nothing of its words.
        let table = piece(2, 12, "header | header");
        for other in [elsewhere, later, piece(2, 40, "far away"), table, Stored { live: false, ..piece(2, 15, "new") }]
        {
            let mut best = piece(1, 10, "first");
            join(&mut best, &other);
            assert_eq!((best.offset, best.text.as_str()), (10, "first"), "{other:?}");
        }
    }
}
