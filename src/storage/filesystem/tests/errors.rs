//! Every call fails once, in every way in which volumes fail.

use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};

use super::*;
use crate::failure::{Class, Failure};

const ENOSPC: i32 = 28;
const EDQUOT: i32 = 122;
const EROFS: i32 = 30;
const EACCES: i32 = 13;
const EIO: i32 = 5;
const ESTALE: i32 = 116;
const ENOTCONN: i32 = 107;

/// Lets the n-th call since it was armed fail; 0 is none.
#[derive(Default)]
struct Fault {
    at: AtomicUsize,
    errno: AtomicI32,
}

impl Fault {
    fn observer(self: &Arc<Self>) -> Arc<Observer> {
        let fault = Arc::clone(self);
        Arc::new(move |_| {
            let left = fault.at.fetch_update(Ordering::AcqRel, Ordering::Acquire, |at| at.checked_sub(1));
            if left == Ok(1) { Err(errno(fault.errno.load(Ordering::Acquire))) } else { Ok(()) }
        })
    }

    fn arm(&self, at: usize, errno: i32) {
        self.errno.store(errno, Ordering::Release);
        self.at.store(at, Ordering::Release);
    }

    /// Whether the call is still to come.
    fn disarm(&self) -> bool {
        self.at.swap(0, Ordering::AcqRel) > 0
    }
}

/// Fails the first call, then the second, and so on until `work` needs no more; gives every error to `check`.
async fn each_step<W>(errno: i32, work: impl Fn(Arc<FilesystemStorage>) -> W, check: impl Fn(StorageError))
where
    W: Future<Output = Result<(), StorageError>>,
{
    for at in 1.. {
        let folder = temporary();
        let fault = Arc::new(Fault::default());
        let storage = Arc::new(observed(folder.path(), fault.observer()).await);
        let before = put(&storage, "before", b"what was there before").await;
        fault.arm(at, errno);
        let outcome = work(Arc::clone(&storage)).await;
        if fault.disarm() {
            assert!(at > 1, "nothing was done");
            outcome.unwrap();
            return;
        }
        if let Err(error) = outcome {
            check(error);
        }
        assert!(is_sound(&storage, &before).await, "step {at}");
        for stored in storage.list(Scope::All, None).await.unwrap().entries {
            assert_eq!(storage.verify(&stored.key).await.unwrap(), Integrity::Sound, "step {at}");
        }
        // Unless it is the removal itself that failed; the next start removes that.
        work(Arc::clone(&storage)).await.unwrap();
        drop(storage);
        let storage = open_at(folder.path()).await;
        assert_eq!(unfinished(folder.path()), [""; 0], "step {at}");
        work(Arc::new(storage)).await.unwrap();
    }
}

#[tokio::test]
async fn a_store_that_fails_at_any_step_harms_nothing_and_can_be_repeated() {
    for errno in [ENOSPC, EDQUOT, EROFS, EACCES, EIO, ESTALE, ENOTCONN] {
        let store = |storage: Arc<FilesystemStorage>| async move {
            let (key, content) = archive("config", &vec![3; 300_000]);
            storage.store(&key, &content).await.map(drop)
        };
        let check = |error: StorageError| {
            assert!(matches!(error, StorageError::Filesystem(_)), "{error:?}");
            assert_eq!(Failure::from(error).class, Class::TRANSIENT);
        };
        each_step(errno, store, check).await;
    }
}

#[tokio::test]
async fn a_deletion_that_fails_at_any_step_can_be_repeated() {
    for (at, is_told) in [(1, true), (2, false)] {
        let folder = temporary();
        let fault = Arc::new(Fault::default());
        let storage = observed(folder.path(), fault.observer()).await;
        let key = put(&storage, "config", b"soon gone").await;
        fault.arm(at, EIO);
        assert_eq!(storage.delete(&key).await.is_err(), is_told, "a folder that stays is no error");
        storage.delete(&put(&storage, "config", b"soon gone").await).await.unwrap();
        assert_eq!(storage.stat(&key).await.unwrap(), None);
        assert_eq!(archives(folder.path()), [""; 0]);
    }
}

#[tokio::test]
async fn messages_say_what_to_do_and_name_no_temporary_file() {
    let user = User.to_string();
    for (errno, words) in [
        (ENOSPC, ["is full: 293 KiB are needed", "enlarge the volume"]),
        (EDQUOT, ["quota", "293 KiB are needed"]),
        (EROFS, ["read-only", "kernel log"]),
        (EACCES, ["fsGroup", &user]),
        (ENOTCONN, ["unmounted", "restart the pod"]),
        (ESTALE, ["file server", "looked up again"]),
        (EIO, ["could not write an archive", "os error 5"]),
    ] {
        let folder = temporary();
        let fault = Arc::new(Fault::default());
        let storage = observed(folder.path(), fault.observer()).await;
        let (key, content) = archive("config", &vec![3; 300_000]);
        let mut messages = Vec::new();
        for _ in 0..2 {
            // Opening what may be there already comes first, then the new file, then its first bytes.
            fault.arm(3, errno);
            let message = storage.store(&key, &content).await.unwrap_err().to_string();
            for word in words {
                assert!(message.contains(word), "{message}");
            }
            messages.push(message);
        }
        // Others fill and empty the machine's disk, which this one is on.
        let stable = |message: &String| message.split("are needed").next().map(str::to_owned);
        assert_eq!(stable(&messages[0]), stable(&messages[1]));
    }
}

#[tokio::test]
async fn a_stale_handle_is_looked_up_again_once() {
    let folder = temporary();
    let fault = Arc::new(Fault::default());
    let storage = observed(folder.path(), fault.observer()).await;
    let key = put(&storage, "config", b"x").await;
    fault.arm(1, ESTALE);
    assert_eq!(get(&storage, &key).await, Some(b"x".to_vec()));
}

#[tokio::test]
async fn a_root_that_is_replaced_is_an_outage_and_not_an_empty_storage() {
    let folder = temporary();
    let root = folder.path().join("volume");
    let storage = open_at(&root).await;
    let key = put(&storage, "config", b"x").await;
    let (other, content) = archive("config", b"y");
    for empty in [false, true] {
        if empty {
            fs::create_dir(&root).unwrap();
        } else {
            fs::rename(&root, folder.path().join("elsewhere")).unwrap();
        }
        for error in [
            storage.stat(&key).await.unwrap_err(),
            storage.retrieve(&key, None).await.map(drop).unwrap_err(),
            storage.verify(&key).await.unwrap_err(),
            storage.list(Scope::All, None).await.unwrap_err(),
            storage.list(Scope::Source(key.source()), None).await.unwrap_err(),
        ] {
            assert!(matches!(error, StorageError::Filesystem(FilesystemError::Vanished { .. })), "{error}");
        }
        storage.store(&other, &content).await.unwrap_err();
        storage.delete(&key).await.unwrap_err();
    }
    assert_eq!(tree(&root), [""; 0], "nothing was written to what is not the volume");
    fs::remove_dir(&root).unwrap();
    fs::rename(folder.path().join("elsewhere"), &root).unwrap();
    assert!(is_sound(&storage, &key).await);
    storage.store(&other, &content).await.unwrap();
}

#[tokio::test]
async fn a_name_that_could_leave_the_volume_is_refused() {
    let (storage, folder) = open().await;
    let content = Spools::from_bytes(b"x".to_vec());
    let key = ArtifactKey::new(ObjectName::new("..", "../../x"), content.digest());
    let error = storage.store(&key, &content).await.unwrap_err();
    assert!(matches!(error, StorageError::Filesystem(FilesystemError::Name { .. })), "{error}");
    assert_eq!(storage.stat(&key).await.unwrap(), None);
    storage.delete(&key).await.unwrap();
    assert_eq!(storage.list(Scope::Source(key.source()), None).await.unwrap().entries, []);
    assert_eq!(archives(folder.path()), [""; 0]);
}
