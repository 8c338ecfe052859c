//! Telephone calls, on both databases: a step happens once, and what it changes is told of once.

#[macro_use]
mod common;

use colloquy_domain::{
    call::{Asked, CallChange, CallOutcome, CallReport, CallStatus, CallStep, Direction, settle},
    channel::Secret,
    ids::{CallId, ChannelId},
    ports::StoreError,
};
use colloquy_store::{CallFilter, NewCall, PageRequest};
use common::{Kind, NOW};
use std::time::Duration;

fn call(channel: ChannelId, external_id: &str) -> NewCall {
    NewCall {
        channel,
        provider: "twilio",
        external_id: external_id.to_owned(),
        direction: Direction::Inbound,
        from: Some("+33612345678".to_owned()),
        to: Some("+33187654321".to_owned()),
    }
}

fn step(key: &str) -> CallChange {
    CallChange::new(CallStep::new(key, "said", "déjà"))
}

// req: S2-CALL-1
// req: S2-LIFE-1
// req: S2-EVT-2
// req: S2-TEN-1
async fn a_step_happens_once_and_its_event_with_it(on: Kind) {
    let opened = common::open(on).await;
    let f = common::fixture(&opened.store).await;
    let (here, there) = (opened.store.tenant(f.home.tenant), opened.store.tenant(f.abroad.tenant));
    let secret = Secret::new("whsec_c2VjcmV0");
    let endpoint = here.create_webhook_endpoint("https://example.com", &["*".to_owned()], true, secret).await;
    let endpoint = endpoint.expect("made").id;

    let begun = CallChange { status: Some(CallStatus::InProgress), ..step("incoming") };
    let (made, changed) = here.change_call(call(f.pull.channel, "CA1"), begun.clone()).await.expect("made");
    assert!(changed && made.facts.ended_at.is_none());
    assert_eq!(here.change_call(call(f.pull.channel, "CA1"), begun).await.expect("again"), (made.clone(), false));
    let said = CallChange { said: vec!["Caller: où êtes-vous ?".to_owned()], ai_handled: true, ..step("said:1") };
    for _ in 0..2 {
        here.change_call(call(f.pull.channel, "CA1"), said.clone()).await.expect("said");
    }
    opened.clock.set(NOW + Duration::from_secs(61));
    let report = CallReport { cost_cents: Some(7), structured: Some("{\"é\":1}".into()), ..CallReport::default() };
    let end = CallChange { status: Some(CallStatus::Completed), report: Some(report), ends: true, ..step("end") };
    let (ended, _) = here.change_call(call(f.pull.channel, "CA1"), end.clone()).await.expect("ended");
    assert_eq!(ended.id, made.id);
    let again = here.change_call(call(f.pull.channel, "CA1"), CallChange { step: step("end:2").step, ..end }).await;
    let (found, steps) = (here.call(made.id).await.expect("found"), here.call_steps(made.id).await.expect("read"));
    assert_eq!((again.expect("later").0, found.facts.transcript.as_str()), (found.clone(), "Caller: où êtes-vous ?"));
    assert_eq!((found.facts.seconds, found.facts.billed_minutes), (Some(61), Some(2)));
    assert_eq!((found.facts.outcome, found.facts.cost_cents), (Some(CallOutcome::Answered), Some(7)));
    assert_eq!(found.facts.structured.as_deref(), Some("{\"é\":1}"));
    assert_eq!(steps.iter().map(|s| s.detail.as_str()).collect::<Vec<_>>(), ["déjà"; 4]);

    let due = here.due_deliveries(endpoint, 50).await.expect("read");
    let told: Vec<_> = due.iter().map(|d| (d.event.kind.as_str(), d.event.call.as_ref().map(|c| c.id))).collect();
    assert_eq!(told, [("call.started", Some(made.id)), ("call.ended", Some(made.id))], "each once");
    assert_eq!(there.call(made.id).await, Err(StoreError::NotFound("call")));
    assert_eq!(there.calls(CallFilter::default(), PageRequest::default()).await.expect("read").total, 0);
    assert!(there.call_steps(made.id).await.expect("read").is_empty());
    let (theirs, _) = there.change_call(call(f.abroad.channel, "CA1"), step("x")).await.expect("made");
    assert_ne!(theirs.id, made.id, "the same id of another tenant's call");
}

// req: S2-DSH-1
async fn figures_are_those_of_the_calls_of_a_time(on: Kind) {
    let opened = common::open(on).await;
    let f = common::fixture(&opened.store).await;
    let here = opened.store.tenant(f.home.tenant);
    let hour = Duration::from_secs(3600);
    let mut made: Vec<CallId> = Vec::new();
    for (n, outcome, seconds) in
        [(0_u32, CallOutcome::Booked, 30), (1, CallOutcome::Missed, 0), (2, CallOutcome::Booked, 90)]
    {
        opened.clock.set(NOW + hour * n);
        let booked = outcome == CallOutcome::Booked;
        let end = CallChange {
            outcome: Some(outcome),
            seconds: Some(seconds),
            ai_handled: booked,
            report: Some(CallReport { cost_cents: Some(5), ..CallReport::default() }),
            ends: true,
            ..step("end")
        };
        made.push(here.change_call(call(f.pull.channel, &format!("CA{n}")), end).await.expect("made").0.id);
    }
    let all = here.call_figures(CallFilter::default()).await.expect("read");
    assert_eq!((all.calls, all.ended, all.ai_handled, all.measured), (3, 3, 2, 3));
    assert_eq!((all.seconds, all.billed_minutes, all.cost_cents), (120, 3, 15));
    assert_eq!(all.outcomes, [(CallOutcome::Booked, 2), (CallOutcome::Missed, 1)]);
    let last = CallFilter { from: NOW + hour, until: NOW + hour * 2 };
    let last = here.call_figures(last).await.expect("read");
    assert_eq!((last.calls, last.outcomes), (1, vec![(CallOutcome::Missed, 1)]), "from, and before");
    let page = here.calls(CallFilter::default(), PageRequest::new(1, 2)).await.expect("read");
    assert_eq!(page.total, 3);
    assert_eq!(page.items.iter().map(|c| c.id).collect::<Vec<_>>(), [made[2], made[1]], "the newest first");
    let none = here.call_figures(CallFilter { from: NOW + hour * 9, ..CallFilter::default() }).await.expect("read");
    assert_eq!((none.calls, none.seconds, none.outcomes.len()), (0, 0, 0));
}

// req: S2-LIFE-1
async fn silent_calls_are_found_and_settled_once(on: Kind) {
    let opened = common::open(on).await;
    let f = common::fixture(&opened.store).await;
    let (here, there) = (opened.store.tenant(f.home.tenant), opened.store.tenant(f.abroad.tenant));
    let silent = async |before| opened.store.installation().silent_calls(before, 10).await.expect("read");
    let (made, _) = here.change_call(call(f.pull.channel, "CA1"), step("incoming")).await.expect("made");
    let over = CallChange { ends: true, ..step("end") };
    here.change_call(call(f.pull.channel, "CA2"), over).await.expect("ended");
    assert!(silent(NOW + Duration::from_millis(1)).await.len() == 1, "what is over is not silent");
    opened.clock.set(NOW + Duration::from_secs(60));
    here.change_call(call(f.pull.channel, "CA1"), step("heard")).await.expect("changed");
    assert!(silent(NOW + Duration::from_secs(59)).await.is_empty(), "it was heard of");
    let later = NOW + Duration::from_secs(60);
    assert_eq!(silent(later).await, [(f.home.tenant, made.id)]);
    let lost = settle(Asked::Nobody, made.started_at, later);
    assert_eq!(there.settle_call(made.id, lost.clone()).await, Err(StoreError::NotFound("call")));
    let (closed, changed) = here.settle_call(made.id, lost.clone()).await.expect("closed");
    assert_eq!((changed, closed.facts.outcome), (true, Some(CallOutcome::Lost)));
    assert_eq!(here.settle_call(made.id, lost).await.expect("again"), (closed, false));
    assert!(silent(later).await.is_empty());
}

on_both! {
    silent_calls_are_found_and_settled_once
    a_step_happens_once_and_its_event_with_it
    figures_are_those_of_the_calls_of_a_time
}
