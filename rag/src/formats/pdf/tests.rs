use super::*;
use crate::{document::ExtractStatus, formats::outline};

/// A PDF of these pages, each a list of (size, text) lines set in Helvetica from the top; Windows-1252 characters.
fn pdf(pages: &[&[(u32, &str)]]) -> Vec<u8> {
    let mut objects: Vec<Vec<u8>> = Vec::new();
    let kids: Vec<String> = (0..pages.len()).map(|i| format!("{} 0 R", 4 + 2 * i)).collect();
    objects.push(b"<< /Type /Catalog /Pages 2 0 R >>".to_vec());
    objects.push(format!("<< /Type /Pages /Kids [{}] /Count {} >>", kids.join(" "), pages.len()).into_bytes());
    objects.push(b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_vec());
    for (index, lines) in pages.iter().enumerate() {
        let page = format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {} 0 R /Resources << /Font << /F1 3 0 R >> >> >>",
            5 + 2 * index
        );
        objects.push(page.into_bytes());
        let mut content = Vec::new();
        let mut y = 800;
        for (size, text) in *lines {
            let escaped = text.replace('\\', "\\\\").replace('(', "\\(").replace(')', "\\)");
            content.extend(format!("BT /F1 {size} Tf 60 {y} Td (").into_bytes());
            content.extend(encoding_rs::WINDOWS_1252.encode(&escaped).0.iter());
            content.extend(b") Tj ET\n");
            y -= size + size / 3;
        }
        let mut stream = format!("<< /Length {} >>\nstream\n", content.len()).into_bytes();
        stream.extend(content);
        stream.extend(b"\nendstream");
        objects.push(stream);
    }
    let mut out = b"%PDF-1.4\n".to_vec();
    let mut offsets = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        offsets.push(out.len());
        out.extend(format!("{} 0 obj\n", index + 1).bytes());
        out.extend(object);
        out.extend(b"\nendobj\n");
    }
    let xref = out.len();
    out.extend(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).bytes());
    offsets.iter().for_each(|o| out.extend(format!("{o:010} 00000 n \n").bytes()));
    let end = format!("trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{xref}\n%%EOF\n", objects.len() + 1);
    out.extend(end.bytes());
    out
}

fn read(bytes: &[u8]) -> Extraction {
    extract(bytes, &ExtractLimits::default()).unwrap()
}

const BODY: &str = "The clinic opens at eight on every day of the week but Sunday, and the";

#[test]
fn headings_paragraphs_and_cut_words_are_put_together() {
    let bytes = pdf(&[
        &[
            (20, "Visiting hours"),
            (10, BODY),
            (10, "waiting room beside the entrance stays open until the last con-"),
            (10, "sultation of the day has ended, which may be late in the evening."),
        ],
        &[(10, "Le café (gratuit) se trouve à l'étage, près de l'escalier principal.")],
    ]);
    let read = read(&bytes);
    assert_eq!(read.status, ExtractStatus::Ok);
    insta::assert_snapshot!(outline(&read), @r"
    h1 Visiting hours
    p The clinic opens at eight on every day of the week but Sunday, and the waiting room beside the entrance stays open until the last consultation of the day has ended, which may be late in the evening.
    p Le café (gratuit) se trouve à l'étage, près de l'escalier principal.
    ");
    assert_eq!(read.title.as_deref(), Some("Visiting hours"));
    assert_eq!(read.pages.iter().map(|p| p.number).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn a_short_page_is_text_and_a_bare_one_is_not() {
    let read = read(&pdf(&[&[(12, "Hello")], &[], &[(10, BODY)]]));
    let statuses: Vec<PageStatus> = read.pages.iter().map(|p| p.status).collect();
    assert_eq!(statuses, [PageStatus::Ok, PageStatus::NoTextLayer, PageStatus::Ok]);
    assert_eq!(read.status, ExtractStatus::Partial);
    assert_eq!(
        read.cause.as_deref(),
        Some("extract.no_text_layer: 1 of 3 pages hold no text, only pictures or nothing: 2")
    );
}

#[test]
fn letters_set_apart_make_a_page_suspect() {
    let apart = "T h e   c l i n i c   o p e n s   a t   e i g h t   o n   e v e r y   d a y";
    let lines: Vec<Line> = vec![Line { text: apart.into(), ..Line::default() }];
    assert!(looks_broken(&RawPage { lines, ..RawPage::default() }));
    let french =
        "il y a à la fin de chaque été un menu à 25 € : on y va à pied, et personne ne doit se garer dans la rue";
    let lines = vec![Line { text: french.into(), ..Line::default() }];
    assert!(!looks_broken(&RawPage { lines, ..RawPage::default() }));
}

#[test]
fn cut_files_end_with_a_cause_or_with_the_pages_that_are_whole() {
    let whole = pdf(&[&[(10, BODY)], &[(10, BODY)]]);
    for length in (9..whole.len()).step_by(97) {
        if let Err(cause) = extract(&whole[..length], &ExtractLimits::default()) {
            assert!([Cause::DAMAGED, Cause::EMPTY].contains(&cause.code), "{cause}");
        }
    }
}

#[test]
fn too_many_pages_are_refused_before_they_are_read() {
    let limits = ExtractLimits { pages: 1, ..ExtractLimits::default() };
    let cause = extract(&pdf(&[&[(10, BODY)], &[(10, BODY)]]), &limits).unwrap_err();
    assert_eq!(cause.code, Cause::TOO_MANY_PAGES);
}

#[test]
fn the_second_reader_reads_pages_too() {
    let bytes = pdf(&[&[(10, BODY)], &[(10, "Second page, in other words.")]]);
    let mut second = secondary::Reader::new(bytes.into());
    assert_eq!(second.page_count().unwrap(), 2);
    let page = second.page(1).unwrap();
    assert!(page.lines.iter().any(|l| l.text.contains("in other words")));
    assert!(second.page(2).is_none());
}
