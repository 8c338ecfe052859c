use super::*;
use crate::commerce::{OrderStatus, ReservationStatus, order_status, reservation_status};
use proptest::prelude::*;

const NOW: Timestamp = Timestamp(1_000_000);

fn apply(flow: Flow, events: &[Event]) -> Flow {
    events.iter().fold(flow, evolve)
}

fn put(flow: &Flow, input: Input) -> (Flow, Option<Effect>) {
    let decision = decide(flow, input, NOW);
    (apply(flow.clone(), &decision.events), decision.effect)
}

fn unknown() -> Answer {
    Answer::Unknown { code: "x.no_answer".into() }
}

// req: S0-FLOW-2
#[test]
fn a_reservation_goes_through_its_steps() {
    let mut flow = Flow::new(FlowKind::Reserve, NOW);
    for step in [Step::AddToCalendar, Step::AddToSheet] {
        let (taken, effect) = put(&flow, Input::Take);
        assert_eq!((effect, reservation_status(&taken)), (Some(Effect::Act(step)), ReservationStatus::Pending));
        flow = put(&taken, Input::Answer(Answer::Happened)).0;
    }
    assert_eq!((flow.end, reservation_status(&flow)), (Some(End::Done), ReservationStatus::Confirmed));
}

// req: S0-FLOW-3
#[test]
fn what_is_in_doubt_is_looked_for_or_repeated_under_its_key() {
    let pay = put(&Flow::new(FlowKind::Pay, NOW), Input::Take).0;
    let (found, effect) = put(&pay, Input::Take);
    assert_eq!((effect, order_status(&found)), (Some(Effect::Look(Step::ConfirmPayment)), OrderStatus::Uncertain));
    let (again, none) = put(&found, Input::Answer(Answer::Absent));
    assert_eq!((again.phase, none, order_status(&again)), (Phase::Ready, None, OrderStatus::RequiresConfirmation));
    let (paid, _) = put(&found, Input::Answer(Answer::Happened));
    assert_eq!((order_status(&paid), paid.step()), (OrderStatus::Paid, Some(Step::AddToSheet)));

    let entered = put(&Flow::new(FlowKind::Reserve, NOW), Input::Take).0;
    assert_eq!(put(&entered, Input::Take).1, Some(Effect::Act(Step::AddToCalendar)), "known by its id");
}

// req: S0-FLOW-3
#[test]
fn what_stays_in_doubt_is_uncertain_until_somebody_knows_more() {
    let mut flow = Flow::new(FlowKind::Pay, NOW);
    for _ in 0..MOST_TRIES {
        flow = put(&flow, Input::Take).0;
        flow = put(&flow, Input::Answer(unknown())).0;
        assert_eq!(order_status(&flow), OrderStatus::Uncertain);
    }
    assert_eq!(flow.end, Some(End::Uncertain));
    assert_eq!(put(&flow, Input::Take), (flow.clone(), None), "nobody takes it up by himself");
    flow = put(&flow, Input::Again).0;
    assert_eq!(put(&flow, Input::Take).1, Some(Effect::Look(Step::ConfirmPayment)));
    let refused = put(&flow, Input::Answer(Answer::Refused { code: "stripe.card_declined".into() })).0;
    assert_eq!((refused.end, order_status(&refused)), (Some(End::Failed), OrderStatus::RequiresConfirmation));
}

// req: S0-FLOW-3
#[test]
fn a_refund_is_looked_for_before_it_is_repeated_and_one_that_failed_leaves_the_order_paid() {
    let asked = put(&Flow::new(FlowKind::Refund, NOW), Input::Take).0;
    assert_eq!(order_status(&asked), OrderStatus::Refunding);
    let (found, effect) = put(&asked, Input::Take);
    assert_eq!((effect, order_status(&found)), (Some(Effect::Look(Step::RefundPayment)), OrderStatus::Uncertain));
    let refused = put(&found, Input::Answer(Answer::Refused { code: "stripe.refund_failed".into() })).0;
    assert_eq!((refused.end, order_status(&refused)), (Some(End::Failed), OrderStatus::Paid));
    let back = put(&found, Input::Answer(Answer::Happened)).0;
    assert_eq!((order_status(&back), back.step()), (OrderStatus::Refunded, Some(Step::AddToSheet)));
}

#[test]
fn what_others_gave_back_is_only_looked_at() {
    let not = || Input::Answer(Answer::Refused { code: "stripe.not_refunded".into() });
    for (kind, before) in [(FlowKind::RefundSeen, OrderStatus::Paid), (FlowKind::RefundChecked, OrderStatus::Refunded)]
    {
        let (looked, effect) = put(&Flow::in_doubt(kind, NOW), Input::Take);
        assert_eq!((effect, order_status(&looked)), (Some(Effect::Look(Step::FindRefund)), before));
        assert_eq!(order_status(&put(&looked, Input::Answer(unknown())).0), before, "until it is known");
        assert_eq!(order_status(&put(&looked, Input::Answer(Answer::Happened)).0), OrderStatus::Refunded);
        assert_eq!(order_status(&put(&looked, not()).0), OrderStatus::Paid);
    }
}

#[test]
fn a_sheet_that_refuses_takes_nothing_away() {
    let mut flow = Flow { past: 1, ..Flow::new(FlowKind::Reserve, NOW) };
    flow = put(&flow, Input::Take).0;
    flow = put(&flow, Input::Answer(Answer::Refused { code: "google.forbidden".into() })).0;
    assert_eq!((flow.end, reservation_status(&flow)), (Some(End::Done), ReservationStatus::Confirmed));
    assert_eq!(
        (flow.skipped.as_slice(), flow.code.as_deref()),
        (&["add_to_sheet".to_owned()][..], Some("google.forbidden"))
    );
}

/// The other side: what was really done, and how often.
#[derive(Default)]
struct World {
    done: Vec<Step>,
}

impl World {
    fn act(&mut self, step: Step) {
        // The other side knows the key of what is keyed.
        if !(step.is_keyed() && self.done.contains(&step)) {
            self.done.push(step);
        }
    }
}

/// What becomes of one attempt.
#[derive(Debug, Clone, Copy)]
enum Fate {
    /// The runner dies: nothing is committed.
    DiesBefore,
    /// It dies after the commit of the intent, or after the call.
    DiesIntended,
    DiesCalled,
    /// The answer is lost, with the work done or not.
    Lost(bool),
    Busy,
    Refused,
    Good,
    Again,
}

fn fate() -> impl Strategy<Value = Fate> {
    use Fate::{Again, Busy, DiesBefore, DiesCalled, DiesIntended, Good, Lost, Refused};
    prop_oneof![
        Just(DiesBefore),
        Just(DiesIntended),
        Just(DiesCalled),
        any::<bool>().prop_map(Lost),
        Just(Busy),
        Just(Refused),
        Just(Good),
        Just(Again)
    ]
}

fn live(flow: Flow, world: &mut World, fate: Fate) -> Flow {
    if matches!(fate, Fate::Again) {
        return put(&flow, Input::Again).0;
    }
    let (taken, effect) = put(&flow, Input::Take);
    let Some(effect) = effect.filter(|_| !matches!(fate, Fate::DiesBefore)) else { return flow };
    if matches!(fate, Fate::DiesIntended) {
        return taken;
    }
    let step = taken.step().expect("an effect has a step");
    let answer = match (effect, fate) {
        (_, Fate::Busy) => Answer::Later { code: "x.busy".into(), after: None },
        (Effect::Act(_), Fate::Lost(done)) => {
            if done {
                world.act(step);
            }
            unknown()
        }
        (Effect::Look(_), Fate::Lost(_)) => unknown(),
        // A look that finds it does not say that it was refused.
        (Effect::Act(_), Fate::Refused) => Answer::Refused { code: "x.refused".into() },
        (Effect::Look(_), Fate::Refused) if !world.done.contains(&step) => Answer::Refused { code: "x.refused".into() },
        (Effect::Act(_), _) => {
            world.act(step);
            Answer::Happened
        }
        (Effect::Look(_), _) if world.done.contains(&step) => Answer::Happened,
        (Effect::Look(_), _) => Answer::Absent,
    };
    if matches!(fate, Fate::DiesCalled) { taken } else { put(&taken, Input::Answer(answer)).0 }
}

proptest! {
    // req: S0-FLOW-2
    // req: S0-FLOW-3
    #[test]
    fn whatever_happens_nothing_is_done_twice_nor_told_wrong(
        kind in prop::sample::select(FlowKind::ALL.to_vec()),
        fates in prop::collection::vec(fate(), 0..60),
    ) {
        let (mut flow, mut world) = (Flow::new(kind, NOW), World::default());
        for fate in fates {
            flow = live(flow, &mut world, fate);
            for (n, step) in kind.steps().iter().enumerate() {
                let times = world.done.iter().filter(|s| *s == step).count();
                prop_assert!(times <= 1, "{step:?} was done {times} times");
                if n < flow.past && !step.is_optional() {
                    prop_assert_eq!(times, 1, "{:?} is over and was not done", step);
                }
                prop_assert!(n < flow.past || times == 0 || n == flow.past, "out of order");
            }
            if flow.end == Some(End::Failed) {
                prop_assert!(flow.step().is_some_and(|s| !world.done.contains(&s)), "it failed and happened");
            }
            if flow.end == Some(End::Done) {
                prop_assert_eq!(flow.past, kind.steps().len());
            }
        }
        // In the end everything is settled once the world is kind.
        for _ in 0..20 {
            flow = live(flow, &mut world, Fate::Good);
        }
        prop_assert!(flow.end.is_some());
        for _ in 0..4 {
            let fate = if flow.end == Some(End::Uncertain) { Fate::Again } else { Fate::Good };
            flow = live(flow, &mut world, fate);
        }
        prop_assert!(matches!(flow.end, Some(End::Done | End::Failed)), "what is uncertain can be settled");
    }
}
