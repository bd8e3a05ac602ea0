//! What every backend does.

use testbed::s3::Kind;

use super::open;
use crate::storage::conformance::each_behaviour;

mod minio {
    use super::*;
    each_behaviour!(open(Kind::Minio).await);
}

mod versitygw {
    use super::*;
    each_behaviour!(open(Kind::Versitygw).await);
}
