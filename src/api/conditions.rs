//! Conditions as kstatus reads them: `Ready` always, the others only while they are true
//! (<https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md>). One constructor per condition;
//! reasons are Flux's words.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;

/// Types of conditions.
pub mod types {
    /// Whether the advertised artifact is what the spec asks for.
    pub const READY: &str = "Ready";
    /// The controller is working towards the spec, or will try again.
    pub const RECONCILING: &str = "Reconciling";
    /// Only an edit of the spec can mend it.
    pub const STALLED: &str = "Stalled";
    /// The origin is being asked.
    pub const FETCHING: &str = "Fetching";
    /// Hooks are running.
    pub const EXECUTING_HOOKS: &str = "ExecutingHooks";
    /// The result is being packaged and stored.
    pub const STORING: &str = "Storing";
}

/// Reasons of conditions and of events.
pub mod reasons {
    /// The artifact is stored and advertised.
    pub const SUCCEEDED: &str = "Succeeded";
    /// Work is under way.
    pub const PROGRESSING: &str = "Progressing";
    /// The last attempt failed and another one is due.
    pub const PROGRESSING_WITH_RETRY: &str = "ProgressingWithRetry";
    /// The origin did not answer, or its answer cannot be used.
    pub const FETCH_FAILED: &str = "FetchFailed";
    /// The address policy or the URL itself forbids the request.
    pub const INVALID_URL: &str = "InvalidURL";
    /// A field of the spec holds a value that cannot work.
    pub const INVALID_SPEC: &str = "InvalidSpec";
    /// A Secret, or a key of it, is missing or unusable.
    pub const SECRET_UNAVAILABLE: &str = "SecretUnavailable";
    /// The answer or the tree is empty and `allowEmpty` is not set.
    pub const EMPTY_CONTENT: &str = "EmptyContent";
    /// The answer is broken, or not what was asked for.
    pub const INVALID_CONTENT: &str = "InvalidContent";
    /// The archive could not be built.
    pub const BUILD_FAILED: &str = "BuildFailed";
    /// The archive could not be stored, or is no longer there.
    pub const STORAGE_OPERATION_FAILED: &str = "StorageOperationFailed";
    /// The hook executor, which runs hooks, transformations and assertions, cannot be reached or is busy.
    pub const HOOKS_UNAVAILABLE: &str = "HooksUnavailable";
    /// A hook names a command that is not allowed.
    pub const HOOK_NOT_ALLOWED: &str = "HookNotAllowed";
    /// A hook failed, or made something that cannot be used.
    pub const HOOK_FAILED: &str = "HookFailed";
    /// An assertion about the answer does not hold.
    pub const ASSERTION_FAILED: &str = "AssertionFailed";
    /// The transformation of the answer failed.
    pub const TRANSFORM_FAILED: &str = "TransformFailed";
    /// An object of the same name belongs to somebody else.
    pub const OWNERSHIP_CONFLICT: &str = "OwnershipConflict";
    /// The API server refused the result.
    pub const PUBLISH_FAILED: &str = "PublishFailed";
    /// The object itself cannot be read.
    pub const INVALID_OBJECT: &str = "InvalidObject";
    /// A new revision is advertised (event).
    pub const NEW_ARTIFACT: &str = "NewArtifact";
    /// The advertisement was taken back because its bytes are gone (event).
    pub const ARTIFACT_WITHDRAWN: &str = "ArtifactWithdrawn";
    /// The interval was raised to the minimum (event).
    pub const INTERVAL_RAISED: &str = "IntervalRaised";
    /// Artifacts do not survive a restart of the controller (event).
    pub const VOLATILE_STORAGE: &str = "VolatileStorage";
}

/// Longest message that the API server admits is 32768 bytes; people read far less.
const MAX_MESSAGE: usize = 1024;

/// `Ready=True`.
pub fn ready(message: impl Into<String>) -> Condition {
    condition(types::READY, "True", reasons::SUCCEEDED, message)
}

/// `Ready=False`, with the failure's reason.
pub fn not_ready(reason: &str, message: impl Into<String>) -> Condition {
    condition(types::READY, "False", reason, message)
}

/// `Ready=Unknown`: nothing is known yet.
pub fn ready_unknown(message: impl Into<String>) -> Condition {
    condition(types::READY, "Unknown", reasons::PROGRESSING, message)
}

/// `Reconciling=True`, with [`reasons::PROGRESSING`] or [`reasons::PROGRESSING_WITH_RETRY`].
pub fn reconciling(reason: &str, message: impl Into<String>) -> Condition {
    condition(types::RECONCILING, "True", reason, message)
}

/// `Stalled=True`, with the failure's reason.
pub fn stalled(reason: &str, message: impl Into<String>) -> Condition {
    condition(types::STALLED, "True", reason, message)
}

/// A phase (`Fetching`, `ExecutingHooks`, `Storing`) that is running.
pub fn phase(type_: &str, message: impl Into<String>) -> Condition {
    condition(type_, "True", reasons::PROGRESSING, message)
}

fn condition(type_: &str, status: &str, reason: &str, message: impl Into<String>) -> Condition {
    let mut message = message.into();
    if message.len() > MAX_MESSAGE {
        let end = (0..=MAX_MESSAGE).rev().find(|&i| message.is_char_boundary(i)).unwrap_or(0);
        message.truncate(end);
    }
    Condition {
        type_: type_.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message,
        last_transition_time: Time(Timestamp::UNIX_EPOCH),
        observed_generation: None,
    }
}

/// Puts `wanted` in place of `current`: conditions that are not wanted go, and one whose status did not change keeps
/// its transition time.
pub fn merge(current: &[Condition], wanted: Vec<Condition>, generation: Option<i64>, now: Timestamp) -> Vec<Condition> {
    wanted
        .into_iter()
        .map(|mut condition| {
            let before = find(current, &condition.type_).filter(|before| before.status == condition.status);
            condition.last_transition_time = before.map_or(Time(now), |before| before.last_transition_time.clone());
            condition.observed_generation = generation;
            condition
        })
        .collect()
}

/// The condition of this type.
pub fn find<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == type_)
}

/// Whether the condition of this type is true.
pub fn is_true(conditions: &[Condition], type_: &str) -> bool {
    find(conditions, type_).is_some_and(|condition| condition.status == "True")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_transition_time_moves_only_with_the_status() {
        let first = merge(&[], vec![ready("a")], Some(1), at(10));
        let second = merge(&first, vec![ready("b")], Some(2), at(20));
        assert_eq!(second[0].last_transition_time, Time(at(10)));
        assert_eq!((second[0].message.as_str(), second[0].observed_generation), ("b", Some(2)));
        let third = merge(&second, vec![not_ready(reasons::FETCH_FAILED, "c")], Some(2), at(30));
        assert_eq!(third[0].last_transition_time, Time(at(30)));
    }

    #[test]
    fn what_is_not_wanted_goes() {
        let first = merge(&[], vec![ready("a"), reconciling(reasons::PROGRESSING, "b")], None, at(1));
        assert_eq!(merge(&first, vec![ready("a")], None, at(2)).len(), 1);
    }

    #[test]
    fn long_messages_are_cut_between_characters() {
        assert_eq!(ready("é".repeat(1000)).message.len(), MAX_MESSAGE);
        assert_eq!(ready("x".to_owned() + &"é".repeat(1000)).message.len(), MAX_MESSAGE - 1);
    }
}
