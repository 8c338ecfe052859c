//! From rows of cells to blocks: shared by the formats that have tables of their own.

use super::tidy;
use crate::document::Block;

/// A table with its first row as the header, or paragraphs for one that only frames text.
pub fn table(rows: Vec<Vec<String>>, caption: Option<String>) -> Vec<Block> {
    let mut rows: Vec<Vec<String>> = rows
        .into_iter()
        .map(|row| row.iter().map(|c| tidy::line(c)).collect::<Vec<_>>())
        .filter(|row| row.iter().any(|c| !c.is_empty()))
        .collect();
    if rows.iter().all(|row| row.len() < 2) {
        let texts = caption.into_iter().chain(rows.into_iter().flatten());
        return texts.map(|text| Block::Paragraph { text }).collect();
    }
    let header = if rows.len() > 1 { rows.remove(0) } else { Vec::new() };
    vec![Block::Table { caption, header, rows }]
}

/// The tables on one sheet: rows that hold something, with empty rows between tables. A row with a single cell above a
/// table is its caption.
pub fn sheet(rows: impl IntoIterator<Item = Vec<String>>) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut group: Vec<Vec<String>> = Vec::new();
    for row in rows.into_iter().chain([Vec::new()]) {
        let row: Vec<String> = row.iter().map(|c| tidy::line(c)).collect();
        if row.iter().any(|c| !c.is_empty()) {
            group.push(row);
        } else {
            blocks.extend(region(std::mem::take(&mut group)));
        }
    }
    blocks
}

/// `Sheet1`, `Feuil1` and the like say nothing.
pub fn is_usual_sheet_name(name: &str) -> bool {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit()).trim().to_lowercase();
    matches!(stem.as_str(), "sheet" | "feuil" | "feuille" | "tabelle" | "hoja" | "foglio" | "planilha" | "")
}

fn region(mut rows: Vec<Vec<String>>) -> Vec<Block> {
    let filled = |row: &Vec<String>| row.iter().filter(|c| !c.is_empty()).count();
    let wide = rows.iter().any(|r| filled(r) > 1);
    let mut lead = Vec::new();
    while wide && rows.first().is_some_and(|r| filled(r) == 1) {
        lead.extend(rows.remove(0).into_iter().find(|c| !c.is_empty()));
    }
    let caption = lead.pop();
    let mut blocks: Vec<Block> = lead.into_iter().map(|text| Block::Paragraph { text }).collect();
    blocks.extend(table(without_empty_columns(rows), caption));
    blocks
}

fn without_empty_columns(rows: Vec<Vec<String>>) -> Vec<Vec<String>> {
    let width = rows.iter().map(Vec::len).max().unwrap_or(0);
    let kept: Vec<usize> =
        (0..width).filter(|i| rows.iter().any(|r| r.get(*i).is_some_and(|c| !c.is_empty()))).collect();
    rows.into_iter().map(|r| kept.iter().map(|i| r.get(*i).cloned().unwrap_or_default()).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|c| (*c).to_owned()).collect()
    }

    #[test]
    fn a_sheet_is_parted_at_empty_rows_and_columns() {
        let rows = [
            row(&["", "Prices 2026"]),
            row(&["", "Room", "", "Euro"]),
            row(&["", "Blue", "", "90"]),
            row(&["", ""]),
            row(&["A note."]),
            row(&["Another."]),
        ];
        let table = Block::Table {
            caption: Some("Prices 2026".into()),
            header: row(&["Room", "Euro"]),
            rows: vec![row(&["Blue", "90"])],
        };
        let note = |text: &str| Block::Paragraph { text: text.into() };
        assert_eq!(sheet(rows), [table, note("A note."), note("Another.")]);
    }
}
