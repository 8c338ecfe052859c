//! Watching documents on their way, with bars on standard error.

use crate::{
    client::{Api, Cause, Document},
    exit::CommandResult,
    out,
};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::{collections::HashMap, time::Duration};

/// Documents that are looked at in one round: ingestion takes the oldest first.
const WATCHED: usize = 8;
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// The display of one ingestion.
pub struct Follow {
    bars: MultiProgress,
    total: ProgressBar,
}

impl Follow {
    pub fn new(documents: usize) -> Self {
        let bars = MultiProgress::new();
        let total =
            bars.add(ProgressBar::new(documents as u64).with_style(style("{bar:24} {pos}/{len} documents {msg}")));
        total.enable_steady_tick(LOOK_EVERY);
        Self { bars, total }
    }

    pub fn uploading(&self, name: &str) {
        self.total.set_message(format!("uploading {name}"));
    }

    pub fn finished(&self, name: &str, status: &str) {
        let line = format!("{status:>6}  {name}");
        if self.bars.is_hidden() {
            out::note(line);
        } else {
            // The screen is gone only if nobody looks.
            let _ = self.bars.println(line);
        }
        self.total.inc(1);
    }

    /// Until each is ready or failed. The numbers are the caller's and come back with the documents.
    ///
    /// # Errors
    /// The server is gone.
    pub async fn to_the_end(
        &self,
        api: &Api,
        mut waiting: Vec<(usize, Document)>,
    ) -> CommandResult<Vec<(usize, Document)>> {
        self.total.set_message("");
        let mut done = Vec::new();
        let mut shown: HashMap<String, ProgressBar> = HashMap::new();
        while !waiting.is_empty() {
            let mut still = Vec::new();
            for (round, (place, document)) in waiting.into_iter().enumerate() {
                if round >= WATCHED {
                    still.push((place, document));
                    continue;
                }
                let now = look(api, document).await?;
                if now.is_finished() {
                    if let Some(bar) = shown.remove(&now.id) {
                        bar.finish_and_clear();
                    }
                    self.finished(&now.name, &now.status);
                    done.push((place, now));
                } else {
                    self.show(&mut shown, &now);
                    still.push((place, now));
                }
            }
            waiting = still;
            if !waiting.is_empty() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
        self.total.finish_and_clear();
        Ok(done)
    }

    fn show(&self, shown: &mut HashMap<String, ProgressBar>, document: &Document) {
        if document.status == "pending" {
            return;
        }
        let bar = shown.entry(document.id.clone()).or_insert_with(|| {
            let bar = ProgressBar::new(0).with_style(style("  {bar:22} {prefix} {msg}"));
            self.bars.add(bar.with_prefix(document.name.clone()))
        });
        bar.set_length(u64::from(document.chunks.max(1)));
        bar.set_position(u64::from(document.indexed));
        let chunks = if document.chunks == 0 { String::new() } else { format!(", {} chunks", document.chunks) };
        bar.set_message(format!("{} ({} pages{chunks})", document.status, document.page_count()));
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// One that was removed meanwhile has failed.
async fn look(api: &Api, document: Document) -> CommandResult<Document> {
    match api.get(&format!("/api/documents/{}", document.id), &[]).await {
        Ok(now) => Ok(now),
        Err(e) if e.is_not_found() => {
            let cause = Cause { code: "document.removed".to_owned(), message: "it was removed meanwhile".to_owned() };
            Ok(Document { status: "failed".to_owned(), cause: Some(cause), ..document })
        }
        Err(e) => Err(e.into()),
    }
}
