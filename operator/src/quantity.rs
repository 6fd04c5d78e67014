//! Kubernetes quantities (`500m`, `1Gi`) as numbers, to compute with them and to see that two spellings mean the same.

/// Suffixes and what they multiply by, in thousandths.
const SUFFIXES: [(&str, u128); 11] = [
    ("Ki", 1_024_000),
    ("Mi", 1_048_576_000),
    ("Gi", 1_073_741_824_000),
    ("Ti", 1_099_511_627_776_000),
    ("k", 1_000_000),
    ("M", 1_000_000_000),
    ("G", 1_000_000_000_000),
    ("T", 1_000_000_000_000_000),
    ("m", 1),
    ("E", 1_000_000_000_000_000_000_000),
    ("P", 1_000_000_000_000_000_000),
];

/// Thousandths of a quantity, or nothing where `text` is none.
pub fn thousandths(text: &str) -> Option<u128> {
    let (digits, unit) = SUFFIXES
        .iter()
        .find_map(|(suffix, unit)| text.strip_suffix(suffix).map(|digits| (digits, *unit)))
        .unwrap_or((text, 1_000));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit()) && part.len() <= 15;
    if whole.is_empty() || !plain(whole) || !plain(fraction) {
        return None;
    }
    let scale = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    let number: u128 = format!("{whole}{fraction}").parse().ok()?;
    Some(number.checked_mul(unit)?.div_ceil(scale))
}

/// A quantity of memory in bytes.
pub fn bytes(text: &str) -> Option<u64> {
    u64::try_from(thousandths(text)? / 1_000).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_spellings_of_one_quantity_are_equal() {
        for (one, other) in [
            ("1", "1000m"),
            ("0.5", "500m"),
            ("1Gi", "1024Mi"),
            ("1k", "1000"),
            ("1.5Gi", "1536Mi"),
        ] {
            assert_eq!(thousandths(one), thousandths(other), "{one} {other}");
        }
        assert_eq!(bytes("256Mi"), Some(268_435_456));
        for text in ["", "Mi", "-1", "1e3x", "1..2", "abc"] {
            assert_eq!(thousandths(text), None, "{text}");
        }
    }
}
