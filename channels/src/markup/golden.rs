//! What one reply looks like on each channel.

use super::{Dialect, render};
use colloquy_domain::{ids::DocumentId, outbound::Citation};
use uuid::Uuid;

const REPLY: &str = r#"# Opening hours

We are **open _every_ day**, ~~never~~ *almost* never closed [1]. Ask <b>us</b> & "them": `a < b`.
See [the *full* list](https://example.org/a?b=1&c=2) or <https://example.org>, not [this](javascript:alert(1)).

- Monday
  1. morning
  2. afternoon

  in two parts
- Tuesday

> Quoted & **bold**
>
> twice

```rust,ignore
if a < b && c { "x" }
```

| Day | Hours |
|-----|------:|
| Mon | 9–17 |
| Tuesday | closed |

---
![a picture](https://example.org/p.png)"#;

fn citations() -> Vec<Citation> {
    let citation = |number, name: &str, page| Citation {
        number,
        document: DocumentId::new(Uuid::from_u128(7)),
        version: String::new(),
        name: name.to_owned(),
        page,
        offset: 0,
        quote: String::new(),
        score: 0.5,
    };
    vec![citation(1, "price <list> *2026*.pdf", Some(3)), citation(2, "faq\n.md", None)]
}

fn shown(dialect: Dialect, limit: usize) -> String {
    let parts = render(REPLY, &citations(), dialect, limit);
    parts.iter().map(|p| p.text.as_str()).collect::<Vec<_>>().join("\n~~~~~~\n")
}

// req: C-CHN-1
#[test]
fn telegram() {
    insta::assert_snapshot!(shown(Dialect::TelegramHtml, 4096));
}

// req: C-CHN-1
#[test]
fn whatsapp() {
    insta::assert_snapshot!(shown(Dialect::WhatsApp, 4096));
}

// req: C-CHN-1
#[test]
fn messenger() {
    insta::assert_snapshot!(shown(Dialect::Plain, 2000));
}

#[test]
fn telegram_in_small_parts() {
    insta::assert_snapshot!(shown(Dialect::TelegramHtml, 80));
}

#[test]
fn nothing_to_say_gives_no_part() {
    for nothing in ["", "  \n\n ", "[a]: https://example.org"] {
        assert!(render(nothing, &[], Dialect::WhatsApp, 4096).is_empty());
    }
}

#[test]
fn the_plain_form_has_the_addresses_and_no_markup() {
    let parts = render("**See** [here](https://a.example) & `there`", &[], Dialect::TelegramHtml, 4096);
    assert_eq!(parts[0].text, "<b>See</b> <a href=\"https://a.example\">here</a> &amp; <code>there</code>");
    assert_eq!(parts[0].plain, "See here (https://a.example) & there");
}

#[test]
fn telegram_counts_utf16_units_of_the_words_and_the_others_characters() {
    let emoji = "😀".repeat(2048);
    assert_eq!(render(&emoji, &[], Dialect::TelegramHtml, 4096).len(), 1);
    assert_eq!(render(&format!("{emoji}x"), &[], Dialect::TelegramHtml, 4096).len(), 2);
    assert_eq!(render(&"😀".repeat(4096), &[], Dialect::WhatsApp, 4096).len(), 1);
    let marked_up = "**&** ".repeat(2048);
    assert_eq!(render(&marked_up, &[], Dialect::TelegramHtml, 4096).len(), 1, "tags and escapes do not count");
}

#[test]
fn code_blocks_and_links_stay_whole() {
    let code =
        format!("{}\n\n```\n{}\n```\n\n{}", "word ".repeat(12), "a line\n\nof code".repeat(3), "more ".repeat(12));
    for dialect in [Dialect::TelegramHtml, Dialect::WhatsApp] {
        let parts = render(&code, &[], dialect, 90);
        assert!(parts.iter().any(|p| p.text.contains(&"a line\n\nof code".repeat(3))), "{parts:#?}");
    }
    let link = format!("{} [a label of words](https://example.org/path)", "word ".repeat(8));
    let parts = render(&link, &[], Dialect::WhatsApp, 60);
    assert!(parts[1].text.contains("a label of words (https://example.org/path)"), "{parts:#?}");
}

#[test]
fn a_code_block_too_long_for_any_part_is_reopened_in_each() {
    let code = format!("```py\n{}```", "print(1)\n".repeat(30));
    let parts = render(&code, &[], Dialect::TelegramHtml, 100);
    assert!(parts.len() > 2);
    for part in parts {
        let (head, tail) = ("<pre><code class=\"language-py\">print(1)", "print(1)</code></pre>");
        assert!(part.text.starts_with(head) && part.text.ends_with(tail), "{}", part.text);
    }
}
