//! What a program reads: its length as a 32-bit number, big end first, the [`Program`] as JSON, and the document as it is.

use super::program::{Problem, Program};

/// Longest program in bytes: what its limits allow comes to less than a tenth of it.
const MAX_PROGRAM: usize = 4 << 20;

/// What stands in front of the document. Fails when the program is longer than any that the API admits.
pub fn prefix(program: &Program) -> Result<Vec<u8>, Problem> {
    let json = serde_json::to_vec(program).unwrap_or_default();
    match u32::try_from(json.len()) {
        Ok(len) if json.len() <= MAX_PROGRAM => Ok([&len.to_be_bytes()[..], &json].concat()),
        _ => Err(Problem::input("the program is too long")),
    }
}

/// The document of a frame; holds the whole frame, because moving it would take it twice.
pub(super) struct Body {
    frame: Vec<u8>,
    start: usize,
}

impl Body {
    pub fn bytes(&self) -> &[u8] {
        &self.frame[self.start..]
    }
}

#[cfg(any(test, feature = "fuzzing"))]
impl From<&[u8]> for Body {
    fn from(bytes: &[u8]) -> Self {
        Self { frame: bytes.to_vec(), start: 0 }
    }
}

/// Takes a frame apart.
pub(super) fn split(frame: Vec<u8>) -> Result<(Program, Body), Problem> {
    let cut = || Problem::input("the program is cut off");
    let (len, rest) = frame.split_first_chunk().ok_or_else(cut)?;
    let len = u32::from_be_bytes(*len) as usize;
    if len > MAX_PROGRAM {
        return Err(Problem::input("the program is too long"));
    }
    let program = rest.get(..len).ok_or_else(cut)?;
    // The message would quote the program, which holds headers of the answer.
    let program = serde_json::from_slice(program).map_err(|_| Problem::input("the program cannot be read"))?;
    Ok((program, Body { frame, start: size_of::<u32>() + len }))
}
