//! CSV: one table, its delimiter guessed, its first row the header.

use super::{Cause, ExtractLimits, Format, Sniff, encoding, tidy, unpaged};
use crate::document::{Block, Extraction};

pub const FORMAT: Format = Format {
    name: "CSV",
    extensions: &["csv", "tsv"],
    media_types: &["text/csv", "text/tab-separated-values"],
    sniff: Sniff::ByNameOnly,
    extract,
};

/// How many lines are looked at to guess the delimiter.
const SAMPLE_LINES: usize = 20;

fn extract(bytes: &[u8], _: &ExtractLimits) -> Result<Extraction, Cause> {
    let text = encoding::decode(bytes, None);
    // Excel writes the delimiter on a line of its own.
    let (said, text) = match text.strip_prefix("sep=") {
        Some(rest) => {
            (rest.bytes().next().filter(u8::is_ascii), rest.split_once('\n').map_or("", |(_, body)| body).to_owned())
        }
        None => (None, text),
    };
    let delimiter = said.unwrap_or_else(|| sniff_delimiter(&text));
    let mut rows = Vec::new();
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).has_headers(false).from_reader(text.as_bytes());
    for record in reader.records() {
        // The reader only fails on bytes that are not UTF-8, which cannot be here.
        let Ok(record) = record else { continue };
        let mut row: Vec<String> = record.iter().map(tidy::line).collect();
        while row.last().is_some_and(String::is_empty) {
            row.pop();
        }
        if !row.is_empty() {
            rows.push(row);
        }
    }
    if rows.is_empty() {
        return Err(Cause::empty());
    }
    let header = if rows.len() > 1 { rows.remove(0) } else { Vec::new() };
    Ok(unpaged(None, vec![Block::Table { caption: None, header, rows }]))
}

/// The delimiter that cuts the most sample lines into the same number of cells, outside quotes.
fn sniff_delimiter(text: &str) -> u8 {
    let lines: Vec<&str> = text.lines().filter(|l| !l.trim().is_empty()).take(SAMPLE_LINES).collect();
    let score = |delimiter: u8| {
        let counts: Vec<usize> = lines.iter().map(|line| count_outside_quotes(line, delimiter)).collect();
        let first = counts.first().copied().unwrap_or(0);
        let agreeing = counts.iter().filter(|c| **c == first && first > 0).count();
        (agreeing, first)
    };
    // The first of equals wins; decimal commas make `,` the weakest guess beside `;` and tab.
    [b';', b'\t', b','].into_iter().rev().max_by_key(|d| score(*d)).unwrap_or(b',')
}

fn count_outside_quotes(line: &str, delimiter: u8) -> usize {
    let mut quoted = false;
    line.bytes()
        .filter(|b| {
            quoted ^= *b == b'"';
            !quoted && *b == delimiter
        })
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(bytes: &[u8]) -> (Vec<String>, Vec<Vec<String>>) {
        match extract(bytes, &ExtractLimits::default()).unwrap().pages.remove(0).blocks.remove(0) {
            Block::Table { header, rows, .. } => (header, rows),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn delimiters_are_guessed() {
        for text in
            ["room;price\nA;1,50\nB;2,75\n", "room\tprice\nA\t1,50\nB\t2,75\n", "room,price\nA,\"1,50\"\nB,\"2,75\"\n"]
        {
            let (header, rows) = table(text.as_bytes());
            assert_eq!(header, ["room", "price"], "{text}");
            assert_eq!(rows, [["A", "1,50"], ["B", "2,75"]], "{text}");
        }
        assert_eq!(table(b"sep=|\na|b\n1|2\n").1, [["1", "2"]]);
    }

    #[test]
    fn ragged_rows_quotes_and_old_encodings_are_tolerated() {
        let (header, rows) =
            table(b"nom,pr\xE9nom,note\n\"Dupont\nfils\",Jos\xE9\nA,B,\"said \"\"hi\"\"\",extra\n,,\n");
        assert_eq!(header, ["nom", "prénom", "note"]);
        assert_eq!(rows[0], ["Dupont fils", "José"]);
        assert_eq!(rows[1], ["A", "B", "said \"hi\"", "extra"]);
        assert_eq!(rows.len(), 2);
    }

    #[test]
    fn a_single_row_is_not_a_header() {
        assert_eq!(table(b"only,one\n"), (vec![], vec![vec!["only".into(), "one".into()]]));
    }
}
