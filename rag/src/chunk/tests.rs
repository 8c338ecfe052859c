use super::*;
use crate::document::{Block, ExtractStatus, Page};
use colloquy_domain::knowledge::PageStatus;
use proptest::prelude::*;

fn paged(pages: Vec<Vec<Block>>, paged: bool) -> Extraction {
    let pages = pages.into_iter().zip(1..).map(|(blocks, number)| Page { number, status: PageStatus::Ok, blocks });
    Extraction { v: 1, status: ExtractStatus::Ok, cause: None, title: None, pages: pages.collect(), paged }
}

fn document(blocks: Vec<Block>) -> Extraction {
    paged(vec![blocks], false)
}

fn heading(level: u8, text: &str) -> Block {
    Block::Heading { level, text: text.into() }
}

fn paragraph(text: impl Into<String>) -> Block {
    Block::Paragraph { text: text.into() }
}

/// `count` sentences of ten words each, all different.
fn prose(name: &str, count: usize) -> String {
    let sentence = |n| format!("The {name} sentence number {n} has about ten words here.");
    (0..count).map(sentence).collect::<Vec<_>>().join(" ")
}

fn words(text: &str) -> usize {
    text.split_whitespace().count()
}

fn default_chunks(extraction: &Extraction) -> Vec<Chunk> {
    chunk(extraction, ChunkOptions::default())
}

#[test]
fn headings_part_passages_and_make_their_path() {
    let chunks = default_chunks(&document(vec![
        paragraph("Before any heading."),
        heading(1, "Hotel"),
        paragraph("About the hotel."),
        heading(2, "Pool"),
        paragraph("Open at nine."),
        heading(2, "Bar"),
        heading(1, "Town"),
        paragraph("About the town."),
    ]));
    let shown: Vec<String> = chunks.iter().map(|c| format!("{:?} {}", c.headings, c.text)).collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    [] Before any heading.
    ["Hotel"] About the hotel.
    ["Hotel", "Pool"] Open at nine.
    ["Hotel"] Bar
    ["Town"] About the town.
    "#);
    assert_eq!(indexed_text("Hotel", &chunks[2]), "Hotel > Pool\nOpen at nine.");
    assert_eq!(indexed_text("", &chunks[0]), "Before any heading.");
}

#[test]
fn paragraphs_stay_whole_and_long_ones_break_at_sentences_with_overlap() {
    let chunks = default_chunks(&document(vec![
        paragraph(prose("first", 12)),
        paragraph(prose("second", 12)),
        paragraph(prose("third", 60)),
    ]));
    assert_eq!(words(&chunks[0].text), 120);
    assert!(chunks[1].text.contains("The second sentence number 0"));
    for pair in chunks.windows(2) {
        assert!(pair[1].text.starts_with("The ") && pair[1].text.ends_with("here."), "{}", pair[1].text);
    }
    let (before, after) = (&chunks[3].text, &chunks[4].text);
    let repeated = after.split_inclusive("here.").next().unwrap();
    assert!(before.contains(repeated.trim()), "{before}\n--\n{after}");
}

#[test]
fn a_passage_names_the_page_its_words_are_on() {
    let extraction = paged(
        vec![
            vec![heading(1, "Guide"), paragraph(prose("first", 4)), paragraph("A sentence that goes on over")],
            vec![paragraph("the end of its page."), paragraph(prose("second", 4))],
            vec![paragraph(prose("third", 2))],
        ],
        true,
    );
    let chunks = default_chunks(&extraction);
    assert_eq!(chunks.iter().map(|c| c.page).collect::<Vec<_>>(), [Some(1), Some(2), Some(3)]);
    assert!(chunks[0].text.ends_with("goes on over\n\nthe end of its page."));
    assert!(chunks[1].text.starts_with("The second sentence"), "nothing is repeated over a page: {}", chunks[1].text);
    assert_eq!(default_chunks(&Extraction { paged: false, ..extraction })[0].page, None);
}

#[test]
fn tables_keep_caption_and_header_when_split() {
    let rows = (0..60).map(|n| vec![format!("Room {n}"), format!("{} euros a night", 80 + n)]).collect();
    let header = vec!["Room".to_owned(), "Price".to_owned()];
    let table = Block::Table { caption: Some("Prices 2026".into()), header, rows };
    let chunks = default_chunks(&document(vec![paragraph("Intro."), table, paragraph("Outro.")]));
    let pieces: Vec<&Chunk> = chunks.iter().filter(|c| c.text.contains("euros")).collect();
    assert!(pieces.len() > 2);
    for piece in &pieces {
        assert!(piece.text.starts_with("Prices 2026\nRoom | Price\nRoom "), "{}", piece.text);
        assert!(words(&piece.text) <= 200);
    }
    let all = pieces.iter().map(|p| p.text.as_str()).collect::<Vec<_>>().join("\n");
    assert!((0..60).all(|n| all.contains(&format!("Room {n} | {} euros", 80 + n))));
}

#[test]
fn a_list_stays_with_the_line_that_leads_it_in() {
    let item = |n: usize| Block::ListItem { text: format!("item number {n} of this list") };
    let mut blocks = vec![paragraph(prose("first", 17)), paragraph("Please bring:")];
    blocks.extend((0..6).map(item));
    let chunks = default_chunks(&document(blocks));
    assert_eq!(chunks.len(), 2);
    assert!(chunks[1].text.contains("Please bring:\n\nitem number 0"), "{}", chunks[1].text);
    assert!(chunks[1].text.contains("item number 5"));
}

#[test]
fn a_tiny_rest_is_merged_back() {
    let chunks = default_chunks(&document(vec![paragraph(prose("first", 17)), paragraph("That is all we know.")]));
    assert_eq!(chunks.len(), 1);
}

#[test]
fn nothing_gives_nothing() {
    assert!(default_chunks(&document(vec![])).is_empty());
}

fn any_text(most: usize) -> impl Strategy<Value = String> {
    let word = prop_oneof![8 => "[a-zé]{1,9}", 1 => "[A-Z][a-z]{2,6}\\.", 1 => "[0-9]{1,6},", 1 => "[a-z]{55,90}"];
    prop::collection::vec(word, 1..most).prop_map(|words| words.join(" "))
}

fn any_block() -> impl Strategy<Value = Block> {
    let cells = prop::collection::vec(any_text(6), 1..4);
    prop_oneof![
        2 => (1_u8..4, any_text(6)).prop_map(|(level, text)| Block::Heading { level, text }),
        5 => any_text(120).prop_map(|text| Block::Paragraph { text }),
        1 => any_text(500).prop_map(|text| Block::Paragraph { text }),
        2 => any_text(30).prop_map(|text| Block::ListItem { text }),
        1 => any_text(40).prop_map(|text| Block::Code { text: text.replace(". ", ".\n") }),
        1 => (prop::option::of(any_text(8)), prop::collection::vec(cells, 1..40)).prop_map(|(caption, mut rows)| {
            let header = rows.remove(0);
            Block::Table { caption, header, rows }
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_word_is_in_a_passage_of_its_section(
        pages in prop::collection::vec(prop::collection::vec(any_block(), 0..8), 1..4),
        is_paged: bool,
        max_words in 20_usize..220,
    ) {
        let extraction = paged(pages, is_paged);
        let (max_tokens, overlap_words) = (max_words * 6 / 5, max_words / 7);
        let options = ChunkOptions { max_words, max_tokens, overlap_words, vocabulary: Vocabulary::Multilingual };
        let chunks = chunk(&extraction, options);
        let text: Vec<char> = extraction.text().chars().collect();

        let mut path: Vec<(u8, String)> = Vec::new();
        for block in extraction.pages.iter().flat_map(|p| &p.blocks) {
            if let Block::Heading { level, text } = block {
                path.retain(|(above, _)| above < level);
                path.push((*level, text.clone()));
                let shown = chunks.iter().any(|c| c.headings.contains(text) || c.text == *text);
                prop_assert!(shown, "heading {text:?} is lost");
                continue;
            }
            let headings: Vec<&str> = path.iter().map(|(_, t)| t.as_str()).collect();
            let own: Vec<&str> = chunks.iter().filter(|c| c.headings == headings).map(|c| c.text.as_str()).collect();
            for word in block.text().split_whitespace().filter(|w| w.chars().count() <= 60) {
                prop_assert!(own.iter().any(|t| t.split_whitespace().any(|w| w == word)), "{word:?} is lost");
            }
        }
        for (index, c) in chunks.iter().enumerate() {
            prop_assert_eq!(c.ordinal as usize, index);
            prop_assert!(!c.text.trim().is_empty());
            prop_assert!(words(&c.text) <= max_words + max_words / 8, "{} words", words(&c.text));
            let tokens = measure::Size::of(&c.text).tokens;
            prop_assert!(tokens <= max_tokens, "{tokens} tokens of {max_tokens}");
            prop_assert_eq!(c.page.is_some(), is_paged);
            let at = usize::try_from(c.offset).unwrap();
            // A piece of a split table has the caption and the header in front of what stands at the offset.
            let own = std::iter::successors(Some(c.text.as_str()), |t| t.split_once('\n').map(|(_, rest)| rest)).take(3);
            let found = own.filter(|own| !own.is_empty()).any(|own| text[at..].iter().copied().take(own.chars().count()).eq(own.chars()));
            prop_assert!(found, "offset {at} points elsewhere: {:?}", c.text);
        }
        prop_assert!(chunks.is_sorted_by_key(|c| c.offset), "order is lost");
        for pair in chunks.windows(2) {
            let at = |c: &Chunk| usize::try_from(c.offset).unwrap();
            let (start, length) = (at(&pair[0]), pair[0].text.chars().count());
            let whole = text[start..].iter().copied().take(length).eq(pair[0].text.chars());
            if whole && at(&pair[1]) < start + length {
                let twice: String = text[at(&pair[1])..start + length].iter().collect();
                prop_assert!(words(&twice) <= overlap_words, "{} words are repeated", words(&twice));
            }
        }
    }
}
