//! Listening to a recording: asked of the model's port until it answers, for as long as a person waits.

use crate::work::{Task, guarded, wait_of};
use colloquy_domain::{conversation::Input, failure::Failure, ids::Seq, model::Transcript, ports::FileOf};
use std::time::Duration;

/// How often a recording is given to somebody who listens.
const TRIES: u32 = 3;
/// The longest that is waited between two tries, whatever a provider asks for.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

pub async fn listen(task: Task, message: Seq) {
    let key = &task.conversation.key;
    let of = FileOf { tenant: key.tenant, conversation: key.id, message };
    let result = heard(&task, of).await;
    if let Err(failure) = &result {
        tracing::warn!(
            tenant.id = %of.tenant,
            conversation.id = %of.conversation,
            failure.code = failure.code,
            "recording not heard"
        );
    }
    task.send(Input::Heard { message, result });
}

async fn heard(task: &Task, of: FileOf) -> Result<Transcript, Failure> {
    let mut tries = 0;
    loop {
        tries += 1;
        match guarded("model", task.shared.ports.model.listen(of)).await {
            Err(failure) if tries < TRIES => match wait_of(&failure) {
                Some(wait) => tokio::time::sleep(wait.min(LONGEST_WAIT)).await,
                None => return Err(failure),
            },
            done => return done,
        }
    }
}
