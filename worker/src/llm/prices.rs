//! What tokens cost. In: the price list in dollars for a million tokens; out: whole micro-dollars, computed without
//! floating point so that sums of many turns are exact.

use std::collections::BTreeMap;

use companion_crds::llm::Price;
use companion_crds::text::Decimal;

use super::Usage;
use crate::config::ConfigError;

/// The price list, by model.
#[derive(Clone, Debug, Default)]
pub struct Prices(BTreeMap<String, Rates>);

/// Micro-dollars for a million tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rates {
    input: u64,
    cached: u64,
    output: u64,
}

impl Prices {
    /// The prices of `list`.
    ///
    /// # Errors
    /// A price is no decimal.
    pub fn new(list: &[Price]) -> Result<Self, ConfigError> {
        let mut prices = BTreeMap::new();
        for price in list {
            let read = |field: &str, value: &Decimal| {
                value
                    .millionths()
                    .map_err(|problem| ConfigError::setting(format!("llm.prices[{}].{field}", price.model), problem))
            };
            let input = read("inputPerMillion", &price.input_per_million)?;
            let cached = match &price.cached_input_per_million {
                Some(cached) => read("cachedInputPerMillion", cached)?,
                None => input,
            };
            let output = read("outputPerMillion", &price.output_per_million)?;
            prices.insert(price.model.clone(), Rates { input, cached, output });
        }
        Ok(Self(prices))
    }

    /// Micro-dollars that `usage` of `model` costs, rounded to the nearest; 0 for a model without a price.
    pub fn cost(&self, model: &str, usage: Usage) -> u64 {
        let Some(rates) = self.0.get(model) else { return 0 };
        let cached = usage.cached.min(usage.prompt);
        let parts = [
            (usage.prompt - cached, rates.input),
            (cached, rates.cached),
            (usage.completion, rates.output),
        ];
        let sum: u128 = (parts.iter())
            .map(|(tokens, rate)| u128::from(*tokens) * u128::from(*rate))
            .sum();
        u64::try_from((sum + 500_000) / 1_000_000).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(cached: Option<&str>) -> Vec<Price> {
        vec![Price {
            model: "gpt-4o-mini".into(),
            input_per_million: Decimal::new("0.15"),
            cached_input_per_million: cached.map(Decimal::new),
            output_per_million: Decimal::new("0.60"),
        }]
    }

    fn usage(prompt: u32, cached: u32, completion: u32) -> Usage {
        Usage {
            prompt,
            completion,
            cached,
        }
    }

    #[test]
    fn cached_tokens_have_their_own_price_and_are_not_paid_twice() {
        let prices = Prices::new(&list(Some("0.075"))).unwrap();
        assert_eq!(prices.cost("gpt-4o-mini", usage(1_000_000, 0, 0)), 150_000);
        assert_eq!(prices.cost("gpt-4o-mini", usage(1_000_000, 1_000_000, 0)), 75_000);
        assert_eq!(prices.cost("gpt-4o-mini", usage(2_000, 1_000, 500)), 150 + 75 + 300);
        assert_eq!(
            prices.cost("gpt-4o-mini", usage(10, 4_000_000_000, 0)),
            1,
            "more cached than read"
        );
    }

    #[test]
    fn without_a_cached_price_cached_tokens_cost_as_much_as_others() {
        let prices = Prices::new(&list(None)).unwrap();
        assert_eq!(prices.cost("gpt-4o-mini", usage(1_000, 500, 0)), 150);
    }

    #[test]
    fn a_model_without_a_price_costs_nothing_and_absurd_counts_do_not_overflow() {
        let prices = Prices::new(&list(None)).unwrap();
        assert_eq!(prices.cost("other", usage(1_000_000, 0, 0)), 0);
        assert!(prices.cost("gpt-4o-mini", usage(u32::MAX, 0, u32::MAX)) > 3_000_000_000);
    }

    #[test]
    fn a_wrong_price_is_named() {
        let mut wrong = list(None);
        wrong[0].output_per_million = Decimal::new("cheap");
        let text = Prices::new(&wrong).unwrap_err().to_string();
        assert!(
            text.starts_with("llm.prices[gpt-4o-mini].outputPerMillion: \"cheap\""),
            "{text}"
        );
    }
}
