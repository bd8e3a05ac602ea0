//! Files outside of a program's folder.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use flux_externalsource::sandbox::NEWEST_LANDLOCK;

use super::attack::Attack;
use super::bed::{Bed, bash};
use super::unprivileged::{binary, unprivileged};

/// `$there` is a folder of the same user; `$binary` an executable.
const FILES: &str = r##"
    my ($there, $binary) = @ARGV;
    for my $file ("$there/file", '/etc/passwd', '/etc/group', '/proc/self/environ', '/proc/self/status', '/proc/mounts',
                  '/proc/1/stat', '/proc/cpuinfo', '/proc/net/tcp', '/proc/sys/kernel/hostname', "$there/../") {
        attempt("read $file", sub { my ($f); sysopen($f, $file, O_RDONLY) });
    }
    for my $folder ($there, '/', '/tmp', '/etc', '/proc', '/proc/self', '/dev', '/sys', '/run', '/var', '/home') {
        attempt("list $folder", sub { my ($d); opendir($d, $folder) && readdir $d });
    }
    attempt('list what is above', sub { my ($d); opendir($d, '..') });
    for my $folder ($there, '/tmp', '/var/tmp', '/dev/shm') {
        my $name = "$folder/sandbox-test-$$";
        attempt("write in $folder", sub { my ($f); open($f, '>', $name) && unlink $name });
        attempt("make a folder in $folder", sub { mkdir($name) && rmdir $name });
        attempt("link in $folder", sub { symlink('x', $name) && unlink $name });
    }
    attempt('write', sub { my ($f); open($f, '>>', "$there/file") });
    attempt('truncate', sub { truncate("$there/file", 3) });
    attempt('truncate at opening', sub { my ($f); sysopen($f, "$there/file", O_RDONLY | O_TRUNC) });
    attempt('rename', sub { rename("$there/file", "$there/other") && rename("$there/other", "$there/file") });
    attempt('move in', sub { rename("$there/file", 'file') && rename('file', "$there/file") });
    attempt('move out', sub { my ($f); open($f, '>', 'mine'); rename('mine', "$there/mine") });
    attempt('second name', sub { link("$there/file", 'second') });
    attempt('read through a link', sub { my ($f); symlink("$there/file", 'link'); open($f, '<', 'link') });
    attempt('write through a link', sub { my ($f); open($f, '>>', 'link') });
    attempt('remove', sub { unlink "$there/file" });
    attempt('execute what is not of the system', sub { system("'$binary' --version > version") == 0 });
    attempt('execute what it has written', sub {
        my ($f); open($f, '>', 'script'); print $f "#!/bin/sh\nexit 0\n"; close $f; chmod(0700, 'script'); system('./script') == 0
    });
    attempt('make a socket', sub { my ($s); socket($s, AF_UNIX, SOCK_STREAM, 0) && bind($s, pack_sockaddr_un('socket')) });
    attempt('make a socket without socket(2)', sub { syscall(MKNODAT, -100, my $n = 'socket2', 0140600, 0) == 0 });
"##;

unprivileged! {
    async fn a_program_has_its_folder_and_what_belongs_to_the_system() -> Result<()> {
        let outside = tempfile::tempdir()?;
        std::fs::set_permissions(outside.path(), std::fs::Permissions::from_mode(0o777))?;
        let script = FILES.replace("MKNODAT", &libc::SYS_mknodat.to_string());
        let attack = Attack::new(&script, [outside.path(), &binary()]);
        let prepare = || {
            let file = outside.path().join("file");
            std::fs::write(&file, "secret")?;
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666))
        };
        prepare()?;
        attack.succeeds_outside()?;
        for version in 1..=NEWEST_LANDLOCK {
            prepare()?;
            let context = || format!("Landlock {version}");
            attack.fails_inside(&Bed::with_landlock(version)?).await.with_context(context)?;
            anyhow::ensure!(std::fs::read(outside.path().join("file"))? == b"secret", "{}", context());
        }
        Ok(())
    }

    async fn two_programs_share_no_folder() -> Result<()> {
        let bed = Bed::new()?;
        let script = "test -z \"$(ls -A)\" && echo x > file && echo $PWD";
        let first = bed.run(&bash(script, ""), b"").await?.succeeded()?.stdout;
        let second = bed.run(&bash(script, ""), b"").await?.succeeded()?.stdout;
        anyhow::ensure!(first != second && Path::new(first.trim()).starts_with(bed.folder.path()), "{first} {second}");
        bed.is_clean("no mark")
    }
}
