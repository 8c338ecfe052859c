//! Worlds with many people: personas who come at a rate, over virtual hours or days.

use crate::{
    fault::FaultSpec,
    scenario::{
        AgentSpec, Automaton, ChannelKind, ChannelSpec, ConversationSpec, Expectations, FORMAT, ModelSpec, Runs,
        Scenario, Span, UserSpec, WorldSpec,
    },
    seed::{Dice, Seed},
};
use std::time::Duration;

/// How much comes, and for how long.
#[derive(Debug, Clone, PartialEq)]
pub struct Load {
    /// New conversations an hour, on average.
    pub rate: u32,
    /// Virtual time.
    pub lasts: Duration,
    pub nodes: u8,
    pub channel: ChannelKind,
    /// What goes wrong meanwhile.
    pub faults: Vec<FaultSpec>,
}

/// A kind of person.
struct Persona {
    name: &'static str,
    /// Messages that they write, at least and at most.
    messages: (u64, u64),
    patience: Duration,
    /// Characters a second.
    typing: u32,
    burst: f64,
    says: &'static [&'static str],
}

const PERSONAS: &[Persona] = &[
    Persona {
        name: "one question",
        messages: (1, 1),
        patience: Duration::from_secs(300),
        typing: 6,
        burst: 0.0,
        says: &["What are your opening hours?", "Do you deliver on Saturdays?", "How much is the annual plan?"],
    },
    Persona {
        name: "impatient",
        messages: (2, 6),
        patience: Duration::from_secs(8),
        typing: 12,
        burst: 0.6,
        says: &["hello?", "anyone there", "my order has not come", "order 4711", "??", "I want my money back"],
    },
    Persona {
        name: "thorough",
        messages: (3, 8),
        patience: Duration::from_secs(600),
        typing: 4,
        burst: 0.05,
        says: &[
            "Good morning, I have a few questions before I order.",
            "Is the blue one made of wool?",
            "And can it be washed at thirty degrees?",
            "What if it does not fit?",
            "Thank you, and how long does it take to Lyon?",
        ],
    },
    Persona {
        name: "francophone",
        messages: (1, 5),
        patience: Duration::from_secs(120),
        typing: 7,
        burst: 0.2,
        says: &[
            "Bonjour, quels sont vos horaires ?",
            "Livrez-vous en Belgique ?",
            "Je voudrais modifier ma commande.",
            "Merci, et pour un échange ?",
        ],
    },
];

/// The world in which this load comes.
#[must_use]
pub fn scenario(load: &Load, seed: u64) -> Scenario {
    let mut dice = Seed(seed).dice("load");
    let mean = 3_600_000.0 / f64::from(load.rate.max(1));
    let (mut at, mut conversations) = (0.0, Vec::new());
    loop {
        at += exponential(&mut dice) * mean;
        let starts = Duration::from_secs_f64(at / 1_000.0);
        if starts > load.lasts {
            break;
        }
        conversations.push(person(&mut dice, conversations.len() as u64, starts));
    }
    Scenario {
        format: FORMAT.to_owned(),
        name: format!("load of {} an hour", load.rate),
        about: String::new(),
        provenance: None,
        runs: Runs { seed, trials: 1 },
        world: WorldSpec {
            nodes: load.nodes,
            agents: vec![AgentSpec::default()],
            channels: vec![ChannelSpec { kind: load.channel, ..ChannelSpec::default() }],
            ..WorldSpec::default()
        },
        model: ModelSpec::Echo,
        tools: Vec::new(),
        toolset: None,
        conversations,
        timeline: Vec::new(),
        faults: load.faults.clone(),
        expect: Expectations::default(),
    }
}

/// The time between two arrivals, in means.
fn exponential(dice: &mut Dice) -> f64 {
    -(1.0 - dice.unit()).ln()
}

fn person(dice: &mut Dice, number: u64, starts: Duration) -> ConversationSpec {
    let persona = dice.pick(PERSONAS);
    let many = dice.between(persona.messages.0, persona.messages.1);
    let first = dice.roll();
    let says = (0..many)
        .map(|n| {
            let place = usize::try_from((first + n) % persona.says.len() as u64).unwrap_or(0);
            // Told apart, so that every answer can be held against its question.
            format!("{} ({}, {number}.{n})", persona.says[place], persona.name)
        })
        .collect();
    let user = Automaton {
        says,
        starts: Span(Duration::from_millis(u64::try_from(starts.as_millis()).unwrap_or(u64::MAX))),
        patience: Span(persona.patience),
        typing: persona.typing,
        burst: persona.burst,
        until_told: Vec::new(),
        until: None,
    };
    let channel = ChannelSpec::default().name;
    let peer = format!("{}", 33_600_000_000 + number);
    ConversationSpec { channel, peer, people: 1, user: UserSpec::Automaton(user) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, Verdict, run};

    #[test]
    fn people_come_at_the_rate_and_are_all_answered() {
        let load = Load {
            rate: 60,
            lasts: Duration::from_secs(3 * 3600),
            nodes: 1,
            channel: ChannelKind::Messenger,
            faults: Vec::new(),
        };
        let scenario = scenario(&load, 5);
        assert!((120..240).contains(&scenario.conversations.len()), "{}", scenario.conversations.len());
        let report = run(&scenario, 5, Options::default());
        assert_eq!(report.verdict, Verdict::Pass, "{:?}", report.violations);
        assert_eq!(report.stats.conversations, scenario.conversations.len() as u64);
    }
}
