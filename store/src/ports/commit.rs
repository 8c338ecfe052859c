//! Decisions of conversations, each written behind its version fence.

use super::{approvals, conversation::speaker_name, signed};
use crate::{
    db::{self, Conn, Query, Together},
    error::{conflict_on, store_error},
    records::{self, ChecksRecord, CitationRecord, FailureRecord, OutcomeRecord, RichRecord},
    sql::{conversation as sql, knowledge, outbox},
    writer::Merge,
};
use async_trait::async_trait;
use colloquy_domain::{
    agent::Spent,
    conversation::{
        Commit, Cut, JournalRow, LedgerRow, Mode, NewDeadLetter, NewMessage, NewOutbox, NewUnanswered, TimerChange,
    },
    ids::MessageId,
    message::Outcome,
    outbound::Citation,
    placement::Partition,
    ports::StoreError,
    rich::Rich,
};
use std::collections::HashSet;
use uuid::Uuid;

/// Items that got the same outcome: its name, its JSON, their numbers.
type SameOutcome = (&'static str, String, Vec<i64>);

/// A line with its JSON: citations, checks, what it is beside its words.
type SaidRow = (NewMessage, String, Option<String>, Option<String>);
/// A reply with its JSON: citations, what it is beside its words, its template.
type PromisedRow = (NewOutbox, String, Option<String>, Option<String>);

/// A commit with its JSON already made: the writer's time is everybody's.
pub(crate) struct Prepared {
    commit: Commit,
    tenant: Uuid,
    conversation: Uuid,
    now: i64,
    snapshot: String,
    /// Numbers of messages with recordings, what was heard as JSON.
    heard: Vec<(i64, String)>,
    settled: Vec<SameOutcome>,
    journal: Vec<(JournalRow, &'static str, String)>,
    messages: Vec<SaidRow>,
    citations: Vec<(MessageId, Citation)>,
    outbox: Vec<PromisedRow>,
    dead_letters: Vec<(NewDeadLetter, String)>,
}

impl Prepared {
    pub(crate) fn new(mut commit: Commit) -> Result<Self, StoreError> {
        let with = |citations: &[_]| CitationRecord::json(citations);
        Ok(Self {
            tenant: commit.tenant.uuid(),
            conversation: commit.conversation.uuid(),
            now: commit.now.millis(),
            snapshot: records::write(&commit.snapshot)?,
            citations: commit.messages.iter().flat_map(|m| m.citations.iter().map(|c| (m.id, c.clone()))).collect(),
            heard: commit
                .heard
                .iter()
                .map(|h| records::write(&h.heard).map(|json| (signed(h.seq), json)))
                .collect::<Result<_, _>>()?,
            settled: by_outcome(&commit)?,
            journal: std::mem::take(&mut commit.journal)
                .into_iter()
                .map(|row| records::journal(&row.what).map(|(what, json)| (row, what, json)))
                .collect::<Result<_, _>>()?,
            messages: std::mem::take(&mut commit.messages)
                .into_iter()
                .map(|m| {
                    let (citations, checks) = (with(&m.citations)?, ChecksRecord::json(&m.checks)?);
                    let rich = RichRecord::json(m.rich.as_ref())?;
                    Ok((m, citations, checks, rich))
                })
                .collect::<Result<_, _>>()?,
            outbox: std::mem::take(&mut commit.outbox)
                .into_iter()
                .map(|o| {
                    let (citations, rich) = (with(&o.citations)?, RichRecord::json(o.rich.as_ref())?);
                    let template = template(&o)?;
                    Ok((o, citations, rich, template))
                })
                .collect::<Result<_, _>>()?,
            dead_letters: std::mem::take(&mut commit.dead_letters)
                .into_iter()
                .map(|d| FailureRecord::json(&d.cause).map(|json| (d, json)))
                .collect::<Result<_, _>>()?,
            commit,
        })
    }
}

fn template(outbox: &NewOutbox) -> Result<Option<String>, StoreError> {
    outbox.template.as_ref().map(records::write).transpose()
}

fn by_outcome(commit: &Commit) -> Result<Vec<SameOutcome>, StoreError> {
    let mut groups: Vec<(&Outcome, Vec<i64>)> = Vec::new();
    for s in &commit.settled {
        match groups.iter_mut().find(|(outcome, _)| **outcome == s.outcome) {
            Some((_, seqs)) => seqs.push(signed(s.seq)),
            None => groups.push((&s.outcome, vec![signed(s.seq)])),
        }
    }
    groups.into_iter().map(|(o, seqs)| Ok((o.name(), OutcomeRecord::json(o)?, seqs))).collect()
}

#[async_trait]
impl Merge for Prepared {
    type Output = ();
    type Key = Uuid;

    fn key(&self) -> Uuid {
        self.conversation
    }

    fn partition(&self) -> Option<Partition> {
        Some(self.commit.conversation.into())
    }

    async fn run_all(conn: &mut Conn, commits: &[&Self]) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        write_all(conn, commits).await
    }
}

/// A commit with one of its rows.
type Of<'a, T> = (&'a Prepared, &'a T);

/// Writes commits of different conversations, in few statements. Answers for each, in order, whether its version
/// refused it; such a one leaves nothing behind. After an error half of it may be written.
pub(crate) async fn write_all(
    conn: &mut Conn,
    commits: &[&Prepared],
) -> Result<Vec<Result<(), StoreError>>, StoreError> {
    let passed = fence(conn, commits).await?;
    let good: Vec<&Prepared> = commits.iter().copied().filter(|c| passed.contains(&c.conversation)).collect();
    write_down(conn, &good).await?;
    for commit in good {
        for (seq, heard) in &commit.heard {
            commit.hear(conn, *seq, heard).await?;
        }
        for (letter, json) in &commit.dead_letters {
            commit.dead_letter(conn, letter, json).await?;
        }
        for change in &commit.commit.approvals {
            approvals::write(conn, (commit.tenant, commit.conversation, commit.now), change).await?;
        }
        for cut in &commit.commit.cuts {
            commit.cut(conn, cut).await?;
        }
        for change in &commit.commit.timers {
            commit.timer(conn, *change).await?;
        }
    }
    let mut results = Vec::with_capacity(commits.len());
    for commit in commits {
        let refusal = if passed.contains(&commit.conversation) { None } else { Some(commit.refusal(conn).await?) };
        results.push(refusal.map_or(Ok(()), Err));
    }
    Ok(results)
}

fn rows<'a, T>(commits: &[&'a Prepared], of: impl Fn(&'a Prepared) -> &'a [T]) -> Vec<Of<'a, T>> {
    commits.iter().flat_map(|c| of(c).iter().map(move |row| (*c, row))).collect()
}

/// Moves the versions of those that were decided on the present one; their conversations.
async fn fence(conn: &mut Conn, commits: &[&Prepared]) -> Result<HashSet<Uuid>, StoreError> {
    let versions = |q: Query, c: &&Prepared| {
        let version = signed(c.commit.expected_version);
        q.bind(c.tenant)
            .bind(c.conversation)
            .bind(version)
            .bind(&c.snapshot)
            .bind(c.mode())
            .bind(c.commit.snapshot.active.map(|a| a.uuid()))
    };
    let passed: Vec<(Uuid,)> = db::fetch_rows(conn, sql::FENCE, |q| q, commits, versions).await.map_err(store_error)?;
    Ok(passed.into_iter().map(|(conversation,)| conversation).collect())
}

/// The rows of what was decided.
async fn write_down(conn: &mut Conn, commits: &[&Prepared]) -> Result<(), StoreError> {
    let outcomes = rows(commits, |c| &c.settled);
    let items: Vec<(Of<'_, SameOutcome>, i64)> =
        outcomes.iter().flat_map(|o| o.1.2.iter().map(move |seq| (*o, *seq))).collect();
    let (several, one): (Vec<&Prepared>, Vec<&Prepared>) = commits.iter().partition(|c| c.outbox.len() > 1);
    let written = Together::default()
        .write(sql::SETTLE, &items, settled)
        .insert(("journal", "result"), sql::ADD_JOURNAL, &rows(commits, |c| &c.journal), journalled)
        .insert(("messages", "message"), sql::ADD_MESSAGE, &rows(commits, |c| &c.messages), said)
        .insert(("citations", "citation"), knowledge::ADD_CITATION, &rows(commits, |c| &c.citations), cited)
        .write(knowledge::ADD_UNANSWERED, &rows(commits, |c| &c.commit.unanswered), left_unanswered)
        .insert(OUTBOX, outbox::ADD, &rows(&one, |c| &c.outbox), promised)
        .write(sql::ADD_LEDGER, &rows(commits, |c| &c.commit.ledger), charged)
        .run(conn)
        .await?;
    if written[0] != items.len() as u64 {
        return Err(StoreError::Conflict("outcome"));
    }
    // One by one: each looks whether another of its conversation waits before it.
    for reply in rows(&several, |c| &c.outbox) {
        Together::default().insert(OUTBOX, outbox::ADD, &[reply], promised).run(conn).await?;
    }
    Ok(())
}

const OUTBOX: (&str, &str) = ("outbox", "outbox item");

fn settled(q: Query, ((c, (name, json, _)), seq): &(Of<'_, SameOutcome>, i64)) -> Query {
    q.bind(c.tenant).bind(c.conversation).bind(*seq).bind(*name).bind(json.clone()).bind(c.now)
}

fn journalled(q: Query, (c, (row, what, json)): &Of<'_, (JournalRow, &'static str, String)>) -> Query {
    q.bind(c.conversation)
        .bind(i64::from(row.turn))
        .bind(i64::from(row.step))
        .bind(*what)
        .bind(i64::from(row.index))
        .bind(c.tenant)
        .bind(json.clone())
        .bind(c.now)
        .bind(row.agent.map(|a| a.uuid()))
}

fn said(q: Query, (c, (m, citations, checks, rich)): &Of<'_, SaidRow>) -> Query {
    q.bind(m.id.uuid())
        .bind(c.tenant)
        .bind(c.conversation)
        .bind(speaker_name(m.speaker))
        .bind(m.turn.map(i64::from))
        .bind(m.rich.as_ref().map_or("text", Rich::kind))
        .bind(m.text.clone())
        .bind((!m.citations.is_empty()).then(|| citations.clone()))
        .bind(m.abstained)
        .bind(checks.clone())
        .bind(c.now)
        .bind(m.author.map(|a| a.uuid()))
        .bind(rich.clone())
}

fn promised(q: Query, (c, (o, citations, rich, template)): &Of<'_, PromisedRow>) -> Query {
    q.bind(o.id.uuid())
        .bind(c.tenant)
        .bind(c.commit.channel.uuid())
        .bind(c.conversation)
        .bind(o.message.uuid())
        .bind(o.peer.address.clone())
        .bind(o.peer.name.clone())
        .bind(o.text.clone())
        .bind(citations.clone())
        .bind(rich.clone())
        .bind(o.by_person)
        .bind(o.last_inbound_at.millis())
        .bind(c.now)
        .bind(template.clone())
}

/// The citation once more, as a row that is found by its document.
fn cited(q: Query, (c, (message, citation)): &Of<'_, (MessageId, Citation)>) -> Query {
    q.bind(message.uuid())
        .bind(i64::from(citation.number))
        .bind(c.tenant)
        .bind(citation.document.uuid())
        .bind(citation.version.clone())
        .bind(c.conversation)
        .bind(citation.page.map(i64::from))
        .bind(signed(citation.offset))
        .bind(citation.quote.clone())
        .bind(c.now)
}

fn left_unanswered(q: Query, (c, asked): &Of<'_, NewUnanswered>) -> Query {
    q.bind(asked.id.uuid())
        .bind(c.tenant)
        .bind(asked.base.uuid())
        .bind(c.conversation)
        .bind(i64::from(asked.turn))
        .bind(asked.text.clone())
        .bind(asked.language.map(|l| l.code()))
        .bind(c.now)
}

fn charged(q: Query, (c, row): &Of<'_, LedgerRow>) -> Query {
    q.bind(c.tenant)
        .bind(c.commit.channel.uuid())
        .bind(Spent::day_of(c.commit.now))
        .bind(c.conversation)
        .bind(i64::from(row.turn))
        .bind(i64::from(row.step))
        .bind(signed(row.usage.prompt_tokens))
        .bind(signed(row.usage.completion_tokens))
        .bind(signed(row.usage.cost_micros))
        .bind(c.now)
        .bind(row.agent.map(|a| a.uuid()))
}

impl Prepared {
    const fn mode(&self) -> &'static str {
        match self.commit.snapshot.mode {
            Mode::Agent => "agent",
            Mode::Operator { .. } => "operator",
        }
    }

    /// Why the fence did not let it pass.
    async fn refusal(&self, conn: &mut Conn) -> Result<StoreError, StoreError> {
        let query = db::query(sql::EXISTS).bind(self.tenant).bind(self.conversation);
        let exists = query.fetch_optional(conn).await.map_err(store_error)?;
        Ok(if exists.is_some() { StoreError::Stale } else { StoreError::NotFound("conversation") })
    }

    async fn dead_letter(&self, conn: &mut Conn, letter: &NewDeadLetter, json: &str) -> Result<(), StoreError> {
        db::query(sql::ADD_DEAD_LETTER)
            .bind(letter.id.uuid())
            .bind(self.tenant)
            .bind(self.conversation)
            .bind("message")
            .bind(signed(letter.seq))
            .bind(None::<Uuid>)
            .bind(&letter.cause.code)
            .bind(json)
            .bind(self.now)
            .execute(conn)
            .await
            .map(|_| ())
            .map_err(conflict_on("dead letter"))
    }

    async fn hear(&self, conn: &mut Conn, seq: i64, heard: &str) -> Result<(), StoreError> {
        let query = db::query(sql::HEAR).bind(self.tenant).bind(self.conversation).bind(seq).bind(heard);
        query.execute(conn).await.map(|_| ()).map_err(store_error)
    }

    async fn cut(&self, conn: &mut Conn, cut: &Cut) -> Result<(), StoreError> {
        let query = db::query(sql::CUT).bind(self.tenant).bind(self.conversation).bind(i64::from(cut.turn));
        query.bind(&cut.heard).execute(conn).await.map(|_| ()).map_err(store_error)
    }

    async fn timer(&self, conn: &mut Conn, change: TimerChange) -> Result<(), StoreError> {
        let query = match change {
            TimerChange::ReturnAt(at) => {
                db::query(sql::SET_TIMER).bind(self.conversation).bind(self.tenant).bind(at.millis())
            }
            TimerChange::Cleared => db::query(sql::CLEAR_TIMER).bind(self.conversation).bind(self.tenant),
        };
        query.execute(conn).await.map(|_| ()).map_err(store_error)
    }
}
