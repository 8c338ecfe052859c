//! The alphabet of SMS (GSM 03.38), and how many messages a text is.

/// Characters that take one place. Of French's accents it knows é è ù à, not ê â î ô û ç.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§\
                     ¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// Characters that take two.
const EXTENDED: &str = "\u{c}^{}\\[~]|€";

/// How many septets the character takes; `None` if the alphabet does not know it.
pub(crate) fn septets(c: char) -> Option<usize> {
    if BASIC.contains(c) {
        Some(1)
    } else if EXTENDED.contains(c) {
        Some(2)
    } else {
        None
    }
}

pub(crate) fn is_gsm(text: &str) -> bool {
    text.chars().all(|c| septets(c).is_some())
}

/// With what typographers write in place of characters that the alphabet knows: one such sign would double the price.
pub(crate) fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '‘' | '’' | '‚' | '‛' | '′' | '`' => out.push('\''),
            '“' | '”' | '„' | '″' | '«' | '»' => out.push('"'),
            '‐' | '‑' | '–' | '—' | '−' | '•' | '·' => out.push('-'),
            '…' => out.push_str("..."),
            '\u{a0}' | '\u{202f}' | '\u{2009}' | '\t' => out.push(' '),
            '\u{200b}' | '\u{feff}' => {}
            c => out.push(c),
        }
    }
    out
}

/// How many messages the text is sent as. A message of several has fewer places in each, and a character of two places is
/// never cut.
pub(crate) fn segments(text: &str) -> usize {
    let gsm = is_gsm(text);
    let costs = text.chars().map(|c| if gsm { septets(c).unwrap_or(1) } else { c.len_utf16() });
    let costs: Vec<usize> = costs.collect();
    let (alone, each) = if gsm { (160, 153) } else { (70, 67) };
    if costs.iter().sum::<usize>() <= alone {
        return usize::from(!text.is_empty());
    }
    let (mut count, mut used) = (1, 0);
    for cost in costs {
        if used + cost > each {
            (count, used) = (count + 1, 0);
        }
        used += cost;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_counted_as_networks_do() {
        assert_eq!(BASIC.chars().count(), 127, "128 with the escape");
        for (text, count) in [
            (String::new(), 0),
            ("a".repeat(160), 1),
            ("a".repeat(161), 2),
            ("a".repeat(306), 2),
            ("a".repeat(307), 3),
            ("€".repeat(80), 1),
            ("€".repeat(81), 2),
            // 76 pairs fit into 153 septets; the odd one stays empty.
            ("€".repeat(153), 3),
            ("ê".repeat(70), 1),
            ("ê".repeat(71), 2),
            ("ê".repeat(134), 2),
            ("😀".repeat(35), 1),
            // 33 surrogate pairs fit into 67 units.
            ("😀".repeat(67), 3),
        ] {
            assert_eq!(segments(&text), count, "{} × {:?}", text.chars().count(), text.chars().next());
        }
    }

    #[test]
    fn typographers_signs_do_not_change_the_alphabet() {
        let text = folded("L’été, c’est « bien » – non…");
        assert_eq!(text, "L'été, c'est \" bien \" - non...");
        assert!(is_gsm(&text) && !is_gsm("fenêtre"));
    }
}
