//! Durations as Terraform users write them (`90s`, `1h30m`): the syntax of Go's `time.ParseDuration`, without signs.

use std::time::Duration;

/// Longest accepted duration: a week. A timeout beyond it is a typing error.
const DURATION_MAX: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Reads a duration such as `30m`, `1h30m` or `1.5h`.
///
/// # Errors
/// A sentence that says what is wrong and what is expected.
pub fn parse(text: &str) -> Result<Duration, String> {
    let wrong =
        || format!("\"{text}\" is not a duration. Write a number with a unit, such as \"90s\", \"30m\" or \"1h30m\".");
    let mut rest = text;
    let mut seconds = 0.0_f64;
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let number: f64 = rest[..digits].parse().map_err(|_| wrong())?;
        rest = &rest[digits..];
        let unit = rest
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(rest.len());
        let factor = match &rest[..unit] {
            "h" => 3_600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "\u{b5}s" | "\u{3bc}s" => 1e-6,
            "ns" => 1e-9,
            _ => return Err(wrong()),
        };
        seconds += number * factor;
        rest = &rest[unit..];
    }
    let duration = Duration::try_from_secs_f64(seconds).map_err(|_| wrong())?;
    if duration.is_zero() || duration > DURATION_MAX {
        return Err(format!(
            "\"{text}\" is out of range: a timeout is longer than zero and at most 168h."
        ));
    }
    Ok(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_syntax() {
        for (text, seconds) in [
            ("90s", 90),
            ("30m", 1_800),
            ("1h30m", 5_400),
            ("1.5h", 5_400),
            ("2h0m0s", 7_200),
            ("168h", 604_800),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(parse("1500ms"), Ok(Duration::from_millis(1_500)));
        for text in [
            "", "5", "m", "-5m", "5 m", "5d", "1h-3m", "0s", "169h", "1..5h", "NaNs", "1e9h",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
