//! `calculate`: sums of numbers.

use super::super::{Answer, Args, Refused, Rows};

/// How deep parentheses and signs may be nested.
const DEPTH: u32 = 64;

pub fn calculate(_: &mut Rows, args: Args<'_>) -> Result<Answer, Refused> {
    let value = value(args.text("expression")).filter(|v| v.is_finite());
    let value = value.ok_or_else(|| Refused::because("this is no sum that can be worked out"))?;
    Ok(Answer::of(((value * 100.0).round() / 100.0 + 0.0).to_string()))
}

fn value(text: &str) -> Option<f64> {
    let mut reader = Reader { rest: text.trim_start() };
    let value = reader.sum(DEPTH)?;
    reader.rest.is_empty().then_some(value)
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn take(&mut self, wanted: char) -> bool {
        let Some(rest) = self.rest.strip_prefix(wanted) else { return false };
        self.rest = rest.trim_start();
        true
    }

    fn sum(&mut self, depth: u32) -> Option<f64> {
        let mut value = self.product(depth)?;
        loop {
            if self.take('+') {
                value += self.product(depth)?;
            } else if self.take('-') {
                value -= self.product(depth)?;
            } else {
                return Some(value);
            }
        }
    }

    fn product(&mut self, depth: u32) -> Option<f64> {
        let mut value = self.factor(depth)?;
        loop {
            if self.take('*') {
                value *= self.factor(depth)?;
            } else if self.take('/') {
                value /= self.factor(depth)?;
            } else {
                return Some(value);
            }
        }
    }

    fn factor(&mut self, depth: u32) -> Option<f64> {
        let depth = depth.checked_sub(1)?;
        if self.take('-') {
            return self.factor(depth).map(|v| -v);
        }
        if self.take('+') {
            return self.factor(depth);
        }
        if self.take('(') {
            let value = self.sum(depth)?;
            return self.take(')').then_some(value);
        }
        let end = self.rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(self.rest.len());
        let (number, rest) = self.rest.split_at(end);
        self.rest = rest.trim_start();
        number.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_worked_out_as_at_school() {
        for (text, wanted) in [
            ("200.8 + 96.35 + 193.38 + 231.37 + 196.53", 918.43),
            ("155.33 - 147.05 + 268.77 - 235.13", 41.92),
            ("2 * (3 + 4) / -7", -2.0),
            ("1 - -1", 2.0),
            ("10", 10.0),
        ] {
            assert!((value(text).unwrap_or(f64::NAN) - wanted).abs() < 1e-9, "{text}");
        }
        let deep = "(".repeat(100_000);
        for wrong in ["", "1 +", "(1", "1)", "1 2", "2 ** 3", "__import__('os')", "1.2.3", deep.as_str()] {
            assert_eq!(value(wrong), None, "{wrong:.20}");
        }
    }
}
