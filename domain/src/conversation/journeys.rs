//! A model that moves on the journeys of its agent, and the calls that journeys keep for their steps.
//!
//! Calls that move are settled in the commit that intends them: no crash comes between what a model said and where the
//! person stands. A kept tool runs only if it was offered, which it was because its step had all that it needs, and only with
//! arguments that are made of the slots.

use super::{decide::Draft, event::Event};
use crate::{
    approval::{Risk, Taint},
    failure::Failure,
    journey::{BEGIN, FILL, Filling, Given, Journey, LEAVE, Travel, TravelState, is_kept, moves, today, under_way},
    json::fields,
    model::Completion,
    tool::{ToolCall, ToolResult, ToolStatus},
};
/// Characters of a reason that are kept.
const LONGEST_REASON: usize = 500;

/// A kept tool whose time has come, and its arguments.
pub(super) type Ready = (String, String);

/// The completion with the arguments that its step says, in the place of what the model wrote.
pub(super) fn bound(mut completion: Completion, ready: Option<&Ready>) -> Completion {
    let Some((tool, arguments)) = ready else { return completion };
    completion.calls.iter_mut().filter(|c| c.name == *tool).for_each(|c| c.arguments.clone_from(arguments));
    completion
}

impl Draft<'_> {
    fn journeys(&self) -> &[Journey] {
        &self.ctx.profile.journeys
    }

    fn travel(&self) -> Option<(&Travel, &Journey)> {
        under_way(self.journeys(), &self.c.travels_of(self.ctx.profile.id))
    }

    /// What the model was offered of the kept tools.
    pub(super) fn ready(&self) -> Option<Ready> {
        self.travel().and_then(|(travel, journey)| travel.call(journey))
    }

    /// The risks, that of the ready call with what its slots brought along.
    pub(super) fn with_slots(&self, risks: &[Risk], calls: &[ToolCall], ready: Option<&Ready>) -> Vec<Risk> {
        let mut risks = risks.to_vec();
        let (Some((tool, _)), Some((travel, journey))) = (ready, self.travel()) else { return risks };
        let is_ready = |index: u32| calls.get(index as usize).is_some_and(|c| c.name == *tool);
        for risk in risks.iter_mut().filter(|r| is_ready(r.index)) {
            risk.taints.extend(travel.taints(journey));
        }
        risks
    }

    /// What becomes of a call that journeys have a word in; `None`: it goes the way of every call.
    pub(super) fn on_journey(
        &mut self,
        (index, calls): (u32, &[ToolCall]),
        ready: Option<&Ready>,
        risks: &[Risk],
    ) -> Option<ToolResult> {
        let call = calls.get(index as usize)?;
        let first = ready.and_then(|(tool, _)| calls.iter().position(|c| c.name == *tool));
        if self.journeys().is_empty() {
            None
        } else if moves(&call.name) {
            if first.is_some() {
                let why = "the journey's tool is being called: see first what comes of it";
                return Some(refused("journey.busy", why));
            }
            let taints = risks.iter().find(|r| r.index == index).map(|r| r.taints.clone()).unwrap_or_default();
            Some(self.moved(call, taints))
        } else if is_kept(self.journeys(), &call.name) && first != Some(index as usize) {
            Some(self.too_early())
        } else {
            None
        }
    }

    fn moved(&mut self, call: &ToolCall, taints: Vec<Taint>) -> ToolResult {
        let Some(values) = fields(&call.arguments) else {
            return refused("journey.arguments", "the arguments must be an object of texts, numbers and booleans");
        };
        match call.name.as_str() {
            BEGIN => self.begin(values.get("journey").map(String::as_str).unwrap_or_default()),
            FILL => self.fill(Given { values, taints }),
            LEAVE => self.leave(values.get("reason").map(String::as_str).unwrap_or_default()),
            _ => refused("journey.unknown", "there is no such tool"),
        }
    }

    fn too_early(&self) -> ToolResult {
        let Some((travel, journey)) = self.travel() else {
            let why = format!("this tool is a step of a journey, and none is under way: call {BEGIN} first");
            return refused("journey.not_begun", &why);
        };
        let place = travel.place(journey);
        let missing: Vec<&str> = travel.missing(&place).iter().map(|s| s.name.as_str()).collect();
        let step = place.current.map_or("", |s| s.name.as_str());
        let needs = if missing.is_empty() { String::new() } else { format!(", which needs {}", missing.join(", ")) };
        refused("journey.not_yet", &format!("it is not time for this tool: the step is \"{step}\"{needs}"))
    }

    fn begin(&mut self, name: &str) -> ToolResult {
        if let Some((travel, _)) = self.travel() {
            let why =
                format!("the journey \"{}\" is under way: call {LEAVE} first if it is not wanted", travel.journey);
            return refused("journey.under_way", &why);
        }
        let (now, agent) = (self.ctx.now, self.ctx.profile.id);
        let Some(journey) = Journey::named(self.journeys(), name).cloned() else {
            let names: Vec<&str> = self.journeys().iter().map(|j| j.name.as_str()).collect();
            return refused("journey.unknown", &format!("there is no such journey; there are: {}", names.join(", ")));
        };
        let left = self.c.travels_of(agent).into_iter().find(|t| t.journey == name && t.state != TravelState::Over);
        let (mut travel, known) = match left {
            Some(left) => (Travel { state: TravelState::UnderWay, at: now, ..left.clone() }, known(left)),
            None => (Travel::begin(agent, journey.name.clone(), now), String::new()),
        };
        let say = travel.go_on(&journey);
        self.event(Event::Travelled { travel, say });
        ToolResult::done(format!("You are on the journey.{known}"))
    }

    fn fill(&mut self, given: Given) -> ToolResult {
        let now = self.ctx.now;
        let Some((mut travel, journey)) = self.travel().map(|(t, j)| (t.clone(), j.clone())) else {
            return refused("journey.not_begun", &format!("no journey is under way: call {BEGIN} first"));
        };
        travel.at = now;
        let filling = travel.fill(&journey, given, &today(now));
        let content = told(&filling, &travel);
        self.event(Event::Travelled { travel, say: filling.say });
        if filling.taken.is_empty() && !filling.refused.is_empty() {
            let failure = Failure::reject("journey.refused", "the slots do not take what was given");
            return ToolResult { status: ToolStatus::Failed { failure }, ..ToolResult::done(content) };
        }
        ToolResult::done(content)
    }

    fn leave(&mut self, reason: &str) -> ToolResult {
        let Some((travel, _)) = self.travel() else {
            return refused("journey.not_begun", "no journey is under way");
        };
        let reason = reason.trim().chars().take(LONGEST_REASON).collect();
        let travel = Travel { state: TravelState::Left { reason }, at: self.ctx.now, ..travel.clone() };
        self.event(Event::Travelled { travel, say: Vec::new() });
        ToolResult::done("Left. It can be taken up again where it was left.")
    }

    /// The call did its work: if it was a step's, the step is done, whether the journey was left meanwhile or not.
    pub(super) fn carried_out(&mut self, call: &ToolCall, result: &ToolResult) {
        if result.status != ToolStatus::Done || !is_kept(self.journeys(), &call.name) {
            return;
        }
        for travel in self.c.travels_of(self.ctx.profile.id) {
            let Some(journey) = Journey::named(self.journeys(), &travel.journey) else { continue };
            let mut travel = Travel { at: self.ctx.now, ..travel.clone() };
            if let Some(say) = travel.carried_out(journey, (&call.name, &call.arguments)) {
                self.event(Event::Travelled { travel, say });
                return;
            }
        }
    }
}

fn refused(code: &str, why: &str) -> ToolResult {
    ToolResult::failed(Failure::reject(code, why))
}

fn listed(values: impl Iterator<Item = (impl AsRef<str>, String)>) -> String {
    values.map(|(name, value)| format!("{} = {value}", name.as_ref())).collect::<Vec<_>>().join(", ")
}

/// What came from text that nobody vouches for is not repeated: nothing would say any more where it came from.
fn shown(travel: &Travel, name: &str) -> Option<String> {
    travel.slots.get(name).filter(|f| f.taints.is_empty()).map(|f| f.value.to_string())
}

fn known(travel: &Travel) -> String {
    let known = listed(travel.slots.keys().filter_map(|name| Some((name, shown(travel, name)?))));
    if known.is_empty() { known } else { format!(" Known from before: {known}.") }
}

fn told(filling: &Filling, travel: &Travel) -> String {
    let wrong: Vec<String> = filling.refused.iter().map(|(name, why)| format!("{name} {why}")).collect();
    let mut parts = Vec::new();
    if !filling.taken.is_empty() {
        let value = |name: &String| shown(travel, name).unwrap_or_else(|| "as given".to_owned());
        parts.push(format!("Filled in: {}.", listed(filling.taken.keys().map(|name| (name, value(name))))));
    }
    if !filling.refused.is_empty() {
        parts.push(format!("Not filled in: {}.", wrong.join("; ")));
    }
    if !filling.too_early.is_empty() {
        parts.push(format!("Too early, say it again at its step: {}.", filling.too_early.join(", ")));
    }
    if travel.state == TravelState::Over {
        parts.push("The journey is at its end: answer the person.".to_owned());
    }
    if parts.is_empty() { "Nothing to fill in.".to_owned() } else { parts.join(" ") }
}
