//! `robots.txt` (RFC 9309): what a site lets us read.

/// How we are called there.
const NAME: &str = "colloquy";

/// The rules that hold for us: (allowed, pattern).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Robots(Vec<(bool, String)>);

impl Robots {
    /// The rules of the groups that name us, or else of those that name everybody.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let (mut ours, mut everybodys) = (None, Vec::new());
        let (mut names, mut in_rules): (Vec<String>, bool) = (Vec::new(), false);
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default();
            let Some((key, value)) = line.split_once(':') else { continue };
            let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
            match key.as_str() {
                "user-agent" => {
                    if std::mem::take(&mut in_rules) {
                        names.clear();
                    }
                    let name = value.to_ascii_lowercase();
                    // A group without rules that names us allows us everything.
                    if name == NAME {
                        ours.get_or_insert_with(Vec::new);
                    }
                    names.push(name);
                }
                "allow" | "disallow" => {
                    in_rules = true;
                    if value.is_empty() {
                        continue;
                    }
                    let rule = (key == "allow", value.to_owned());
                    if names.iter().any(|n| n == NAME) {
                        ours.get_or_insert_with(Vec::new).push(rule);
                    } else if names.iter().any(|n| n == "*") {
                        everybodys.push(rule);
                    }
                }
                _ => {}
            }
        }
        Self(ours.unwrap_or(everybodys))
    }

    /// Whether a path (with its query) may be read: the longest rule that fits decides, of equals the kind one.
    #[must_use]
    pub fn allows(&self, path: &str) -> bool {
        let fitting = self.0.iter().filter(|(_, pattern)| fits(pattern, path));
        fitting.max_by_key(|(allowed, pattern)| (pattern.len(), *allowed)).is_none_or(|(allowed, _)| *allowed)
    }
}

/// `*` stands for anything, `$` for the end.
fn fits(pattern: &str, path: &str) -> bool {
    let (pattern, to_the_end) = pattern.strip_suffix('$').map_or((pattern, false), |p| (p, true));
    let mut pieces = pattern.split('*');
    let Some(mut rest) = pieces.next().and_then(|first| path.strip_prefix(first)) else { return false };
    let pieces: Vec<&str> = pieces.collect();
    let Some((last, inner)) = pieces.split_last() else { return !to_the_end || rest.is_empty() };
    for piece in inner {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    if to_the_end { rest.ends_with(last) } else { rest.contains(last) }
}

#[cfg(test)]
mod tests {
    use super::*;

    // req: S1-DOC-1
    #[test]
    fn the_longest_rule_that_fits_decides() {
        let robots = Robots::parse(
            "# hello\nUser-agent: *\nDisallow: /private\nAllow: /private/open\nDisallow: /*.pdf$\nDisallow: /search?q=\n\n\
             User-agent: other\nDisallow: /\n",
        );
        for (path, want) in [
            ("/", true),
            ("/private", false),
            ("/private/x", false),
            ("/private/open/x", true),
            ("/a/b.pdf", false),
            ("/a/b.pdf?x", true),
            ("/search?q=1", false),
            ("/search", true),
        ] {
            assert_eq!(robots.allows(path), want, "{path}");
        }
    }

    #[test]
    fn a_group_of_our_own_replaces_everybodys() {
        let text = "User-agent: *\nDisallow: /\nUser-agent: Colloquy\nUser-agent: x\nDisallow: /a\n";
        let robots = Robots::parse(text);
        assert!(robots.allows("/b") && !robots.allows("/a"));
        assert!(Robots::parse("User-agent: *\nDisallow: /\nUser-agent: colloquy\nDisallow:\n").allows("/"));
        assert!(Robots::parse("<html>not found</html>").allows("/"));
        assert!(!Robots::parse("user-agent: *\ndisallow: /").allows("/x"));
    }
}
