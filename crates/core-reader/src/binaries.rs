//! Finds the files that stand for the modules of a core, and makes sure that they do.
//!
//! In this order: the executable the user gave; below `--sysroot DIR` the recorded path, the bare file name, and the
//! build-id directory; the folders of build-ids that the user named; the recorded path on this machine; this machine's
//! build-id directory; the servers that the user named ([`crate::Debuginfod`]). A file that does not match is passed over.

use std::path::{Path, PathBuf};

use crate::address_space::AddressSpace;
use crate::binary::Binary;
use crate::container::OnProgress;
use crate::debuginfod::{Client, Stopped};
use crate::elf::{HEADER_SIZE, Kind, Segment};
use crate::modules::{FoundFile, HeaderBytes, Module, VDSO_PATH, Verification, bias_for};
use crate::notes::file::{MappedFile, MappedFiles};
use crate::{Address, Error, OpenOptions, Warning};

const PAGE: u64 = 4096;

/// Fills `Module::file` of every module; gives the binaries in the same order.
pub(crate) fn find(
    modules: &mut Vec<Module>,
    memory: &AddressSpace,
    files: &MappedFiles,
    options: &OpenOptions,
    warnings: &mut Vec<Warning>,
    on_progress: OnProgress<'_>,
) -> Result<Vec<Option<Binary>>, Error> {
    let mut client = options.debuginfod.as_ref().map(Client::new);
    let mut given = options.executable.as_deref().map(Binary::open).transpose()?;
    if modules.is_empty()
        && let Some(given) = &given
    {
        modules.push(place(given, memory).ok_or_else(|| Error::WrongExecutable {
            path: given.path.clone(),
            given: describe_id(given),
            core: options.core.clone(),
            expected: "its segments are not where the core has memory".to_owned(),
        })?);
    }
    // The user may as well have given a library, such as libnode.so: the build-id tells.
    let given_for = given.as_ref().map(|given| {
        let same = |module: &Module| module.build_id.is_some() && module.build_id == given.build_id;
        modules
            .iter()
            .position(same)
            .or_else(|| modules.iter().position(|module| module.executable))
            .unwrap_or(0)
    });
    let mut binaries = Vec::with_capacity(modules.len());
    let mut unverified = Vec::new();
    for (index, module) in modules.iter_mut().enumerate() {
        if module.path == VDSO_PATH {
            module.file = Err("part of the kernel".to_owned());
            binaries.push(None);
            continue;
        }
        let found = if given_for == Some(index)
            && let Some(given) = given.take()
        {
            match verify(module, &given, files) {
                Some(verification) => Some((given, verification)),
                None => return Err(wrong_executable(module, &given, options)),
            }
        } else {
            let stopped = |Stopped| Error::Stopped { path: options.core.clone() };
            search(module, files, options, warnings, client.as_mut(), &mut *on_progress).map_err(stopped)?
        };
        binaries.push(found.map(|(binary, verification)| {
            adopt(module, &binary, verification);
            if verification == Verification::Layout {
                unverified.push(binary.path.clone());
            }
            binary
        }));
    }
    if !unverified.is_empty() {
        warnings.push(Warning::Unverified(unverified));
    }
    for (server, problem) in client.into_iter().flat_map(|client| client.problems) {
        warnings.push(Warning::Server { server, problem });
    }
    Ok(binaries)
}

fn describe_id(binary: &Binary) -> String {
    binary.build_id.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string)
}

/// A module for an executable in a core that says nothing about any: possible only at fixed addresses, and believed
/// only if the core has writable memory where the executable would have had its own.
fn place(given: &Binary, memory: &AddressSpace) -> Option<Module> {
    let segments = &given.headers.segments;
    let mut writable = segments
        .iter()
        .filter(|segment| segment.kind == Segment::LOAD && segment.permissions.write)
        .peekable();
    let fits = given.headers.kind == Kind::Executable
        && writable.peek().is_some()
        && writable.all(|segment| memory.range_at(Address(segment.vaddr)).is_some());
    fits.then(|| {
        let mut module = Module::placed(given.path.display().to_string(), 0, segments.clone());
        module.executable = true;
        module
    })
}

fn wrong_executable(module: &Module, given: &Binary, options: &OpenOptions) -> Error {
    let expected = match &module.build_id {
        Some(id) => format!("that was {} (build-id {id})", module.path),
        None => format!("that was {}, and its headers or mappings differ", module.path),
    };
    Error::WrongExecutable {
        path: given.path.clone(),
        given: describe_id(given),
        core: options.core.clone(),
        expected,
    }
}

fn adopt(module: &mut Module, binary: &Binary, verification: Verification) {
    if module.segments.is_empty() {
        module.segments.clone_from(&binary.headers.segments);
        module.bias = bias_for(module.start.0, &module.segments).unwrap_or(0);
        module.set_extent();
    }
    module.file = Ok(FoundFile {
        path: binary.path.clone(),
        build_id: binary.build_id.clone(),
        verification,
        symbols_only: binary.symbols_only,
    });
}

fn search(
    module: &mut Module,
    files: &MappedFiles,
    options: &OpenOptions,
    warnings: &mut Vec<Warning>,
    client: Option<&mut Client<'_>>,
    on_progress: OnProgress<'_>,
) -> Result<Option<(Binary, Verification)>, Stopped> {
    let mut mismatch = None;
    for path in candidates(module, options) {
        let Ok(binary) = Binary::open(&path) else { continue };
        match verify(module, &binary, files) {
            Some(verification) => return Ok(Some((binary, verification))),
            None => {
                mismatch.get_or_insert(Warning::Mismatch {
                    path,
                    in_core: module.build_id.clone(),
                    in_file: binary.build_id,
                });
            }
        }
    }
    if let (Some(client), Some(id)) = (client, &module.build_id)
        && let Some(binary) = client.executable(id, on_progress)?
    {
        return Ok(Some((binary, Verification::BuildId)));
    }
    module.file = Err(match &mismatch {
        Some(Warning::Mismatch { path, .. }) => format!("{} is another build", path.display()),
        _ => "not found".to_owned(),
    });
    warnings.extend(mismatch);
    Ok(None)
}

/// Where a module's file may be, best first.
fn candidates(module: &Module, options: &OpenOptions) -> Vec<PathBuf> {
    let recorded = Path::new(&module.path);
    let relative = recorded.strip_prefix("/").unwrap_or(recorded);
    let mut paths = Vec::new();
    let by_build_id = |paths: &mut Vec<PathBuf>, directory: &Path| {
        if let Some(id) = &module.build_id {
            let entry = id.directory_entry();
            paths.push(directory.join(&entry));
            paths.push(directory.join(format!("{entry}.debug")));
        }
    };
    if let Some(sysroot) = &options.sysroot {
        paths.push(sysroot.join(relative));
        paths.extend(recorded.file_name().map(|name| sysroot.join(name)));
        by_build_id(&mut paths, &sysroot.join("usr/lib/debug/.build-id"));
        by_build_id(&mut paths, &sysroot.join(".build-id"));
    }
    for directory in &options.build_ids {
        by_build_id(&mut paths, directory);
        by_build_id(&mut paths, &directory.join(".build-id"));
        // As clients of debuginfod keep them.
        paths.extend(module.build_id.as_ref().map(|id| directory.join(id.to_string()).join("executable")));
    }
    if recorded.is_absolute() {
        paths.push(recorded.to_owned());
    }
    by_build_id(&mut paths, Path::new("/usr/lib/debug/.build-id"));
    paths
}

/// A file with the symbols of `module` that its binary lacks: separate debug information, found by its build-id.
pub(crate) fn debug_file(module: &Module, options: &OpenOptions) -> Option<Binary> {
    let id = module.build_id.as_ref()?;
    let entry = format!("{}.debug", id.directory_entry());
    let below = |root: &Path| {
        [root.join("usr/lib/debug/.build-id"), root.join(".build-id")].map(|directory| directory.join(&entry))
    };
    let mut paths: Vec<PathBuf> = options.sysroot.as_deref().map(below).into_iter().flatten().collect();
    for directory in &options.build_ids {
        paths.push(directory.join(&entry));
        paths.push(directory.join(".build-id").join(&entry));
        paths.push(directory.join(id.to_string()).join("debuginfo"));
    }
    paths.push(Path::new("/usr/lib/debug/.build-id").join(&entry));
    paths
        .iter()
        .find_map(|path| Binary::open(path).ok().filter(|binary| binary.build_id.as_ref() == Some(id)))
}

/// What ties `binary` to `module`, or `None` if they are different programs or nothing shows that they are the same.
fn verify(module: &Module, binary: &Binary, files: &MappedFiles) -> Option<Verification> {
    if let Some(id) = &module.build_id {
        return (binary.build_id.as_ref() == Some(id)).then_some(Verification::BuildId);
    }
    if binary.symbols_only {
        return None;
    }
    if let Some(header) = &module.header_bytes {
        return same_headers(header, &binary.map).then_some(Verification::Headers);
    }
    let placed_by_us = module.path == binary.path.display().to_string() && files.is_empty();
    (placed_by_us || same_layout(module, binary, files)).then_some(Verification::Layout)
}

/// The ELF header and the program headers are equal. The header alone has the entry point and the offset of the
/// section headers, which differ between any two builds of a large program.
fn same_headers(in_core: &HeaderBytes, in_file: &[u8]) -> bool {
    let Some(offset) = in_core.programs_offset().and_then(|offset| usize::try_from(offset).ok()) else {
        return false;
    };
    let programs = offset..offset.saturating_add(in_core.programs.len());
    in_file.get(..HEADER_SIZE) == Some(&in_core.header) && in_file.get(programs) == Some(&in_core.programs)
}

/// The file's segments lie exactly where the core says that the file was mapped.
fn same_layout(module: &Module, binary: &Binary, files: &MappedFiles) -> bool {
    let segments = &binary.headers.segments;
    let Some(bias) = bias_for(module.start.0, segments) else { return false };
    // A mapping of the file outside of the module, such as V8's second copy of its builtins, proves nothing.
    let placed = Module::placed(module.path.clone(), bias, segments.clone());
    let mapped: Vec<&MappedFile> =
        files.of(&module.path).filter(|file| placed.contains(file.start)).collect();
    let loads = || segments.iter().filter(|segment| segment.kind == Segment::LOAD && segment.file_size > 0);
    let file_len = binary.map.len() as u64;
    !mapped.is_empty()
        && mapped.iter().all(|file| {
            file.offset < file_len
                && loads().any(|segment| {
                    let behind = file.offset.wrapping_sub(segment.offset & !(PAGE - 1));
                    behind <= segment.file_size.saturating_add(PAGE)
                        && (segment.vaddr & !(PAGE - 1)).wrapping_add(bias).wrapping_add(behind)
                            == file.start.0
                })
        })
        && loads().all(|segment| {
            let start = (segment.vaddr & !(PAGE - 1)).wrapping_add(bias);
            mapped.iter().any(|file| (file.start.0..file.end.0).contains(&start))
        })
}
