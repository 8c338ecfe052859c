//! Reads the strings and numbers out of JSON text. The core knows no JSON library, and needs no more of it than this: what
//! is malformed is one leaf, so that nothing in it goes unseen.

/// Each string (names within values are strings, too) and number, with the name of the argument that it belongs to.
pub(super) fn leaves(json: &str) -> Vec<(String, String)> {
    let mut reader = Reader { rest: json.chars().collect(), at: 0, found: Vec::new() };
    let whole = reader.value("", 0).is_some() && reader.peek().is_none();
    if whole { reader.found } else { vec![(String::new(), json.to_owned())] }
}

/// Deeper than any schema that people write; what is deeper counts as malformed.
const DEEPEST: usize = 64;

struct Reader {
    rest: Vec<char>,
    at: usize,
    found: Vec<(String, String)>,
}

impl Reader {
    /// The next character that is no white space.
    fn peek(&mut self) -> Option<char> {
        while self.rest.get(self.at).is_some_and(|c| c.is_whitespace()) {
            self.at += 1;
        }
        self.rest.get(self.at).copied()
    }

    fn eat(&mut self, wanted: char) -> Option<()> {
        (self.peek()? == wanted).then(|| self.at += 1)
    }

    fn value(&mut self, argument: &str, depth: usize) -> Option<()> {
        if depth > DEEPEST {
            return None;
        }
        match self.peek()? {
            '{' => self.object(argument, depth),
            '[' => self.list(argument, depth),
            '"' => {
                let text = self.string()?;
                self.found.push((argument.to_owned(), text));
                Some(())
            }
            _ => self.word(argument),
        }
    }

    fn object(&mut self, argument: &str, depth: usize) -> Option<()> {
        self.eat('{')?;
        if self.eat('}').is_some() {
            return Some(());
        }
        loop {
            self.peek()?;
            let name = self.string()?;
            self.eat(':')?;
            if depth == 0 {
                self.value(&name, 1)?;
            } else {
                self.found.push((argument.to_owned(), name));
                self.value(argument, depth + 1)?;
            }
            if self.eat(',').is_none() {
                return self.eat('}');
            }
        }
    }

    fn list(&mut self, argument: &str, depth: usize) -> Option<()> {
        self.eat('[')?;
        if self.eat(']').is_some() {
            return Some(());
        }
        loop {
            self.value(argument, depth + 1)?;
            if self.eat(',').is_none() {
                return self.eat(']');
            }
        }
    }

    /// A number, or one of the three words, which say nothing.
    fn word(&mut self, argument: &str) -> Option<()> {
        let is_part = |c: &&char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        let text: String = self.rest[self.at..].iter().take_while(is_part).collect();
        self.at += text.len();
        if text.parse::<f64>().is_ok() && text.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
            self.found.push((argument.to_owned(), text));
            return Some(());
        }
        matches!(text.as_str(), "true" | "false" | "null").then_some(())
    }

    fn string(&mut self) -> Option<String> {
        self.eat('"')?;
        let mut text = String::new();
        loop {
            let c = *self.rest.get(self.at)?;
            self.at += 1;
            match c {
                '"' => return Some(text),
                '\\' => text.push(self.escape()?),
                c => text.push(c),
            }
        }
    }

    fn escape(&mut self) -> Option<char> {
        let c = *self.rest.get(self.at)?;
        self.at += 1;
        Some(match c {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'b' | 'f' => ' ',
            '"' | '\\' | '/' => c,
            'u' => {
                let high = self.hex()?;
                if !(0xD800..0xDC00).contains(&high) {
                    return char::from_u32(high);
                }
                (self.eat('\\').is_some() && self.eat('u').is_some()).then_some(())?;
                let low = self.hex()?.checked_sub(0xDC00).filter(|low| *low < 0x400)?;
                char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + low)?
            }
            _ => return None,
        })
    }

    fn hex(&mut self) -> Option<u32> {
        let digits: String = self.rest.get(self.at..self.at + 4)?.iter().collect();
        self.at += 4;
        u32::from_str_radix(&digits, 16).ok()
    }
}
