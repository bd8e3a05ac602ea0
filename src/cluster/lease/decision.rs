//! What to do about the lease, from what was seen of it; no I/O.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use tokio::time::Instant;

use crate::cluster::LeaseSettings;

/// The lease as it was last read, and since when this replica sees it so.
#[derive(Debug, Clone)]
pub(super) struct Observed {
    pub(super) lease: Lease,
    /// Taken when the answer had arrived: later than the renewal itself, which is the safe side.
    pub(super) since: Instant,
}

impl Observed {
    /// What is known once `lease` was read: a record that did not change keeps its age. The times inside the record
    /// are another machine's and are not looked at.
    pub(super) fn update(before: Option<Self>, lease: Lease, now: Instant) -> Self {
        let since = before.filter(|before| before.lease.spec == lease.spec).map_or(now, |before| before.since);
        Self { lease, since }
    }
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// There is no lease: create it.
    Create,
    /// It is ours: renew it.
    Renew,
    /// It is free or has expired: take it.
    Take,
    /// Somebody else holds it.
    Wait,
}

/// The next step of the replica `identity`. A lease without a duration of its own lasts `default_duration`.
pub(super) fn decide(observed: Option<&Observed>, identity: &str, default_duration: Duration, now: Instant) -> Step {
    let Some(observed) = observed else { return Step::Create };
    let spec = observed.lease.spec.as_ref();
    let holder = spec.and_then(|spec| spec.holder_identity.as_deref()).filter(|holder| !holder.is_empty());
    match holder {
        None => Step::Take,
        Some(holder) if holder == identity => Step::Renew,
        Some(_) if now >= observed.since + duration_of(spec).unwrap_or(default_duration) => Step::Take,
        Some(_) => Step::Wait,
    }
}

fn duration_of(spec: Option<&LeaseSpec>) -> Option<Duration> {
    let seconds = spec?.lease_duration_seconds?;
    u64::try_from(seconds).ok().filter(|seconds| *seconds > 0).map(Duration::from_secs)
}

/// The record that makes us the holder; `before` gives the resource version that guards the write.
pub(super) fn held(before: Option<&Lease>, settings: &LeaseSettings, now: Timestamp) -> Lease {
    let spec_before = before.and_then(|lease| lease.spec.as_ref());
    let is_renewal = spec_before.is_some_and(|spec| spec.holder_identity.as_deref() == Some(&settings.identity));
    let transitions = spec_before.and_then(|spec| spec.lease_transitions).unwrap_or(0);
    let acquired = spec_before.and_then(|spec| spec.acquire_time.clone()).filter(|_| is_renewal);
    let spec = LeaseSpec {
        holder_identity: Some(settings.identity.clone()),
        lease_duration_seconds: Some(whole_seconds(settings.duration)),
        acquire_time: Some(acquired.unwrap_or(MicroTime(now))),
        renew_time: Some(MicroTime(now)),
        lease_transitions: Some(transitions.saturating_add(i32::from(before.is_some() && !is_renewal))),
        ..spec_before.cloned().unwrap_or_default()
    };
    Lease { metadata: metadata(before, settings), spec: Some(spec) }
}

/// The record that makes the lease free at once.
pub(super) fn released(before: &Lease, settings: &LeaseSettings, now: Timestamp) -> Lease {
    let spec = LeaseSpec {
        holder_identity: None,
        // Replicas that count the duration after any change wait for the shortest one.
        lease_duration_seconds: Some(1),
        renew_time: Some(MicroTime(now)),
        ..before.spec.clone().unwrap_or_default()
    };
    Lease { metadata: metadata(Some(before), settings), spec: Some(spec) }
}

fn metadata(before: Option<&Lease>, settings: &LeaseSettings) -> ObjectMeta {
    let fresh = || ObjectMeta {
        name: Some(settings.name.clone()),
        namespace: Some(settings.namespace.clone()),
        ..ObjectMeta::default()
    };
    before.map_or_else(fresh, |lease| ObjectMeta { managed_fields: None, ..lease.metadata.clone() })
}

/// Rounded up: the others must never wait less than we count on.
fn whole_seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis().div_ceil(1000)).unwrap_or(i32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(holder: Option<&str>, seconds: Option<i32>) -> Lease {
        let spec = LeaseSpec {
            holder_identity: holder.map(Into::into),
            lease_duration_seconds: seconds,
            lease_transitions: Some(3),
            ..LeaseSpec::default()
        };
        Lease { spec: Some(spec), ..Lease::default() }
    }

    fn settings() -> LeaseSettings {
        LeaseSettings {
            name: "lease".into(),
            namespace: "flux-system".into(),
            identity: "me".into(),
            duration: Duration::from_millis(14_500),
            renew_deadline: Duration::from_secs(10),
            retry_period: Duration::from_secs(2),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_holder_and_the_age_of_the_record_decide() {
        let since = Instant::now();
        let table = [
            ("no lease", None, 0, Step::Create),
            ("a lease without holder", Some(lease(None, Some(15))), 0, Step::Take),
            ("a released lease", Some(lease(Some(""), Some(15))), 0, Step::Take),
            ("our own", Some(lease(Some("me"), Some(15))), 0, Step::Renew),
            ("our own, long ago", Some(lease(Some("me"), Some(15))), 100, Step::Renew),
            ("another's, fresh", Some(lease(Some("you"), Some(15))), 14, Step::Wait),
            ("another's, expired", Some(lease(Some("you"), Some(15))), 15, Step::Take),
            ("another's, with its own longer duration", Some(lease(Some("you"), Some(60))), 59, Step::Wait),
            ("another's, without a duration", Some(lease(Some("you"), None)), 19, Step::Wait),
            ("another's, with a senseless duration", Some(lease(Some("you"), Some(-1))), 20, Step::Take),
        ];
        for (name, lease, age, expected) in table {
            let observed = lease.map(|lease| Observed { lease, since });
            let now = since + Duration::from_secs(age);
            assert_eq!(decide(observed.as_ref(), "me", Duration::from_secs(20), now), expected, "{name}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_changed_record_is_young_again() {
        let start = Instant::now();
        let first = Observed::update(None, lease(Some("you"), Some(15)), start);
        let later = start + Duration::from_secs(9);
        let mut same = lease(Some("you"), Some(15));
        same.metadata.resource_version = Some("7".into());
        let second = Observed::update(Some(first), same, later);
        assert_eq!(second.since, start);
        let third = Observed::update(Some(second), lease(Some("you"), Some(16)), later);
        assert_eq!(third.since, later);
    }

    #[test]
    fn taking_counts_a_transition_and_renewing_does_not() {
        let (first, second) = (Timestamp::from_second(100).unwrap(), Timestamp::from_second(200).unwrap());
        let taken = held(Some(&lease(Some("you"), Some(15))), &settings(), first);
        let spec = taken.spec.clone().unwrap();
        assert_eq!((spec.lease_transitions, spec.acquire_time), (Some(4), Some(MicroTime(first))));
        assert_eq!(spec.lease_duration_seconds, Some(15), "14.5 s, rounded up");
        let renewed = held(Some(&taken), &settings(), second).spec.unwrap();
        assert_eq!((renewed.lease_transitions, renewed.acquire_time), (Some(4), Some(MicroTime(first))));
        assert_eq!(renewed.renew_time, Some(MicroTime(second)));
        assert_eq!(held(None, &settings(), first).spec.unwrap().lease_transitions, Some(0));
    }

    #[test]
    fn a_released_lease_is_free_and_guarded_by_its_version() {
        let mut mine = held(None, &settings(), Timestamp::UNIX_EPOCH);
        mine.metadata.resource_version = Some("42".into());
        let free = released(&mine, &settings(), Timestamp::UNIX_EPOCH);
        assert_eq!(free.metadata.resource_version.as_deref(), Some("42"));
        assert_eq!(free.spec.unwrap().holder_identity, None);
    }
}
