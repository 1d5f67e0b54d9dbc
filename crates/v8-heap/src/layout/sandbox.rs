//! What the tables of a sandbox look like: where addresses are, if objects have numbers for them.

/// The tables of one version of V8, and the words that are no addresses but lead to some (V8: `include/v8-internal.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SandboxLayout {
    /// Bytes of an entry of the table of the metadata of pages (`IsolateGroup::MemoryChunkMetadataTableEntry`).
    pub metadata_entry: u64,
    /// Where the isolate says where its tables are, from where it says where the trusted cage is (`ISOLATE_DATA_FIELDS_SANDBOX`,
    /// `ISOLATE_DATA_FIELDS_POINTER_COMPRESSION`), in bytes: that of addresses outside, of trusted objects, of code.
    pub external_table: i64,
    /// The same for the word that leads to the table of addresses that all isolates share.
    pub shared_external_table: i64,
    #[allow(missing_docs)]
    pub trusted_table: i64,
    #[allow(missing_docs)]
    pub code_table: i64,
    /// By how many bits the number of an entry is shifted in the handle of a trusted object (`kTrustedPointerHandleShift`).
    pub trusted_handle_shift: u32,
    /// The bits of an entry that are the address of a trusted object (`kIndirectPointerTagMask`, `kTrustedPointerTableMarkBit`).
    pub trusted_payload: u64,
    /// The bit of an entry that is free (`kTrustedPointerTableFreeEntryBit`).
    pub trusted_free: u64,
    /// A handle with this bit is one of code, in the table of code (`kCodePointerHandleMarker`).
    pub code_handle_marker: u32,
    /// By how many bits the number of an entry is shifted in the handle of code (`kCodePointerHandleShift`).
    pub code_handle_shift: u32,
    /// Bytes of an entry of the table of code, and where in it the address of the `Code` is (`kCodePointerTableEntrySize`,
    /// `kCodePointerTableEntryCodeObjectOffset`).
    pub code_entry: (u64, u64),
    /// By how many bits the number of an entry is shifted in the handle of an address outside (`kExternalPointerIndexShift`).
    pub external_handle_shift: u32,
    /// The bits of an entry that are the address (`kExternalPointerPayloadMask`).
    pub external_payload: u64,
    /// Bytes of an entry of the tables of addresses outside and of trusted objects (`kExternalPointerTableEntrySize`,
    /// `kTrustedPointerTableEntrySize`).
    pub pointer_entry: u64,
    /// By how many bits the number of bytes from the start of the sandbox is shifted (`kSandboxedPointerShift`).
    pub sandboxed_pointer_shift: u32,
    /// By how many bits a length is shifted (`kBoundedSizeShift`).
    pub bounded_size_shift: u32,
    /// By how much the start of an `ArrayBufferExtension` is longer than without a sandbox, in bytes (`ExternalPointerTable::ManagedResource`).
    pub extension_growth: u64,
    /// By how much a `BackingStore` is longer in front of its flags (`page_allocator_`).
    pub backing_store_growth: u64,
}

impl SandboxLayout {
    /// V8 14.0 (`include/v8-internal.h`, `src/sandbox/indirect-pointer-tag.h`, `src/init/isolate-group.h`).
    pub const V14: SandboxLayout = SandboxLayout {
        metadata_entry: 16,
        // Tables take 48 bytes each.
        external_table: -0x68,
        shared_external_table: -0x38,
        trusted_table: 8,
        code_table: 0x48,
        trusted_handle_shift: 9,
        trusted_payload: 0x0000_ffff_ffff_ffff,
        trusted_free: 1 << 55,
        code_handle_marker: 1,
        code_handle_shift: 9,
        code_entry: (16, 8),
        external_handle_shift: 6,
        external_payload: 0x0000_ffff_ffff_ffff,
        pointer_entry: 8,
        sandboxed_pointer_shift: 24,
        bounded_size_shift: 29,
        extension_growth: 16,
        backing_store_growth: 16,
    };
}
