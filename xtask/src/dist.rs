//! `cargo xtask dist`: what is given to somebody who has no Rust: a binary that needs nothing, the manual page, and completions.
//!
//! The binary is linked statically with the C library that the compiler has (`crt-static`), whose allocator is as fast as that of a
//! usual build. It is tried where there is nothing else: in a root directory that holds it, a core, and a place for temporary files.
//! That of another architecture is made by a cross compiler, and tried under an emulator, which then is in that directory as well.
//!
//! On Debian, an x86-64 machine needs gcc-aarch64-linux-gnu and qemu-user-static for that, and `rustup target add
//! aarch64-unknown-linux-gnu`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use clap::CommandFactory;
use clap_complete::{Shell, generate};
use lexopt::ValueExt;
use shell::options::Options;

use crate::places;

/// An architecture that it is built for.
struct Machine {
    /// As the kernel calls it.
    name: &'static str,
    /// As Rust calls it.
    target: &'static str,
    /// Where it is not this machine's own: the C compiler, which links as well, and what runs its programs.
    cross: &'static str,
    emulator: &'static str,
}

const MACHINES: &[Machine] = &[
    Machine {
        name: "x86_64",
        target: "x86_64-unknown-linux-gnu",
        cross: "x86_64-linux-gnu-gcc",
        emulator: "qemu-x86_64-static",
    },
    Machine {
        name: "aarch64",
        target: "aarch64-unknown-linux-gnu",
        cross: "aarch64-linux-gnu-gcc",
        emulator: "qemu-aarch64-static",
    },
];

/// A core that ships, and what the debugger must say of it.
const CORE: &str = "testdata/cores/leak-24.core.zst";
const QUESTION: &str = "::findjsobjects -c UpstreamConnection | ::findjsobjects | ::count";
const ANSWER: &str = "800\n";

pub fn run(mut arguments: lexopt::Parser) -> Result<()> {
    let mut machines: Vec<&Machine> = Vec::new();
    while let Some(argument) = arguments.next()? {
        match argument {
            lexopt::Arg::Long("machine") => {
                let name = arguments.value()?.string()?;
                let machine = MACHINES.iter().find(|machine| machine.name == name);
                machines.push(machine.with_context(|| format!("v8mdb is not built for `{name}`"))?);
            }
            _ => return Err(argument.unexpected().into()),
        }
    }
    if machines.is_empty() {
        machines = MACHINES.iter().collect();
    }
    machines.into_iter().try_for_each(make)
}

impl Machine {
    fn is_own(&self) -> bool {
        self.name == std::env::consts::ARCH
    }
}

/// Makes the archive for one architecture.
fn make(machine: &Machine) -> Result<()> {
    let root = places::workspace();
    let built = build(&root, machine)?;
    let name = format!("v8mdb-{}-{}-linux", env!("CARGO_PKG_VERSION"), machine.name);
    let directory = root.join("target/dist").join(&name);
    if directory.exists() {
        fs::remove_dir_all(&directory).with_context(|| format!("cannot empty {}", directory.display()))?;
    }
    let put = |from: &Path, to: &str| -> Result<()> {
        let to = directory.join(to);
        fs::create_dir_all(to.parent().unwrap_or(&directory))?;
        fs::copy(from, &to).with_context(|| format!("cannot copy {}", from.display()))?;
        Ok(())
    };
    put(&built, "bin/v8mdb")?;
    put(&root.join("docs/v8mdb.1"), "share/man/man1/v8mdb.1")?;
    for licence in ["LICENSE-APACHE", "LICENSE-MIT"] {
        put(&root.join(licence), &format!("share/doc/v8mdb/{licence}"))?;
    }
    for (shell, file) in [
        (Shell::Bash, "share/bash-completion/completions/v8mdb"),
        (Shell::Zsh, "share/zsh/site-functions/_v8mdb"),
        (Shell::Fish, "share/fish/vendor_completions.d/v8mdb.fish"),
    ] {
        let file = directory.join(file);
        fs::create_dir_all(file.parent().unwrap_or(&directory))?;
        fs::write(&file, completions(shell)).with_context(|| format!("cannot write {}", file.display()))?;
    }
    try_alone(&root, machine, &directory.join("bin/v8mdb"))?;
    let archive = format!("{name}.tar.gz");
    let status = Command::new("tar")
        .args(["--owner=0", "--group=0", "--sort=name", "-czf", &archive, &name])
        .current_dir(root.join("target/dist"))
        .status()
        .context("cannot run tar")?;
    ensure!(status.success(), "tar failed");
    println!("target/dist/{archive}: static, and tried in an empty root directory");
    Ok(())
}

/// Builds the static binary.
fn build(root: &Path, machine: &Machine) -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let target = root.join("target/dist/build");
    let mut command = Command::new(cargo);
    command
        .args(["build", "--quiet", "--release", "--locked", "--package", "v8mdb", "--bin", "v8mdb"])
        .args(["--target", machine.target])
        .arg("--target-dir")
        .arg(&target)
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .current_dir(root);
    if !machine.is_own() {
        let linker = format!("CARGO_TARGET_{}_LINKER", machine.target.to_uppercase().replace('-', "_"));
        command.env(linker, machine.cross);
    }
    let status = command.status().context("cannot run cargo")?;
    ensure!(
        status.success(),
        "v8mdb does not build for {}: that takes `rustup target add {}`{}",
        machine.target,
        machine.target,
        if machine.is_own() { String::new() } else { format!(" and {}", machine.cross) }
    );
    Ok(target.join(machine.target).join("release/v8mdb"))
}

/// What a shell reads to complete the options of the program.
fn completions(shell: Shell) -> Vec<u8> {
    let mut text = Vec::new();
    generate(shell, &mut Options::command(), "v8mdb", &mut text);
    text
}

/// Asks a question where there is nothing but the binary and a core.
fn try_alone(root: &Path, machine: &Machine, binary: &Path) -> Result<()> {
    let empty = root.join("target/dist/empty");
    if empty.exists() {
        fs::remove_dir_all(&empty)?;
    }
    fs::create_dir_all(empty.join("var/tmp"))?;
    fs::copy(binary, empty.join("v8mdb"))?;
    fs::copy(root.join(CORE), empty.join("core.zst"))?;
    let mut command = Command::new("unshare");
    command.arg("--map-root-user").arg(format!("--root={}", empty.display()));
    if !machine.is_own() {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let emulator = std::env::split_paths(&path).map(|folder| folder.join(machine.emulator));
        let emulator = emulator.into_iter().find(|file| file.is_file());
        let emulator = emulator.with_context(|| format!("there is no {} to try it", machine.emulator))?;
        fs::copy(&emulator, empty.join("emulator"))?;
        command.arg("/emulator");
    }
    command.args(["/v8mdb", "-S", "-e", QUESTION, "/core.zst"]);
    let output = command.output().context("cannot run unshare")?;
    fs::remove_dir_all(&empty)?;
    let (answer, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if !output.status.success() || answer != ANSWER {
        bail!("in an empty root directory the binary says {answer:?} and {errors:?}, not {ANSWER:?}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn completions_know_the_options() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let text = String::from_utf8(completions(shell)).unwrap();
            for option in ["base", "sysroot"] {
                assert!(text.contains(option), "{shell} does not know {option}");
            }
        }
    }
}
