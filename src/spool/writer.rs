//! Filling a spool: from async code chunk by chunk, or from a blocking thread through [`io::Write`].

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::task::JoinHandle;

use super::{CHUNK, Content, Spool};
use crate::digest::Hasher;

/// Gives back what it took, with an empty buffer.
type Writing = JoinHandle<io::Result<(Written, Vec<u8>)>>;

/// A spool that is being filled. Dropping it leaves nothing behind: the file has no name.
pub struct SpoolWriter {
    memory_limit: usize,
    directory: Arc<PathBuf>,
    len: u64,
    /// What is not in the file; everything, while there is no file.
    buffer: Vec<u8>,
    /// `None` while a blocking thread has it.
    written: Option<Written>,
    /// Who has it.
    writing: Option<Writing>,
}

/// What is in the file.
#[derive(Default)]
struct Written {
    hasher: Hasher,
    file: Option<File>,
}

impl SpoolWriter {
    pub(super) fn new(memory_limit: usize, directory: Arc<PathBuf>) -> Self {
        let written = Some(Written::default());
        Self { memory_limit, directory, len: 0, buffer: Vec::new(), written, writing: None }
    }

    /// Number of bytes written so far.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether nothing was written so far.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a chunk. Hashing and disk I/O happen on a blocking thread, while the next chunks arrive; what fails there is
    /// the error of a later call.
    pub async fn write(&mut self, chunk: &[u8]) -> io::Result<()> {
        self.accept(chunk);
        if !self.is_due() {
            return Ok(());
        }
        let (mut written, free) = self.settle().await?;
        let full = std::mem::replace(&mut self.buffer, free);
        let directory = Arc::clone(&self.directory);
        self.writing = Some(tokio::task::spawn_blocking(move || {
            let free = written.append(full, &directory)?;
            Ok((written, free))
        }));
        Ok(())
    }

    /// Ends the writing.
    pub async fn finish(mut self) -> io::Result<Spool> {
        let (mut written, _) = self.settle().await?;
        if written.file.is_none() {
            return Ok(written.into_spool(self.buffer, self.len));
        }
        let finish = move || {
            written.append(self.buffer, &self.directory)?;
            Ok(written.into_spool(Vec::new(), self.len))
        };
        tokio::task::spawn_blocking(finish).await.map_err(io::Error::other)?
    }

    /// Ends the writing from a blocking thread.
    pub fn finish_blocking(mut self) -> io::Result<Spool> {
        let mut written = self.written.take().ok_or_else(broken)?;
        if written.file.is_some() {
            self.buffer = written.append(self.buffer, &self.directory)?;
        }
        Ok(written.into_spool(self.buffer, self.len))
    }

    fn accept(&mut self, chunk: &[u8]) {
        self.len += chunk.len() as u64;
        self.buffer.extend_from_slice(chunk);
    }

    fn is_due(&self) -> bool {
        let in_memory = self.len == self.buffer.len() as u64;
        if in_memory { self.buffer.len() > self.memory_limit } else { self.buffer.len() >= CHUNK }
    }

    /// Waits until nobody writes; gives what is written, and an empty buffer.
    async fn settle(&mut self) -> io::Result<(Written, Vec<u8>)> {
        if let Some(written) = self.written.take() {
            return Ok((written, Vec::new()));
        }
        let writing = self.writing.as_mut().ok_or_else(broken)?;
        let outcome = writing.await.map_err(io::Error::other);
        self.writing = None;
        outcome?
    }
}

/// After an error there is nothing to go on with.
fn broken() -> io::Error {
    io::Error::other("the spool is broken")
}

impl Written {
    /// Hashes and writes; gives the buffer back, empty.
    fn append(&mut self, mut buffer: Vec<u8>, directory: &Path) -> io::Result<Vec<u8>> {
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(tempfile::tempfile_in(directory)?),
        };
        self.hasher.update(&buffer);
        file.write_all(&buffer)?;
        // The first time it may have grown to the memory limit; a file needs no more than a chunk.
        buffer.clear();
        buffer.shrink_to(CHUNK);
        Ok(buffer)
    }

    /// `rest` is what is not in the file, which is everything if there is none.
    fn into_spool(mut self, mut rest: Vec<u8>, len: u64) -> Spool {
        self.hasher.update(&rest);
        let content = if let Some(file) = self.file {
            Content::File(Arc::new(file))
        } else {
            rest.shrink_to_fit();
            Content::Memory(rest.into())
        };
        Spool { content, len, digest: self.hasher.finish() }
    }
}

impl Write for SpoolWriter {
    fn write(&mut self, chunk: &[u8]) -> io::Result<usize> {
        self.accept(chunk);
        if self.is_due() {
            let written = self.written.as_mut().ok_or_else(broken)?;
            self.buffer = written.append(std::mem::take(&mut self.buffer), &self.directory)?;
        }
        Ok(chunk.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
