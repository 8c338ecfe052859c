//! Who is next when many tenants wait: deficit round robin, so that one tenant's crowd costs the others nothing but its share.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
};

/// Items that wait, by their owner. Each round every owner with something waiting may take items worth one quantum, and
/// keeps what it did not use for the next round.
#[derive(Debug)]
pub struct FairQueue<K, T> {
    quantum: u64,
    /// Owners with something waiting, the one whose turn it is first.
    ring: VecDeque<K>,
    lines: HashMap<K, Line<T>>,
    waiting: usize,
}

#[derive(Debug)]
struct Line<T> {
    items: VecDeque<(u64, T)>,
    deficit: u64,
}

impl<K: Copy + Eq + Hash, T> FairQueue<K, T> {
    /// `quantum`: what one owner may take in a round, in the unit of the items' costs; at least 1.
    #[must_use]
    pub fn new(quantum: u64) -> Self {
        Self { quantum: quantum.max(1), ring: VecDeque::new(), lines: HashMap::new(), waiting: 0 }
    }

    #[must_use]
    pub const fn len(&self) -> usize {
        self.waiting
    }

    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// How many items of one owner wait.
    #[must_use]
    pub fn waiting_of(&self, owner: &K) -> usize {
        self.lines.get(owner).map_or(0, |line| line.items.len())
    }

    /// The first item of each owner, in no order.
    pub fn firsts(&self) -> impl Iterator<Item = &T> {
        self.lines.values().filter_map(|line| line.items.front()).map(|(_, item)| item)
    }

    /// Puts an item behind the others of its owner.
    pub fn push(&mut self, owner: K, cost: u64, item: T) {
        let quantum = self.quantum;
        let line = self.lines.entry(owner).or_insert_with(|| {
            self.ring.push_back(owner);
            Line { items: VecDeque::new(), deficit: quantum }
        });
        line.items.push_back((cost.max(1), item));
        self.waiting += 1;
    }

    /// The next item.
    pub fn pop(&mut self) -> Option<T> {
        loop {
            let owner = *self.ring.front()?;
            let line = self.lines.get_mut(&owner)?;
            match line.items.front() {
                Some((cost, _)) if *cost <= line.deficit => {
                    let (cost, item) = line.items.pop_front()?;
                    line.deficit -= cost;
                    self.waiting -= 1;
                    if line.items.is_empty() {
                        // Who has nothing waiting saves nothing up.
                        self.lines.remove(&owner);
                        self.ring.pop_front();
                    }
                    return Some(item);
                }
                _ => {
                    line.deficit += self.quantum;
                    self.ring.rotate_left(1);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_crowd_costs_the_others_only_its_share() {
        let mut queue = FairQueue::new(1);
        (0..1000).for_each(|n| queue.push("noisy", 1, ("noisy", n)));
        queue.push("quiet", 1, ("quiet", 0));
        let first: Vec<_> = (0..3).filter_map(|_| queue.pop()).collect();
        assert!(first.contains(&("quiet", 0)), "{first:?}");
    }

    #[test]
    fn dear_items_wait_for_their_deficit_and_are_not_starved() {
        let mut queue = FairQueue::new(2);
        (0..3).for_each(|n| queue.push('a', 5, ('a', n)));
        (0..9).for_each(|n| queue.push('b', 1, ('b', n)));
        let order: String = std::iter::from_fn(|| queue.pop()).map(|(owner, _)| owner).collect();
        let before_first_a = order.find('a').expect("an a");
        assert_eq!(order.len(), 12);
        assert!((4..=6).contains(&before_first_a), "five units are two rounds and a half: {order}");
    }

    proptest! {
        #[test]
        fn everything_comes_once_and_in_each_owners_order(items in prop::collection::vec((0_u8..5, 1_u64..7), 0..200), quantum in 1_u64..9) {
            let mut queue = FairQueue::new(quantum);
            for (n, (owner, cost)) in items.iter().enumerate() {
                queue.push(*owner, *cost, (*owner, n));
            }
            prop_assert_eq!(queue.len(), items.len());
            let popped: Vec<(u8, usize)> = std::iter::from_fn(|| queue.pop()).collect();
            prop_assert!(queue.is_empty());
            for owner in 0..5 {
                let came: Vec<usize> = popped.iter().filter(|(o, _)| *o == owner).map(|(_, n)| *n).collect();
                let went: Vec<usize> =
                    items.iter().enumerate().filter(|(_, (o, _))| *o == owner).map(|(n, _)| n).collect();
                prop_assert_eq!(came, went);
            }
        }

        #[test]
        fn nobody_gets_ahead_by_more_than_a_round(owners in 2_u8..6, each in 5_u64..40, quantum in 1_u64..5) {
            let mut queue = FairQueue::new(quantum);
            for owner in 0..owners {
                (0..each).for_each(|_| queue.push(owner, 1, owner));
            }
            let mut served = vec![0_u64; owners.into()];
            for _ in 0..u64::from(owners) * each {
                served[usize::from(queue.pop().expect("one"))] += 1;
                let waiting: Vec<u64> = served.iter().copied().filter(|s| *s < each).collect();
                let (most, least) = (waiting.iter().max(), waiting.iter().min());
                if let (Some(most), Some(least)) = (most, least) {
                    prop_assert!(most - least <= quantum, "{:?}", served);
                }
            }
        }
    }
}
