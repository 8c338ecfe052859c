//! Runs on threads of their own. A world lives on one thread, on a runtime of its own, so it cannot run on the program's.

use std::{
    collections::BTreeMap,
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};
use tokio::time::Instant;

/// Makes each of `0..count` by one of `jobs` threads, and hands them over in their order, each with the time it took.
pub fn in_order<T: Send>(
    count: u64,
    jobs: usize,
    make: impl Fn(u64) -> T + Sync,
    mut done: impl FnMut(u64, T, Duration),
) {
    let next = AtomicU64::new(0);
    thread::scope(|threads| {
        let (made, mut waiting) = (mpsc::sync_channel(jobs), BTreeMap::new());
        let (send, receive) = made;
        for _ in 0..jobs {
            let (send, next, make) = (send.clone(), &next, &make);
            threads.spawn(move || {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    let start = Instant::now();
                    if n >= count || send.send((n, make(n), start.elapsed())).is_err() {
                        return;
                    }
                }
            });
        }
        drop(send);
        let mut due = 0;
        for (n, value, took) in receive {
            waiting.insert(n, (value, took));
            while let Some((value, took)) = waiting.remove(&due) {
                done(due, value, took);
                due += 1;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_first_the_order_stays() {
        for jobs in [1, 3] {
            let mut seen = Vec::new();
            in_order(50, jobs, |n| n * n, |n, square, _| seen.push((n, square)));
            assert_eq!(seen, (0..50).map(|n| (n, n * n)).collect::<Vec<_>>());
        }
    }
}
