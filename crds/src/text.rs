//! Values that YAML carries as text because JSON numbers would lose their meaning: durations, decimals, quantities.

use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The rule for a URL that workers call. Public hosts need TLS: keys and what users say would cross the network in the clear.
/// A name begins with a letter, as a Service's does: a number alone is an address in another spelling.
pub(crate) const SAFE_URL: &str = r"self.matches('^(https://[^/@?#]+|http://([a-z][-a-z0-9]*|[a-z][-a-z0-9]*[.]([a-z0-9-]+[.])*svc([.]cluster[.]local)?|(10|127)([.][0-9]{1,3}){3}|192[.]168([.][0-9]{1,3}){2}|172[.](1[6-9]|2[0-9]|3[01])([.][0-9]{1,3}){2})(:[0-9]{1,5})?)(/[^?#]*)?$')";

/// The rule against a URL of a metadata service, which gives out the node's own credentials. The worker looks again at the
/// addresses behind a name.
pub(crate) const NO_METADATA: &str =
    r"!self.lowerAscii().matches('^https?://(169[.]254[.]|\\[(fe[89ab]|fd00:ec2:|::ffff:(169[.]254[.]|a9fe:)))')";

/// A span of time written as a whole number and one unit: `500ms`, `15s`, `10m`, `24h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(Duration);

impl Span {
    /// A span of whole seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// The span as the standard library knows it.
    pub const fn duration(self) -> Duration {
        self.0
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = self.0.as_millis();
        for (unit, size) in [("h", 3_600_000), ("m", 60_000), ("s", 1_000)] {
            if milliseconds != 0 && milliseconds.is_multiple_of(size) {
                return write!(f, "{}{unit}", milliseconds / size);
            }
        }
        write!(f, "{milliseconds}ms")
    }
}

impl std::str::FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a duration: write a whole number and ms, s, m or h, such as 30s");
        let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let count: u64 = text[..digits].parse().map_err(|_| wrong())?;
        let unit = match &text[digits..] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return Err(wrong()),
        };
        count
            .checked_mul(unit)
            .map(|ms| Self(Duration::from_millis(ms)))
            .ok_or_else(wrong)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Span {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Span".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "maxLength": 12, "pattern": "^[0-9]+(ms|s|m|h)$" })
    }
}

/// The rule for the name of another object, which may be empty where none is named.
pub(crate) fn object_name() -> serde_json::Value {
    serde_json::json!([{
        "rule": "self == '' || self.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$')",
        "message": "an object's name has lower-case letters, digits, - and . alone, and begins and ends with a letter or digit",
    }])
}

/// The rule that a span called `field` is longer than zero: the worker refuses a deadline that is over before it begins.
pub(crate) fn longer_than_zero(field: &str) -> serde_json::Value {
    serde_json::json!([{
        "rule": "self.matches('^[0-9]+(ms|s|m|h)$') && duration(self) > duration('0s')",
        "message": format!("{field} must be longer than zero, such as 30s"),
    }])
}

/// A decimal fraction written as text, `0.7`: floating point in an API object would not compare equal to itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Decimal(String);

impl Decimal {
    /// The decimal that `text` spells. The API server checks the form of what users write; this is for defaults.
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Its nearest floating-point value, or the reason why the text is no decimal.
    ///
    /// # Errors
    /// A sentence that quotes the text and says what to write.
    pub fn value(&self) -> Result<f32, String> {
        let plain = self.0.chars().all(|c| c.is_ascii_digit() || c == '.');
        match self.0.parse::<f32>() {
            Ok(value) if plain && value.is_finite() => Ok(value),
            _ => Err(format!("{:?} is not a decimal: write digits, such as \"0.7\"", self.0)),
        }
    }
}

impl Decimal {
    /// Its exact value in millionths, or the reason why the text has none.
    ///
    /// # Errors
    /// A sentence that quotes the text and says what to write.
    pub fn millionths(&self) -> Result<u64, String> {
        let wrong = || {
            format!(
                "{:?} is not a decimal of at most six places: write digits, such as \"0.15\"",
                self.0
            )
        };
        let (whole, places) = self.0.split_once('.').unwrap_or((&self.0, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(places) || places.len() > 6 {
            return Err(wrong());
        }
        format!("{whole}{places:0<6}").parse().map_err(|_| wrong())
    }
}

impl JsonSchema for Decimal {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Decimal".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "maxLength": 8, "pattern": r"^[0-9]+(\.[0-9]+)?$" })
    }
}

/// The schema of a Kubernetes quantity (`500m`, `1Gi`), which may be written with or without quotes.
pub(crate) fn quantity(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "maxLength": 24, "pattern": r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$" })
}

/// The schema of a map from resource names to quantities.
pub(crate) fn quantities(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "maxProperties": 8, "additionalProperties": quantity(generator) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_reads_back_as_it_was_written() {
        for text in ["500ms", "15s", "10m", "24h", "0ms"] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
        }
        assert_eq!("120s".parse::<Span>().unwrap().to_string(), "2m");
    }

    #[test]
    fn a_wrong_span_says_what_to_write() {
        for text in ["", "5", "s", "-1s", "1d", "1.5s", "99999999999999999999s"] {
            assert!(text.parse::<Span>().unwrap_err().contains("such as 30s"), "{text}");
        }
    }

    #[test]
    fn a_decimal_has_an_exact_value_in_millionths() {
        for (text, millionths) in [
            ("0.15", 150_000),
            ("3", 3_000_000),
            ("0.000001", 1),
            ("12.5", 12_500_000),
        ] {
            assert_eq!(Decimal::new(text).millionths(), Ok(millionths), "{text}");
        }
        for text in ["", ".5", "5.", "1.0000001", "-1", "1e3", "99999999999999999999"] {
            assert!(
                Decimal::new(text).millionths().unwrap_err().contains("such as"),
                "{text}"
            );
        }
    }

    #[test]
    fn a_decimal_is_digits_and_nothing_else() {
        assert!((Decimal::new("0.3").value().unwrap() - 0.3).abs() < 1e-6);
        for text in ["", "inf", "NaN", "-1", "1e3"] {
            assert!(Decimal::new(text).value().is_err(), "{text}");
        }
    }
}
