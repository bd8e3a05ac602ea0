//! What the parent and the wrapper tell each other, over a unix socket: frames of a length (u32, big-endian) and JSON.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::kernel::Kernel;
use crate::sandbox::{Exit, Limit, Limits, Program, Requirement, Usage};

/// Longest frame: a program's arguments and environment, of which Linux takes 6 MiB at most, in JSON's escapes.
pub(super) const MAX_FRAME: usize = 64 * 1024 * 1024;

/// First word of the parent. After it come only [`Limit`]s that the parent saw exceeded; an end means that nobody
/// waits any more.
#[derive(Serialize, Deserialize)]
pub(super) struct Order {
    pub program: Program,
    pub limits: Limits,
    /// Where the wrapper makes the program's folder.
    pub work_dir: PathBuf,
    pub requirement: Requirement,
    pub kernel: Kernel,
}

/// What the wrapper says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Word {
    /// The program runs, as the leader of a process group of its own.
    Started { pid: i32, folder: PathBuf },
    /// It never ran.
    Failed(Cause),
    /// It and everything that it started have ended. The kept standard error follows, up to the end of the stream.
    Ended { exit: Exit, limit: Option<Limit>, usage: Usage },
}

/// Why a program never ran.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Cause {
    /// No folder for it; an error of the operating system.
    WorkDir(i32),
    /// It cannot be started or watched, for want of something that may be there the next time; an error of the operating
    /// system.
    Start(i32),
    /// It cannot be confined.
    Unconfined(String),
    /// It cannot be executed, as it is; an error of the operating system.
    Program(i32),
    /// It cannot be given that many arguments and variables.
    TooLong,
}

/// A frame.
pub(super) fn frame(content: &impl Serialize) -> Vec<u8> {
    let mut frame = vec![0; 4];
    // Writing to memory and serializing what has only text keys cannot fail; an empty frame is refused at the other end.
    let _ = serde_json::to_writer(&mut frame, content);
    let length = u32::try_from(frame.len() - 4).unwrap_or(u32::MAX);
    frame[..4].copy_from_slice(&length.to_be_bytes());
    frame
}

/// The first frame in `bytes`, taken out of them. `None` until there is a whole one.
pub(super) fn take<T: for<'de> Deserialize<'de>>(bytes: &mut Vec<u8>) -> Result<Option<T>, Malformed> {
    let Some(length) = bytes.first_chunk() else { return Ok(None) };
    let end = 4 + u32::from_be_bytes(*length) as usize;
    if end > MAX_FRAME {
        return Err(Malformed);
    }
    let Some(content) = bytes.get(4..end) else { return Ok(None) };
    let content = serde_json::from_slice(content).map_err(|_| Malformed)?;
    bytes.drain(..end);
    Ok(Some(content))
}

/// Not what the other end of this protocol says.
#[derive(Debug)]
pub(super) struct Malformed;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_taken_one_by_one_once_they_are_whole() {
        let whole = [frame(&Limit::Stdin), frame(&Limit::Stdout)].concat();
        let mut arrived = Vec::new();
        let mut taken = Vec::new();
        for byte in whole {
            arrived.push(byte);
            taken.extend(take::<Limit>(&mut arrived).unwrap());
        }
        assert_eq!((taken, arrived), (vec![Limit::Stdin, Limit::Stdout], Vec::new()));
    }

    #[test]
    fn what_follows_a_frame_stays() {
        let mut arrived = [frame(&Limit::Cpu), b"standard error".to_vec()].concat();
        assert_eq!(take::<Limit>(&mut arrived).unwrap(), Some(Limit::Cpu));
        assert_eq!(arrived, b"standard error");
    }

    #[test]
    fn other_frames_are_refused_without_waiting_for_their_end() {
        for bytes in [&[0xff, 0xff, 0xff, 0xff][..], b"\0\0\0\x02{}", b"\0\0\0\0"] {
            assert!(take::<Limit>(&mut bytes.to_vec()).is_err(), "{bytes:?}");
        }
    }
}
