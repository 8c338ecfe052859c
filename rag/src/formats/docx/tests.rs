use super::*;
use crate::{
    document::ExtractStatus,
    formats::{outline, package::testing::package},
};
use docx_rs as word;
use std::io::Cursor;

fn paragraph(text: &str) -> word::Paragraph {
    word::Paragraph::new().add_run(word::Run::new().add_text(text))
}

fn row(cells: &[&str]) -> word::TableRow {
    word::TableRow::new(cells.iter().map(|c| word::TableCell::new().add_paragraph(paragraph(c))).collect())
}

/// As Word in French writes it: styles called `Titre1`, a numbered list, a table with its caption, a correction.
fn document() -> Vec<u8> {
    let item = |text| paragraph(text).numbering(word::NumberingId::new(2), word::IndentLevel::new(0));
    let corrected = word::Paragraph::new()
        .add_run(word::Run::new().add_text("Le parking coûte "))
        .add_delete(word::Delete::new().add_run(word::Run::new().add_delete_text("10")))
        .add_insert(word::Insert::new(word::Run::new().add_text("12")))
        .add_run(word::Run::new().add_text(" € par jour."));
    let mut out = Cursor::new(Vec::new());
    word::Docx::new()
        .add_style(word::Style::new("Titre1", word::StyleType::Paragraph).name("heading 1"))
        .add_style(word::Style::new("Titre2", word::StyleType::Paragraph).name("heading 2"))
        .add_style(word::Style::new("Lgende", word::StyleType::Paragraph).name("caption"))
        .add_abstract_numbering(word::AbstractNumbering::new(2).add_level(word::Level::new(
            0,
            word::Start::new(1),
            word::NumberFormat::new("bullet"),
            word::LevelText::new("•"),
            word::LevelJc::new("left"),
        )))
        .add_numbering(word::Numbering::new(2, 2))
        .add_paragraph(paragraph("Guide de l'hôtel").style("Titre1"))
        .add_paragraph(paragraph("Bienvenue à la Villa des Pins."))
        .add_paragraph(paragraph("Chambres").style("Titre2"))
        .add_paragraph(paragraph("Chaque chambre a :"))
        .add_paragraph(item("un balcon"))
        .add_paragraph(item("une cafetière"))
        .add_paragraph(paragraph("Tableau 1 : tarifs").style("Lgende"))
        .add_table(word::Table::new(vec![row(&["Chambre", "Prix"]), row(&["Jardin", "95 €"]), row(&["Mer", "130 €"])]))
        .add_paragraph(corrected)
        .build()
        .pack(&mut out)
        .unwrap();
    out.into_inner()
}

/// The package with a part changed or added.
fn changed(bytes: &[u8], part: &str, content: &[u8]) -> Vec<u8> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let names: Vec<String> = archive.file_names().map(|n| n.unwrap().into_owned()).collect();
    let mut parts: Vec<(String, Vec<u8>)> = Vec::new();
    for name in names.into_iter().filter(|n| n != part) {
        let mut content = Vec::new();
        std::io::copy(&mut archive.by_name(&name).unwrap(), &mut content).unwrap();
        parts.push((name, content));
    }
    parts.push((part.to_owned(), content.to_vec()));
    package(&parts.iter().map(|(n, c)| (n.as_str(), c.as_slice())).collect::<Vec<_>>())
}

fn read(bytes: &[u8]) -> Extraction {
    let read = crate::formats::extract(std::path::Path::new("a.docx"), bytes, &ExtractLimits::default());
    assert_eq!(read.status, ExtractStatus::Ok, "{:?}", read.cause);
    read
}

// req: S1-FILE-1
#[test]
fn structure_survives_in_both_readings() {
    let bytes = document();
    let modelled = read(&bytes);
    insta::assert_snapshot!(outline(&modelled), @r"
    h1 Guide de l'hôtel
    p Bienvenue à la Villa des Pins.
    h2 Chambres
    p Chaque chambre a :
    li un balcon
    li une cafetière
    table Tableau 1 : tarifs [Chambre, Prix] [Jardin, 95 €] [Mer, 130 €]
    p Le parking coûte 12 € par jour.
    ");
    assert_eq!(modelled.title.as_deref(), Some("Guide de l'hôtel"));
    assert!(!modelled.paged);
    let package = Package::open(&bytes, WHAT, &ExtractLimits::default()).unwrap();
    let styles = Styles::read(&package.part("word/styles.xml").unwrap());
    let plain = xml::read(&package.part(MAIN).unwrap(), &styles);
    assert_eq!(plain.blocks, modelled.pages[0].blocks);
}

#[test]
fn footnotes_and_what_the_library_loses_are_read() {
    let notes = br#"<w:footnotes xmlns:w="w"><w:footnote w:type="separator" w:id="0"><w:p><w:r><w:t>----</w:t></w:r></w:p></w:footnote>
        <w:footnote w:id="2"><w:p><w:r><w:t>Taxe de s&#233;jour &amp; TVA comprises.</w:t></w:r></w:p></w:footnote></w:footnotes>"#;
    let read_with_notes = read(&changed(&document(), "word/footnotes.xml", notes));
    assert!(outline(&read_with_notes).ends_with("p Taxe de séjour & TVA comprises."), "{}", outline(&read_with_notes));
    let formula = br#"<w:document xmlns:w="w" xmlns:m="m"><w:body><w:p><m:oMath><m:r><m:t>E = mc squared, for all masses</m:t></m:r></m:oMath></w:p></w:body></w:document>"#;
    assert_eq!(read(&changed(&document(), "word/document.xml", formula)).text(), "E = mc squared, for all masses");
}

#[test]
fn a_document_the_library_refuses_is_read_plainly() {
    let broken = br#"<w:document xmlns:w="w"><w:body><w:p><w:pPr><w:pStyle w:val="Titre1"/></w:pPr><w:r><w:t>Still</w:t></w:r></w:p><w:tbl><w:tr><w:tc><w:p><w:r><w:t>here"#;
    let text = read(&package(&[("word/document.xml", broken)])).text();
    assert_eq!(text, "Still\n\nhere");
}

#[test]
fn absurd_nesting_is_survived() {
    let deep = 20_000;
    let xml = format!(
        "<w:document xmlns:w=\"w\"><w:body>{}<w:p><w:r><w:t>bottom</w:t></w:r></w:p>{}</w:body></w:document>",
        "<w:tbl><w:tr><w:tc>".repeat(deep),
        "</w:tc></w:tr></w:tbl>".repeat(deep)
    );
    assert_eq!(read(&changed(&document(), "word/document.xml", xml.as_bytes())).text(), "bottom");
}

#[test]
fn bombs_passwords_and_damage_are_named() {
    let cause = |bytes: &[u8], limits: &ExtractLimits| extract(bytes, limits).expect_err("must be refused").code;
    let limits = ExtractLimits::default();
    let spaces = vec![b' '; 40 << 20];
    let bomb = package(&[("word/document.xml", &spaces)]);
    assert!(bomb.len() < 1 << 20);
    assert_eq!(cause(&bomb, &limits), Cause::ZIP_BOMB);
    let small = ExtractLimits { unpacked_bytes: 100, ..ExtractLimits::default() };
    assert_eq!(cause(&document(), &small), Cause::ZIP_BOMB);
    // A directory that lies about the size.
    let mut lying = bomb;
    let size = u32::try_from(spaces.len()).unwrap().to_le_bytes();
    let places: Vec<usize> = lying.windows(4).enumerate().filter(|(_, w)| *w == size).map(|(i, _)| i).collect();
    assert!(!places.is_empty());
    places.iter().for_each(|at| lying[*at..at + 4].copy_from_slice(&100_u32.to_le_bytes()));
    let tight = ExtractLimits { unpacked_bytes: 1 << 20, ..ExtractLimits::default() };
    match extract(&lying, &tight) {
        Ok(read) => assert_eq!(read.text(), ""),
        Err(cause) => assert_eq!(cause.code, Cause::ZIP_BOMB),
    }
    let whole = document();
    assert_eq!(cause(&whole[..whole.len() / 2], &limits), Cause::DAMAGED);
    assert_eq!(cause(&package(&[("word/other.xml", b"<x/>")]), &limits), Cause::DAMAGED);
}
