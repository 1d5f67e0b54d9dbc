//! The layouts known, one file per V8 version that a line of Node.js or another embedder ships.
//!
//! To add a version: copy the file of its nearest neighbour, correct it by value on a real core, and list it here.

use super::Table;

mod v10_2;
mod v11_3;
mod v11_8;
mod v12_4;
mod v12_9;
mod v13_6;
mod v14_1;
mod v14_6;
mod v15_0;
mod v7_8;
mod v8_4;
mod v9_0;
mod v9_1;
mod v9_2;
mod v9_3;
mod v9_4;

/// All known layouts, oldest first.
pub(super) static TABLES: [&Table; 16] = [
    &v7_8::TABLE,
    &v8_4::TABLE,
    &v9_0::TABLE,
    &v9_1::TABLE,
    &v9_2::TABLE,
    &v9_3::TABLE,
    &v9_4::TABLE,
    &v10_2::TABLE,
    &v11_3::TABLE,
    &v11_8::TABLE,
    &v12_4::TABLE,
    &v12_9::TABLE,
    &v13_6::TABLE,
    &v14_1::TABLE,
    &v14_6::TABLE,
    &v15_0::TABLE,
];
