//! From bytes of an unsaid encoding to text; never fails.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// How many bytes are looked at to guess UTF-16 without a byte order mark.
const SAMPLE: usize = 4096;

/// Decodes by byte order mark, else as UTF-8 where valid, else by the `declared` label, else as UTF-16 where every
/// second byte is zero, else as Windows-1252 (which Latin-1 texts are in practice).
#[must_use]
pub fn decode(bytes: &[u8], declared: Option<&str>) -> String {
    if let Some((encoding, bom)) = Encoding::for_bom(bytes) {
        return with(encoding, &bytes[bom..]);
    }
    if let Some(encoding) = utf16_without_mark(bytes) {
        return with(encoding, bytes);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.to_owned();
    }
    let declared = declared.and_then(|label| Encoding::for_label(label.as_bytes()));
    match declared {
        Some(encoding) if encoding != UTF_8 => with(encoding, bytes),
        // Says UTF-8 and nearly is: a few broken bytes must not turn every accent into two wrong letters.
        _ if mostly_utf8(bytes) => with(UTF_8, bytes),
        _ => with(WINDOWS_1252, bytes),
    }
}

/// Whether these bytes are text at all: no control characters once decoded, or hardly any.
#[must_use]
pub fn looks_like_text(bytes: &[u8]) -> bool {
    let sample = &bytes[..bytes.len().min(SAMPLE)];
    if sample.is_empty() {
        return false;
    }
    let marked = Encoding::for_bom(sample).is_some() || utf16_without_mark(sample).is_some();
    if !marked && sample.contains(&0) {
        return false;
    }
    let text = decode(sample, None);
    let odd = text.chars().filter(|c| (c.is_control() && !c.is_whitespace()) || *c == char::REPLACEMENT_CHARACTER);
    // A sample may end in the middle of a character.
    odd.count() <= 1 + text.chars().count() / 100
}

fn with(encoding: &'static Encoding, bytes: &[u8]) -> String {
    encoding.decode_without_bom_handling(bytes).0.into_owned()
}

fn utf16_without_mark(bytes: &[u8]) -> Option<&'static Encoding> {
    let sample = &bytes[..bytes.len().min(SAMPLE) & !1];
    if sample.len() < 8 {
        return None;
    }
    let zeros = |offset: usize| sample.iter().skip(offset).step_by(2).filter(|b| **b == 0).count();
    let (even, odd, pairs) = (zeros(0), zeros(1), sample.len() / 2);
    match () {
        () if odd * 10 >= pairs * 7 && even * 20 <= pairs => Some(UTF_16LE),
        () if even * 10 >= pairs * 7 && odd * 20 <= pairs => Some(UTF_16BE),
        () => None,
    }
}

fn mostly_utf8(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let (mut good, mut bad) = (0_usize, 0_usize);
    for c in text.chars().filter(|c| !c.is_ascii()) {
        if c == char::REPLACEMENT_CHARACTER {
            bad += 1;
        } else {
            good += 1;
        }
    }
    good > bad * 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_usual_encoding_of_a_french_sentence_is_read() {
        let text = "Le petit déjeuner est servi jusqu’à 10 h 30.";
        let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let utf16be: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let marked = [&[0xFE, 0xFF][..], &utf16be].concat();
        let cp1252 = WINDOWS_1252.encode(text).0.into_owned();
        let with_mark = [&[0xEF, 0xBB, 0xBF][..], text.as_bytes()].concat();
        for bytes in [text.as_bytes(), &utf16, &utf16be, &marked, &cp1252, &with_mark] {
            assert_eq!(decode(bytes, None), text);
            assert!(looks_like_text(bytes));
        }
    }

    #[test]
    fn a_broken_byte_in_utf8_spoils_one_character_only() {
        let mut bytes = "été à la plage, déjà vu, où ça ?".as_bytes().to_vec();
        bytes.extend([b' ', 0xFF, b' ', b'x']);
        assert!(decode(&bytes, None).starts_with("été à la plage"));
    }

    #[test]
    fn a_declared_charset_is_used_where_utf8_does_not_fit() {
        let (bytes, ..) = encoding_rs::ISO_8859_2.encode("Łódź");
        assert_eq!(decode(&bytes, Some("iso-8859-2")), "Łódź");
    }

    #[test]
    fn binary_is_not_text() {
        assert!(!looks_like_text(&[0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13]));
        assert!(!looks_like_text(&[]));
        assert!(!looks_like_text(&(0..255).collect::<Vec<u8>>()));
    }
}
