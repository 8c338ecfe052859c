//! Running headers, footers and page numbers: lines at the edge of most pages that differ only in their numbers.

use super::RawPage;
use std::collections::HashMap;

/// How many lines from the top and from the bottom may be furniture.
const EDGE: usize = 3;
/// Longer lines are content, in characters.
const MAX_LENGTH: usize = 120;
/// On how many pages a line must repeat before it is taken away.
const MIN_PAGES: usize = 3;

/// Takes them away. A line on fewer than two pages in five stays, and so does its first appearance when it holds no
/// number: that is often the document's title.
pub fn remove(pages: &mut [Option<RawPage>]) {
    let mut seen: HashMap<String, usize> = HashMap::new();
    for page in pages.iter().flatten() {
        let mut keys: Vec<String> = edges(page).into_iter().map(|i| key(&page.lines[i].text)).collect();
        keys.sort_unstable();
        keys.dedup();
        for key in keys {
            *seen.entry(key).or_default() += 1;
        }
    }
    let enough = MIN_PAGES.max((pages.iter().flatten().count() * 2).div_ceil(5));
    seen.retain(|_, count| *count >= enough);
    let mut shown = std::collections::HashSet::new();
    for page in pages.iter_mut().flatten() {
        for index in edges(page) {
            let key = key(&page.lines[index].text);
            if !seen.contains_key(&key) {
                continue;
            }
            let keep = !key.contains('#') && shown.insert(key);
            if !keep {
                page.lines[index].text.clear();
            }
        }
    }
}

/// Indexes of the first and last lines that hold something; none on a page that would be left with nothing.
fn edges(page: &RawPage) -> Vec<usize> {
    let filled: Vec<usize> = (0..page.lines.len()).filter(|i| !page.lines[*i].text.trim().is_empty()).collect();
    let edge = match filled.len() {
        0..=2 => 0,
        // A short page may be all that is said there.
        n if n <= 2 * EDGE => 1,
        _ => EDGE,
    };
    let ends = filled[..edge].iter().chain(&filled[filled.len() - edge..]).copied();
    ends.filter(|i| page.lines[*i].text.trim().chars().count() <= MAX_LENGTH).collect()
}

/// The line with every number as `#` and without spaces at the ends or doubled.
fn key(text: &str) -> String {
    let mut key = String::new();
    for c in text.split_whitespace().collect::<Vec<_>>().join(" ").chars() {
        if !c.is_ascii_digit() {
            key.extend(c.to_lowercase());
        } else if !key.ends_with('#') {
            key.push('#');
        }
    }
    key
}

#[cfg(test)]
mod tests {
    use super::super::Line;
    use super::*;

    fn page(lines: &[&str]) -> Option<RawPage> {
        let lines = lines.iter().map(|l| Line { text: (*l).to_owned(), ..Line::default() }).collect();
        Some(RawPage { lines, ..RawPage::default() })
    }

    fn texts(page: Option<&RawPage>) -> Vec<&str> {
        page.unwrap().lines.iter().map(|l| l.text.as_str()).filter(|t| !t.is_empty()).collect()
    }

    #[test]
    fn repeated_edges_go_and_the_title_stays_once() {
        let body = ["a one", "b two", "c three", "d four", "e five", "f six", "g seven"];
        let mut pages: Vec<_> = (1..=5)
            .map(|n| {
                let (number, own) =
                    (format!("Page {n} of 5"), format!("own words {}", ["x", "y", "z", "u", "v"][n - 1]));
                let lines = [&["Hotel Guide", own.as_str()][..], &body, &[number.as_str()]].concat();
                page(&lines)
            })
            .collect();
        remove(&mut pages);
        assert_eq!(texts(pages[0].as_ref())[..2], ["Hotel Guide", "own words x"]);
        assert_eq!(texts(pages[1].as_ref())[0], "own words y");
        assert!(pages.iter().all(|p| !texts(p.as_ref()).iter().any(|t| t.starts_with("Page"))));
    }

    #[test]
    fn a_page_is_never_left_empty() {
        let mut pages: Vec<_> = (1..=5).map(|n| page(&["Slides", &n.to_string()])).collect();
        remove(&mut pages);
        assert!(pages.iter().all(|p| texts(p.as_ref()).len() == 2));
    }

    #[test]
    fn two_pages_prove_nothing() {
        let mut pages = vec![page(&["Same", "words", "3"]), page(&["Same", "words", "4"])];
        remove(&mut pages);
        assert_eq!(texts(pages[1].as_ref()).len(), 3);
    }
}
