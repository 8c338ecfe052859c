//! `{{1}}`, `{{2}}`, … in a text.

/// A piece of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    Words(&'a str),
    /// The gap's name as it stands between the braces.
    Gap(&'a str),
}

pub(super) fn pieces(mut text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    while let Some((before, rest)) = text.split_once("{{") {
        let Some((name, after)) = rest.split_once("}}") else { break };
        if !before.is_empty() {
            pieces.push(Piece::Words(before));
        }
        pieces.push(Piece::Gap(name.trim()));
        text = after;
    }
    if !text.is_empty() {
        pieces.push(Piece::Words(text));
    }
    pieces
}

/// How many gaps there are to fill: the highest number of those that count from one, each used at least once.
///
/// # Errors
/// What is wrong with their numbers.
pub(super) fn count(text: &str) -> Result<usize, String> {
    let mut seen = Vec::new();
    for piece in pieces(text) {
        let Piece::Gap(name) = piece else { continue };
        let number: Option<usize> = name.parse().ok().filter(|n| (1..=99).contains(n));
        seen.push(number.ok_or_else(|| format!("{{{{{name}}}}} is no number from 1"))?);
    }
    let highest = seen.iter().max().copied().unwrap_or(0);
    match (1..=highest).find(|n| !seen.contains(n)) {
        Some(missing) => Err(format!("{{{{{missing}}}}} is missing: parameters are numbered without gaps")),
        None => Ok(highest),
    }
}

/// The text with its gaps filled; those without a value stay.
pub(super) fn filled(text: &str, values: &[String]) -> String {
    let value = |name: &str| name.parse::<usize>().ok()?.checked_sub(1).and_then(|n| values.get(n));
    pieces(text)
        .into_iter()
        .map(|piece| match piece {
            Piece::Words(words) => words.to_owned(),
            Piece::Gap(name) => value(name).cloned().unwrap_or_else(|| format!("{{{{{name}}}}}")),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    // req: S3-TPL-1
    #[test]
    fn gaps_count_from_one_without_holes() {
        assert_eq!(count("Hi {{1}}, {{ 2 }} and {{1}} again"), Ok(2));
        assert_eq!(count("nothing {{ open"), Ok(0));
        for (wrong, named) in [("{{2}} only", "{{1}}"), ("{{1}} {{3}}", "{{2}}"), ("{{name}}", "name"), ("{{0}}", "0")]
        {
            assert!(count(wrong).unwrap_err().contains(named), "{wrong}");
        }
    }

    // req: S3-TPL-1
    #[test]
    fn values_stand_where_their_gaps_stood() {
        let values = ["Ada {{2}}".to_owned(), "tea".to_owned()];
        assert_eq!(filled("{{1}} wants {{2}}, {{3}}", &values), "Ada {{2}} wants tea, {{3}}", "values are not filled");
    }
}
