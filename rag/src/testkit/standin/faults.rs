//! What goes wrong on request.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tonic::{Code, Status};

#[derive(Default)]
pub(super) struct Faults {
    calls: AtomicU64,
    plan: Mutex<Plan>,
}

#[derive(Default)]
struct Plan {
    fail: Option<(u32, Code)>,
    delay: Option<(u32, Duration)>,
    /// Writes that still succeed, and how everything fails afterwards.
    writes_left: Option<(u32, Code)>,
    broken: Option<Code>,
}

impl Faults {
    fn plan<T>(&self, with: impl FnOnce(&mut Plan) -> T) -> T {
        with(&mut self.plan.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn fail_next(&self, calls: u32, code: Code) {
        self.plan(|p| p.fail = Some((calls, code)));
    }

    pub(super) fn delay_next(&self, calls: u32, delay: Duration) {
        self.plan(|p| p.delay = Some((calls, delay)));
    }

    pub(super) fn break_after_writes(&self, calls: u32, code: Code) {
        self.plan(|p| p.writes_left = Some((calls, code)));
    }

    pub(super) fn heal(&self) {
        self.plan(|p| *p = Plan::default());
    }

    pub(super) fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    /// Before a call does anything.
    pub(super) async fn before(&self) -> Result<(), Status> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let (delay, fail) = self.plan(|plan| (take(&mut plan.delay), plan.broken.or_else(|| take(&mut plan.fail))));
        if let Some(delay) = delay {
            tokio::time::sleep(delay).await;
        }
        fail.map_or(Ok(()), |code| Err(Status::new(code, "asked to fail")))
    }

    /// After a call changed points.
    pub(super) fn after_write(&self) -> Result<(), Status> {
        self.plan(|plan| match &mut plan.writes_left {
            None => Ok(()),
            Some((0, code)) => {
                plan.broken = Some(*code);
                Err(Status::new(*code, "asked to break"))
            }
            Some((left, _)) => {
                *left -= 1;
                Ok(())
            }
        })
    }
}

fn take<T: Copy>(planned: &mut Option<(u32, T)>) -> Option<T> {
    let (left, what) = planned.as_mut()?;
    let what = *what;
    if *left == 0 {
        *planned = None;
        return None;
    }
    *left -= 1;
    Some(what)
}
