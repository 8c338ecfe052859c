//! Patterns of `LIKE … ESCAPE '!'`.

fn escaped(text: &str) -> String {
    let escape = |c| if matches!(c, '%' | '_' | '!') { vec!['!', c] } else { vec![c] };
    text.chars().flat_map(escape).collect()
}

/// The longest term that is kept of a name or an address.
const LONGEST: usize = 40;

/// How terms begin that hold this. A telephone number is found by its digits.
pub(super) fn beginning(text: &str) -> String {
    let text = text.trim();
    let is_number = text.chars().any(|c| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | ' ' | '-' | '.' | '(' | ')'));
    text.chars().filter(|c| !is_number || c.is_ascii_digit()).take(LONGEST).collect()
}

/// JSON lists of texts that hold this one.
pub(super) fn tagged(tag: &str) -> String {
    let json = serde_json::Value::from(tag).to_string();
    format!("%{}%", escaped(&json))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_looked_for_is_taken_literally() {
        assert_eq!(beginning(" 50%_Off! "), "50%_Off!");
        assert_eq!(beginning("+1 (555) 000-1"), "15550001");
        assert_eq!(beginning(&"é".repeat(50)).chars().count(), LONGEST);
        assert_eq!(tagged("vip"), "%\"vip\"%");
        assert_eq!(tagged("50%_off!"), "%\"50!%!_off!!\"%");
    }
}
