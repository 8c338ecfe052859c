use super::{read, write};
use colloquy_domain::{ports::StoreError, rich::Rich};
use serde::{Deserialize, Serialize};

/// What a message is beside its words. Its shape is the domain's, held by a test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RichRecord {
    v: u32,
    #[serde(flatten)]
    rich: Rich,
}

impl RichRecord {
    /// `None` for what is words alone.
    pub(crate) fn json(rich: Option<&Rich>) -> Result<Option<String>, StoreError> {
        rich.map(|rich| write(&Self { v: 1, rich: rich.clone() })).transpose()
    }

    pub(crate) fn parse(text: Option<&str>) -> Result<Option<Rich>, StoreError> {
        text.map(|text| read::<Self>("rich content", text).map(|record| record.rich)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use colloquy_domain::{
        message::MediaKind,
        rich::{Button, File, Row},
    };

    #[test]
    fn version_1_stays_readable() {
        let button = || Button { id: "b".into(), title: "B".into() };
        let file = || File { media: MediaKind::Image, url: "u".into(), name: None };
        let row = Row { id: "r".into(), title: "R".into(), description: None };
        let some = |text: &str| Some(text.to_owned());
        let written = [
            (
                Rich::Media { media: MediaKind::Voice, url: "u".into(), caption: None, name: some("n") },
                r#"{"v":1,"kind":"media","media":"voice","url":"u","caption":null,"name":"n"}"#,
            ),
            (
                Rich::Album { caption: some("c"), files: vec![file()], apart: false },
                r#"{"v":1,"kind":"album","caption":"c","files":[{"media":"image","url":"u","name":null}]}"#,
            ),
            (
                Rich::Album { caption: None, files: vec![], apart: true },
                r#"{"v":1,"kind":"album","caption":null,"files":[],"apart":true}"#,
            ),
            (
                Rich::Buttons { text: "t".into(), buttons: vec![button()] },
                r#"{"v":1,"kind":"buttons","text":"t","buttons":[{"id":"b","title":"B"}]}"#,
            ),
            (
                Rich::List { text: "t".into(), open: "o".into(), rows: vec![row] },
                r#"{"v":1,"kind":"list","text":"t","open":"o","rows":[{"id":"r","title":"R","description":null}]}"#,
            ),
            (
                Rich::Card { title: "t".into(), text: None, image: some("i"), link: None, buttons: vec![] },
                r#"{"v":1,"kind":"card","title":"t","text":null,"image":"i","link":null,"buttons":[]}"#,
            ),
        ];
        for (rich, json) in written {
            assert_eq!(RichRecord::json(Some(&rich)).expect("written").as_deref(), Some(json));
            assert_eq!(RichRecord::parse(Some(json)).expect("read"), Some(rich));
        }
    }
}
