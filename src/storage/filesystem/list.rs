//! Listings: one level of folders at a time, so that a page costs the names of one object's archives, of one namespace's
//! objects and of all namespaces, whatever is on the volume.

use std::fs::{self, FileType};
use std::path::Path;

use super::disk::is_absent;
use super::error::FilesystemError;
use super::known::Identity;
use super::volume::Volume;
use crate::storage::{ArtifactKey, Page, Scope, StoredArtifact};

const ACTION: &str = "list the archives";

/// A page that is being filled.
struct Listing<'a> {
    volume: &'a Volume,
    after: Option<&'a str>,
    page_size: usize,
    entries: Vec<StoredArtifact>,
}

impl Volume {
    /// One page of up to `page_size` archives.
    pub(super) fn list(
        &self,
        scope: Scope<'_>,
        after: Option<&str>,
        page_size: usize,
    ) -> Result<Page, FilesystemError> {
        let mut listing = Listing { volume: self, after, page_size, entries: Vec::new() };
        match scope {
            Scope::All => listing.add_all()?,
            Scope::Source(source) => listing.add_source(&source.namespace, &source.name)?,
        }
        if listing.entries.is_empty() {
            self.check_mounted()?;
        }
        let more = listing.entries.len() > page_size;
        listing.entries.truncate(page_size);
        let next = listing.entries.last().filter(|_| more).map(|last| last.key.to_string());
        Ok(Page { entries: listing.entries, next })
    }
}

impl Listing<'_> {
    /// One more than a page tells whether there is another one.
    fn is_full(&self) -> bool {
        self.entries.len() > self.page_size
    }

    fn add_all(&mut self) -> Result<(), FilesystemError> {
        let archives = self.volume.layout.archives();
        for namespace in self.folders(&archives)? {
            for name in self.folders(&archives.join(&namespace))? {
                self.add_source(&namespace, &name)?;
                if self.is_full() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn add_source(&mut self, namespace: &str, name: &str) -> Result<(), FilesystemError> {
        let Ok(source) = ArtifactKey::checked(namespace, name) else { return Ok(()) };
        let Some(folder) = self.volume.layout.folder(&source) else { return Ok(()) };
        let mut keys: Vec<_> = names(self.volume, &folder, FileType::is_file)?
            .iter()
            .filter_map(|file| ArtifactKey::parse(namespace, name, file).ok())
            .map(|key| key.to_string())
            .filter(|key| self.after.is_none_or(|after| key.as_str() > after))
            .collect();
        keys.sort_unstable();
        for key in keys.iter().filter_map(|key| key.parse().ok()) {
            if self.is_full() {
                return Ok(());
            }
            self.add(key)?;
        }
        Ok(())
    }

    fn add(&mut self, key: ArtifactKey) -> Result<(), FilesystemError> {
        let path = self.volume.file(&key)?;
        match fs::symlink_metadata(path) {
            Ok(metadata) => {
                let identity = Identity::of(&metadata);
                self.entries.push(StoredArtifact { key, size: identity.size, stored_at: identity.stored_at() });
                Ok(())
            }
            // Deleted since its name was read.
            Err(error) if is_absent(&error) => Ok(()),
            Err(error) => Err(self.volume.failed(ACTION)(error)),
        }
    }

    /// The folders in a folder that may hold something of this page, in the order of the keys in them.
    fn folders(&self, parent: &Path) -> Result<Vec<String>, FilesystemError> {
        let mut prefixes: Vec<_> = names(self.volume, parent, FileType::is_dir)?;
        // The keys go on with a slash, which stands between the characters that names are made of.
        for name in &mut prefixes {
            name.push('/');
        }
        if let Some(rest) = self.after_in(parent) {
            prefixes.retain(|prefix| prefix.as_str() > rest || rest.starts_with(prefix.as_str()));
        }
        prefixes.sort_unstable();
        for prefix in &mut prefixes {
            prefix.pop();
        }
        Ok(prefixes)
    }

    /// What follows `parent` in the key to go on after, when that key is in it.
    fn after_in(&self, parent: &Path) -> Option<&str> {
        let parent = parent.strip_prefix(self.volume.layout.root()).ok()?.to_str()?;
        self.after?.strip_prefix(parent)?.strip_prefix('/')
    }
}

/// The names of all entries of this kind in a folder, in no order; nothing of a folder that is not there.
fn names(volume: &Volume, folder: &Path, kind: fn(&FileType) -> bool) -> Result<Vec<String>, FilesystemError> {
    let failed = volume.failed(ACTION);
    let entries = match fs::read_dir(folder) {
        Err(error) if is_absent(&error) => return Ok(Vec::new()),
        entries => entries.map_err(&failed)?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(&failed)?;
        let is_wanted = match entry.file_type() {
            Ok(found) => kind(&found),
            Err(error) if is_absent(&error) => false,
            Err(error) => return Err(failed(error)),
        };
        // Whatever is no text is nothing of ours.
        if let (true, Ok(name)) = (is_wanted, entry.file_name().into_string()) {
            names.push(name);
        }
    }
    Ok(names)
}
