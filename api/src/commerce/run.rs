//! Carries flows out: what `decide` says is committed, then called, then what came of it is committed.

use super::{Commerce, Refusal};
use colloquy_domain::{
    commerce::{
        FlowRecord, Subject,
        flow::{Answer, Effect, End, Event, Input, Phase, Step, decide, evolve},
    },
    ids::{OrderId, ReservationId, TenantId},
    ports::{Proof, StoreError, Told, Work},
};
use std::{sync::Arc, time::Duration};
use tokio::task::JoinSet;
use uuid::Uuid;

/// How long one node has a flow; each commit begins it again. Longer than a step takes.
pub(super) const LEASE: Duration = Duration::from_secs(30);
/// For one step, with all its calls.
const STEP: Duration = Duration::from_secs(20);
/// How often the store is asked when nothing is to be done.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long a request waits for its flow.
const PATIENCE: Duration = Duration::from_secs(25);
/// Flows that one node carries out at a time.
const AT_ONCE: usize = 16;

/// Carries out what waits, for ever.
pub async fn run(commerce: Arc<Commerce>) {
    // They end with this loop.
    let mut at_work = JoinSet::new();
    loop {
        while at_work.try_join_next().is_some() {}
        if at_work.len() >= AT_ONCE {
            at_work.join_next().await;
        }
        match commerce.store.installation().lease_flow(LEASE).await {
            Ok(Some(record)) => {
                let commerce = Arc::clone(&commerce);
                at_work.spawn(async move { commerce.carry_on(record).await });
            }
            Ok(None) => tokio::time::sleep(LOOK_EVERY).await,
            Err(e) => {
                tracing::warn!(error = %e, "flows not looked up");
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
    }
}

impl Commerce {
    async fn carry_on(&self, record: FlowRecord) {
        let (tenant, id) = (record.tenant, record.id);
        if let Err(e) = self.carry_out(record).await {
            // The lease runs out, and it is found again.
            tracing::warn!(tenant.id = %tenant, flow.id = %id, error = %e, "flow not carried on");
        }
    }

    /// Carries out a flow that is ours, as far as it goes now. Whoever asked may go away: it goes on.
    pub(super) async fn finish(self: &Arc<Self>, record: FlowRecord) {
        let commerce = Arc::clone(self);
        let work = tokio::spawn(async move { commerce.carry_on(record).await });
        // After this it goes on by itself, and whoever asked is told how far it is.
        let _ = tokio::time::timeout(PATIENCE, work).await;
    }

    /// Until it ends, or must wait.
    pub(super) async fn carry_out(&self, mut record: FlowRecord) -> Result<FlowRecord, StoreError> {
        loop {
            let now = self.clock.now();
            if record.flow.end.is_some() || record.flow.due_at > now {
                return Ok(record);
            }
            let taken = decide(&record.flow, Input::Take, now);
            // Before the call: whoever finds the intent knows that it may have been made.
            record = self.commit(record, &taken.events, None).await?;
            let (Some(effect), Some(step)) = (taken.effect, record.flow.step()) else { return Ok(record) };
            let told = self.call(&record, effect).await?;
            log(&record, effect, &told.answer);
            let settled = decide(&record.flow, Input::Answer(told.answer), self.clock.now());
            record = self.commit(record, &settled.events, Some((step, told.proof))).await?;
        }
    }

    async fn commit(
        &self,
        record: FlowRecord,
        events: &[Event],
        proof: Option<(Step, Proof)>,
    ) -> Result<FlowRecord, StoreError> {
        let flow = events.iter().fold(record.flow.clone(), evolve);
        let waits = flow.end.is_some() || flow.due_at > self.clock.now();
        let lease = if waits { Duration::ZERO } else { LEASE };
        let changed = FlowRecord { flow, ..record };
        // Without an event, too: it renews the lease, and finds out whether somebody else has it by now.
        self.store.tenant(changed.tenant).save_flow(&changed, lease, proof).await
    }

    async fn call(&self, record: &FlowRecord, effect: Effect) -> Result<Told, StoreError> {
        let rows = self.store.tenant(record.tenant);
        let kind = record.flow.kind;
        let subject = if kind.of_reservation() {
            Subject::Reservation(rows.reservation(ReservationId::new(record.subject)).await?)
        } else {
            Subject::Order(rows.order(OrderId::new(record.subject)).await?)
        };
        let connections = rows.connections().await?;
        let (Effect::Act(step) | Effect::Look(step)) = effect;
        let work = Work {
            kind,
            step,
            key: format!("{}-{}-{}", kind.name(), record.id, step.name()),
            subject,
            payment_method: record.payment_method.clone(),
        };
        let called = async {
            match effect {
                Effect::Act(_) => self.services.act(&connections, &work).await,
                Effect::Look(_) => self.services.look(&connections, &work).await,
            }
        };
        let slow = || Answer::Unknown { code: "flow.timeout".to_owned() }.into();
        Ok(tokio::time::timeout(STEP, called).await.unwrap_or_else(|_| slow()))
    }

    /// Has what is in doubt looked at again now.
    ///
    /// # Errors
    /// The store's.
    pub async fn look_again(&self, tenant: TenantId, subject: Uuid) -> Result<(), Refusal> {
        let rows = self.store.tenant(tenant);
        loop {
            let open = rows.open_flow(subject).await?;
            // One that nobody doubts is being carried out.
            let doubted = open.filter(|r| r.flow.end == Some(End::Uncertain) || r.flow.phase == Phase::Doubt);
            let Some(record) = doubted else { return Ok(()) };
            let events = decide(&record.flow, Input::Again, self.clock.now()).events;
            let flow = events.iter().fold(record.flow.clone(), evolve);
            match rows.save_flow(&FlowRecord { flow, ..record }, Duration::ZERO, None).await {
                Err(StoreError::Stale) => {}
                done => return done.map(|_| ()).map_err(Refusal::from),
            }
        }
    }
}

fn log(record: &FlowRecord, effect: Effect, answer: &Answer) {
    let (Effect::Act(step) | Effect::Look(step)) = effect;
    let (answer, code) = match answer {
        Answer::Happened => ("happened", ""),
        Answer::Unneeded => ("unneeded", ""),
        Answer::Absent => ("absent", ""),
        Answer::Refused { code } => ("refused", code.as_str()),
        Answer::Later { code, .. } => ("later", code.as_str()),
        Answer::Unknown { code } => ("unknown", code.as_str()),
    };
    tracing::info!(
        tenant.id = %record.tenant, flow.id = %record.id, flow.kind = record.flow.kind.name(), flow.step = step.name(),
        flow.looks = matches!(effect, Effect::Look(_)), flow.answer = answer, failure.code = code, "step of a flow"
    );
}
