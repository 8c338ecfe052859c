//! `pdf-extract`: fills the pages that the first reader cannot.

use super::{Cause, Line, RawPage};
use pdf_extract::{Document, PlainTextOutput, output_doc_page};
use std::sync::Arc;

/// Opens the file only when a page is first asked for.
pub struct Reader {
    bytes: Arc<[u8]>,
    state: State,
}

enum State {
    Unopened,
    Open(Box<Document>),
    Unusable,
}

impl Reader {
    pub const fn new(bytes: Arc<[u8]>) -> Self {
        Self { bytes, state: State::Unopened }
    }

    /// # Errors
    /// `extract.encrypted` or `extract.damaged`.
    pub fn page_count(&mut self) -> Result<usize, Cause> {
        let document = Document::load_mem(&self.bytes).map_err(|_| Cause::damaged("PDF"))?;
        if document.is_encrypted() {
            return Err(Cause::encrypted());
        }
        Ok(document.get_pages().len())
    }

    /// `None` when the page cannot be read. Pages count from 0.
    pub fn page(&mut self, index: usize) -> Option<RawPage> {
        let document = self.document()?;
        let number = u32::try_from(index).ok()? + 1;
        let mut text = String::new();
        output_doc_page(document, &mut PlainTextOutput::new(&mut text), number).ok()?;
        let lines = text.lines().map(|l| Line { text: l.to_owned(), ..Line::default() }).collect();
        Some(RawPage { lines, ..RawPage::default() })
    }

    fn document(&mut self) -> Option<&Document> {
        if matches!(self.state, State::Unopened) {
            // Stays so when opening panics.
            self.state = State::Unusable;
            if let Ok(mut document) = Document::load_mem(&self.bytes)
                && (!document.is_encrypted() || document.decrypt("").is_ok())
            {
                self.state = State::Open(Box::new(document));
            }
        }
        match &self.state {
            State::Open(document) => Some(document),
            State::Unopened | State::Unusable => None,
        }
    }
}
