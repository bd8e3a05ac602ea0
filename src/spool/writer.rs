//! Filling a spool: from async code chunk by chunk, or from a blocking thread through [`io::Write`].

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use super::{CHUNK, Content, Spool};
use crate::digest::Hasher;

/// A spool that is being filled. Dropping it leaves nothing behind: the file has no name.
pub struct SpoolWriter {
    memory_limit: usize,
    directory: Arc<PathBuf>,
    hasher: Hasher,
    len: u64,
    /// What is not in the file; everything, while there is no file.
    buffer: Vec<u8>,
    file: Option<File>,
}

impl SpoolWriter {
    pub(super) fn new(memory_limit: usize, directory: Arc<PathBuf>) -> Self {
        Self { memory_limit, directory, hasher: Hasher::default(), len: 0, buffer: Vec::new(), file: None }
    }

    /// Number of bytes written so far.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether nothing was written so far.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a chunk; disk I/O happens on a blocking thread.
    pub async fn write(&mut self, chunk: &[u8]) -> io::Result<()> {
        self.accept(chunk);
        if self.is_due() { self.flush_async().await } else { Ok(()) }
    }

    /// Ends the writing.
    pub async fn finish(mut self) -> io::Result<Spool> {
        if self.file.is_some() {
            self.flush_async().await?;
        }
        Ok(self.into_spool())
    }

    /// Ends the writing from a blocking thread.
    pub fn finish_blocking(mut self) -> io::Result<Spool> {
        if self.file.is_some() {
            self.flush_buffer()?;
        }
        Ok(self.into_spool())
    }

    fn accept(&mut self, chunk: &[u8]) {
        self.hasher.update(chunk);
        self.len += chunk.len() as u64;
        self.buffer.extend_from_slice(chunk);
    }

    fn is_due(&self) -> bool {
        if self.file.is_some() { self.buffer.len() >= CHUNK } else { self.buffer.len() > self.memory_limit }
    }

    async fn flush_async(&mut self) -> io::Result<()> {
        let mut part = Self {
            memory_limit: self.memory_limit,
            directory: Arc::clone(&self.directory),
            hasher: Hasher::default(),
            len: 0,
            buffer: std::mem::take(&mut self.buffer),
            file: self.file.take(),
        };
        let part = tokio::task::spawn_blocking(move || part.flush_buffer().map(|()| part))
            .await
            .map_err(io::Error::other)??;
        self.buffer = part.buffer;
        self.file = part.file;
        Ok(())
    }

    fn flush_buffer(&mut self) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(tempfile::tempfile_in(self.directory.as_path())?),
        };
        file.write_all(&self.buffer)?;
        // The first flush may have grown the buffer to the memory limit; a file needs no more than a chunk.
        self.buffer.clear();
        self.buffer.shrink_to(CHUNK);
        Ok(())
    }

    fn into_spool(self) -> Spool {
        let content = if let Some(file) = self.file {
            Content::File(Arc::new(file))
        } else {
            let mut buffer = self.buffer;
            buffer.shrink_to_fit();
            Content::Memory(buffer.into())
        };
        Spool { content, len: self.len, digest: self.hasher.finish() }
    }
}

impl Write for SpoolWriter {
    fn write(&mut self, chunk: &[u8]) -> io::Result<usize> {
        self.accept(chunk);
        if self.is_due() {
            self.flush_buffer()?;
        }
        Ok(chunk.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
