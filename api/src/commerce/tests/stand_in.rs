//! Stands for all services: it counts what was really done, and knows keys as the real ones do.

use async_trait::async_trait;
use colloquy_domain::{
    channel::Secret,
    commerce::{
        flow::{Answer, Step},
        settings::{Connections, Provider},
    },
    failure::Failure,
    ports::{Proof, Services, Told, Work},
    time::Timestamp,
};
use std::{collections::HashSet, sync::Mutex};
use tokio::sync::Notify;

/// What becomes of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Good,
    /// The node dies when the intent is committed and before the call reaches anybody.
    DiesBefore,
    /// It dies after the call was done, before anything of it is written.
    DiesAfter,
    /// The answer is lost; the work was done, or not.
    LostDone,
    LostUndone,
    /// Nothing happened.
    Busy,
}

impl Fate {
    pub const ALL: [Self; 5] = [Self::DiesBefore, Self::DiesAfter, Self::LostDone, Self::LostUndone, Self::Busy];
}

#[derive(Default)]
struct Done {
    /// Of the calls to come, the last one first.
    fates: Vec<Fate>,
    calls: Vec<Step>,
    /// Each time that something was really done.
    done: Vec<Step>,
    keys: HashSet<String>,
    blind: bool,
}

#[derive(Default)]
pub struct StandIn {
    state: Mutex<Done>,
    dies: Notify,
}

impl StandIn {
    pub fn new(mut fates: Vec<Fate>) -> Self {
        fates.reverse();
        Self { state: Mutex::new(Done { fates, ..Done::default() }), ..Self::default() }
    }

    pub fn done(&self, step: Step) -> usize {
        self.state.lock().unwrap().done.iter().filter(|s| **s == step).count()
    }

    pub fn called(&self, step: Step) -> usize {
        self.state.lock().unwrap().calls.iter().filter(|s| **s == step).count()
    }

    /// Somebody else did it.
    pub fn elsewhere(&self, step: Step) {
        self.state.lock().unwrap().done.push(step);
    }

    /// It did not happen after all.
    pub fn fails(&self, step: Step) {
        self.state.lock().unwrap().done.retain(|s| *s != step);
    }

    /// Whether nobody can look.
    pub fn blind(&self, blind: bool) {
        self.state.lock().unwrap().blind = blind;
    }

    /// Resolves when the node dies.
    pub async fn killed(&self) {
        self.dies.notified().await;
    }

    async fn die(&self) -> ! {
        self.dies.notify_one();
        loop {
            std::future::pending::<()>().await;
        }
    }

    fn work(&self, work: &Work) {
        let mut state = self.state.lock().unwrap();
        // As Google knows ids of events, and Stripe its keys; sheets know nothing.
        let knows = work.step != Step::AddToSheet;
        if state.keys.insert(work.key.clone()) || !knows {
            state.done.push(work.step);
        }
    }
}

fn unknown() -> Told {
    Answer::Unknown { code: "x.no_answer".into() }.into()
}

fn happened(step: Step) -> Told {
    let reference = Some(format!("made:{}", step.name()));
    let secret = (step == Step::CreatePayment).then(|| Secret::new("secret:create_payment"));
    Told { answer: Answer::Happened, proof: Proof { reference, secret } }
}

#[async_trait]
impl Services for StandIn {
    async fn act(&self, _: &Connections, work: &Work) -> Told {
        let fate = {
            let mut state = self.state.lock().unwrap();
            state.calls.push(work.step);
            state.fates.pop().unwrap_or(Fate::Good)
        };
        match fate {
            Fate::DiesBefore => self.die().await,
            Fate::Busy => return Answer::Later { code: "x.busy".into(), after: None }.into(),
            Fate::LostUndone => return unknown(),
            Fate::Good | Fate::DiesAfter | Fate::LostDone => self.work(work),
        }
        match fate {
            Fate::DiesAfter => self.die().await,
            Fate::LostDone => unknown(),
            _ => happened(work.step),
        }
    }

    async fn look(&self, _: &Connections, work: &Work) -> Told {
        let fate = {
            let mut state = self.state.lock().unwrap();
            if state.blind {
                return Answer::Unknown { code: "x.blind".into() }.into();
            }
            state.fates.pop().unwrap_or(Fate::Good)
        };
        match fate {
            Fate::DiesBefore | Fate::DiesAfter => self.die().await,
            Fate::LostDone | Fate::LostUndone | Fate::Busy => return unknown(),
            Fate::Good => {}
        }
        let state = self.state.lock().unwrap();
        // Of what others may do, too, it is found out whoever did it.
        let by_anybody = match work.step {
            Step::ConfirmPayment | Step::RefundPayment => Some(work.step),
            Step::FindRefund => Some(Step::RefundPayment),
            _ => None,
        };
        match state.keys.contains(&work.key) || by_anybody.is_some_and(|step| state.done.contains(&step)) {
            true => happened(work.step),
            false if work.step == Step::FindRefund => Answer::Refused { code: "x.not_refunded".into() }.into(),
            false => Answer::Absent.into(),
        }
    }

    async fn busy(&self, _: &Connections, _: Timestamp, _: Timestamp) -> Result<Vec<(Timestamp, Timestamp)>, Failure> {
        Ok(Vec::new())
    }

    async fn test(&self, _: &Connections, _: Provider) -> Result<String, Failure> {
        Ok(String::new())
    }
}
