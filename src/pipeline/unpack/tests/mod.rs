//! What real tools write is read; what could do harm is refused with a message that says why.

mod build;
mod hostile_tar;
mod hostile_zip;
mod limits;
mod real;

use std::collections::BTreeMap;
use std::io::Read as _;

use proptest::prelude::*;

use super::*;
use crate::api::external_source::Unpack;

pub const ROOMY: UnpackLimits = UnpackLimits { entries: 1000, total_size: 64 << 20, file_size: 32 << 20, ratio: 100 };

pub fn spec(format: &str, strip: i64, path: &str) -> Unpack {
    Unpack { format: format.into(), strip_components: Some(strip), path: Some(path.into()) }
}

pub fn unpack_with(bytes: &[u8], spec: &Unpack, limits: UnpackLimits) -> Result<Tree, UnpackError> {
    let spools = Spools::new(1 << 20, std::env::temp_dir());
    let body = Spools::from_bytes(bytes.to_vec());
    unpack(&body, &Settings::parse(spec).unwrap(), None, &spools, &limits, &CancellationToken::new())
}

pub fn contents(tree: &Tree) -> BTreeMap<String, Vec<u8>> {
    let read = |file: &TreeFile| {
        let mut bytes = Vec::new();
        tree.open(file).unwrap().read_to_end(&mut bytes).unwrap();
        (file.path().to_owned(), bytes)
    };
    tree.files().iter().map(read).collect()
}

#[test]
fn settings_that_cannot_work_name_the_field() {
    for (unpack, message) in [
        (spec("TAR.GZ", 0, ""), "spec.generator.http.unpack.format is none of \"tar.gz\" and \"zip\""),
        (spec("", 0, ""), "spec.generator.http.unpack.format is none of \"tar.gz\" and \"zip\""),
        (spec("zip", -1, ""), "spec.generator.http.unpack.stripComponents is -1: expected 0 to 32"),
        (spec("zip", 33, ""), "spec.generator.http.unpack.stripComponents is 33: expected 0 to 32"),
        (
            spec("zip", i64::MIN, ""),
            "spec.generator.http.unpack.stripComponents is -9223372036854775808: expected 0 to 32",
        ),
        (spec("zip", 0, "/a"), "spec.generator.http.unpack.path is absolute: expected a relative path"),
        (spec("zip", 0, "a/../b"), "spec.generator.http.unpack.path has a \"..\" segment"),
    ] {
        assert_eq!(Settings::parse(&unpack).unwrap_err().to_string(), message);
    }
    for unpack in
        [spec("tar.gz", 32, "./"), spec("zip", 0, "a/b/"), Unpack { format: "zip".into(), ..Unpack::default() }]
    {
        assert!(Settings::parse(&unpack).is_ok(), "{unpack:?}");
    }
}

#[test]
fn a_cancelled_run_ends_at_the_next_read() {
    for (format, bytes) in [("tar.gz", build::gzip(&build::tar(&[("a", b"x")]))), ("zip", build::zip(&[("a", b"x")]))] {
        let cancelled = CancellationToken::new();
        cancelled.cancel();
        let spools = Spools::new(1 << 20, std::env::temp_dir());
        let unpack_spec = spec(format, 0, "");
        let settings = Settings::parse(&unpack_spec).unwrap();
        let result = unpack(&Spools::from_bytes(bytes), &settings, None, &spools, &ROOMY, &cancelled);
        assert!(matches!(result, Err(UnpackError::Cancelled)), "{result:?}");
    }
}

#[test]
fn a_full_disk_is_no_fault_of_the_archive() {
    let spools = Spools::new(0, "/nonexistent");
    let body = Spools::from_bytes(build::tar(&[("a", b"x")]));
    let unpack_spec = spec("tar.gz", 0, "");
    let settings = Settings::parse(&unpack_spec).unwrap();
    let result = unpack(&body, &settings, None, &spools, &ROOMY, &CancellationToken::new());
    assert!(matches!(result, Err(UnpackError::Io(_))), "{result:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn arbitrary_bytes_are_refused_without_panicking(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        for format in ["tar.gz", "zip"] {
            let _ = unpack_with(&bytes, &spec(format, 0, ""), ROOMY);
            let _ = unpack_with(&build::gzip(&bytes), &spec(format, 0, ""), ROOMY);
        }
    }

    #[test]
    fn damaged_archives_never_leave_the_folder(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        strip in 0i64..3,
    ) {
        let tar = build::tar(&[("a/b.yaml", b"kind: X"), ("a/c/d", &[7; 700])]);
        let zip = build::zip(&[("a/b.yaml", b"kind: X"), ("a/c/d", &[7; 700])]);
        for (format, mut bytes) in [("tar.gz", tar.clone()), ("tar.gz", build::gzip(&tar)), ("zip", zip)] {
            for (at, value) in &damage {
                let at = at.index(bytes.len());
                bytes[at] = *value;
            }
            if let Ok(tree) = unpack_with(&bytes, &spec(format, strip, ""), ROOMY) {
                for path in contents(&tree).keys() {
                    prop_assert_eq!(path::check(path), Ok(()));
                }
            }
        }
    }
}
