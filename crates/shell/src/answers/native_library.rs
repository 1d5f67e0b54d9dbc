//! Which library a symbol is of: by its namespace in C++, or by what its name begins with in C.
//!
//! The executable of Node.js has V8, OpenSSL, ICU and more linked into it; what is one library's stands together in it, so that a
//! variable between two of one library is of that library, too.

use core_reader::{Address, Core, Module, TableKind};

/// A library that is linked into Node.js, or Node.js itself.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Library {
    /// What it is called.
    pub(crate) name: &'static str,
    /// Its namespaces in C++.
    namespaces: &'static [&'static str],
    /// What its names in C begin with.
    prefixes: &'static [&'static str],
    /// What the file is called where it is a file of its own, up to a dot or a dash.
    files: &'static [&'static str],
}

const fn library(
    name: &'static str,
    namespaces: &'static [&'static str],
    prefixes: &'static [&'static str],
    files: &'static [&'static str],
) -> Library {
    Library { name, namespaces, prefixes, files }
}

/// Where [`LIBRARIES`] has those that are told apart.
pub(crate) const V8: usize = 0;
pub(crate) const NODE: usize = 1;
pub(crate) const ICU: usize = 2;
pub(crate) const OPENSSL: usize = 3;

/// All of them.
pub(crate) static LIBRARIES: [Library; 18] = [
    library(
        "V8",
        &["v8", "v8_inspector", "cppgc", "heap_base", "v8_crdtp", "crdtp", "disasm"],
        &["v8dbg_"],
        &["libv8"],
    ),
    library("Node.js", &["node", "ncrypto", "nbytes", "v8impl"], &["nodedbg_", "napi_"], &["libnode"]),
    library("ICU", &["icu"], &["uprv_", "icudt"], &["libicuuc", "libicui18n", "libicudata"]),
    library(
        "OpenSSL",
        &[],
        &[
            "OPENSSL_", "CRYPTO_", "ossl_", "OSSL_", "SSL_", "ssl_", "ssl3_", "tls1_", "tls13_", "TLS_",
            "DTLS", "EVP_", "evp_", "ERR_", "err_", "BIO_", "bio_", "X509", "x509", "ASN1_", "OBJ_", "RAND_",
            "rand_", "DH_", "RSA_", "EC_", "BN_", "ENGINE_", "engine_", "PKCS",
        ],
        &["libcrypto", "libssl"],
    ),
    library(
        "C and C++ libraries",
        &[],
        &[],
        &[
            "libc",
            "ld",
            "libm",
            "libdl",
            "libpthread",
            "libstdc++",
            "libgcc_s",
            "libc++",
            "librt",
            "libresolv",
        ],
    ),
    library("libuv", &[], &["uv_", "uv__"], &["libuv"]),
    library("nghttp2", &[], &["nghttp2_", "nghttp3_", "ngtcp2_"], &["libnghttp2", "libnghttp3", "libngtcp2"]),
    library("c-ares", &[], &["ares_"], &["libcares"]),
    library("zlib", &[], &["Cr_z_", "deflate", "inflate", "zlib"], &["libz"]),
    library("Brotli", &[], &["Brotli", "kBrotli"], &["libbrotlienc", "libbrotlidec", "libbrotlicommon"]),
    library("zstd", &[], &["ZSTD_", "FSE_", "HUF_"], &["libzstd"]),
    library("SQLite", &[], &["sqlite3"], &["libsqlite3"]),
    library("llhttp", &[], &["llhttp_"], &["libllhttp"]),
    library("simdjson", &["simdjson"], &[], &["libsimdjson"]),
    library("simdutf", &["simdutf"], &[], &["libsimdutf"]),
    library("ada", &["ada"], &[], &["libada"]),
    library("Abseil", &["absl"], &[], &["libabsl"]),
    library("googletest", &["testing"], &[], &[]),
];

/// The library of a symbol, as the table spells it.
pub(crate) fn of_symbol(name: &str) -> Option<usize> {
    if name.starts_with("_Z") {
        return identifiers(name).find_map(of_namespace);
    }
    let by_prefix = |library: &Library| library.prefixes.iter().any(|prefix| name.starts_with(prefix));
    LIBRARIES.iter().position(by_prefix).or_else(|| is_of_icu(name).then_some(ICU))
}

/// The library of an executable or a shared library that is one's own file.
pub(crate) fn of_module(module: &Module) -> Option<usize> {
    let name = module.name();
    let stem = &name[..name.find(['.', '-']).unwrap_or(name.len())];
    // `libstdc++.so.6`, `ld-linux-x86-64.so.2`, `libicuuc.so.72`
    LIBRARIES.iter().position(|library| library.files.contains(&stem))
}

/// Identifiers of a mangled name, in the order in which they stand: each has its length in front (Itanium C++ ABI, 5.1.2).
fn identifiers(mangled: &str) -> impl Iterator<Item = &str> {
    let bytes = mangled.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let from = at + bytes.get(at..)?.iter().position(u8::is_ascii_digit)?;
            let digits = bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            let begin = from + digits;
            let length: Option<usize> = mangled[from..begin].parse().ok();
            let end = length.and_then(|length| begin.checked_add(length));
            match end.and_then(|end| Some((mangled.get(begin..end)?, end))) {
                Some((identifier, end)) if !identifier.is_empty() => {
                    at = end;
                    return Some(identifier);
                }
                _ => at = begin,
            }
        }
    })
}

/// Standard containers of what a library has are that library's.
fn of_namespace(identifier: &str) -> Option<usize> {
    // `icu_78`
    let is_icu = || {
        identifier
            .strip_prefix("icu_")
            .is_some_and(|version| version.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let of = LIBRARIES.iter().position(|library| library.namespaces.contains(&identifier));
    of.or_else(|| is_icu().then_some(ICU))
}

/// `u_cleanup_78`, `ucnv_getDefaultName_78`
fn is_of_icu(name: &str) -> bool {
    let Some((rest, version)) = name.rsplit_once('_') else { return false };
    rest.starts_with('u') && version.len() == 2 && version.bytes().all(|byte| byte.is_ascii_digit())
}

/// A stretch of memory of one library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Variable {
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// The index of the library.
    pub(crate) library: usize,
}

/// The variables and constants of a module whose library is known, by address; stretches of one library are joined.
pub(crate) fn variables(core: &Core, index: usize) -> Vec<Variable> {
    /// `STT_NOTYPE`, `STT_OBJECT`
    const KINDS: [u8; 2] = [0, 1];
    let Some(module) = core.modules().get(index) else { return Vec::new() };
    let of = |kind: TableKind| {
        let entries = core.symbols().entries(index, kind);
        let own = entries.filter(|entry| {
            KINDS.contains(&entry.kind)
                && !entry.is_undefined()
                && module.contains(Address(entry.value))
                && !entry.name.is_empty()
        });
        own.map(|entry| (entry.value, entry.size, of_symbol(&entry.name))).collect::<Vec<_>>()
    };
    let mut symbols = of(TableKind::Static);
    if symbols.is_empty() {
        symbols = of(TableKind::Dynamic);
    }
    symbols.sort_unstable();
    joined(&symbols, module.end.0)
}

/// Of symbols by address, each with its size and its library if that is known: the stretches from a symbol of a library to the last one before
/// one of another.
fn joined(symbols: &[(u64, u64, Option<usize>)], end: u64) -> Vec<Variable> {
    let mut found: Vec<Variable> = Vec::new();
    for (start, size, library) in symbols {
        let Some(library) = *library else { continue };
        let reach = start.saturating_add((*size).max(1)).min(end);
        match found.last_mut() {
            Some(last) if last.library == library => last.end = last.end.max(reach),
            Some(last) if last.end > *start => {}
            _ => found.push(Variable { start: *start, end: reach, library }),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name_of(symbol: &str) -> Option<&'static str> {
        of_symbol(symbol).map(|index| LIBRARIES[index].name)
    }

    #[test]
    fn symbols_say_whose_they_are() {
        for (symbol, library) in [
            ("_ZN2v88internal7Isolate10isolate_keyE", Some("V8")),
            ("_ZZN2v817TracingController23GetCategoryGroupEnabledEPKcE2no", Some("V8")),
            ("_ZTVN12v8_inspector15V8InspectorImplE", Some("V8")),
            ("_ZN4node8builtinsL15assert_resourceE", Some("Node.js")),
            (
                "_ZTVSt23_Sp_counted_ptr_inplaceIN4node13DataQueueImplESaIvELN9__gnu_cxx12_Lock_policyE2EE",
                Some("Node.js"),
            ),
            ("_ZN6icu_7812_GLOBAL__N_1L30gSystemDefaultCenturyStartYearE", Some("ICU")),
            ("u_cleanup_78", Some("ICU")),
            ("ossl_default_provider_init", Some("OpenSSL")),
            ("bio_lookup_lock", Some("OpenSSL")),
            ("uv__signal_lock_pipefd", Some("libuv")),
            ("_ZL6gCache", None),
            ("_ZStL8__ioinit", None),
            ("nthreads", None),
            ("_Z99short", None),
            ("_Z18446744073709551616x", None),
            ("", None),
        ] {
            assert_eq!(name_of(symbol), library, "{symbol}");
        }
    }

    #[test]
    fn what_stands_between_two_variables_of_a_library_is_of_it() {
        let symbols = [
            (10, 4, Some(V8)),
            (20, 8, None),
            (30, 0, Some(V8)),
            (40, 8, None),
            (50, 8, Some(ICU)),
            (54, 1, Some(V8)),
            (60, 90, Some(OPENSSL)),
        ];
        let found = joined(&symbols, 100);
        let all: Vec<_> = found.iter().map(|it| (it.start, it.end, it.library)).collect();
        assert_eq!(all, [(10, 31, V8), (50, 58, ICU), (60, 100, OPENSSL)]);
    }

    #[test]
    fn no_library_is_listed_twice() {
        let names: std::collections::BTreeSet<_> = LIBRARIES.iter().map(|library| library.name).collect();
        assert_eq!(names.len(), LIBRARIES.len());
        assert_eq!(
            [V8, NODE, ICU, OPENSSL].map(|index| LIBRARIES[index].name),
            ["V8", "Node.js", "ICU", "OpenSSL"]
        );
    }
}
