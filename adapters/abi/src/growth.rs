//! Reading structures that grow at their end.
//!
//! Either side may have been built with a later minor version than the other. A structure says in its first member how
//! long it is for the side that made it, and what lies beyond that is not there: it is read as zero, which is NULL for
//! a function. What the other side has beyond the present version is left alone.

use core::mem::MaybeUninit;
use core::ptr;

use crate::table::{ca_adapter, ca_call, ca_host};

mod sealed {
    pub trait Sealed {}
}

/// A structure of the contract that begins with its `struct_size`.
pub trait Announced: Copy + sealed::Sealed {
    /// How long it was in version 1.0, in octets: the least that either side may announce.
    const SIZE_1_0: usize;
}

impl sealed::Sealed for ca_host {}
impl sealed::Sealed for ca_call {}
impl sealed::Sealed for ca_adapter {}

impl Announced for ca_host {
    const SIZE_1_0: usize = 80;
}

impl Announced for ca_call {
    const SIZE_1_0: usize = 56;
}

impl Announced for ca_adapter {
    const SIZE_1_0: usize = 160;
}

/// Copies the structure at `pointer`: as many octets as it announces and this version knows, the rest zero. `None` when
/// the pointer is null or fewer octets are announced than version 1.0 has.
///
/// The copy has the announced `struct_size`, which may be larger than the copy.
///
/// # Safety
/// `pointer` is null or aligned, and the octets that the structure announces in its first member are readable and not
/// written to meanwhile; where function pointers lie, there are function pointers or zeros.
#[allow(unsafe_code, reason = "the one place where a structure of another version becomes this one's")]
#[must_use]
pub unsafe fn read_announced<T: Announced>(pointer: *const T) -> Option<T> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: not null; the announced size is the structure's first member and a u32, by the sealed trait's structures.
    let announced = unsafe { pointer.cast::<u32>().read() } as usize;
    if announced < T::SIZE_1_0 {
        return None;
    }
    let mut copy = MaybeUninit::<T>::zeroed();
    // SAFETY: the source has `announced` readable octets by the caller's promise, the copy has `size_of::<T>()`; one is
    // on this function's stack, so they do not overlap.
    unsafe {
        let octets = announced.min(size_of::<T>());
        ptr::copy_nonoverlapping(pointer.cast::<u8>(), copy.as_mut_ptr().cast::<u8>(), octets);
    }
    // SAFETY: every octet is initialised, by zeroing or by the copy. All members are integers, pointers, slices of both,
    // and optional functions, for which zeros are values; growth adds whole members only, so that none is cut.
    Some(unsafe { copy.assume_init() })
}

#[cfg(test)]
#[allow(unsafe_code, reason = "makes structures of other versions")]
mod tests {
    use super::*;
    use crate::table::ca_slice;

    /// A call as a later version has it.
    #[repr(C)]
    struct LaterCall {
        present: ca_call,
        added: u64,
    }

    fn call(struct_size: usize) -> ca_call {
        let struct_size = struct_size as u32;
        let (idempotency_key, trace_id) = (ca_slice::EMPTY, ca_slice::EMPTY);
        ca_call { struct_size, flags: 0, call_id: 7, timeout_ms: 8, idempotency_key, trace_id }
    }

    #[test]
    fn a_longer_structure_is_read_as_far_as_it_is_known() {
        let later = LaterCall { present: call(size_of::<LaterCall>()), added: u64::MAX };
        // SAFETY: the announced octets are those of `later`.
        let read = unsafe { read_announced((&raw const later).cast::<ca_call>()) }.unwrap();
        assert_eq!((read.call_id, read.timeout_ms, read.struct_size), (7, 8, 64));
        assert_eq!(later.added, u64::MAX);
    }

    #[test]
    fn a_structure_shorter_than_its_first_version_is_refused() {
        for size in [0, 4, ca_call::SIZE_1_0 - 1] {
            let short = call(size);
            // SAFETY: no more is announced than there is.
            assert!(unsafe { read_announced(&raw const short) }.is_none(), "{size}");
        }
        // SAFETY: null is allowed.
        assert!(unsafe { read_announced(ptr::null::<ca_call>()) }.is_none());
    }

    #[test]
    fn what_was_not_announced_is_not_read() {
        // Exactly as many octets as version 1.0 has, at the end of an allocation: Miri and ASan see a read beyond.
        let mut octets = vec![0_u64; ca_adapter::SIZE_1_0 / 8].into_boxed_slice();
        octets[0] = ca_adapter::SIZE_1_0 as u64;
        // SAFETY: the announced octets are the allocation's; all are zero, so no function is there.
        let read = unsafe { read_announced(octets.as_ptr().cast::<ca_adapter>()) }.unwrap();
        assert_eq!(read.struct_size as usize, ca_adapter::SIZE_1_0);
        assert!(read.list.is_none());
    }
}
