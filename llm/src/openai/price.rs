//! What a completion costs: pure.

use colloquy_domain::model::Usage;

/// The price of a model, in millionths of a US dollar per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    pub prompt_micros: u64,
    pub completion_micros: u64,
}

/// Usage with its cost, rounded up, so that a budget is never overrun by roundings.
pub(super) fn usage(prompt_tokens: u64, completion_tokens: u64, price: Option<&Price>) -> Usage {
    let cost = price.map_or(0, |p| {
        let prompt = u128::from(prompt_tokens) * u128::from(p.prompt_micros);
        prompt.saturating_add(u128::from(completion_tokens) * u128::from(p.completion_micros))
    });
    let cost_micros = u64::try_from(cost.div_ceil(1_000_000)).unwrap_or(u64::MAX);
    Usage { prompt_tokens, completion_tokens, cost_micros }
}

/// Tokens of an image for servers that do not count: what the common models take for one of a telephone.
pub(super) const IMAGE: u64 = 800;

/// Tokens of a text by the rule of thumb of four characters each, for servers that do not count.
pub(super) fn estimate(characters: usize) -> u64 {
    u64::try_from(characters.div_ceil(4)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_follow_the_price_list() {
        let price = Price { prompt_micros: 150_000, completion_micros: 600_000 };
        assert_eq!(usage(1_000_000, 500_000, Some(&price)).cost_micros, 450_000);
        assert_eq!(usage(1, 0, Some(&price)).cost_micros, 1);
        assert_eq!(usage(10, 10, None).cost_micros, 0);
        let dear = Price { prompt_micros: u64::MAX, completion_micros: u64::MAX };
        assert_eq!(usage(u64::MAX, u64::MAX, Some(&dear)).cost_micros, u64::MAX);
        assert_eq!((estimate(0), estimate(5)), (0, 2));
    }
}
