//! Links and branches: the representation of the map, and all of its unsafe code.
//!
//! # Invariants
//! 1. A [`Link`] is one owning pointer whose lowest bit tells its kind. If the bit is set, the pointer without it came from the
//!    box of an initialized [`Branch`], and the link is one of the owners that the branch counts. If it is clear, the pointer
//!    is null or the raw form of an [`ErasedValue`]. Branches and values are aligned to more than one byte, so the bit is free.
//! 2. A branch that is reachable through a link is written to only through [`Link::get_mut`]. It returns `&mut Branch` only
//!    while the link is the branch's only owner and is itself borrowed mutably.

use std::marker::PhantomData;
use std::ptr::NonNull;

use crate::count::{RefCount, abort};
use crate::free_list::{Block, FreeList};
use crate::sync::{LoomAccess, at_thread_end, thread_local};
use crate::value::ErasedValue;

/// The number of bits in a digit. It was measured against 1 and 3: see `docs/design.md`.
pub(super) const BITS: u32 = 2;
pub(super) const WIDTH: usize = 1 << BITS;

/// The number of branches on the longest path: the number of digits in an id, one bit of which says whether it is local and is
/// not part of the digits.
pub(super) const MAX_DEPTH: usize = (usize::BITS - 1).div_ceil(BITS) as usize;

/// Returns the lowest digit.
#[inline]
pub(super) fn digit(digits: usize) -> usize {
    digits % WIDTH
}

/// An inner node of the map. It is shared by the links that lead to it. It begins with its count, as a value does, so that a link
/// is cloned and dropped alike for both.
#[repr(C)]
pub(super) struct Branch {
    count: RefCount,
    /// The number of values in the map, if this is its root. On 64-bit targets it fills the padding after the count.
    len: u32,
    access: LoomAccess,
    children: [Link; WIDTH],
}

impl Branch {
    /// Creates a branch without children, which the caller adds.
    pub(super) fn new(len: u32) -> Self {
        Self::of(len, [const { Link::EMPTY }; WIDTH])
    }

    fn of(len: u32, children: [Link; WIDTH]) -> Self {
        Self { count: RefCount::one(), len, access: LoomAccess::new(), children }
    }

    /// Copies the branch, with `child` at `place`.
    pub(super) fn with_child(&self, place: usize, child: Link) -> Self {
        let mut copy = self.copy_counting_all_but(place);
        std::mem::forget(std::mem::replace(copy.child_mut(place), child));
        copy
    }

    /// Copies the branch. The copy owns all children but the one at `place`, which the caller must forget.
    #[inline]
    fn copy_counting_all_but(&self, place: usize) -> Self {
        for (at, child) in self.children.iter().enumerate() {
            match child.count() {
                Some(count) if at != place => count.acquire(),
                _ => {}
            }
        }
        Self::of(self.len, self.children.each_ref().map(Link::duplicate))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.children.iter().all(Link::is_nothing)
    }

    /// Returns `true` if all children except the one at `place` are empty.
    #[inline]
    pub(super) fn is_empty_but_for(&self, place: usize) -> bool {
        self.children.iter().enumerate().all(|(at, child)| at == place || child.is_nothing())
    }

    #[inline]
    pub(super) fn child(&self, place: usize) -> &Link {
        &self.children[place % WIDTH]
    }

    #[inline]
    pub(super) fn child_mut(&mut self, place: usize) -> &mut Link {
        &mut self.children[place % WIDTH]
    }

    pub(super) fn children(&self) -> &[Link; WIDTH] {
        &self.children
    }
}

/// The memory of branches that this thread freed.
struct Branches(FreeList<Branch>);

thread_local! {
    // Without `Drop`, so that the destructors of other thread-locals can still use it.
    static BRANCHES: Branches = const { Branches(FreeList::new()) };
}

at_thread_end!(BRANCHES: Branches);

impl Branches {
    fn end(&self) {
        self.0.end();
    }
}

/// An owning pointer to a value or to a branch, or an empty one.
#[repr(transparent)]
pub(super) struct Link {
    tagged: *mut (),
    owns: PhantomData<(ErasedValue, Box<Branch>)>,
}

// SAFETY: a link owns an `ErasedValue`, which is `Send + Sync`, or a share of a `Branch`. A branch has an atomic count, a
// number that is only written through the only owner, and links, to which the same applies.
unsafe impl Send for Link {}
// SAFETY: as above.
unsafe impl Sync for Link {}

/// The target of a link.
pub(super) enum Ref<'a> {
    Nothing,
    Value(&'a ErasedValue),
    Branch(&'a Branch),
}

/// The target of a link, for a change in place. A branch with other owners must not be changed.
pub(super) enum Mut<'a> {
    Nothing,
    Value(&'a mut ErasedValue),
    Unique(&'a mut Branch),
    Shared,
}

impl Link {
    pub(super) const EMPTY: Self = Self { tagged: std::ptr::null_mut(), owns: PhantomData };

    #[inline]
    pub(super) fn value(value: ErasedValue) -> Self {
        Self { tagged: value.into_raw().as_ptr(), owns: PhantomData }
    }

    /// Creates a branch. The memory is taken before `make` is called, so that the compiler writes the branch there and does not
    /// move it.
    #[inline]
    pub(super) fn branch(make: impl FnOnce() -> Branch) -> Self {
        let mut block = BRANCHES.with(|free| free.0.take());
        block.write(make());
        let tagged = Box::into_raw(block).map_addr(|addr| addr | 1);
        Self { tagged: tagged.cast(), owns: PhantomData }
    }

    /// Turns an empty link into one to a copy of `original` without the child at `place`. Returns the copy's empty link there.
    #[inline]
    pub(super) fn fill_with_copy(&mut self, original: &Branch, place: usize) -> &mut Self {
        let copy = Self::branch(|| original.copy_counting_all_but(place));
        let branch = copy.untagged();
        std::mem::forget(std::mem::replace(self, copy));
        // SAFETY: this link was just made the only owner of the branch, and is borrowed mutably for as long as the result lives.
        let child = unsafe { &mut *branch }.child_mut(place);
        std::mem::forget(child.take());
        child
    }

    /// Copies the pointer, but does not count it. The caller counts one of the two links, or forgets it.
    #[inline]
    fn duplicate(&self) -> Self {
        Self { tagged: self.tagged, owns: PhantomData }
    }

    #[inline]
    fn is_branch(&self) -> bool {
        self.tagged.addr() & 1 != 0
    }

    #[inline]
    pub(super) fn is_nothing(&self) -> bool {
        self.tagged.is_null()
    }

    /// Returns the pointer without its tag. It is a branch only if `is_branch` returns `true`.
    #[inline]
    fn untagged(&self) -> *mut Branch {
        self.tagged.map_addr(|addr| addr & !1).cast()
    }

    #[inline]
    pub(super) fn get(&self) -> Ref<'_> {
        if self.is_branch() {
            // SAFETY: by invariant 1, a tagged pointer is an initialized branch, which this link owns, so it is alive as long
            // as `self` is borrowed. By invariant 2, it is not written to meanwhile: `get_mut` of this link needs `&mut self`,
            // and `get_mut` of another link finds that the branch has two owners.
            let branch = unsafe { &*self.untagged() };
            branch.access.read();
            Ref::Branch(branch)
        } else if self.is_nothing() {
            Ref::Nothing
        } else {
            // SAFETY: by invariant 1, an untagged, non-null pointer is the raw form of an `ErasedValue`. Both types are
            // `repr(transparent)` over a pointer, so the link can be read as the value. The reference borrows `self`.
            Ref::Value(unsafe { &*std::ptr::from_ref(self).cast::<ErasedValue>() })
        }
    }

    #[inline]
    pub(super) fn get_mut(&mut self) -> Mut<'_> {
        if self.is_branch() {
            let branch = self.untagged();
            // SAFETY: as in `get`; the reference ends with the condition.
            if unsafe { &*branch }.count.is_unique() {
                // SAFETY: the branch is alive, as above. This link is its only owner, and it is borrowed mutably for as long as
                // the result lives. Nothing can therefore read the branch or add an owner meanwhile, and `is_unique` acquires
                // the reads of former owners.
                let branch = unsafe { &mut *branch };
                branch.access.write();
                Mut::Unique(branch)
            } else {
                Mut::Shared
            }
        } else if self.is_nothing() {
            Mut::Nothing
        } else {
            // SAFETY: the link can be read as the value, as in `get`, and is borrowed mutably for as long as the result lives.
            // Any `ErasedValue` that is written through the result is an untagged, non-null pointer, so invariant 1 holds
            // again.
            Mut::Value(unsafe { &mut *std::ptr::from_mut(self).cast::<ErasedValue>() })
        }
    }

    /// Returns the reference count of the target.
    #[inline]
    fn count(&self) -> Option<&RefCount> {
        // SAFETY: by invariant 1, a pointer that is not null is, without its tag, a branch or the raw form of an `ErasedValue`.
        // Either begins with its count: see `Branch` and `ErasedValue::into_raw`. This link is an owner, so the target is alive
        // as long as `self` is borrowed, and its count is written to by atomic operations only.
        unsafe { self.untagged().cast::<RefCount>().as_ref() }
    }

    #[inline]
    pub(super) fn take(&mut self) -> Self {
        std::mem::replace(self, Self::EMPTY)
    }

    /// Turns the link into its value, or returns `None` if its target is not a value.
    pub(super) fn into_value(self) -> Option<ErasedValue> {
        let Ref::Value(_) = self.get() else { return None };
        let raw = NonNull::new(std::mem::ManuallyDrop::new(self).tagged)?;
        // SAFETY: by invariant 1, an untagged, non-null pointer came from `ErasedValue::into_raw`. This is the only call for
        // it, because the link was consumed without being dropped.
        Some(unsafe { ErasedValue::from_raw(raw) })
    }

    /// Returns the number of values in the map. This link is its root.
    #[inline]
    pub(super) fn len(&self) -> u32 {
        match self.get() {
            Ref::Nothing => 0,
            Ref::Value(_) => 1,
            Ref::Branch(branch) => branch.len,
        }
    }

    /// Adds `change` to the number of values in the map. This link is its root. The insertion or removal before this call left
    /// the root with a single owner, so it can be changed in place.
    #[inline]
    pub(super) fn add_to_len(&mut self, change: i32) {
        if let Mut::Unique(root) = self.get_mut() {
            match root.len.checked_add_signed(change) {
                Some(len) => root.len = len,
                None => abort("more than 2^32 variables in one context"),
            }
        }
    }

    #[inline]
    pub(super) fn ptr_eq(&self, other: &Self) -> bool {
        self.tagged == other.tagged
    }
}

impl Clone for Link {
    #[inline]
    fn clone(&self) -> Self {
        if let Some(count) = self.count() {
            count.acquire();
        }
        self.duplicate()
    }
}

impl Drop for Link {
    #[inline]
    fn drop(&mut self) {
        if !self.count().is_some_and(RefCount::release) {
            return;
        }
        if self.is_branch() {
            // SAFETY: by invariant 1, the pointer came from the box of an initialized branch. `release` returned `true`, so
            // this link was the last owner.
            unsafe { free(self.untagged()) }
        } else if let Some(value) = NonNull::new(self.tagged) {
            // SAFETY: by invariant 1, the pointer came from `ErasedValue::into_raw`. `release` returned `true` for its count,
            // so this link was the last owner.
            unsafe { ErasedValue::dispose(value) }
        }
    }
}

/// Drops the children of a branch and frees its memory. It recurses at most `MAX_DEPTH` deep.
///
/// # Safety
/// `branch` came from `Link::branch`, is initialized, and has no owner left. It is not used after this call.
#[inline(never)]
unsafe fn free(branch: *mut Branch) {
    // SAFETY: the pointer came from `Box::into_raw` in `Link::branch`, for the same type. The caller promises that nothing else
    // owns or uses it.
    let mut block: Block<Branch> = unsafe { Box::from_raw(branch.cast()) };
    // SAFETY: the caller promises that the branch is initialized.
    let branch = unsafe { block.assume_init_mut() };
    branch.access.write();
    // SAFETY: the branch is initialized and has no owner, and `block` is `MaybeUninit`, so nothing drops the branch again.
    unsafe { std::ptr::drop_in_place(branch) }
    BRANCHES.with(|free| free.0.give_back(block, expect_end));
}
