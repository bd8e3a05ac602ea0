//! What processes hold that is in no count of files by name and of resident memory: deleted files, the buffers of pipes
//! and sockets, shared memory that is not mapped at the moment.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;

use super::processes::Process;

/// Most that a pipe holds: what Linux gives it, which a program may not enlarge.
const PIPE: u64 = 64 << 10;

/// Most that one end of a pair of sockets holds: `net.core.wmem_default`.
const SOCKET: u64 = 208 << 10;

/// Most that the lists of mappings of all processes may take: some 20,000 mappings. Each takes memory of the kernel that
/// nobody else counts, and time to look at; runtimes have hundreds.
const MAPS: u64 = 2 << 20;

/// Bytes that are held.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    /// On the program's file system.
    pub disk: u64,
    /// In memory.
    pub memory: u64,
}

/// What all of these hold; `folder` is the program's.
pub(super) fn by(processes: &[Process], folder: &Path) -> Held {
    let mut held = Held::default();
    let mut seen = HashSet::new();
    let mut mapped = HashMap::new();
    let mut left = MAPS;
    for process in processes {
        descriptors(process.pid, &mut seen, &mut held);
        let maps = maps(process.pid, left);
        left = left.saturating_sub(maps.len() as u64);
        for mapping in maps.lines().filter_map(|line| Mapping::parse(line, folder)) {
            mapping.remember(&mut mapped);
        }
    }
    if left == 0 {
        held.memory = u64::MAX;
    }
    for ((_, inode), mapping) in mapped {
        if !mapping.file {
            held.memory = held.memory.saturating_add(mapping.end);
        } else if !seen.iter().any(|(_, seen)| *seen == inode) {
            held.disk = held.disk.saturating_add(mapping.end);
        }
    }
    held
}

/// The mappings of a process, up to a length. None for one that has ended meanwhile or that may not be looked into.
fn maps(pid: i32, length: u64) -> String {
    let mut maps = Vec::new();
    // What has been read before an error is as good as the rest.
    let _ = File::open(format!("/proc/{pid}/maps")).and_then(|file| file.take(length).read_to_end(&mut maps));
    // Names may be of any bytes.
    String::from_utf8_lossy(&maps).into_owned()
}

/// Adds what the open descriptors of a process hold.
fn descriptors(pid: i32, seen: &mut HashSet<(u64, u64)>, held: &mut Held) {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else { return };
    for descriptor in descriptors.flatten() {
        let Ok(metadata) = fs::metadata(descriptor.path()) else { continue };
        let kind = metadata.file_type();
        let is_deleted = kind.is_file() && metadata.nlink() == 0;
        if !(kind.is_fifo() || kind.is_socket() || is_deleted) || !seen.insert((metadata.dev(), metadata.ino())) {
            continue;
        }
        if is_deleted {
            held.disk += metadata.blocks() * 512;
        } else {
            held.memory += if kind.is_fifo() { PIPE } else { SOCKET };
        }
    }
}

/// A mapping of something that no name leads to any more.
struct Mapping {
    device: String,
    inode: u64,
    /// Up to where it has been mapped.
    end: u64,
    /// A file of the program; else memory that processes share.
    file: bool,
}

impl Mapping {
    /// A line of /proc/PID/maps, if it is about such a mapping: `proc_pid_maps(5)`.
    fn parse(line: &str, folder: &Path) -> Option<Self> {
        let mut fields = line.splitn(6, ' ');
        let (from, to) = fields.next()?.split_once('-')?;
        let number = |text: &str| u64::from_str_radix(text, 16).ok();
        let length = number(to)?.checked_sub(number(from)?)?;
        let is_shared = fields.next()?.ends_with('s');
        let offset = number(fields.next()?)?;
        let device = fields.next()?.to_owned();
        let inode = fields.next()?.parse().ok()?;
        let name = fields.next()?.trim_start().strip_suffix(" (deleted)")?;
        let file = Path::new(name).starts_with(folder);
        (file || (is_shared && name == "/dev/zero")).then(|| Self { device, inode, end: offset + length, file })
    }

    fn remember(self, mapped: &mut HashMap<(String, u64), Self>) {
        let known = mapped.entry((self.device.clone(), self.inode)).or_insert_with(|| Self { end: 0, ..self });
        known.end = known.end.max(self.end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Option<(u64, u64, bool)> {
        Mapping::parse(line, Path::new("/tmp/run")).map(|mapping| (mapping.inode, mapping.end, mapping.file))
    }

    #[test]
    fn mappings_of_what_is_deleted_are_found() {
        for (line, expected) in [
            (
                "7f0000000000-7f0000100000 rw-s 00001000 00:2f 77     /tmp/run/a b (deleted)",
                Some((77, 0x101_000, true)),
            ),
            ("7f0000000000-7f0000100000 rw-s 00000000 00:01 9      /dev/zero (deleted)", Some((9, 0x100_000, false))),
            ("7f0000000000-7f0000100000 rw-p 00000000 00:01 9      /dev/zero (deleted)", None),
            ("7f0000000000-7f0000100000 rw-s 00000000 00:2f 77     /tmp/run/a", None),
            ("7f0000000000-7f0000100000 rw-s 00000000 00:2f 77     /tmp/running/a (deleted)", None),
            ("7f0000000000-7f0000100000 rw-p 00000000 00:00 0 ", None),
            ("ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]", None),
            ("", None),
        ] {
            assert_eq!(parse(line), expected, "{line}");
        }
    }
}
