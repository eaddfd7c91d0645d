//! Loading the library, and saying in one line why the system would not.

use std::error::Error as _;
use std::mem;
use std::os::fd::{AsRawFd as _, OwnedFd};

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use yinqiao_ca_abi::{ENTRY_SYMBOL, EntryPoint};

use super::refused;
use crate::message::{Refused, Stage};

mod reason;

/// Loads the library behind the descriptor, for as long as the process lives, and finds its entry.
pub(super) fn load(library: &OwnedFd) -> Result<EntryPoint, Refused> {
    let path = format!("/proc/self/fd/{}", library.as_raw_fd());
    // SAFETY: loading runs the library's constructors, foreign code: this process holds nothing else for that reason.
    let library = unsafe { Library::open(Some(&path), RTLD_NOW | RTLD_LOCAL) }.map_err(|error| {
        let words = error.source().map_or_else(|| error.to_string(), ToString::to_string);
        refused(Stage::Load, reason::explain(&words, &path))
    })?;
    // SAFETY: the symbol has the type of the contract; that is what exporting this name means.
    let entry = unsafe { library.get::<EntryPoint>(ENTRY_SYMBOL) }.map(|symbol| *symbol).map_err(|_| {
        let text = "the library does not export ca_adapter_get: it is no adapter of this contract; give the file that the \
                    vendor built with ca_adapter.h, with default visibility for that symbol";
        refused(Stage::Entry, text)
    })?;
    // Unloading a library is not safe: threads and thread-local destructors may still run in it.
    mem::forget(library);
    Ok(entry)
}
