//! What a trace tells: who did what in which lane, which turns there were, how long answers took and what they cost.

use super::{Run, words::letters};
use crate::{model::COST, scenario::Scenario, trace::Entry};
use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

/// The lane of nodes, lanes of the log, and whatever concerns no single conversation.
pub const WORLD: usize = 0;

pub struct Story<'a> {
    /// Names: the world, then the conversations in the order of the scenario.
    pub lanes: Vec<String>,
    /// One for each entry of the trace.
    pub scenes: Vec<Scene<'a>>,
    pub turns: Vec<Turn>,
    /// From a message as it was written until its answer was taken by the provider, or shown in the web chat.
    pub answers: Vec<Duration>,
    /// What each reply cost, in millionths of a US dollar, with all that was tried for it.
    pub costs: Vec<u64>,
}

pub struct Scene<'a> {
    pub entry: &'a Entry,
    pub lane: usize,
    pub sort: Sort,
}

/// From the first completion to the commit that settles its messages.
pub struct Turn {
    pub lane: usize,
    /// Places in [`Story::scenes`], both included.
    pub first: usize,
    pub last: usize,
}

/// What kind of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    Message,
    Model,
    Tool,
    Commit,
    Delivery,
    Person,
    Node,
    Fault,
    Broken,
    /// The way of messages in and of notices out: of interest when something is wrong there.
    Plumbing,
}

impl Sort {
    const fn of(what: &str) -> Self {
        match what.as_bytes() {
            b"wrote" | b"off_script" => Self::Message,
            b"model" | b"model.failed" => Self::Model,
            b"tool" => Self::Tool,
            b"commit" => Self::Commit,
            b"send.taken" | b"send.refused" | b"replied" | b"settled" => Self::Delivery,
            b"take_over" | b"give_back" | b"operator" => Self::Person,
            b"node" | b"fenced" | b"at_rest" => Self::Node,
            b"fault" => Self::Fault,
            b"broken" => Self::Broken,
            _ => Self::Plumbing,
        }
    }

    /// Its class on the page, and its name there.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Model => "model",
            Self::Tool => "tool",
            Self::Commit => "commit",
            Self::Delivery => "delivery",
            Self::Person => "person",
            Self::Node => "node",
            Self::Fault => "fault",
            Self::Broken => "broken",
            Self::Plumbing => "plumbing",
        }
    }
}

/// What is known of a conversation while its trace is read.
#[derive(Default)]
struct Lane {
    /// Where the turn under way began.
    turn: Option<usize>,
    last: usize,
    /// When messages were written that no commit settled yet.
    waiting: VecDeque<Duration>,
    /// Replies on their way: their letters, and when the messages were written that they answer.
    made: VecDeque<(String, Vec<Duration>)>,
    cost: u64,
    /// Whether a provider takes the replies; in the web chat a reply arrives by being made.
    delivered: bool,
}

impl<'a> Story<'a> {
    #[must_use]
    pub fn of(run: &'a Run) -> Self {
        Self::read(&run.scenario, &run.report.trace)
    }

    /// The story of a trace.
    #[must_use]
    pub fn read(scenario: &'a Scenario, trace: &'a [Entry]) -> Self {
        let mut reader = Reader::new(scenario, trace.len());
        for (place, entry) in trace.iter().enumerate() {
            reader.read(place, entry);
        }
        reader.end()
    }
}

struct Reader<'a> {
    channels: BTreeMap<&'a str, bool>,
    known: Vec<Lane>,
    story: Story<'a>,
}

impl<'a> Reader<'a> {
    fn new(scenario: &'a Scenario, entries: usize) -> Self {
        let webchat = crate::scenario::ChannelKind::Webchat;
        let channels = scenario.world.channels.iter().map(|c| (c.name.as_str(), c.kind != webchat)).collect();
        let story = Story {
            lanes: vec!["world".to_owned()],
            scenes: Vec::with_capacity(entries),
            turns: Vec::new(),
            answers: Vec::new(),
            costs: Vec::new(),
        };
        let mut reader = Self { channels, known: vec![Lane::default()], story };
        for conversation in &scenario.conversations {
            reader.lane(&format!("{}/{}", conversation.channel, conversation.peer));
        }
        reader
    }

    /// `channel/peer`, or `channel/peer/tool`.
    fn lane(&mut self, entity: &str) -> usize {
        let mut parts = entity.splitn(3, '/');
        let (Some(channel), Some(peer)) = (parts.next(), parts.next()) else { return WORLD };
        let Some(delivered) = self.channels.get(channel).copied() else { return WORLD };
        let name = format!("{channel}/{peer}");
        if let Some(place) = self.story.lanes.iter().position(|l| *l == name) {
            return place;
        }
        self.story.lanes.push(name);
        self.known.push(Lane { delivered, ..Lane::default() });
        self.known.len() - 1
    }

    fn read(&mut self, place: usize, entry: &'a Entry) {
        let lane = self.lane(&entry.entity);
        let sort = match entry.what {
            // Only a notice, where the reply has a delivery of its own.
            "replied" if self.known[lane].delivered => Sort::Plumbing,
            what => Sort::of(what),
        };
        self.story.scenes.push(Scene { entry, lane, sort });
        if lane == WORLD {
            return;
        }
        let known = &mut self.known[lane];
        known.last = place;
        match entry.what {
            "wrote" => known.waiting.push_back(entry.at),
            "model" => {
                known.turn.get_or_insert(place);
                known.cost += COST;
            }
            // Follows a completion that cost something else than usual.
            "cost" => known.cost = known.cost.saturating_sub(COST) + entry.detail.parse().unwrap_or(COST),
            "tool" => {
                known.turn.get_or_insert(place);
            }
            "commit" => self.committed(lane, place, entry),
            "send.taken" => self.taken(lane, entry),
            "replied" if !known.delivered => self.taken(lane, entry),
            _ => {}
        }
    }

    fn committed(&mut self, lane: usize, place: usize, entry: &Entry) {
        let known = &mut self.known[lane];
        let (settled, answered) = settled(&entry.detail);
        if settled == 0 {
            return;
        }
        if let Some(first) = known.turn.take() {
            self.story.turns.push(Turn { lane, first, last: place });
        }
        let written: Vec<Duration> = (0..settled).filter_map(|_| known.waiting.pop_front()).collect();
        if answered && let Some((_, said)) = entry.detail.split_once(" says ") {
            known.made.push_back((letters(said), written));
            self.story.costs.push(std::mem::take(&mut known.cost));
        }
    }

    fn taken(&mut self, lane: usize, entry: &Entry) {
        let made = &mut self.known[lane].made;
        let words = letters(&entry.detail);
        // A long reply comes in parts; one that was dead-lettered never comes.
        let Some(place) = made.iter().position(|(said, _)| said.contains(&words)) else { return };
        let written = std::mem::take(&mut made[place].1);
        self.story.answers.extend(written.into_iter().map(|w| entry.at.saturating_sub(w)));
        made.drain(..place);
    }

    fn end(mut self) -> Story<'a> {
        for (lane, known) in self.known.iter().enumerate() {
            if let Some(first) = known.turn {
                self.story.turns.push(Turn { lane, first, last: known.last });
            }
        }
        self.story.turns.sort_by_key(|t| t.first);
        self.story
    }
}

/// How many messages a commit settles, and whether a reply answers one of them: `v3 #1 merged #2 answered says …`.
fn settled(detail: &str) -> (usize, bool) {
    let mut words = detail.split(' ').skip(1);
    let (mut count, mut answered) = (0, false);
    while let (Some(number), Some(outcome)) = (words.next(), words.next()) {
        if !number.starts_with('#') {
            break;
        }
        count += 1;
        answered |= outcome == "answered";
    }
    (count, answered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_settles_nothing() {
        assert_eq!(settled("v3 #1 merged #2 answered says \"#3 answered\""), (2, true));
        assert_eq!(settled("v3 journal 1.0.0"), (0, false));
        assert_eq!(settled("v3 #1 handed_over"), (1, false));
        assert_eq!(settled("v3 says \"#3 answered\""), (0, false));
    }
}
