//! Damaged documents from whole ones, the same ones for the same number every time.

use std::io::{Cursor, Read, Write};
use zip::{CompressionMethod, ZipArchive, ZipWriter, write::SimpleFileOptions};

/// Bytes that mean something to one reader or another.
const TOKENS: [&[u8]; 34] = [
    b"<",
    b">",
    b"</",
    b"/>",
    b"&amp;",
    b"&#0;",
    b"&#x110000;",
    b"&lt;!ENTITY",
    b"<!DOCTYPE x [<!ENTITY a \"b\">]>",
    b"<![CDATA[",
    b"<w:p>",
    b"</w:p>",
    b"<w:tbl><w:tr><w:tc>",
    b"<a:p>",
    b"<text:p>",
    b"<row r=\"1048576\">",
    b" r=\"XFD1048576\"",
    b"number-columns-repeated=\"2147483647\"",
    b"obj",
    b"endobj",
    b"stream",
    b"/Kids [1 0 R]",
    b"/Count 99999999",
    b"/Length 4294967296",
    b"startxref",
    b"<< /Type /Page >>",
    b"[[[[[[[[",
    b"((((((((",
    b"\xFF\xFE",
    b"\xEF\xBB\xBF",
    b"\x00\x00\x00\x00",
    b"\"",
    b"\r\n\r\n--",
    b"|---|",
];
/// Numbers at the edge of what fits.
const EDGES: [u8; 6] = [0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF];

/// A stream of numbers from a seed (splitmix64).
pub struct Dice(u64);

impl Dice {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Below `bound`; 0 for 0.
    fn below(&mut self, bound: usize) -> usize {
        if bound == 0 { 0 } else { (self.next() % bound as u64) as usize }
    }
}

/// The damaged document with this number. What is packed in a ZIP is mostly damaged inside, so that the damage reaches the
/// readers behind the unpacking.
pub fn document(whole: &[u8], number: u64) -> Vec<u8> {
    let mut dice = Dice::new(number);
    if whole.starts_with(b"PK") && dice.below(5) > 0 {
        return inside_zip(whole, &mut dice).unwrap_or_else(|| bytes(whole, &mut dice));
    }
    bytes(whole, &mut dice)
}

fn inside_zip(whole: &[u8], dice: &mut Dice) -> Option<Vec<u8>> {
    let mut archive = ZipArchive::new(Cursor::new(whole)).ok()?;
    let mut parts = Vec::new();
    for index in 0..archive.len() {
        let mut part = archive.by_index(index).ok()?;
        let name = part.name().ok()?.into_owned();
        let mut content = Vec::new();
        part.read_to_end(&mut content).ok()?;
        parts.push((name, content));
    }
    // Mostly where the words are; now and then what says where they are.
    let telling = [
        "document.xml",
        "content.xml",
        "slide",
        "sheet",
        "sharedStrings",
        "xhtml",
        "workbook",
        "presentation",
        "rels",
        ".opf",
    ];
    let worth: Vec<usize> = (0..parts.len()).filter(|i| telling.iter().any(|t| parts[*i].0.contains(t))).collect();
    let at =
        if worth.is_empty() || dice.below(8) == 0 { dice.below(parts.len()) } else { worth[dice.below(worth.len())] };
    match dice.below(20) {
        0 => {
            parts.remove(at);
        }
        1 => {
            let other = dice.below(parts.len());
            parts[at].1 = parts[other].1.clone();
        }
        _ => parts[at].1 = bytes(&parts[at].1, dice),
    }
    let mut out = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, content) in &parts {
        out.start_file(name.as_str(), stored).ok()?;
        out.write_all(content).ok()?;
    }
    out.finish().ok().map(Cursor::into_inner)
}

/// One to eight changes.
fn bytes(whole: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut out = whole.to_vec();
    for _ in 0..=dice.below(8) {
        change(&mut out, dice);
    }
    out
}

fn change(out: &mut Vec<u8>, dice: &mut Dice) {
    let at = dice.below(out.len());
    let length = 1 + dice.below(64.min(out.len()));
    let end = (at + length).min(out.len());
    match dice.below(10) {
        0 if !out.is_empty() => out[at] ^= 1 << dice.below(8),
        1 if !out.is_empty() => out[at] = EDGES[dice.below(EDGES.len())],
        2 => drop(out.drain(at..end)),
        3 => {
            let copied = out[at..end].to_vec();
            let to = dice.below(out.len());
            out.splice(to..to, copied);
        }
        // The same over and over: what recurses or allocates by it is found so.
        4 => {
            let copied = out[at..end].repeat(1 + dice.below(200));
            out.splice(at..at, copied);
        }
        5 | 6 => {
            let token = TOKENS[dice.below(TOKENS.len())];
            out.splice(at..at, token.iter().copied());
        }
        7 => digits(out, at, dice),
        8 => (at..end).for_each(|i| out[i] = (dice.next() & 0xFF) as u8),
        _ => {
            if dice.below(4) == 0 {
                out.truncate(at);
            } else {
                let token = TOKENS[dice.below(TOKENS.len())].repeat(1 + dice.below(2_000));
                out.splice(at..at, token);
            }
        }
    }
}

/// Another number in place of one: lengths, offsets, counts.
fn digits(out: &mut [u8], from: usize, dice: &mut Dice) {
    let Some(at) = out[from..].iter().position(u8::is_ascii_digit).map(|i| from + i) else { return };
    for byte in out[at..].iter_mut().take_while(|b| b.is_ascii_digit()) {
        *byte = b"0189"[dice.below(4)];
    }
}
