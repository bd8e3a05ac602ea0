//! Texts into values: one small parser per kind of setting. A rejection says what is accepted.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use crate::api::{duration, is_dns_label, is_dns_subdomain};

/// Why a text is no value of its setting: the end of a sentence that begins with the setting and the text.
pub type Rejected = String;

/// A path.
pub fn path(text: &str) -> Result<PathBuf, Rejected> {
    if text.contains('\0') { Err("must be a path".into()) } else { Ok(PathBuf::from(text)) }
}

/// A path that does not depend on where the process was started.
pub fn absolute_path(text: &str) -> Result<PathBuf, Rejected> {
    if text.starts_with('/') { path(text) } else { Err("must be an absolute path".into()) }
}

/// What Go's `strconv.ParseBool` accepts, which is how the Go implementation reads its settings.
pub fn boolean(text: &str) -> Result<bool, Rejected> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err("must be true or false".into()),
    }
}

/// A whole number.
pub fn number<T: std::str::FromStr>(text: &str) -> Result<T, Rejected> {
    text.parse().map_err(|_| "must be a whole number, 0 or more, and not too large".into())
}

/// A whole number, at least 1.
pub fn positive<T: std::str::FromStr + PartialEq + From<u8>>(text: &str) -> Result<T, Rejected> {
    let number = text.parse().ok().filter(|number| *number != T::from(0));
    number.ok_or_else(|| "must be a whole number, 1 or more, and not too large".into())
}

/// A number of things at once, where 0 means no limit, as in Go's `http.Transport`.
pub fn limit(text: &str) -> Result<usize, Rejected> {
    // Half of the smallest range that any counter or semaphore behind it has.
    number(text).map(|number: u32| if number == 0 { u32::MAX as usize } else { number as usize })
}

/// A fraction.
pub fn fraction(text: &str) -> Result<f64, Rejected> {
    let number = text.parse().ok().filter(|number| (0.0..=1.0).contains(number));
    number.ok_or_else(|| "must be a number from 0 to 1, such as 0.25".into())
}

/// A Go duration above zero.
pub fn period(text: &str) -> Result<Duration, Rejected> {
    let period = duration(text)?;
    if period.is_zero() { Err("must be longer than 0".into()) } else { Ok(period) }
}

/// A Go duration.
pub fn duration(text: &str) -> Result<Duration, Rejected> {
    // Go writes zero without a unit too.
    if text == "0" { Ok(Duration::ZERO) } else { duration::parse(text).map_err(|error| error.to_string()) }
}

/// A number of bytes: plain, with a binary unit (`Ki` to `Ti`, Kubernetes' quantities) or a decimal one (`kB` to `TB`).
pub fn size(text: &str) -> Result<u64, Rejected> {
    let rejected = || "must be a number of bytes such as 268435456, 256Mi or 256MB".to_owned();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| rejected())?;
    let unit = unit.strip_suffix('B').unwrap_or(unit);
    let (unit, base) = unit.strip_suffix('i').map_or((unit, 1000_u64), |unit| (unit, 1024));
    let exponent = match unit {
        "" if base == 1000 => 0,
        "k" | "K" => 1,
        "M" => 2,
        "G" => 3,
        "T" => 4,
        _ => return Err(rejected()),
    };
    number.checked_mul(base.pow(exponent)).ok_or_else(|| "is more bytes than there can be".into())
}

/// A size above zero.
pub fn capacity(text: &str) -> Result<u64, Rejected> {
    match size(text)? {
        0 => Err("must be more than 0 bytes".into()),
        size => Ok(size),
    }
}

/// Comma-separated networks or addresses.
pub fn networks(text: &str) -> Result<Vec<IpNet>, Rejected> {
    let network = |item: &str| {
        let parsed = item.parse::<IpNet>().or_else(|_| item.parse::<IpAddr>().map(IpNet::from));
        parsed.map_err(|_| format!("holds {item:?}: must be networks such as 10.0.0.0/8, or addresses, after commas"))
    };
    list(text).map(network).collect()
}

/// Comma-separated namespaces.
pub fn namespaces(text: &str) -> Result<Vec<String>, Rejected> {
    list(text).map(|item| dns_label(item).map_err(|why| format!("holds {item:?}: {why}"))).collect()
}

/// The items between commas, without the spaces around them.
fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// A DNS label, as namespaces and Services are named.
pub fn dns_label(text: &str) -> Result<String, Rejected> {
    let why = || "must be a name of up to 63 lower-case letters, digits and inner dashes".into();
    is_dns_label(text).then(|| text.to_owned()).ok_or_else(why)
}

/// A DNS subdomain, as most objects are named.
pub fn dns_name(text: &str) -> Result<String, Rejected> {
    let why = || "must be a name of lower-case letters, digits, dashes and dots".into();
    is_dns_subdomain(text).then(|| text.to_owned()).ok_or_else(why)
}

/// A word that names something, without a meaning to us.
pub fn id(text: &str) -> Result<String, Rejected> {
    let is_word = !text.is_empty() && text.len() <= 1024 && text.bytes().all(|byte| byte.is_ascii_graphic());
    is_word.then(|| text.to_owned()).ok_or_else(|| "must be visible ASCII characters without spaces".into())
}

/// A value for the `User-Agent` header.
pub fn user_agent(text: &str) -> Result<String, Rejected> {
    http::HeaderValue::from_str(text).map_err(|_| "must be a header value of visible ASCII characters".to_owned())?;
    Ok(text.to_owned())
}
