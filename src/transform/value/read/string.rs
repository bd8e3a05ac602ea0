//! Strings, most of which are a piece of the text as it stands.

use super::{Read, Reader};

/// Whether one of eight bytes is a quote, a backslash or a control character; now and then it says so of others.
fn has_special(word: u64) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const TOPS: u64 = 0x8080_8080_8080_8080;
    // A byte below `n` borrows from its top bit (n up to 128).
    let below = |word: u64, n: u64| word.wrapping_sub(ONES * n) & !word & TOPS;
    let equal = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    (below(word, 0x20) | equal(b'"') | equal(b'\\')) != 0
}

/// Where the content of a string stands.
#[derive(Clone, Copy)]
pub(super) enum Span {
    /// In the text, from and up to these offsets.
    Text(usize, usize),
    /// In [`Reader::unescaped`], until the next string is read.
    Unescaped,
}

impl Reader<'_> {
    pub(super) fn text_of(&self, span: Span) -> &str {
        match span {
            Span::Text(start, end) => &self.text[start..end],
            Span::Unescaped => &self.unescaped,
        }
    }

    /// Reads a string from its opening quote on.
    pub(super) fn string(&mut self) -> Read<Span> {
        self.at += 1;
        let start = self.at;
        self.plain();
        if self.peek() == Some(b'"') {
            self.at += 1;
            return Ok(Span::Text(start, self.at - 1));
        }
        let mut text = std::mem::take(&mut self.unescaped);
        text.clear();
        text.push_str(&self.text[start..self.at]);
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => text.push(self.escape()?),
                _ => return Err(self.expected("the end of the string")),
            }
            let start = self.at;
            self.plain();
            text.push_str(&self.text[start..self.at]);
        }
        self.at += 1;
        self.unescaped = text;
        Ok(Span::Unescaped)
    }

    /// Steps over what stands for itself.
    fn plain(&mut self) {
        let rest = &self.text.as_bytes()[self.at..];
        // Eight bytes at a time, as far as they hold nothing special.
        let (words, _) = rest.as_chunks();
        let skipped = words.iter().take_while(|word| !has_special(u64::from_ne_bytes(**word))).count() * 8;
        let rest = &rest[skipped..];
        let special = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)).unwrap_or(rest.len());
        self.at += skipped + special;
    }

    fn escape(&mut self) -> Read<char> {
        self.at += 1;
        let c = match self.peek() {
            Some(c @ (b'"' | b'\\' | b'/')) => char::from(c),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(),
            _ => return Err(self.expected("an escape")),
        };
        self.at += 1;
        Ok(c)
    }

    /// Half of a pair alone is no character; as in jq, the replacement character stands for it.
    fn unicode(&mut self) -> Read<char> {
        let high = self.unit()?;
        if (0xd800..0xdc00).contains(&high) && self.text[self.at..].starts_with("\\u") {
            let back = self.at;
            self.at += 1;
            let low = self.unit()?;
            if (0xdc00..0xe000).contains(&low) {
                let code = 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = back;
        }
        Ok(char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn unit(&mut self) -> Read<u32> {
        self.at += 1;
        let digits = self.text.as_bytes().get(self.at..self.at + 4);
        let digits = digits.filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let unit = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let unit = unit.ok_or_else(|| self.expected("four hexadecimal digits"))?;
        self.at += 4;
        Ok(unit)
    }
}
