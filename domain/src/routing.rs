//! Routes: which agent answers what somebody comes with. One agent stands at the door and knows the others.

use crate::ids::AgentId;
use serde::{Deserialize, Serialize};

/// The call that a route is written down as, where it leads to another agent.
pub const ROUTE: &str = "route";

/// How much more alike than the next one a route must be: what is as near to two is for neither, and small talk is about as
/// near to all.
const LEAD: f32 = 0.05;

/// Where something leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    pub to: AgentId,
    /// What leads there, in a sentence for the model.
    pub when: String,
    /// What people write then.
    pub examples: Vec<String>,
}

/// How an agent at the door finds out whose a message is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Routing {
    pub by: RoutedBy,
    /// How alike a message must be to what is written of a route at least, where they are compared (0 to 1).
    pub threshold: f32,
}

impl Default for Routing {
    fn default() -> Self {
        Self { by: RoutedBy::default(), threshold: Self::THRESHOLD }
    }
}

impl Routing {
    /// Measured with both embedding models of the program, together with [`LEAD`]; see docs/ORCHESTRATION.md.
    pub const THRESHOLD: f32 = 0.35;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum RoutedBy {
    /// The agent's model is asked, which must be one that writes.
    #[default]
    Model,
    /// The message is compared with each route's sentence and examples.
    Meaning,
}

/// The same, with the name that its agent has now: it exists and is switched on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenRoute {
    pub to: AgentId,
    pub name: String,
    pub when: String,
    pub examples: Vec<String>,
}

/// What a message is compared with: each route's sentence, then its examples.
#[must_use]
pub fn texts(routes: &[OpenRoute]) -> Vec<String> {
    routes.iter().flat_map(of_route).cloned().collect()
}

fn of_route(route: &OpenRoute) -> impl Iterator<Item = &String> {
    std::iter::once(&route.when).chain(&route.examples)
}

/// The route with the text that is the most alike, given how alike each of [`texts`] is, and how alike that is. None where
/// nothing reaches the threshold, or another route is about as near.
#[must_use]
pub fn nearest<'a>(routes: &'a [OpenRoute], likeness: &[f32], threshold: f32) -> Option<(&'a OpenRoute, f32)> {
    let mut rest = likeness.iter().copied();
    let best_of = |route: &'a OpenRoute| {
        let best = rest.by_ref().take(1 + route.examples.len()).fold(f32::MIN, f32::max);
        (route, best)
    };
    let mut best: Vec<(&OpenRoute, f32)> = routes.iter().map(best_of).collect();
    best.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    let next = best.get(1).map_or(f32::MIN, |(_, alike)| *alike);
    best.first().copied().filter(|(_, alike)| *alike >= threshold && alike - next >= LEAD)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn route(n: u128, examples: usize) -> OpenRoute {
        let examples = (0..examples).map(|k| format!("example {k} of {n}")).collect();
        OpenRoute {
            to: AgentId::new(Uuid::from_u128(n)),
            name: format!("Agent {n}"),
            when: format!("for {n}"),
            examples,
        }
    }

    #[test]
    fn the_nearest_text_decides_and_too_far_is_nobody() {
        let routes = [route(1, 1), route(2, 2)];
        assert_eq!(texts(&routes), ["for 1", "example 0 of 1", "for 2", "example 0 of 2", "example 1 of 2"]);
        let to = |likeness: &[f32]| nearest(&routes, likeness, 0.45).map(|(r, alike)| (r.name.as_str(), alike));
        assert_eq!(to(&[0.1, 0.5, 0.2, 0.1, 0.6]), Some(("Agent 2", 0.6)));
        assert_eq!(to(&[0.6, 0.1, 0.1, 0.1, 0.6]), None, "as near to both");
        assert_eq!(to(&[0.6, 0.59, 0.1, 0.1, 0.1]), Some(("Agent 1", 0.6)), "texts of one route are no rivals");
        assert_eq!(to(&[0.44, 0.1, 0.2, 0.1, 0.3]), None);
        assert_eq!(to(&[f32::NAN; 5]), None);
        assert_eq!(to(&[]), None);
        assert!(nearest(&[], &[], 0.0).is_none());
    }

    prop_compose! {
        fn compared()(sizes in prop::collection::vec(0..4_usize, 1..6))(
            likeness in prop::collection::vec(-1.0_f32..=1.0, sizes.iter().map(|n| n + 1).sum::<usize>()),
            sizes in Just(sizes),
        ) -> (Vec<OpenRoute>, Vec<f32>) {
            ((1..).zip(sizes).map(|(n, examples)| route(n, examples)).collect(), likeness)
        }
    }

    proptest! {
        #[test]
        fn nothing_is_more_alike_than_what_is_chosen((routes, likeness) in compared(), threshold in 0.0_f32..=1.0) {
            prop_assert_eq!(texts(&routes).len(), likeness.len());
            let most = likeness.iter().copied().fold(f32::MIN, f32::max);
            match nearest(&routes, &likeness, threshold) {
                Some((route, alike)) => {
                    prop_assert_eq!(alike, most);
                    prop_assert!(alike >= threshold);
                    let at = routes.iter().take_while(|r| r.to != route.to).map(|r| 1 + r.examples.len()).sum::<usize>();
                    prop_assert!(likeness[at..=at + route.examples.len()].contains(&most), "it is one of its own texts");
                }
                None => {
                    let mut rest = likeness.as_slice();
                    let mut bests: Vec<f32> = Vec::new();
                    for route in &routes {
                        let (own, others) = rest.split_at(1 + route.examples.len());
                        bests.push(own.iter().copied().fold(f32::MIN, f32::max));
                        rest = others;
                    }
                    let near = bests.iter().filter(|alike| most - **alike < LEAD).count();
                    prop_assert!(most < threshold || near > 1, "{:?}", bests);
                }
            }
        }

        #[test]
        fn a_higher_threshold_never_leads_elsewhere((routes, likeness) in compared(), low in 0.0_f32..=1.0, high in 0.0_f32..=1.0) {
            let (low, high) = (low.min(high), low.max(high));
            let to = |threshold| nearest(&routes, &likeness, threshold).map(|(r, _)| r.to);
            prop_assert!(to(high).is_none() || to(high) == to(low));
        }
    }
}
