//! The memory of values. Blocks of a few sizes come from the thread's free lists, all others from the global allocator.
//!
//! # Invariant
//! Each block was allocated by the global allocator with the layout of the `ValueInner<T>` that it holds, although not always
//! as a `Box` of that type: a free list has blocks of a [`SizeClass`], which is another type with the same layout. A block may
//! therefore be put on any list whose size class has its layout, on any thread, or be returned to the allocator with that
//! layout.

#![expect(clippy::unnecessary_box_returns, reason = "a block is memory: it does not move")]

use std::alloc::Layout;
use std::mem::MaybeUninit;
use std::ptr::NonNull;

use super::{Header, ValueInner};
use crate::free_list::{Block, FreeList};
use crate::sync::{at_thread_end, thread_local};

/// A type with the layout of every `ValueInner<T>` whose `T` takes `N` words and is aligned to at most one word.
type SizeClass<const N: usize> = ValueInner<[usize; N]>;

/// The free lists of a thread: one for each size up to that of a `String`.
struct Blocks {
    one: FreeList<SizeClass<1>>,
    two: FreeList<SizeClass<2>>,
    three: FreeList<SizeClass<3>>,
}

thread_local! {
    // Without `Drop`, so that the destructors of other thread-locals can still use it.
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

/// Returns `true` if a block for a `U` can hold a `ValueInner<T>`. The result is known at compile time.
#[inline]
fn same_layout<T, U>() -> bool {
    Layout::new::<ValueInner<T>>() == Layout::new::<U>()
}

/// Returns uninitialized memory for a `ValueInner<T>`. Nothing else points to it.
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

/// Drops a value and frees its memory, also if the drop panics. The header needs no drop.
///
/// # Safety
/// - `dead` was cast from a pointer that [`allocate::<T>`](allocate) returned, so it may access the whole block.
/// - The block holds a `ValueInner<T>` whose `value` is initialized. Its header may have been overwritten.
/// - The value has no owner, and this is the only call for it.
pub(super) unsafe fn free<T>(dead: NonNull<Header>) {
    struct Memory<T>(NonNull<ValueInner<T>>);

    impl<T> Drop for Memory<T> {
        #[inline]
        fn drop(&mut self) {
            // SAFETY: only `free` creates a `Memory`, from a pointer that its caller promises to be from `allocate::<T>`. The
            // `Memory` is dropped after `drop_in_place` returned or unwound, so nothing uses the block any more.
            unsafe { deallocate(self.0) }
        }
    }

    let memory = Memory(dead.cast::<ValueInner<T>>());
    let stored = memory.0.as_ptr();
    // SAFETY: the caller promises a block that holds a `ValueInner<T>`, so the field is in bounds.
    let value = unsafe { &raw mut (*stored).value };
    // SAFETY: the caller promises that the value is initialized and aligned as part of a `ValueInner<T>`, that it has no owner,
    // so nothing else reads or writes it, and that this is the only call for it, so nothing else drops it.
    unsafe { value.drop_in_place() } // user code: T::drop
}

/// Puts a block on this thread's free list of its layout, or frees it if there is no such list.
///
/// # Safety
/// `memory` came from [`allocate::<T>`](allocate), and nothing uses it after this call.
#[inline]
unsafe fn deallocate<T>(memory: NonNull<ValueInner<T>>) {
    /// Turns the memory of a value into a block for a `U`.
    ///
    /// # Safety
    /// As for `deallocate`, and a `U` has the layout of a `ValueInner<T>`.
    #[inline]
    unsafe fn block<T, U>(memory: NonNull<ValueInner<T>>) -> Block<U> {
        // SAFETY: `allocate` got the memory from a box of a type with the layout of `ValueInner<T>`: a size class, or the type
        // itself. The caller promises that a `U` has this layout too, so the box may free it, and that nothing else uses the
        // memory, so the box is its only owner. A `MaybeUninit` need not be initialized.
        unsafe { Box::from_raw(memory.cast::<MaybeUninit<U>>().as_ptr()) }
    }

    BLOCKS.with(|blocks| {
        if same_layout::<T, SizeClass<1>>() {
            // SAFETY: the caller makes the promise of `deallocate`, and the layouts were just compared.
            blocks.one.give_back(unsafe { block(memory) }, expect_end);
        } else if same_layout::<T, SizeClass<2>>() {
            // SAFETY: as above.
            blocks.two.give_back(unsafe { block(memory) }, expect_end);
        } else if same_layout::<T, SizeClass<3>>() {
            // SAFETY: as above.
            blocks.three.give_back(unsafe { block(memory) }, expect_end);
        } else {
            // SAFETY: the caller makes the promise of `deallocate`, and the layouts are those of one type.
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
        drop(value(1, 0_usize)); // the first block that a thread frees is not kept: it opens the list
        let first = value(1, 1_usize);
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
        drop(value(1, 0_usize));
        let alive = Arc::new(());
        let panics = value(1, Panics { _alive: Arc::clone(&alive) });
        let block = address(&panics);
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(panics))).unwrap_err();
        assert_eq!(Arc::strong_count(&alive), 1);
        assert_eq!(address(&value(1, 1_usize)), block);
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
            // One destructor is registered before the one of the free list and the other after it, so that one of them runs
            // after the list has ended, whichever order the platform uses.
            EARLY.with_borrow_mut(|value| value.0 = Some(early));
            drop(value(1, 0_u64));
            LATE.with_borrow_mut(|value| value.0 = Some(late));
        })
        .join()
        .unwrap();
    }
}
