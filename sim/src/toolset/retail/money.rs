//! Dollars with two decimals, added up in cents: sums of binary fractions are off by what nobody was charged.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{
    iter::Sum,
    ops::{Add, Neg, Sub},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Cents(pub i64);

impl Add for Cents {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Cents {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Neg for Cents {
    type Output = Self;
    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl Sum for Cents {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Add::add)
    }
}

impl Cents {
    pub const fn abs(self) -> Self {
        Self(self.0.saturating_abs())
    }
}

impl<'de> Deserialize<'de> for Cents {
    #[expect(clippy::cast_possible_truncation, reason = "a conversion of floats saturates")]
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Ok(Self((f64::deserialize(d)? * 100.0).round() as i64))
    }
}

impl Serialize for Cents {
    #[expect(clippy::cast_precision_loss, reason = "amounts are far below 2^53 cents")]
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_f64(self.0 as f64 / 100.0)
    }
}
