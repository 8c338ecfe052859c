//! Agents that ask each other, and find out whose a message is, in made-up worlds.

use crate::{
    scenario::{ConversationSpec, RouteSpec, UserSpec, WorldSpec},
    seed::Seed,
};

/// In half of the worlds with teams, colleagues are asked as specialists, too, and every turn begins with whose it is. Drawn
/// apart.
pub(super) fn draw(seed: u64, world: &mut WorldSpec, conversations: &mut [ConversationSpec]) {
    let mut dice = Seed(seed).dice("others");
    if world.agents.iter().all(|a| a.team.is_empty()) || !dice.chance(0.5) {
        return;
    }
    for agent in &mut world.agents {
        agent.specialists.clone_from(&agent.team);
        let route = |to: &String| RouteSpec { to: to.clone(), when: "somebody asks".to_owned(), examples: Vec::new() };
        agent.routes = agent.team.iter().map(|m| route(&m.agent)).collect();
    }
    for conversation in conversations {
        let agent = world.channels.iter().find(|c| c.name == conversation.channel).map_or("", |c| c.agent.as_str());
        let UserSpec::Script { messages } = &mut conversation.user else { continue };
        for message in messages.iter_mut().filter(|m| !m.text.contains("[t")) {
            let word = match dice.between(0, 3) {
                0 => format!(" [to {agent}-mate]"),
                1 => format!(" [to {agent}]"),
                2 => format!(" [tool ask_{}_mate {{\"question\": \"What is it?\"}}]", agent.replace('-', "_")),
                _ => continue,
            };
            message.text.push_str(&word);
        }
    }
}
