//! What a job ends as: an archive, nothing new, or a failure of the right class.

use super::*;
use crate::failure::{Class, Failure};
use crate::pipeline::unpack::SpecError;

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

#[test]
fn what_hooks_made_may_be_anything_but_nothing() {
    let result = |body: &str| Packaging { form: Form::Result, ..job(body) };
    for (body, message) in [
        ("", "hooks and transformation made nothing of the answer; set spec.allowEmpty if that is meant"),
        (" \n", "hooks and transformation made nothing of the answer; set spec.allowEmpty if that is meant"),
        (
            "null\n",
            "hooks and transformation made nothing but null of the answer; set spec.allowEmpty if that is meant",
        ),
        ("[]", "hooks and transformation made nothing but [] of the answer; set spec.allowEmpty if that is meant"),
    ] {
        assert_eq!(failure(&result(body)), (Class::Refused, "EmptyContent", message.to_owned()));
        archive(&Packaging { allow_empty: true, ..result(body) });
    }
    // The origin's own page was refused before; whoever makes one of data wants it.
    assert_eq!(path_of(&result("<!doctype html><p>")), "data.json");
    let manifests = Packaging { destination: Some("a.yaml".into()), ..result("# none") };
    assert_eq!(failure(&manifests).1, "EmptyContent", "the tree is judged all the same");
}

#[test]
fn files_of_a_transformation_stand_below_the_destination() {
    let files = |list: &[(&str, &[u8])]| Packaging { unpack: None, form: Form::Files, ..tree_job(list) };
    let some = files(&[("b/c.yaml", b"kind: C"), ("a.yaml", b"kind: A")]);
    let paths = |job: &Packaging| entries(&archive(job)).into_iter().map(|(path, ..)| path).collect::<Vec<_>>();
    assert_eq!(paths(&some), ["a.yaml", "b/", "b/c.yaml"]);
    let below = Packaging { destination: Some("deploy/".into()), ..some };
    assert_eq!(paths(&below), ["deploy/", "deploy/a.yaml", "deploy/b/", "deploy/b/c.yaml"]);
    let none = files(&[]);
    let message = "the transformation made no files; set spec.allowEmpty if that is meant";
    assert_eq!(failure(&none), (Class::Refused, "EmptyContent", message.to_owned()));
    assert_eq!(failure(&files(&[("a\\b.yaml", b"kind: A")])).1, "InvalidContent");
}

#[test]
fn files_that_are_much_alike_are_no_bomb() {
    let line = "a: 1\n".repeat(1 << 20);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let mut tar = ::tar::Builder::new(&mut gzip);
    let mut header = ::tar::Header::new_gnu();
    header.set_size(line.len() as u64);
    tar.append_data(&mut header, "a.yaml", line.as_bytes()).unwrap();
    tar.into_inner().unwrap();
    let packed = gzip.finish().unwrap();
    assert!(line.len() > 500 * packed.len(), "{}", packed.len());
    let limits = UnpackLimits { ratio: 100, ..LIMITS };
    let run = |job: &Packaging| package(job, &spools(), &limits, &CancellationToken::new());
    let bomb = run(&Packaging { unpack: tree_job(&[]).unpack, ..job(packed.clone()) }).unwrap_err();
    assert_eq!(bomb.to_string(), "the archive unpacks to more than 100 times its size");
    assert!(matches!(run(&Packaging { form: Form::Files, ..job(packed) }), Ok(Packaged::Archive(_))));
}
