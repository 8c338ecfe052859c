//! XLSX through `calamine`: the tables of every sheet under its name, cell by cell, so that a cell far away costs nothing.

use super::{
    Cause, ExtractLimits, Format, Sniff, grid,
    package::{self, Package},
    unpaged,
};
use crate::document::{Block, Extraction};
use calamine::{Data, DataRef, ExcelDateTime, Reader, SheetType, Xlsx, XlsxError};
use std::{collections::BTreeMap, io::Cursor};

pub const FORMAT: Format = Format {
    name: "XLSX",
    extensions: &["xlsx", "xlsm"],
    media_types: &["application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"],
    sniff: Sniff::Sure(|bytes| package::holds(bytes, "xl/workbook.xml")),
    extract,
};

/// What complaints call it.
const WHAT: &str = "spreadsheet";
/// More cells than this are not read: no sheet for people has them.
const MOST_CELLS: usize = 2_000_000;

fn extract(bytes: &[u8], limits: &ExtractLimits) -> Result<Extraction, Cause> {
    let package = Package::open(bytes, WHAT, limits)?;
    let packed = package.repacked().ok_or_else(|| Cause::damaged(WHAT))?;
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(packed)).map_err(|e| match e {
        XlsxError::Password => Cause::encrypted(),
        _ => Cause::damaged(WHAT),
    })?;
    let sheets = book.sheets_metadata().iter().filter(|s| s.typ == SheetType::WorkSheet);
    let names: Vec<String> = sheets.map(|s| s.name.clone()).collect();
    let mut blocks = Vec::new();
    let mut left = MOST_CELLS;
    for name in names {
        let rows = rows(&mut book, &name, &mut left);
        let found = grid::sheet(rows);
        if !found.is_empty() && !grid::is_usual_sheet_name(&name) {
            blocks.push(Block::Heading { level: 1, text: name });
        }
        blocks.extend(found);
    }
    Ok(unpaged(package.title(), blocks))
}

/// The rows that hold something, an empty one for each gap; a broken sheet gives what comes before the break.
fn rows(book: &mut Xlsx<Cursor<Vec<u8>>>, sheet: &str, left: &mut usize) -> Vec<Vec<String>> {
    let mut rows: BTreeMap<u32, BTreeMap<u32, String>> = BTreeMap::new();
    if let Ok(mut cells) = book.worksheet_cells_reader(sheet) {
        while let Ok(Some(cell)) = cells.next_cell() {
            let (row, column) = cell.get_position();
            let Some(text) = shown(cell.get_value()) else { continue };
            if *left == 0 {
                break;
            }
            *left -= 1;
            rows.entry(row).or_default().insert(column, text);
        }
    }
    laid_out(rows)
}

/// Rows of the same width per group of neighbours. Columns that no row uses are left out, so that one far away does not
/// make every row long.
fn laid_out(rows: BTreeMap<u32, BTreeMap<u32, String>>) -> Vec<Vec<String>> {
    let mut out: Vec<Vec<String>> = Vec::new();
    let mut group: Vec<BTreeMap<u32, String>> = Vec::new();
    let mut before = None;
    for (number, row) in rows {
        if before.is_some_and(|b: u32| number > b + 1) {
            close(&mut group, &mut out);
            out.push(Vec::new());
        }
        before = Some(number);
        group.push(row);
    }
    close(&mut group, &mut out);
    out
}

fn close(group: &mut Vec<BTreeMap<u32, String>>, out: &mut Vec<Vec<String>>) {
    let mut columns: Vec<u32> = group.iter().flat_map(|r| r.keys().copied()).collect();
    columns.sort_unstable();
    columns.dedup();
    let place = |row: &mut BTreeMap<u32, String>| columns.iter().map(|c| row.remove(c).unwrap_or_default()).collect();
    // A group of scattered cells would be nearly all holes: each row alone, then.
    let cells: usize = group.iter().map(BTreeMap::len).sum();
    if columns.len() * group.len() > 50 * cells + 1_000 {
        out.extend(group.drain(..).flat_map(|row| [row.into_values().collect(), Vec::new()]));
    } else {
        out.extend(group.drain(..).map(|mut row| place(&mut row)));
    }
}

/// A value as a person reads it; nothing for empty cells and errors.
fn shown(value: &DataRef<'_>) -> Option<String> {
    let text = match Data::from(value.clone()) {
        Data::Empty | Data::Error(_) => return None,
        Data::String(text) | Data::DateTimeIso(text) | Data::DurationIso(text) => text,
        Data::Int(number) => number.to_string(),
        Data::Float(number) => number_shown(number),
        Data::Bool(yes) => if yes { "yes" } else { "no" }.to_owned(),
        Data::DateTime(time) => time_shown(time),
    };
    Some(text).filter(|t| !t.trim().is_empty())
}

/// Without the last digits that binary fractions add: 0.1 + 0.2 is 0.3.
fn number_shown(number: f64) -> String {
    let short: f64 = format!("{number:.12e}").parse().unwrap_or(number);
    short.to_string()
}

fn time_shown(time: ExcelDateTime) -> String {
    if time.is_duration() {
        let minutes = (time.as_f64() * 24.0 * 60.0).round();
        return format!("{}:{:02}", (minutes / 60.0).trunc(), minutes % 60.0);
    }
    let (year, month, day, hour, minute, ..) = time.to_ymd_hms_milli();
    let clock = format!("{hour:02}:{minute:02}");
    match (time.as_f64() < 1.0, clock.as_str()) {
        (true, _) => clock,
        (false, "00:00") => format!("{year}-{month:02}-{day:02}"),
        (false, _) => format!("{year}-{month:02}-{day:02} {clock}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::{outline, package::testing::package};

    const BOOK: &str = r#"<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets>
        <sheet name="Tarifs" sheetId="1" r:id="rId1"/></sheets></workbook>"#;
    const PACKAGE: &str = r#"<Relationships><Relationship Id="rId1" Type="http://x/relationships/officeDocument"
        Target="xl/workbook.xml"/></Relationships>"#;
    const RELS: &str = r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1"
        Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"#;

    fn book(cells: &str) -> Vec<u8> {
        let sheet = format!(
            "<worksheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><sheetData>{cells}</sheetData></worksheet>"
        );
        package(&[
            ("_rels/.rels", PACKAGE),
            ("xl/workbook.xml", BOOK),
            ("xl/_rels/workbook.xml.rels", RELS),
            ("xl/worksheets/sheet1.xml", &sheet),
        ])
    }

    fn read(cells: &str) -> Extraction {
        crate::formats::extract(std::path::Path::new("a.xlsx"), &book(cells), &ExtractLimits::default())
    }

    #[test]
    fn a_sheet_is_a_table_under_its_name() {
        let read = read(
            r#"<row r="1"><c r="B1" t="inlineStr"><is><t>Chambre</t></is></c><c r="C1" t="inlineStr"><is><t>Euro</t></is></c></row>
            <row r="2"><c r="B2" t="inlineStr"><is><t>Mer</t></is></c><c r="C2"><v>130.29999999999998</v></c></row>
            <row r="3"><c r="B3" t="b"><v>1</v></c><c r="C3" t="e"><v>#REF!</v></c></row>
            <row r="9"><c r="A9" t="inlineStr"><is><t>Taxe comprise.</t></is></c></row>"#,
        );
        insta::assert_snapshot!(outline(&read), @r"
        h1 Tarifs
        table [Chambre, Euro] [Mer, 130.3] [yes, ]
        p Taxe comprise.
        ");
    }

    #[test]
    fn cells_at_the_far_end_cost_nothing() {
        let far: String =
            (1..2_000).map(|n| format!("<row r=\"{n}\"><c r=\"{}{n}\"><v>{n}</v></c></row>", column(n * 8))).collect();
        let read = read(&format!("{far}<row r=\"1048576\"><c r=\"XFD1048576\"><v>7</v></c></row>"));
        assert!(read.text().len() < 100_000, "{}", read.text().len());
        assert!(read.text().ends_with('7'));
    }

    /// `A`, `B`, … `AA`.
    fn column(mut n: u32) -> String {
        let mut name = Vec::new();
        while n > 0 {
            n -= 1;
            name.insert(0, b'A' + u8::try_from(n % 26).unwrap());
            n /= 26;
        }
        String::from_utf8(name).unwrap()
    }

    #[test]
    fn numbers_and_times_are_shown_as_people_write_them() {
        assert_eq!(number_shown(0.1 + 0.2), "0.3");
        assert_eq!(number_shown(1_000_000.0), "1000000");
        let at = |value, kind| time_shown(ExcelDateTime::new(value, kind, false));
        assert_eq!(at(46_353.0, calamine::ExcelDateTimeType::DateTime), "2026-11-27");
        assert_eq!(at(46_353.5, calamine::ExcelDateTimeType::DateTime), "2026-11-27 12:00");
        assert_eq!(at(0.75, calamine::ExcelDateTimeType::DateTime), "18:00");
        assert_eq!(at(1.5, calamine::ExcelDateTimeType::TimeDelta), "36:00");
    }
}
