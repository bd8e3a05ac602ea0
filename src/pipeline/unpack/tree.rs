//! The files of an artifact: paths with where their content lies in one spool, so that sorting moves no content.

use std::io::{self, Read, Seek as _, SeekFrom};

use crate::spool::{Spool, SpoolReader};

/// A file of a [`Tree`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeFile {
    pub(super) path: String,
    pub(super) offset: u64,
    pub(super) len: u64,
}

impl TreeFile {
    /// The path in the artifact: relative, checked by [`super::path::check`].
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Size in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether the file is empty.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// Files, sorted by the bytes of their paths; no path is there twice, none is another's folder.
#[derive(Debug, Clone)]
pub struct Tree {
    content: Spool,
    files: Vec<TreeFile>,
}

impl Tree {
    /// One file with all of `content`.
    pub fn single(path: String, content: Spool) -> Self {
        let len = content.len();
        Self { content, files: vec![TreeFile { path, offset: 0, len }] }
    }

    /// Files whose contents lie one after the other in `content`.
    pub(super) fn new(content: Spool, mut files: Vec<TreeFile>) -> Self {
        files.sort_unstable_by(|a, b| a.path.as_bytes().cmp(b.path.as_bytes()));
        Self { content, files }
    }

    /// All files, sorted by path.
    pub fn files(&self) -> &[TreeFile] {
        &self.files
    }

    /// A blocking reader of one file's content.
    pub fn open(&self, file: &TreeFile) -> io::Result<io::Take<SpoolReader>> {
        let mut reader = self.content.reader();
        reader.seek(SeekFrom::Start(file.offset))?;
        Ok(reader.take(file.len))
    }
}
