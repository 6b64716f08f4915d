//! Where values lie: blocks of a few sizes come from the thread's free lists, any other from the allocator.
//!
//! # Invariant
//! A block has the layout of a `ValueInner<T>` and came from the global allocator, whatever list it was on in between: it may
//! be given to any list of that layout, and to the allocator.

#![expect(clippy::unnecessary_box_returns, reason = "a block is memory: it does not move")]

use std::alloc::Layout;
use std::mem::MaybeUninit;
use std::ptr::NonNull;

use super::{Header, ValueInner};
use crate::free_list::{Block, FreeList};
use crate::sync::{at_thread_end, thread_local};

/// What may be a `ValueInner<T>` of a `T` with so many words, if its alignment is that of a word.
type SizeClass<const N: usize> = ValueInner<[usize; N]>;

/// A list for each size up to that of a `String`.
struct Blocks {
    one: FreeList<SizeClass<1>>,
    two: FreeList<SizeClass<2>>,
    three: FreeList<SizeClass<3>>,
}

thread_local! {
    // Without `Drop`, so that it is there for the destructors of other thread-locals too.
    static BLOCKS: Blocks = const {
        Blocks { one: FreeList::new(), two: FreeList::new(), three: FreeList::new() }
    };
}

at_thread_end!(BLOCKS: Blocks);

impl Blocks {
    fn end(&self) {
        self.one.end();
        self.two.end();
        self.three.end();
    }
}

/// Whether a block of `U` can be one of `T`. Known when the program is compiled.
#[inline]
fn same_layout<T, U>() -> bool {
    Layout::new::<ValueInner<T>>() == Layout::new::<U>()
}

/// Memory for a `ValueInner<T>`.
#[inline]
pub(super) fn allocate<T>() -> NonNull<ValueInner<T>> {
    fn leak<U>(block: Block<U>) -> NonNull<()> {
        NonNull::from(Box::leak(block)).cast()
    }

    let block = if same_layout::<T, SizeClass<1>>() {
        BLOCKS.with(|blocks| leak(blocks.one.take()))
    } else if same_layout::<T, SizeClass<2>>() {
        BLOCKS.with(|blocks| leak(blocks.two.take()))
    } else if same_layout::<T, SizeClass<3>>() {
        BLOCKS.with(|blocks| leak(blocks.three.take()))
    } else {
        leak(Box::<ValueInner<T>>::new_uninit())
    };
    block.cast()
}

/// Drops the value and frees its memory, also if that drop panics. The header needs no drop.
///
/// # Safety
/// `dead` points to a `ValueInner<T>` from [`allocate`] without owners; its header may be overwritten.
pub(super) unsafe fn free<T>(dead: NonNull<Header>) {
    struct Memory<T>(NonNull<ValueInner<T>>);

    impl<T> Drop for Memory<T> {
        #[inline]
        fn drop(&mut self) {
            // SAFETY: only `free` makes one, of what `allocate` returned, and its value is dropped.
            unsafe { deallocate(self.0) }
        }
    }

    let memory = Memory(dead.cast::<ValueInner<T>>());
    let stored = memory.0.as_ptr();
    // SAFETY: the pointer is to a `ValueInner<T>`, so the field is in bounds.
    let value = unsafe { &raw mut (*stored).value };
    // SAFETY: no owner is left, and nobody else drops it.
    unsafe { value.drop_in_place() } // user code: T::drop
}

/// # Safety
/// `memory` came from [`allocate`], and nobody uses it any more.
#[inline]
unsafe fn deallocate<T>(memory: NonNull<ValueInner<T>>) {
    /// # Safety
    /// As above, and its layout is that of a `U`.
    #[inline]
    unsafe fn block<T, U>(memory: NonNull<ValueInner<T>>) -> Block<U> {
        // SAFETY: as promised, it was allocated with the layout of a `U`; a block need not hold one.
        unsafe { Box::from_raw(memory.cast::<MaybeUninit<U>>().as_ptr()) }
    }

    BLOCKS.with(|blocks| {
        if same_layout::<T, SizeClass<1>>() {
            // SAFETY: as promised, and just compared.
            blocks.one.give_back(unsafe { block(memory) }, expect_end);
        } else if same_layout::<T, SizeClass<2>>() {
            // SAFETY: as above.
            blocks.two.give_back(unsafe { block(memory) }, expect_end);
        } else if same_layout::<T, SizeClass<3>>() {
            // SAFETY: as above.
            blocks.three.give_back(unsafe { block(memory) }, expect_end);
        } else {
            // SAFETY: as promised; it is the layout of a `ValueInner<T>`.
            drop(unsafe { block::<T, ValueInner<T>>(memory) });
        }
    });
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::ErasedValue;
    use super::super::tests::value;
    use super::*;

    fn address(value: &ErasedValue) -> usize {
        value.0.addr().get()
    }

    #[test]
    #[cfg_attr(no_free_lists, ignore = "there are no free lists")]
    fn the_next_value_of_the_size_lies_where_the_last_one_was() {
        drop(value(1, 0_u64)); // the first block that a thread frees opens its list
        let first = value(1, 1_u64);
        let block = address(&first);
        drop(first);
        let wider = value(2, 2_u128);
        assert_ne!(address(&wider), block);
        let of_another_type = value(3, 3_u8);
        assert_eq!(address(&of_another_type), block);
        assert_eq!(of_another_type.downcast_ref::<u8>(), Some(&3));
    }

    #[test]
    #[cfg_attr(no_free_lists, ignore = "there are no free lists")]
    fn a_value_whose_drop_panics_leaves_its_memory() {
        struct Panics {
            _alive: Arc<()>,
        }
        impl Drop for Panics {
            fn drop(&mut self) {
                panic!("a destructor failed");
            }
        }
        drop(value(1, 0_u64));
        let alive = Arc::new(());
        let panics = value(1, Panics { _alive: Arc::clone(&alive) });
        let block = address(&panics);
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(panics))).unwrap_err();
        assert_eq!(Arc::strong_count(&alive), 1);
        assert_eq!(address(&value(1, 1_u64)), block);
    }

    #[test]
    fn a_block_may_be_freed_on_another_thread_also_after_its_list_has_ended() {
        struct Late(Option<ErasedValue>);
        impl Drop for Late {
            fn drop(&mut self) {
                assert_eq!(self.0.as_ref().unwrap().downcast_ref::<u64>(), Some(&7));
                drop(self.0.take());
                drop(value(1, 8_u64));
            }
        }
        std::thread_local! {
            static EARLY: std::cell::RefCell<Late> = const { std::cell::RefCell::new(Late(None)) };
            static LATE: std::cell::RefCell<Late> = const { std::cell::RefCell::new(Late(None)) };
        }
        let (early, late) = (value(1, 7_u64), value(1, 7_u64));
        std::thread::spawn(move || {
            // One is registered before the list, one after it: whichever order they run in.
            EARLY.with_borrow_mut(|value| value.0 = Some(early));
            drop(value(1, 0_u64));
            LATE.with_borrow_mut(|value| value.0 = Some(late));
        })
        .join()
        .unwrap();
    }
}
