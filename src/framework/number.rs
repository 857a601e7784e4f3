//! Numbers, exact: Terraform's numbers are 512-bit decimals, and a value that passes through a float comes back different.

use std::{fmt, str::FromStr};

use bigdecimal::{BigDecimal, ToPrimitive};

/// Longest accepted decimal text, in bytes. Terraform's widest number prints in about 620 digits; the rest is hostile.
const TEXT_BYTES_MAX: usize = 2_048;

/// Largest accepted decimal exponent, up or down: beyond it, comparing two numbers could take unbounded memory.
const EXPONENT_MAX: i64 = 2_048;

/// A decimal number of any precision that Terraform can hold. Compares by value: `0.50` equals `0.5`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number(BigDecimal);

/// The text or float was no number that Terraform could have sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotANumber(pub String);

impl Number {
    /// Reads decimal text such as `-12`, `0.1` or `1.5e3`.
    ///
    /// # Errors
    /// Text that is no decimal number, or is longer or larger than any number of Terraform's.
    pub fn parse(text: &str) -> Result<Self, NotANumber> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(NotANumber(format!("a number of {} digits is too long", text.len())));
        }
        let decimal = BigDecimal::from_str(text).map_err(|_| NotANumber(format!("`{text}` is not a number")))?;
        if decimal.fractional_digit_count().abs() > EXPONENT_MAX {
            return Err(NotANumber(format!("`{text}` is too large or too small")));
        }
        Ok(Self(decimal.normalized()))
    }

    /// The exact value of a float, as MessagePack may carry one.
    ///
    /// # Errors
    /// Infinity and NaN, which no configuration value of ours can be.
    pub fn from_f64(float: f64) -> Result<Self, NotANumber> {
        BigDecimal::try_from(float)
            .map(|decimal| Self(decimal.normalized()))
            .map_err(|_| NotANumber(format!("{float} is not a finite number")))
    }

    /// The value as a whole number, if it is one that 64 bits hold.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        self.0.is_integer().then(|| self.0.to_i64()).flatten()
    }

    /// Decimal text without an exponent.
    #[must_use]
    pub fn text(&self) -> String {
        self.0.to_plain_string()
    }
}

impl From<i64> for Number {
    fn from(integer: i64) -> Self {
        Self(BigDecimal::from(integer).normalized())
    }
}

impl From<u64> for Number {
    fn from(integer: u64) -> Self {
        Self(BigDecimal::from(integer).normalized())
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl fmt::Display for NotANumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_survives_exactly() {
        for text in [
            "0",
            "-1",
            "0.1",
            "0.3",
            "123456789012345678901234567890",
            "-0.000001",
            "9007199254740993",
        ] {
            assert_eq!(Number::parse(text).unwrap().text(), text);
        }
    }

    #[test]
    fn equality_is_by_value() {
        assert_eq!(Number::parse("0.50").unwrap(), Number::parse("5e-1").unwrap());
        assert_eq!(Number::parse("2.5").unwrap(), Number::from_f64(2.5).unwrap());
        assert_ne!(
            Number::parse("0.1").unwrap(),
            Number::from_f64(0.1).unwrap(),
            "0.1 has no exact float"
        );
    }

    #[test]
    fn whole_numbers_only_become_integers() {
        for (text, expected) in [
            ("3", Some(3)),
            ("3.0", Some(3)),
            ("1e3", Some(1_000)),
            ("1.5", None),
            ("9223372036854775807", Some(i64::MAX)),
            ("9223372036854775808", None),
        ] {
            assert_eq!(Number::parse(text).unwrap().as_i64(), expected, "{text}");
        }
    }

    #[test]
    fn hostile_numbers_are_refused() {
        for text in [
            "",
            "abc",
            "1e999999999",
            "1e-999999999",
            "NaN",
            "inf",
            &"9".repeat(5_000),
        ] {
            assert!(Number::parse(text).is_err(), "{text:.20}");
        }
        assert!(Number::from_f64(f64::INFINITY).is_err() && Number::from_f64(f64::NAN).is_err());
    }
}
