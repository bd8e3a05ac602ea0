//! Bodies of any size as APIs send them, and bodies that nothing shrinks.

use std::fmt::Write as _;

/// Words of the notes in a document.
const WORDS: &str = "the service restarts when its configuration changes customer asked for a refund because delivery \
    was late please contact support before friday order shipped from warehouse north and left at door invoice attached \
    new address confirmed by phone cluster region upgrade";

/// Numbers that look random and are the same everywhere (`SplitMix64`).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn word<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[usize::try_from(self.next()).unwrap_or_default() % words.len()]
    }
}

/// A JSON document of about this many bytes, as a listing of an API: identifiers, times, nested objects and prose. It
/// shrinks to about a quarter. Another seed gives another document.
pub fn json(size: usize, seed: u64) -> String {
    let words: Vec<_> = WORDS.split_whitespace().collect();
    let mut random = Random(seed);
    let mut text = String::with_capacity(size + 1024);
    text.push_str("{\"items\":[");
    while text.len() + 2 < size {
        item(&mut text, &words, &mut random);
        text.push(',');
    }
    text.push_str("{}]}");
    text
}

fn item(text: &mut String, words: &[&str], random: &mut Random) {
    let (high, low) = (random.next(), random.next());
    // A String takes whatever is written to it.
    let _ = write!(
        text,
        "{{\"id\":{},\"uuid\":\"{:08x}-{:04x}-4{:03x}-{:016x}\",\"createdAt\":\"2026-{:02}-{:02}T{:02}:{:02}:{:02}Z\",",
        text.len(),
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        low,
        1 + random.below(12),
        1 + random.below(28),
        random.below(24),
        random.below(60),
        random.below(60),
    );
    let (name, amount) = (random.below(5000), random.below(1_000_000));
    let _ = write!(
        text,
        "\"owner\":{{\"name\":\"user-{name}\",\"email\":\"user-{name}@example.com\",\"roles\":[\"{}\",\"{}\"]}},\"amount\":{}.{:02},\"active\":{},\"note\":\"",
        random.word(words),
        random.word(words),
        amount / 100,
        amount % 100,
        random.below(2) == 0,
    );
    for _ in 0..5 + random.below(25) {
        text.push_str(random.word(words));
        text.push(' ');
    }
    text.push_str("\"}");
}

/// So many bytes that no compression shrinks.
pub fn noise(size: usize, seed: u64) -> Vec<u8> {
    let mut random = Random(seed);
    let words = size.div_ceil(8);
    let mut bytes: Vec<u8> = (0..words).flat_map(|_| random.next().to_le_bytes()).collect();
    bytes.truncate(size);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_json_of_the_size_asked_for_and_like_no_other() {
        let text = json(100_000, 1);
        assert!((99_000..102_000).contains(&text.len()), "{}", text.len());
        assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
        assert_eq!(json(100_000, 1), text);
        assert_ne!(json(100_000, 2), text);
        // Somewhat less than a large one, because its words are new once.
        let small = crate::archive::gzip(text.as_bytes()).len();
        assert!((small * 2..small * 6).contains(&text.len()), "{small}");
    }

    #[test]
    fn noise_does_not_shrink() {
        let bytes = noise(100_003, 1);
        assert_eq!(bytes.len(), 100_003);
        assert!(crate::archive::gzip(&bytes).len() > bytes.len());
    }
}
