//! What a job ends as: an archive, nothing new, or a failure of the right class.

use super::*;
use crate::failure::{Class, Failure};

fn failure(job: &Packaging) -> (Class, &'static str, String) {
    let failure = Failure::from(run(job).unwrap_err());
    (failure.class, failure.reason, failure.message)
}

fn path_of(job: &Packaging) -> String {
    entries(&archive(job)).pop().unwrap().0
}

#[test]
fn the_file_goes_to_its_destination() {
    for (destination, path) in [
        (None, "data.json"),
        (Some(""), "data.json"),
        (Some("."), "data.json"),
        (Some("config.json"), "config.json"),
        (Some("./a/b.yaml"), "a/b.yaml"),
        (Some("a/b/"), "a/b"),
    ] {
        assert_eq!(path_of(&Packaging { destination: destination.map(String::from), ..job("[1]") }), path);
    }
}

#[test]
fn a_tree_goes_below_its_destination() {
    let job = Packaging { destination: Some("deploy/".into()), ..tree_job(&[("a/b.yaml", b"kind: X")]) };
    let names: Vec<_> = entries(&archive(&job)).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["deploy/", "deploy/a/", "deploy/a/b.yaml"]);
}

#[test]
fn what_is_advertised_and_stored_is_not_packed_again() {
    let first = archive(&job("[1]"));
    let advertised = |revision, stored| Some(Advertised { revision, manifests: Some(0), stored });
    let with = |advertised| run(&Packaging { advertised, ..job("[1]") }).unwrap();
    assert!(matches!(with(advertised(first.revision, true)), Packaged::Unchanged));
    for other in [advertised(first.revision, false), advertised(Revision(Digest::of(b"other")), true), None] {
        let Packaged::Archive(again) = with(other) else { panic!("unchanged") };
        assert_eq!(again.bytes.digest(), first.bytes.digest());
    }
}

#[test]
fn a_path_or_a_content_that_differs_is_another_revision() {
    let revision = |destination: &str, body: &str| {
        archive(&Packaging { destination: Some(destination.into()), ..job(body) }).revision
    };
    let revisions = [revision("a", "[1]"), revision("b", "[1]"), revision("a", "[2]"), revision("a/b", "[1]")];
    for (i, one) in revisions.iter().enumerate() {
        assert!(revisions[i + 1..].iter().all(|other| other != one));
    }
}

#[test]
fn refused_content_waits_for_the_next_interval() {
    let page = Packaging { destination: Some("a.json".into()), ..job("<html></html>") };
    let gone = Packaging {
        advertised: Some(Advertised { revision: Revision(Digest::of(b"")), manifests: Some(2), stored: true }),
        ..job("[1]")
    };
    let broken = Packaging { unpack: Some(Unpack { format: "zip".into(), ..Unpack::default() }), ..job("PK") };
    for (job, reason, message) in [
        (job(""), "EmptyContent", "the answer is empty"),
        (job("[]"), "EmptyContent", "nothing but []"),
        (page, "InvalidContent", "HTML page"),
        (gone, "EmptyContent", "the last YAML file is gone: what is advertised has 2"),
        (Packaging { destination: Some("a.yaml".into()), ..job("# none") }, "EmptyContent", "none of the 1 YAML files"),
        (tree_job(&[]), "EmptyContent", "no files after stripComponents"),
        (broken, "InvalidContent", "is no zip archive"),
    ] {
        let (class, found, text) = failure(&job);
        assert_eq!((class, found), (Class::Refused, reason), "{text}");
        assert!(text.contains(message), "{text}");
    }
}

#[test]
fn empty_content_passes_when_it_is_allowed() {
    assert_eq!(archive(&Packaging { allow_empty: true, ..job("") }).manifests, 0);
    let nothing = archive(&Packaging { allow_empty: true, ..tree_job(&[]) });
    assert_eq!(decompressed(&nothing), [0; 1024]);
    let page = Packaging { allow_empty: true, ..job("<html></html>") };
    assert_eq!(failure(&page).1, "InvalidContent");
    assert_eq!(path_of(&Packaging { destination: Some("a/index.HTML".into()), ..job("<html>") }), "a/index.HTML");
}

#[test]
fn fields_that_cannot_work_are_named() {
    for (destination, message) in [
        ("/etc/passwd", "spec.destinationPath is absolute: expected a relative path"),
        ("../a", "spec.destinationPath has a \"..\" segment"),
        ("a/./b", "spec.destinationPath has a \".\" segment"),
        ("a//b", "spec.destinationPath has an empty segment"),
        ("a\\b", "spec.destinationPath has a backslash"),
        ("a\nb", "spec.destinationPath has a control character"),
    ] {
        let error = validate(Some(destination), None).unwrap_err();
        assert_eq!(error.to_string(), message);
        let failed = failure(&Packaging { destination: Some(destination.into()), ..job("[1]") });
        assert_eq!(failed, (Class::Configuration, "InvalidSpec", message.to_owned()));
    }
    let unpack = Unpack { format: "rar".into(), ..Unpack::default() };
    assert!(matches!(validate(None, Some(&unpack)), Err(PackageError::Spec(SpecError::Format))));
    let unpack = Unpack { format: "zip".into(), path: Some("./x/".into()), ..Unpack::default() };
    assert!(validate(Some("a/b"), Some(&unpack)).is_ok());
    assert!(validate(None, None).is_ok());
    let job = Packaging { file_name: "a\\b".into(), ..job("[1]") };
    let error = run(&job).unwrap_err();
    assert!(matches!(error, PackageError::Spec(SpecError::FileName(PathProblem::Backslash))), "{error}");
}

#[test]
fn a_full_disk_is_tried_again() {
    let spools = Spools::new(0, "/nonexistent");
    let error = package(&job("[1]"), &spools, &LIMITS, &CancellationToken::new()).unwrap_err();
    let failure = Failure::from(error);
    assert_eq!((failure.class, failure.reason), (Class::TRANSIENT, "BuildFailed"));
    assert_eq!(failure.message, "the archive could not be built: entity not found");
}

/// Cancels as soon as something is written.
struct CancelOnWrite<'a>(&'a CancellationToken, usize);

impl Write for CancelOnWrite<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.cancel();
        self.1 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn cancelling_ends_the_packing_between_two_chunks() {
    let cancelled = CancellationToken::new();
    let tree = Tree::single("a".into(), Spools::from_bytes(vec![1; 1 << 20]));
    let mut sink = CancelOnWrite(&cancelled, 0);
    let result = tar::write(&tree, &mut sink, &cancelled);
    assert!(matches!(result, Err(PackageError::Cancelled)), "{result:?}");
    assert!(sink.1 < 10_000, "{}", sink.1);
    let result = package(&job("[1]"), &spools(), &LIMITS, &cancelled);
    assert!(matches!(result, Err(PackageError::Cancelled)), "{result:?}");
}
