//! Numbers that follow from the seed and a name, never from what happened before: taking one event away moves no other.

/// What a run is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed(pub u64);

const fn mix(mut h: u64) -> u64 {
    h = (h ^ (h >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    h = (h ^ (h >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    h ^ (h >> 31)
}

fn fold(mut h: u64, bytes: &[u8]) -> u64 {
    for b in bytes {
        h = (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3);
    }
    mix(h ^ bytes.len() as u64)
}

impl Seed {
    /// hash(seed, site, entity, occurrence).
    #[must_use]
    pub fn draw(self, site: &str, entity: &str, occurrence: u64) -> u64 {
        let h = fold(mix(self.0 ^ 0x9e37_79b9_7f4a_7c15), site.as_bytes());
        mix(fold(h, entity.as_bytes()) ^ occurrence.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// A number from 0 (inclusive) to 1 (exclusive).
    #[must_use]
    pub fn unit(self, site: &str, entity: &str, occurrence: u64) -> f64 {
        unit(self.draw(site, entity, occurrence))
    }

    /// A number of milliseconds from `low` to `high`, both included.
    #[must_use]
    pub fn millis(self, site: &str, entity: &str, occurrence: u64, (low, high): (u64, u64)) -> u64 {
        low + self.draw(site, entity, occurrence) % (high.saturating_sub(low) + 1)
    }

    /// A row of numbers, for what is generated in one go.
    #[must_use]
    pub fn dice(self, what: &str) -> Dice {
        Dice(self.draw("dice", what, 0))
    }
}

#[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
fn unit(n: u64) -> f64 {
    (n >> 11) as f64 / (1_u64 << 53) as f64
}

/// Numbers one after another.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// From 0 (inclusive) to 1 (exclusive).
    pub fn unit(&mut self) -> f64 {
        unit(self.roll())
    }

    /// From `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.roll() % (high.saturating_sub(low) + 1)
    }

    pub fn chance(&mut self, of: f64) -> bool {
        unit(self.roll()) < of
    }

    /// One of them; they must not be empty.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        let place = self.roll() % of.len().max(1) as u64;
        &of[usize::try_from(place).unwrap_or(0)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_depend_on_every_part_and_on_nothing_else() {
        let seed = Seed(7);
        let n = seed.draw("commit", "wa/1", 3);
        assert_eq!(n, Seed(7).draw("commit", "wa/1", 3));
        for other in [
            Seed(8).draw("commit", "wa/1", 3),
            seed.draw("load", "wa/1", 3),
            seed.draw("commit", "wa/2", 3),
            seed.draw("commit", "wa/1", 4),
            // The border between the parts counts.
            seed.draw("commi", "twa/1", 3),
        ] {
            assert_ne!(n, other);
        }
    }

    #[test]
    fn chances_come_about_as_often_as_they_say() {
        let hits = (0..10_000).filter(|n| Seed(*n).unit("x", "y", 0) < 0.1).count();
        assert!((850..1150).contains(&hits), "{hits}");
        let mut dice = Seed(1).dice("x");
        assert!((0..1000).all(|_| (3..=5).contains(&dice.between(3, 5))));
    }
}
