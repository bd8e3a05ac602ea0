//! Go durations as users write them ("1h30m", "500ms"), parsed without panics and printed back.

use std::time::Duration;

/// The text is no duration that we can use; the message says why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDuration {
    /// Not of the form of a Go duration with the units ms, s, m and h.
    #[error("must be a duration such as \"30s\", \"10m\" or \"1h30m\"")]
    Syntax,
    /// Beyond 2^63 nanoseconds (292 years), Go's largest duration.
    #[error("is longer than 292 years")]
    TooLong,
}

/// Parses `^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$` with integer arithmetic; fractions below a nanosecond are cut off.
pub fn parse(text: &str) -> Result<Duration, InvalidDuration> {
    if text.is_empty() {
        return Err(InvalidDuration::Syntax);
    }
    let mut rest = text;
    let mut total: u128 = 0;
    while !rest.is_empty() {
        let (nanos, after) = parse_term(rest)?;
        total = total.saturating_add(nanos);
        rest = after;
    }
    let nanos = u64::try_from(total).ok().filter(|&n| i64::try_from(n).is_ok()).ok_or(InvalidDuration::TooLong)?;
    Ok(Duration::from_nanos(nanos))
}

fn parse_term(text: &str) -> Result<(u128, &str), InvalidDuration> {
    let (whole, rest) = digits(text).ok_or(InvalidDuration::Syntax)?;
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => digits(rest).ok_or(InvalidDuration::Syntax)?,
        None => ("", rest),
    };
    let (unit, rest) = unit(rest).ok_or(InvalidDuration::Syntax)?;
    let whole: u128 = whole.trim_start_matches('0').get(..).map_or(Ok(0), parse_integer)?;
    // Units have at most 13 digits of nanoseconds, so digits beyond the 18th cannot matter.
    let fraction = &fraction[..fraction.len().min(18)];
    let scale = 10_u128.pow(u32::try_from(fraction.len()).unwrap_or(0));
    let part = if fraction.is_empty() { 0 } else { parse_integer(fraction)? * unit / scale };
    Ok((whole.saturating_mul(unit).saturating_add(part), rest))
}

fn parse_integer(digits: &str) -> Result<u128, InvalidDuration> {
    match digits {
        "" => Ok(0),
        digits => digits.parse().map_err(|_| InvalidDuration::TooLong),
    }
}

fn digits(text: &str) -> Option<(&str, &str)> {
    let end = text.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

fn unit(text: &str) -> Option<(u128, &str)> {
    const UNITS: [(&str, u128); 4] =
        [("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000), ("h", 3_600_000_000_000)];
    UNITS.iter().find_map(|(name, nanos)| text.strip_prefix(name).map(|rest| (*nanos, rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_what_go_parses() {
        for (text, millis) in [
            ("0s", 0),
            ("500ms", 500),
            ("1.5s", 1500),
            ("10m", 600_000),
            ("1h30m", 5_400_000),
            ("1m1m", 120_000),
            ("0.000000001h", 0),
            ("00010s", 10_000),
        ] {
            assert_eq!(parse(text).map(|d| d.as_millis()), Ok(millis), "{text}");
        }
    }

    #[test]
    fn refuses_the_rest_without_panicking() {
        for text in ["", "1", "1h-5m", "-1s", "+1s", ".5s", "1.s", "1d", "1us", " 1s", "1s ", "1 s", "é", "١s", "h"] {
            assert_eq!(parse(text), Err(InvalidDuration::Syntax), "{text}");
        }
        for text in ["999999999999999999999h", "9223372037s", &format!("{}s", "9".repeat(5000))] {
            assert_eq!(parse(text), Err(InvalidDuration::TooLong), "{text}");
        }
    }
}
