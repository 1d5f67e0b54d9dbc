//! Any bytes as a heap snapshot, and all that is asked of one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use v8_heap::Unattended;
use v8_heap::graph::Objects;
use v8_heap::snapshot_file::{Contents, SnapshotFile};

fuzz_target!(|input: &[u8]| {
    let Ok(file) = SnapshotFile::open(Contents::Owned(input.to_vec())) else { return };
    let Ok(nodes) = file.nodes(&Unattended) else { return };
    let _ = file.shortcomings(&Unattended);
    let _ = file.classes(true, &Unattended);
    for suspect in file.suspects(&Unattended).unwrap_or_default() {
        let _ = file.meant(suspect, &Unattended);
    }
    let Ok(dominators) = file.dominators(&Unattended) else { return };
    assert_eq!(dominators.order().len(), nodes.len(), "every node has its place in the tree");
    for node in 0..nodes.len().min(32) as u32 {
        nodes.passage(node);
        let _ = nodes.string(node, 100);
        let _ = nodes.value(node);
        let _ = nodes.entries(node);
        let _ = file.ways(node, 2, node % 2 == 0, &Unattended);
        for edge in nodes.edges_of(node).expect("they have been read") {
            nodes.edge_name(&edge);
            assert!((edge.to as usize) < nodes.len());
        }
    }
    let _ = nodes.holders(&[0], &Unattended);
});
