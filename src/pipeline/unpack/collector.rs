//! Takes an archive's entries one by one, whatever its format: counts them, places them, and streams the contents of
//! those that are taken into one spool.

use std::collections::HashMap;
use std::io::Read;

use super::error::shown;
use super::path::Selection;
use super::tree::{Tree, TreeFile};
use super::{UnpackError, UnpackLimits, watch};
use crate::spool::{SpoolWriter, Spools};

/// Size of one read from a decoder; decoders keep no more than that themselves.
const CHUNK: usize = 32 * 1024;

/// What stands at a path, ignoring case.
enum Occupant {
    File(String),
    Folder,
}

pub(super) struct Collector<'a> {
    selection: Selection<'a>,
    limits: UnpackLimits,
    /// What the ratio allows, in bytes.
    allowance: u64,
    entries: u64,
    unpacked: u64,
    scratch: SpoolWriter,
    files: Vec<TreeFile>,
    occupied: HashMap<String, Occupant>,
    buffer: Box<[u8]>,
}

impl<'a> Collector<'a> {
    /// A collector for an archive of `packed` bytes.
    pub fn new(selection: Selection<'a>, limits: &UnpackLimits, packed: u64, spools: &Spools) -> Self {
        Self {
            selection,
            limits: *limits,
            allowance: watch::most_unpacked(limits, packed),
            entries: 0,
            unpacked: 0,
            scratch: spools.writer(),
            files: Vec::new(),
            occupied: HashMap::new(),
            buffer: vec![0; CHUNK].into(),
        }
    }

    /// Counts one entry of any kind.
    pub fn count(&mut self) -> Result<(), UnpackError> {
        self.entries += 1;
        self.admit_entries(self.entries)
    }

    /// Refuses an archive that says beforehand that it has too many entries.
    pub fn admit_entries(&self, entries: u64) -> Result<(), UnpackError> {
        if entries > self.limits.entries { Err(UnpackError::TooManyEntries(self.limits.entries)) } else { Ok(()) }
    }

    /// The path in the artifact of the file `name`, `None` when it is not taken.
    pub fn place(&self, name: &[u8]) -> Result<Option<String>, UnpackError> {
        self.selection.place(name).map_err(|problem| UnpackError::Path { name: shown(name), problem })
    }

    /// Counts the size of a file that has to be unpacked, taken or not.
    pub fn admit(&mut self, name: &[u8], size: u64) -> Result<(), UnpackError> {
        if size > self.limits.file_size {
            return Err(UnpackError::FileTooLarge(shown(name), self.limits.file_size));
        }
        self.unpacked = self.unpacked.saturating_add(size);
        if self.unpacked > self.limits.total_size {
            return Err(UnpackError::TooLarge(self.limits.total_size));
        }
        if self.unpacked > self.allowance {
            return Err(UnpackError::Ratio(self.limits.ratio));
        }
        Ok(())
    }

    /// Takes a file of exactly `size` bytes, which were [admitted](Self::admit); `broken` explains a decoder's error
    /// and what it means that the content is shorter (`None`).
    pub fn take(
        &mut self,
        path: String,
        size: u64,
        content: &mut impl Read,
        broken: impl Fn(Option<std::io::Error>) -> UnpackError,
    ) -> Result<(), UnpackError> {
        self.occupy(&path)?;
        let offset = self.scratch.len();
        let mut left = size;
        while left > 0 {
            let want = left.min(CHUNK as u64) as usize;
            let n = content.read(&mut self.buffer[..want]).map_err(|error| broken(Some(error)))?;
            if n == 0 {
                return Err(broken(None));
            }
            std::io::Write::write_all(&mut self.scratch, &self.buffer[..n])?;
            left -= n as u64;
        }
        // A decoder checks its checksum when it is asked for what is not there.
        if content.read(&mut self.buffer[..1]).map_err(|error| broken(Some(error)))? > 0 {
            return Err(broken(None));
        }
        self.files.push(TreeFile { path, offset, len: size });
        Ok(())
    }

    /// The tree of everything taken.
    pub fn finish(self) -> Result<Tree, UnpackError> {
        Ok(Tree::new(self.scratch.finish_blocking()?, self.files))
    }

    /// Notes a file and its folders; two entries must not end up in one place on any file system.
    fn occupy(&mut self, path: &str) -> Result<(), UnpackError> {
        let key = path.to_lowercase();
        match self.occupied.get(&key) {
            Some(Occupant::File(other)) if other == path => return Err(UnpackError::Duplicate(path.to_owned())),
            Some(Occupant::File(_)) => return Err(UnpackError::CaseCollision(path.to_owned())),
            Some(Occupant::Folder) => return Err(UnpackError::FileAndFolder(path.to_owned())),
            None => {}
        }
        let mut folder = key.as_str();
        while let Some((parent, _)) = folder.rsplit_once('/') {
            match self.occupied.get(parent) {
                Some(Occupant::Folder) => break,
                Some(Occupant::File(file)) => return Err(UnpackError::FileAndFolder(file.clone())),
                None => self.occupied.insert(parent.to_owned(), Occupant::Folder),
            };
            folder = parent;
        }
        self.occupied.insert(key, Occupant::File(path.to_owned()));
        Ok(())
    }
}
