//! Pages are read on a thread of their own, so that a page without end costs its own text and not the document's.

use super::guarded;
use std::{sync::mpsc, thread, time::Duration};

/// How long a page may take, and how many may take longer before the rest is given up.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    pub page: Duration,
    pub stuck: usize,
    /// Stack of the reading thread, in bytes.
    pub stack: usize,
}

/// Opening may take this many times as long as a page.
const OPENING: u32 = 4;

/// Reads the pages with these indexes; `None` for each that the reader fails at, panics at or does not end. A reader that does
/// not end is left behind with its thread, which ends with the process, and a new one is opened for the pages after.
pub fn pages<R: 'static, T: Send + 'static>(
    wanted: &[usize],
    patience: Patience,
    open: impl Fn() -> Option<R> + Clone + Send + 'static,
    read: fn(&mut R, usize) -> Option<T>,
) -> Vec<Option<T>> {
    let mut out: Vec<Option<T>> = Vec::with_capacity(wanted.len());
    let mut stuck = 0;
    'readers: while out.len() < wanted.len() && stuck < patience.stuck.max(1) {
        let Some(told) = start(wanted[out.len()..].to_vec(), patience.stack, open.clone(), read) else { break };
        let mut wait = patience.page * OPENING;
        loop {
            match told.recv_timeout(wait) {
                Ok(page) => out.push(page),
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    out.push(None);
                    stuck += 1;
                    break;
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => break 'readers,
            }
            wait = patience.page;
        }
    }
    out.resize_with(wanted.len(), || None);
    out
}

/// Reads on a new thread; the pages come one by one.
fn start<R: 'static, T: Send + 'static>(
    wanted: Vec<usize>,
    stack: usize,
    open: impl Fn() -> Option<R> + Send + 'static,
    read: fn(&mut R, usize) -> Option<T>,
) -> Option<mpsc::Receiver<Option<T>>> {
    let (tell, told) = mpsc::channel();
    let work = move || {
        let Some(mut reader) = guarded(open).flatten() else { return };
        for index in wanted {
            if tell.send(guarded(|| read(&mut reader, index)).flatten()).is_err() {
                return;
            }
        }
    };
    thread::Builder::new().name("pages".to_owned()).stack_size(stack).spawn(work).ok().map(|_| told)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Far longer than a page that panics takes to say so.
    const SHORT: Patience = Patience { page: Duration::from_secs(3), stuck: 2, stack: 1 << 20 };

    fn read(_: &mut (), page: usize) -> Option<usize> {
        match page {
            1 => None,
            2 => panic!("a broken page"),
            n if n % 10 == 4 => loop {
                thread::park();
            },
            n => Some(n),
        }
    }

    #[test]
    fn bad_pages_cost_only_themselves() {
        let read = |wanted: &[usize]| pages(wanted, SHORT, || Some(()), read);
        assert_eq!(read(&[0, 1, 2, 3, 4, 5]), [Some(0), None, None, Some(3), None, Some(5)]);
        assert_eq!(read(&[5, 4, 6, 14, 7, 8]), [Some(5), None, Some(6), None, None, None], "twice is enough");
        assert_eq!(read(&[]), []);
    }

    #[test]
    fn what_cannot_be_opened_has_no_pages() {
        assert_eq!(pages(&[0, 1], SHORT, || None::<()>, read), [None, None]);
        assert_eq!(pages(&[0, 1], SHORT, || -> Option<()> { panic!("broken") }, read), [None, None]);
    }
}
