//! The copies, in memory and in files, each with a bound of its own, and who makes place for whom.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use super::CacheSettings;
use crate::spool::{FileRange, Spool};
use crate::storage::{ArtifactKey, Content, Presence, StoredArtifact, StoredFile};

/// What a copy takes beside its bytes, so that very many very small ones are bounded too.
const OVERHEAD: u64 = 512;

/// Making place looks at every copy, so it makes this part of all the place at once.
const SHARE: u64 = 16;

/// A copy of an archive. Its bytes live on while somebody reads them.
#[derive(Debug)]
pub(super) struct Copy {
    stored: StoredArtifact,
    bytes: Bytes,
    /// The tick at which it was last asked for.
    used: AtomicU64,
    /// When the backend was last asked whether there is such an archive.
    confirmed: Mutex<Instant>,
}

#[derive(Debug)]
enum Bytes {
    Memory(bytes::Bytes),
    File(FileRange),
}

/// All copies.
#[derive(Debug)]
pub(super) struct Shelf {
    settings: CacheSettings,
    presence: Arc<Presence>,
    ticks: AtomicU64,
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    copies: HashMap<ArtifactKey, Arc<Copy>>,
    /// Those that are being made, unless their archives were removed since.
    coming: HashSet<ArtifactKey>,
    memory: u64,
    disk: u64,
}

/// Place for a copy; given back unless it becomes one.
pub(super) struct Place<'a> {
    shelf: &'a Shelf,
    key: ArtifactKey,
    cost: u64,
    on_disk: bool,
}

impl Copy {
    pub(super) fn stored(&self) -> &StoredArtifact {
        &self.stored
    }

    /// The bytes of `range`, or all of them.
    pub(super) fn hand_out(&self, range: Option<Range<u64>>) -> (StoredArtifact, Content) {
        let range = range.unwrap_or(0..self.stored.size);
        let (start, end) = (range.start.min(self.stored.size), range.end.min(self.stored.size));
        let content = match &self.bytes {
            // Both ends are at most the length of something in memory, so they fit.
            Bytes::Memory(bytes) => Content::Memory(bytes.slice(start as usize..end.max(start) as usize)),
            Bytes::File(file) => Content::File(StoredFile::new(file.part(start..end))),
        };
        (self.stored.clone(), content)
    }

    /// Whether `period` has passed since somebody was told that it has.
    pub(super) fn is_due(&self, period: Duration) -> bool {
        let mut confirmed = self.confirmed.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = confirmed.elapsed() >= period;
        if is_due {
            *confirmed = Instant::now();
        }
        is_due
    }

    #[cfg(test)]
    pub(super) fn make_due(&self) {
        *self.confirmed.lock().unwrap() = Instant::now().checked_sub(Duration::from_secs(3600)).unwrap();
    }

    fn is_on_disk(&self) -> bool {
        matches!(self.bytes, Bytes::File(_))
    }

    fn cost(&self) -> u64 {
        self.stored.size + OVERHEAD
    }
}

impl Shelf {
    pub(super) fn new(settings: CacheSettings, presence: Arc<Presence>) -> Self {
        Self { settings, presence, ticks: AtomicU64::default(), state: RwLock::default() }
    }

    pub(super) fn get(&self, key: &ArtifactKey) -> Option<Arc<Copy>> {
        let copy = self.read().copies.get(key).cloned()?;
        copy.used.store(self.tick(), Ordering::Relaxed);
        Some(copy)
    }

    /// Removes the copy, and lets none come of one that is being made.
    pub(super) fn forget(&self, key: &ArtifactKey) {
        let mut state = self.write();
        state.coming.remove(key);
        state.remove(key);
    }

    /// Whether a copy of so many bytes has place at all.
    pub(super) fn fits(&self, size: u64, on_disk: bool) -> bool {
        size.saturating_add(OVERHEAD) <= self.bound(on_disk)
    }

    /// Sets place aside at the expense of what was not asked for for longest; what is advertised is given up last, and
    /// only for what is advertised, or `is_new` and about to be. `None` when there is not enough.
    pub(super) fn reserve(&self, key: &ArtifactKey, size: u64, on_disk: bool, is_new: bool) -> Option<Place<'_>> {
        if !self.fits(size, on_disk) {
            return None;
        }
        let (cost, bound) = (size + OVERHEAD, self.bound(on_disk));
        let mut state = self.write();
        if state.copies.contains_key(key) || state.coming.contains(key) {
            return None;
        }
        let excess = state.used(on_disk).saturating_add(cost).saturating_sub(bound);
        if excess > 0 {
            let may_take_all = is_new || self.is_advertised(key);
            for victim in self.victims(&state, on_disk, excess, may_take_all)? {
                state.remove(&victim);
            }
        }
        *state.used(on_disk) += cost;
        state.coming.insert(key.clone());
        Some(Place { shelf: self, key: key.clone(), cost, on_disk })
    }

    fn victims(&self, state: &State, on_disk: bool, excess: u64, may_take_all: bool) -> Option<Vec<ArtifactKey>> {
        let candidates = state.copies.iter().filter(|(_, copy)| copy.is_on_disk() == on_disk);
        let mut candidates: Vec<_> = candidates
            .map(|(key, copy)| (self.is_advertised(key), copy.used.load(Ordering::Relaxed), key, copy.cost()))
            .filter(|(advertised, ..)| may_take_all || !advertised)
            .collect();
        candidates.sort_unstable_by_key(|(advertised, used, ..)| (*advertised, *used));
        let wanted = excess.max(self.bound(on_disk) / SHARE);
        let (mut freed, mut victims) = (0, Vec::new());
        for (advertised, _, key, cost) in candidates {
            // What is advertised goes for the place that is needed, not for more.
            if freed >= if advertised { excess } else { wanted } {
                break;
            }
            freed += cost;
            victims.push(key.clone());
        }
        (freed >= excess).then_some(victims)
    }

    #[cfg(test)]
    pub(super) fn used(&self) -> (u64, u64) {
        (self.read().memory, self.read().disk)
    }

    #[cfg(test)]
    pub(super) fn forget_all(&self) {
        let keys: Vec<_> = self.read().copies.keys().cloned().collect();
        for key in keys {
            self.forget(&key);
        }
    }

    fn is_advertised(&self, key: &ArtifactKey) -> bool {
        self.presence.is_advertised(key)
    }

    fn bound(&self, on_disk: bool) -> u64 {
        if on_disk { self.settings.disk } else { self.settings.memory }
    }

    fn tick(&self) -> u64 {
        self.ticks.fetch_add(1, Ordering::Relaxed)
    }

    // A panic while the lock was held cannot leave more behind than a wrong sum.
    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn used(&mut self, on_disk: bool) -> &mut u64 {
        if on_disk { &mut self.disk } else { &mut self.memory }
    }

    fn remove(&mut self, key: &ArtifactKey) {
        if let Some(copy) = self.copies.remove(key) {
            *self.used(copy.is_on_disk()) -= copy.cost();
        }
    }
}

impl Place<'_> {
    /// Puts a copy there. It is not kept if its archive was removed meanwhile, or takes another place than was set aside.
    pub(super) fn put(mut self, stored: StoredArtifact, content: &Spool) -> Arc<Copy> {
        let bytes = match (content.in_memory(), content.in_file()) {
            (_, Some(file)) => Bytes::File(file),
            (bytes, None) => Bytes::Memory(bytes.cloned().unwrap_or_default()),
        };
        let (used, confirmed) = (AtomicU64::new(self.shelf.tick()), Mutex::new(Instant::now()));
        let copy = Arc::new(Copy { stored, bytes, used, confirmed });
        let mut state = self.shelf.write();
        if state.coming.remove(&self.key) && (copy.cost(), copy.is_on_disk()) == (self.cost, self.on_disk) {
            state.copies.insert(self.key.clone(), Arc::clone(&copy));
            self.cost = 0;
        }
        copy
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if self.cost > 0 {
            let mut state = self.shelf.write();
            *state.used(self.on_disk) -= self.cost;
            state.coming.remove(&self.key);
        }
    }
}
