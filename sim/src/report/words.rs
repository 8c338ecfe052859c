//! Times and text as the reports write them.

use std::time::Duration;

/// Age of a world: `0:01.200`, `25:00:03.000`.
pub fn age(at: Duration) -> String {
    let (s, ms) = (at.as_secs(), at.subsec_millis());
    let (h, m, s) = (s / 3600, s / 60 % 60, s % 60);
    if h > 0 { format!("{h}:{m:02}:{s:02}.{ms:03}") } else { format!("{m}:{s:02}.{ms:03}") }
}

/// A length of time in its two largest units: `24 h 59 min`, `2 min 5 s`, `1.2 s`, `40 ms`.
pub fn length(of: Duration) -> String {
    let s = of.as_secs();
    let two = |large: u64, small: u64, (a, b): (&str, &str)| {
        if small == 0 { format!("{large} {a}") } else { format!("{large} {a} {small} {b}") }
    };
    match s {
        0 => format!("{} ms", of.as_millis()),
        1..60 => format!("{:.1} s", of.as_secs_f64()).replace(".0 s", " s"),
        60..3600 => two(s / 60, s % 60, ("min", "s")),
        _ => two(s / 3600, s / 60 % 60, ("h", "min")),
    }
}

/// Without what XML and HTML cannot hold even when it is escaped.
pub fn clean(text: &str) -> String {
    let holds = |c: char| (!c.is_control() || matches!(c, '\n' | '\t')) && !matches!(c, '\u{fffe}' | '\u{ffff}');
    text.chars().map(|c| if holds(c) { c } else { '\u{fffd}' }).collect()
}

/// Text as HTML takes it, in elements and in quoted attributes.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in clean(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// Letters and digits only: replies are written with other marks on each channel, and quoted in commits.
pub fn letters(text: &str) -> String {
    let (mut out, mut quoted) = (String::new(), false);
    for c in text.chars() {
        let after_mark = quoted;
        quoted = c == '\\' && !after_mark;
        if c.is_alphanumeric() && !after_mark {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        let ages = [1_200, 65_000, 90_003_000].map(|ms| age(Duration::from_millis(ms)));
        assert_eq!(ages, ["0:01.200", "1:05.000", "25:00:03.000"]);
        let lengths = [40, 1_000, 1_240, 125_000, 3_600_000, 89_940_000].map(|ms| length(Duration::from_millis(ms)));
        assert_eq!(lengths, ["40 ms", "1 s", "1.2 s", "2 min 5 s", "1 h", "24 h 59 min"]);
    }

    #[test]
    fn nothing_gets_out_of_its_element() {
        assert_eq!(escaped("<b a='\"'>&\u{0}\n"), "&lt;b a=&#39;&quot;&#39;&gt;&amp;\u{fffd}\n");
        assert_eq!(letters("says \"a\\nb c-1\""), "saysabc1");
    }
}
