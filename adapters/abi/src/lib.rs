//! The Rust mirror of `ca_adapter.h`, the contract between the broker and a certificate authority's plugin.
//!
//! The header is the contract and has the words: what each member means, who owns what, which thread may call what.
//! This crate repeats its layout for Rust, and `tests/layout.rs` compiles the header and compares every size, offset
//! and constant. Plugins in Rust use `yinqiao-ca-sdk`, which needs no `unsafe` from them.

mod constants;
mod growth;
mod table;

pub use constants::{abi, capability, log_level, operation, status, threading};
pub use growth::{Announced, read_announced};
pub use table::{
    DocumentFunction, ENTRY_SYMBOL, EntryPoint, ca_adapter, ca_buf, ca_call, ca_host, ca_instance, ca_slice,
};
