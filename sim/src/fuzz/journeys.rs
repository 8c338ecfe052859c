//! Journeys in made-up worlds: models that go through them, and some that would rather not.

use crate::{
    scenario::{ConversationSpec, UserSpec, WorldSpec},
    seed::{Dice, Seed},
};
use colloquy_domain::journey::{Argument, Compared, Condition, Journey, JourneyStep, Kind, Slot, StepTool, Value};

/// In some worlds paying is the last step of a journey, and people's words make the model begin it, fill slots well and badly,
/// leave it, and pay before its time. Drawn apart.
pub(super) fn draw(seed: u64, world: &mut WorldSpec, conversations: &mut [ConversationSpec]) {
    let mut dice = Seed(seed).dice("journeys");
    if !dice.chance(0.15) {
        return;
    }
    for agent in &mut world.agents {
        agent.max_steps = 3;
        agent.journeys = vec![bill(&mut dice)];
    }
    for conversation in conversations {
        let UserSpec::Script { messages } = &mut conversation.user else { continue };
        for (n, message) in messages.iter_mut().filter(|m| !m.text.contains("[tool")).enumerate() {
            message.text.push_str(&words(&mut dice, n));
        }
    }
}

/// What the model is made to do; people begin with beginning, mostly.
fn words(dice: &mut Dice, nth: usize) -> String {
    let begin = r#" [try begin_journey {"journey": "bill"}]"#.to_owned();
    if nth == 0 && dice.chance(0.8) {
        return begin;
    }
    match dice.between(0, 9) {
        0..=4 => {
            let amount = dice.between(0, 120);
            let who = dice.pick(&["", r#", "who": "Ann""#, r#", "who": """#]);
            format!(r#" [try fill {{"amount": {amount}{who}}}]"#)
        }
        5 => " [try leave_journey {\"reason\": \"later\"}]".to_owned(),
        6 => begin,
        _ => " [try pay {}]".to_owned(),
    }
}

fn bill(dice: &mut Dice) -> Journey {
    let slot = |name: &str, kind: Kind, required: bool| Slot {
        name: name.to_owned(),
        about: String::new(),
        kind,
        required,
        pattern: None,
        min: None,
        max: None,
        values: Vec::new(),
    };
    let amount = Slot { max: Some(Value::Number(100.0)), ..slot("amount", Kind::Integer, true) };
    let least = Compared { slot: "amount".to_owned(), value: Value::Number(50.0) };
    let step = |name: &str, say: &str| JourneyStep {
        name: name.to_owned(),
        say: say.to_owned(),
        condition: None,
        slots: Vec::new(),
        tool: None,
        next: None,
    };
    let arguments = [("amount".to_owned(), Argument::Slot("amount".to_owned()))].into();
    let steps = vec![
        JourneyStep { slots: vec![amount], ..step("amount", "ask how much") },
        JourneyStep {
            condition: Some(Condition::AtLeast(least)),
            slots: vec![slot("who", Kind::Text, dice.chance(0.7))],
            ..step("much", "ask who pays")
        },
        JourneyStep { tool: Some(StepTool { name: "pay".to_owned(), arguments }), ..step("pay", "") },
        step("done", "say that it is paid"),
    ];
    Journey { name: "bill".to_owned(), when: "somebody wants to pay".to_owned(), steps }
}
