//! Numbers: integers of any size, decimals as they were written, and doubles that were calculated.

use std::io::{self, Write};
use std::rc::Rc;

/// A number. `Dec` holds the digits of the document, for as long as nobody calculates with them.
pub(in super::super) type Num = jaq_json::Num;

/// The number as a double; what is too large becomes infinite.
pub(in super::super) fn as_f64(number: &Num) -> f64 {
    match number {
        Num::Int(int) => *int as f64,
        Num::Float(float) => *float,
        // Both print what a double is read from.
        Num::BigInt(_) | Num::Dec(_) => number.to_string().parse().unwrap_or(f64::NAN),
    }
}

/// Whether it is an integer by its form.
pub(super) fn is_int(number: &Num) -> bool {
    matches!(number, Num::Int(_) | Num::BigInt(_))
}

/// The double as a machine integer, rounded by `round`; what is beyond is cut off, `NaN` is 0.
pub(super) fn to_int(number: &Num, round: fn(f64) -> f64) -> isize {
    match number {
        Num::Int(int) => *int,
        #[allow(clippy::cast_possible_truncation, reason = "`as` cuts off, which is what is wanted")]
        other => round(as_f64(other)) as isize,
    }
}

/// Writes a number as JSON. JSON has neither NaN nor infinity: jq writes null, and the largest double.
pub(super) fn write(out: &mut impl Write, number: &Num) -> io::Result<()> {
    match number {
        Num::Int(int) => write!(out, "{int}"),
        Num::Float(float) => write_f64(out, *float),
        Num::BigInt(big) => write!(out, "{big}"),
        Num::Dec(digits) => out.write_all(digits.as_bytes()),
    }
}

/// Reads a decimal. A double of up to 15 digits is printed as it was written, if that was without frills; then a double is
/// all there is to remember. Everything else keeps its digits.
pub(super) fn decimal(digits: &str) -> Num {
    let unsigned = digits.strip_prefix('-').unwrap_or(digits);
    let plain = unsigned.len() <= 16
        && !unsigned.ends_with('0')
        && !unsigned.starts_with("0.0")
        && !unsigned.contains(['e', 'E']);
    match digits.parse() {
        Ok(float) if plain && unsigned.contains('.') => Num::Float(float),
        _ => Num::Dec(Rc::new(digits.to_owned())),
    }
}

/// The shortest digits that read back as the same double, laid out as jq lays them out.
fn write_f64(out: &mut impl Write, float: f64) -> io::Result<()> {
    if float.is_nan() {
        return out.write_all(b"null");
    }
    if (1e-4..1e16).contains(&float.abs()) {
        return write!(out, "{float}");
    }
    let text = format!("{:e}", float.clamp(f64::MIN, f64::MAX));
    let (text, sign) = text.strip_prefix('-').map_or((text.as_str(), ""), |rest| (rest, "-"));
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (digits, exponent) = (mantissa.replace('.', ""), exponent.parse().unwrap_or(0_i32));
    // Where the point stands: in front of this digit.
    let point = exponent + 1;
    let count = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    if point <= -4 || point > count + 15 {
        let exponent_sign = if exponent < 0 { '-' } else { '+' };
        write!(out, "{sign}{mantissa}e{exponent_sign}{:02}", exponent.unsigned_abs())
    } else if point <= 0 {
        write!(out, "{sign}0.{:0>width$}", digits, width = (count - point).unsigned_abs() as usize)
    } else if count <= point {
        write!(out, "{sign}{digits:0<width$}", width = point.unsigned_abs() as usize)
    } else {
        let (whole, fraction) = digits.split_at(point.unsigned_abs() as usize);
        write!(out, "{sign}{whole}.{fraction}")
    }
}
