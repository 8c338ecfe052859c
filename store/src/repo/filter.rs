//! Patterns of `LIKE … ESCAPE '!'`.

fn escaped(text: &str) -> String {
    let escape = |c| if matches!(c, '%' | '_' | '!') { vec!['!', c] } else { vec![c] };
    text.chars().flat_map(escape).collect()
}

/// Texts that hold this one, whatever its case. A telephone number is found by its digits.
pub(super) fn piece(text: &str) -> String {
    let text = text.trim().to_lowercase();
    let is_number = text.chars().any(|c| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | ' ' | '-' | '.' | '(' | ')'));
    if is_number {
        return format!("%{}%", text.chars().filter(char::is_ascii_digit).collect::<String>());
    }
    format!("%{}%", escaped(&text))
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
        assert_eq!(piece("50%_Off!"), "%50!%!_off!!%");
        assert_eq!(piece("+1 (555) 000-1"), "%15550001%");
        assert_eq!(tagged("vip"), "%\"vip\"%");
    }
}
