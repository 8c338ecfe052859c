use unicode_normalization::UnicodeNormalization;

/// Characters of a slug.
const LONGEST: usize = 40;

/// A name as a part of addresses: `Hôtel du Lac` becomes `hotel-du-lac`. Empty if nothing of it can stand there.
pub fn slug_of(name: &str) -> String {
    let plain = name.nfkd().filter(char::is_ascii).collect::<String>().to_ascii_lowercase();
    let words = plain.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty());
    let mut slug = words.collect::<Vec<_>>().join("-");
    slug.truncate(LONGEST);
    slug.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_parts_of_addresses() {
        assert_eq!(slug_of("Hôtel du Lac"), "hotel-du-lac");
        assert_eq!(slug_of("  Demo HVAC, Inc. "), "demo-hvac-inc");
        assert_eq!(slug_of("日本"), "");
        assert!(slug_of(&"long name ".repeat(20)).len() <= LONGEST);
    }
}
