//! One decision of one conversation, written behind the version fence.

use super::{conversation::speaker_name, signed};
use crate::{
    bulk,
    error::{conflict_on, db},
    records::{self, CitationRecord, FailureRecord, OutcomeRecord},
    sql::{conversation as sql, outbox},
    writer::{Write, WriteError},
};
use async_trait::async_trait;
use colloquy_domain::{
    agent::Spent,
    conversation::{Commit, JournalRow, LedgerRow, Mode, NewDeadLetter, NewMessage, NewOutbox, TimerChange},
    message::Outcome,
    ports::StoreError,
};
use sqlx::{AssertSqlSafe, SqliteConnection};
use uuid::Uuid;

/// Items that got the same outcome: its name, its JSON, their numbers.
type SameOutcome = (&'static str, String, Vec<i64>);

/// A commit with its JSON already made: the writer's time is everybody's.
pub(crate) struct Prepared {
    commit: Commit,
    tenant: Uuid,
    conversation: Uuid,
    now: i64,
    snapshot: String,
    settled: Vec<SameOutcome>,
    journal: Vec<(JournalRow, &'static str, String)>,
    messages: Vec<(NewMessage, String)>,
    outbox: Vec<(NewOutbox, String)>,
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
            settled: by_outcome(&commit)?,
            journal: std::mem::take(&mut commit.journal)
                .into_iter()
                .map(|row| records::journal(&row.what).map(|(what, json)| (row, what, json)))
                .collect::<Result<_, _>>()?,
            messages: std::mem::take(&mut commit.messages)
                .into_iter()
                .map(|m| with(&m.citations).map(|json| (m, json)))
                .collect::<Result<_, _>>()?,
            outbox: std::mem::take(&mut commit.outbox)
                .into_iter()
                .map(|o| with(&o.citations).map(|json| (o, json)))
                .collect::<Result<_, _>>()?,
            dead_letters: std::mem::take(&mut commit.dead_letters)
                .into_iter()
                .map(|d| FailureRecord::json(&d.cause).map(|json| (d, json)))
                .collect::<Result<_, _>>()?,
            commit,
        })
    }
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
impl Write for Prepared {
    type Output = ();
    /// Staleness, the usual refusal, shows before anything is written; a conflict is a defect and may cost a batch.
    const SAVEPOINT: bool = false;

    async fn run(&self, conn: &mut SqliteConnection) -> Result<(), WriteError> {
        self.fence(conn).await?;
        self.settle(conn).await?;
        self.journal(conn).await?;
        self.say(conn).await?;
        for row in &self.commit.ledger {
            self.charge(conn, row).await?;
        }
        for (letter, json) in &self.dead_letters {
            self.dead_letter(conn, letter, json).await?;
        }
        for change in &self.commit.timers {
            self.timer(conn, *change).await?;
        }
        Ok(())
    }
}

impl Prepared {
    async fn fence(&self, conn: &mut SqliteConnection) -> Result<(), WriteError> {
        let mode = match self.commit.snapshot.mode {
            Mode::Agent => "agent",
            Mode::Operator { .. } => "operator",
        };
        let done = sqlx::query(sql::FENCE)
            .bind(&self.snapshot)
            .bind(mode)
            .bind(self.tenant)
            .bind(self.conversation)
            .bind(signed(self.commit.expected_version))
            .execute(&mut *conn)
            .await?;
        if done.rows_affected() == 1 {
            return Ok(());
        }
        let exists =
            sqlx::query(sql::EXISTS).bind(self.tenant).bind(self.conversation).fetch_optional(&mut *conn).await?;
        let why = if exists.is_some() { StoreError::Stale } else { StoreError::NotFound("conversation") };
        Err(WriteError::Clean(why))
    }

    async fn settle(&self, conn: &mut SqliteConnection) -> Result<(), StoreError> {
        for (name, json, seqs) in &self.settled {
            let mut settled = 0;
            for piece in bulk::pieces(seqs) {
                let query = sqlx::query(AssertSqlSafe(sql::SETTLE.text(5, piece.len())))
                    .bind(*name)
                    .bind(json)
                    .bind(self.now)
                    .bind(self.tenant)
                    .bind(self.conversation);
                let query = piece.iter().fold(query, |q, seq| q.bind(*seq));
                settled += query.execute(&mut *conn).await.map_err(db)?.rows_affected();
            }
            if settled != seqs.len() as u64 {
                return Err(StoreError::Conflict("outcome"));
            }
        }
        Ok(())
    }

    async fn journal(&self, conn: &mut SqliteConnection) -> Result<(), StoreError> {
        bulk::execute(conn, sql::ADD_JOURNAL, &self.journal, |q, (row, what, json)| {
            q.bind(self.conversation)
                .bind(i64::from(row.turn))
                .bind(i64::from(row.step))
                .bind(*what)
                .bind(i64::from(row.index))
                .bind(self.tenant)
                .bind(json.clone())
                .bind(self.now)
        })
        .await
        .map(|_| ())
        .map_err(conflict_on("result"))
    }

    async fn say(&self, conn: &mut SqliteConnection) -> Result<(), StoreError> {
        bulk::execute(conn, sql::ADD_MESSAGE, &self.messages, |q, (m, citations)| {
            q.bind(m.id.uuid())
                .bind(self.tenant)
                .bind(self.conversation)
                .bind(speaker_name(m.speaker))
                .bind(m.turn.map(i64::from))
                .bind("text")
                .bind(m.text.clone())
                .bind((!m.citations.is_empty()).then(|| citations.clone()))
                .bind(m.abstained)
                .bind(self.now)
        })
        .await
        .map_err(conflict_on("message"))?;
        // One by one: each looks whether another of its conversation waits before it.
        for (o, citations) in &self.outbox {
            sqlx::query(outbox::ADD)
                .bind(o.id.uuid())
                .bind(self.tenant)
                .bind(self.commit.channel.uuid())
                .bind(self.conversation)
                .bind(o.message.uuid())
                .bind(&o.peer.address)
                .bind(&o.peer.name)
                .bind(&o.text)
                .bind(citations)
                .bind(o.last_inbound_at.millis())
                .bind(self.now)
                .execute(&mut *conn)
                .await
                .map_err(conflict_on("outbox item"))?;
        }
        Ok(())
    }

    async fn charge(&self, conn: &mut SqliteConnection, row: &LedgerRow) -> Result<(), StoreError> {
        sqlx::query(sql::ADD_LEDGER)
            .bind(self.tenant)
            .bind(self.commit.channel.uuid())
            .bind(Spent::day_of(self.commit.now))
            .bind(self.conversation)
            .bind(i64::from(row.turn))
            .bind(i64::from(row.step))
            .bind(signed(row.usage.prompt_tokens))
            .bind(signed(row.usage.completion_tokens))
            .bind(signed(row.usage.cost_micros))
            .bind(self.now)
            .execute(conn)
            .await
            .map(|_| ())
            .map_err(db)
    }

    async fn dead_letter(
        &self,
        conn: &mut SqliteConnection,
        letter: &NewDeadLetter,
        json: &str,
    ) -> Result<(), StoreError> {
        sqlx::query(sql::ADD_DEAD_LETTER)
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

    async fn timer(&self, conn: &mut SqliteConnection, change: TimerChange) -> Result<(), StoreError> {
        let query = match change {
            TimerChange::ReturnAt(at) => {
                sqlx::query(sql::SET_TIMER).bind(self.conversation).bind(self.tenant).bind(at.millis())
            }
            TimerChange::Cleared => sqlx::query(sql::CLEAR_TIMER).bind(self.conversation).bind(self.tenant),
        };
        query.execute(conn).await.map(|_| ()).map_err(db)
    }
}
