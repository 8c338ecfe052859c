//! A stand-in for the Bot API that counts by the rules Telegram states and refuses what is too fast.

use serde_json::{Value, json};
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);
/// Messages to one chat beyond one a second that are let pass: "short bursts" in Telegram's words.
pub const BURST: u32 = 3;

/// Messages to one group in a minute, edits among them.
const OF_GROUP: usize = 20;
const MINUTE: Duration = Duration::from_secs(60);
/// What the driver puts behind an answer that is not all yet.
const GOES_ON: char = '…';

/// What it was sent.
#[derive(Default)]
pub struct Taken {
    /// By chat, in order.
    pub texts: HashMap<String, Vec<String>>,
    pub messages: u64,
    /// Answers to people beside the burst, and what was shown of them before.
    pub answers: u64,
    pub shown: u64,
    /// When the last message of the burst came, whose words are numbers.
    pub last: Option<Instant>,
    /// Answered with 429.
    pub refused: u64,
}

#[derive(Default)]
struct State {
    taken: Taken,
    /// Of the last message.
    number: u64,
    /// When the messages of the last second came.
    recent: VecDeque<Instant>,
    /// When each chat's burst is paid back.
    chats: HashMap<String, Instant>,
    /// When the messages of the last minute came to each group.
    groups: HashMap<String, VecDeque<Instant>>,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Strict {
    /// Messages in any second.
    per_second: usize,
    state: Arc<Mutex<State>>,
}

impl Strict {
    pub fn new(per_second: usize) -> Self {
        Self { per_second, state: Arc::default() }
    }

    /// What came since the last time.
    pub fn taken(&self) -> Taken {
        std::mem::take(&mut self.state().taken)
    }

    pub fn count(&self) -> u64 {
        self.state().taken.messages
    }

    pub fn answers(&self) -> u64 {
        self.state().taken.answers
    }

    pub fn answer(&self, request: &[u8]) -> (u16, String) {
        let request = String::from_utf8_lossy(request);
        let (head, body) = request.split_once("\r\n\r\n").unwrap_or_default();
        let is = |method: &str| head.lines().next().is_some_and(|line| line.contains(method));
        let (draft, edit) = (is("/sendMessageDraft"), is("/editMessageText"));
        if !is("/sendMessage") && !edit {
            return (200, json!({ "ok": true, "result": true }).to_string());
        }
        let body: Value = serde_json::from_str(body).unwrap_or_default();
        let chat = body["chat_id"].as_str().map_or_else(|| body["chat_id"].to_string(), str::to_owned);
        let text = body["text"].as_str().unwrap_or_default().to_owned();
        let (now, mut state) = (Instant::now(), self.state());
        if state.is_too_fast(self.per_second, &chat, now) {
            state.taken.refused += 1;
            let description = "Too Many Requests: retry after 1";
            let refusal = json!({ "ok": false, "error_code": 429, "description": description, "parameters": { "retry_after": 1 } });
            return (429, refusal.to_string());
        }
        if draft || text.ends_with(GOES_ON) {
            state.taken.shown += 1;
        } else if text.parse::<u32>().is_ok() {
            state.taken.last = Some(now);
            state.taken.messages += 1;
            state.taken.texts.entry(chat.clone()).or_default().push(text);
        } else {
            state.taken.answers += 1;
        }
        state.number += 1;
        let (id, chat) = (state.number, json!({ "id": chat.parse::<i64>().unwrap_or_default() }));
        (200, json!({ "ok": true, "result": { "message_id": id, "date": 0, "chat": chat } }).to_string())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Counts it if it is not.
    fn is_too_fast(&mut self, per_second: usize, chat: &str, now: Instant) -> bool {
        while self.recent.front().is_some_and(|at| now.duration_since(*at) >= SECOND) {
            self.recent.pop_front();
        }
        let paid = self.chats.get(chat).copied().unwrap_or(now).max(now);
        if self.recent.len() >= per_second || paid.duration_since(now) > SECOND * (BURST - 1) {
            return true;
        }
        if chat.starts_with('-') {
            let group = self.groups.entry(chat.to_owned()).or_default();
            while group.front().is_some_and(|at| now.duration_since(*at) >= MINUTE) {
                group.pop_front();
            }
            if group.len() >= OF_GROUP {
                return true;
            }
            group.push_back(now);
        }
        self.recent.push_back(now);
        self.chats.insert(chat.to_owned(), paid + SECOND);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn send(strict: &Strict, chat: i32) -> u16 {
        let body = format!(r#"{{"chat_id":"{chat}","text":"7"}}"#);
        strict.answer(format!("POST /bot1:x/sendMessage HTTP/1.1\r\n\r\n{body}").as_bytes()).0
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_too_fast_is_refused() {
        let strict = Strict::new(5);
        assert_eq!([send(&strict, 1), send(&strict, 1), send(&strict, 1), send(&strict, 1)], [200, 200, 200, 429]);
        assert_eq!([send(&strict, 2), send(&strict, 3), send(&strict, 4)], [200, 200, 429]);
        tokio::time::advance(SECOND).await;
        assert_eq!([send(&strict, 1), send(&strict, 1), send(&strict, 4)], [200, 429, 200]);
        let taken = strict.taken();
        assert_eq!((taken.messages, taken.refused, strict.count()), (7, 3, 0));
        for _ in 0..20 {
            tokio::time::advance(SECOND).await;
            assert_eq!(send(&strict, -1), 200);
        }
        tokio::time::advance(SECOND).await;
        assert_eq!((send(&strict, -1), send(&strict, -2)), (429, 200), "a group takes 20 in a minute");
    }
}
