//! What can go wrong with a bucket, said so that somebody who looks at the object's condition knows what to do.

use std::path::PathBuf;

use crate::storage::Owner;

/// An operation on the bucket that did not happen. All of them may pass by themselves or once something outside is
/// mended, and none of them harms what was stored before.
// Texts stay the same over repetitions, because a condition is written once as long as its message stays: keys, request
// ids and what the server says in its own words are left out. Nothing here comes from credentials.
#[derive(Debug, thiserror::Error)]
pub enum S3Error {
    /// There is no such bucket (`NoSuchBucket`).
    #[error("the bucket {place} does not exist; create it, or correct S3_BUCKET")]
    NoBucket {
        /// The bucket.
        place: String,
    },
    /// The keys may not do that (`AccessDenied`, 403).
    #[error(
        "access to the bucket {place} is denied: could not {action}; allow the controller's keys or role to do that"
    )]
    Denied {
        /// The bucket.
        place: String,
        /// What was denied.
        action: &'static str,
    },
    /// The server does not know the key's id (`InvalidAccessKeyId`).
    #[error("the server of {place} does not know the access key; correct S3_ACCESS_KEY_ID, or let it be created")]
    UnknownKey {
        /// The bucket.
        place: String,
    },
    /// The signature is not one of this key (`SignatureDoesNotMatch`).
    #[error("the server of {place} refuses the signature; correct S3_SECRET_ACCESS_KEY")]
    WrongSecret {
        /// The bucket.
        place: String,
    },
    /// The session is over (`ExpiredToken`).
    #[error("the credentials for {place} have expired; they are asked for again")]
    Expired {
        /// The bucket.
        place: String,
    },
    /// There is nothing to sign with.
    #[error(
        "there are no credentials for {place}: set S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY, or give the pod a role \
         (web identity, container or instance)"
    )]
    NoCredentials {
        /// The bucket.
        place: String,
    },
    /// The clocks differ too much (`RequestTimeTooSkewed`).
    #[error("the clocks of this node and of the server of {place} differ too much; set them right")]
    ClockSkew {
        /// The bucket.
        place: String,
    },
    /// The bucket is elsewhere (301, `AuthorizationHeaderMalformed`).
    #[error("the bucket {place} is in another region than S3_REGION ({region}); correct it, or S3_ENDPOINT")]
    WrongRegion {
        /// The bucket.
        place: String,
        /// The region that is set.
        region: String,
    },
    /// The server's certificate, or its TLS, is not acceptable.
    #[error("no trusted connection to the server of {place}: {why}; name its authority's certificate in S3_CA_FILE")]
    Tls {
        /// The bucket.
        place: String,
        /// What is wrong.
        why: String,
    },
    /// No connection.
    #[error("the server of {place} cannot be reached: {why}")]
    Unreachable {
        /// The bucket.
        place: String,
        /// What happened.
        why: String,
    },
    /// No answer in time.
    #[error("the server of {place} did not answer in time: could not {action}")]
    Timeout {
        /// The bucket.
        place: String,
        /// What was tried.
        action: &'static str,
    },
    /// Too many requests, or an overloaded server (`SlowDown`, 429, 503).
    #[error("the server of {place} is busy: could not {action}; it is tried again later")]
    Busy {
        /// The bucket.
        place: String,
        /// What was tried.
        action: &'static str,
    },
    /// No room (`QuotaExceeded`, `XMinioStorageFull`, 507).
    #[error("the bucket {place} is full; raise its quota, enlarge its storage, or store less")]
    Full {
        /// The bucket.
        place: String,
    },
    /// The encryption that is set cannot be had (`KMS.*`, and the like).
    #[error(
        "the server of {place} could not encrypt ({code}); correct S3_SSE and S3_SSE_KMS_KEY_ID, or the key's policy"
    )]
    Encryption {
        /// The bucket.
        place: String,
        /// The server's code.
        code: String,
    },
    /// The installation that owns the bucket is another one.
    #[error(
        "the bucket {place} belongs to another installation: {owner}, and this one is {ours}; use another S3_BUCKET or \
         S3_PREFIX, or set STORAGE_TAKE_OVER to {id:?} if that installation is gone for good", id = owner.id()
    )]
    Foreign {
        /// The bucket.
        place: String,
        /// To whom it belongs.
        owner: Box<Owner>,
        /// Who we are.
        ours: Box<Owner>,
    },
    /// The owner marker cannot be understood.
    #[error("the object {object}, which says to whom {place} belongs, cannot be read: {why}; remove it to start anew")]
    Marker {
        /// The bucket.
        place: String,
        /// The marker.
        object: String,
        /// What is wrong with it.
        why: String,
    },
    /// This process is not the one that writes.
    #[error("the bucket {place} is written to by the leader only")]
    NotWriter {
        /// The bucket.
        place: String,
    },
    /// The certificates to trust cannot be used.
    #[error("S3_CA_FILE {path}: {why}")]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The client cannot be made.
    #[error("the S3 client cannot be set up: {0}")]
    Setup(String),
    /// Anything else.
    #[error("could not {action} in the bucket {place}: {why}")]
    Failed {
        /// The bucket.
        place: String,
        /// What was tried.
        action: &'static str,
        /// The server's code, or what happened on the way.
        why: String,
    },
}

impl S3Error {
    /// Whether only another configuration can mend it: there is no point in starting.
    pub fn is_fatal(&self) -> bool {
        matches!(self, Self::Foreign { .. } | Self::Marker { .. } | Self::CaFile { .. } | Self::Setup(_))
    }
}
