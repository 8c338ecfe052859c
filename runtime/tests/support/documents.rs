//! Documents to upload.

use docx_rs::{Docx, Paragraph, Run, Table, TableCell, TableRow};
use std::{
    fs,
    io::Cursor,
    path::{Path, PathBuf},
};

/// A file of the test documents of the extraction.
pub fn fixture_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../rag/tests/fixtures").join(name)
}

pub fn fixture(name: &str) -> Vec<u8> {
    fs::read(fixture_path(name)).unwrap()
}

pub const HANDBOOK_MD: &str = "# Staff handbook\n\n## Holidays\n\nEvery employee has twenty-seven days of paid leave a year. \
    Unused leave expires at the end of March of the following year.\n\n## Parking\n\nThe garage opens at six in the \
    morning. A monthly parking permit costs 45 euros.\n";

pub const BIKES_TXT: &str = "Bicycle rental\n\nA city bicycle costs nine euros a day. Helmets are lent free of charge. \
    The deposit is fifty euros and is returned when the bicycle comes back undamaged.\n";

pub const PRICES_CSV: &str = "Treatment,Duration,Price\nSwedish massage,50 minutes,85 euros\nHot stone massage,80 \
    minutes,120 euros\nFacial care,45 minutes,70 euros\n";

pub const RETURNS_HTML: &str = "<!doctype html><html lang=\"fr\"><head><title>Retours</title><script>var hidden = 1;\
    </script></head><body><nav>Accueil</nav><h1>Retours et remboursements</h1><p>Les articles peuvent être retournés \
    dans un délai de trente jours. Le remboursement est effectué sous dix jours ouvrés.</p></body></html>";

/// A Word document with a paragraph and a table.
pub fn warranty_docx() -> Vec<u8> {
    let paragraph = |text: &str| Paragraph::new().add_run(Run::new().add_text(text));
    let row = |cells: [&str; 2]| {
        TableRow::new(cells.map(|c| TableCell::new().add_paragraph(paragraph(c))).into_iter().collect())
    };
    let table = Table::new(vec![
        row(["Product", "Warranty"]),
        row(["Coffee machine", "36 months"]),
        row(["Kettle", "24 months"]),
    ]);
    let docx = Docx::new()
        .add_paragraph(paragraph("Warranty conditions").style("Heading1"))
        .add_paragraph(paragraph(
            "The warranty begins on the day of purchase. Keep the receipt: it proves the purchase.",
        ))
        .add_table(table);
    let mut bytes = Cursor::new(Vec::new());
    docx.build().pack(&mut bytes).unwrap();
    bytes.into_inner()
}

/// Markdown of about this many sections, each about a thing of its own.
pub fn large_markdown(sections: usize) -> String {
    let section = |n: usize| {
        format!(
            "## Article {n}\n\nThe item with the number K{n:05} weighs {} grammes and lies on shelf {}. It is counted \
             twice a year, and whatever is missing is ordered again from the usual supplier within a week.\n\n",
            100 + n,
            n % 97
        )
    };
    format!("# Stock list\n\n{}", (0..sections).map(section).collect::<String>())
}
