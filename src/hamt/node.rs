//! Links and branches: the representation of the map, and all of its unsafe code.
//!
//! # Invariants
//! - A [`Link`] is one owning pointer, told apart by its lowest bit: set, a `Branch` that came from a box; clear, null
//!   or the raw form of a [`ErasedValue`]. Both are aligned, so that bit is free.
//! - `&mut` to a branch is given out only while the link is its only owner and is itself borrowed mutably.

use std::marker::PhantomData;
use std::ptr::NonNull;

use crate::count::{RefCount, abort};
use crate::free_list::{Block, FreeList};
use crate::sync::{LoomAccess, at_thread_end, thread_local};
use crate::value::ErasedValue;

/// Bits of a digit. Measured against 1 and 3: see `docs/design.md`.
pub(super) const BITS: u32 = 2;
pub(super) const WIDTH: usize = 1 << BITS;

/// Branches on the longest path: as many as a id has digits, one of its bits being the family.
pub(super) const MAX_DEPTH: usize = (usize::BITS - 1).div_ceil(BITS) as usize;

/// The lowest digit.
#[inline]
pub(super) fn digit(digits: usize) -> usize {
    digits % WIDTH
}

pub(super) struct Branch {
    count: RefCount,
    /// How many values the map holds, if this is its root; beside the count it takes no room of its own.
    len: u32,
    access: LoomAccess,
    children: [Link; WIDTH],
}

impl Branch {
    /// A branch that is to be filled.
    pub(super) fn new(len: u32) -> Self {
        Self::of(len, [const { Link::EMPTY }; WIDTH])
    }

    fn of(len: u32, children: [Link; WIDTH]) -> Self {
        Self { count: RefCount::one(), len, access: LoomAccess::new(), children }
    }

    /// A copy with another child at `place`.
    pub(super) fn with_child(&self, place: usize, child: Link) -> Self {
        let mut child = Some(child);
        let children = std::array::from_fn(|at| match child.take_if(|_| at == place) {
            Some(child) => child,
            None => self.children[at].clone(),
        });
        Self::of(self.len, children)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.children.iter().all(Link::is_nothing)
    }

    /// Whether nothing is left when `place` is emptied.
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

/// Memory of branches that this thread let go.
struct Branches(FreeList<Branch>);

thread_local! {
    // Without `Drop`, so that it is there for the destructors of other thread-locals too.
    static BRANCHES: Branches = const { Branches(FreeList::new()) };
}

at_thread_end!(BRANCHES: Branches);

impl Branches {
    fn end(&self) {
        self.0.end();
    }
}

/// An owning pointer to nothing, a value or a branch.
#[repr(transparent)]
pub(super) struct Link {
    tagged: *mut (),
    owns: PhantomData<(ErasedValue, Box<Branch>)>,
}

// SAFETY: what a link owns is `Send + Sync`: values are, and branches are an atomic count and links.
unsafe impl Send for Link {}
// SAFETY: as above.
unsafe impl Sync for Link {}

/// What a link leads to.
pub(super) enum Ref<'a> {
    Nothing,
    Value(&'a ErasedValue),
    Branch(&'a Branch),
}

/// What a link leads to, as far as it may be changed.
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

    #[inline]
    pub(super) fn branch(branch: Branch) -> Self {
        let mut block = BRANCHES.with(|free| free.0.take());
        block.write(branch);
        let tagged = Box::into_raw(block).map_addr(|addr| addr | 1);
        Self { tagged: tagged.cast(), owns: PhantomData }
    }

    #[inline]
    fn is_branch(&self) -> bool {
        self.tagged.addr() & 1 != 0
    }

    #[inline]
    pub(super) fn is_nothing(&self) -> bool {
        self.tagged.is_null()
    }

    /// The branch; meaningless unless `is_branch`.
    #[inline]
    fn untagged(&self) -> *mut Branch {
        self.tagged.map_addr(|addr| addr & !1).cast()
    }

    #[inline]
    pub(super) fn get(&self) -> Ref<'_> {
        if self.is_branch() {
            // SAFETY: the tag says that this is a branch, which the link keeps alive. It is written to only through
            // `get_mut`, which needs the link for itself.
            let branch = unsafe { &*self.untagged() };
            branch.access.read();
            Ref::Branch(branch)
        } else if self.is_nothing() {
            Ref::Nothing
        } else {
            // SAFETY: an untagged, non-null link is the raw form of a value, which is what a `ErasedValue` is in memory.
            Ref::Value(unsafe { &*std::ptr::from_ref(self).cast::<ErasedValue>() })
        }
    }

    #[inline]
    pub(super) fn get_mut(&mut self) -> Mut<'_> {
        if self.is_branch() {
            let branch = self.untagged();
            // SAFETY: as in `get`.
            if unsafe { &*branch }.count.is_unique() {
                // SAFETY: the link is the only owner and mutably borrowed: nobody else reads the branch.
                let branch = unsafe { &mut *branch };
                branch.access.write();
                Mut::Unique(branch)
            } else {
                Mut::Shared
            }
        } else if self.is_nothing() {
            Mut::Nothing
        } else {
            // SAFETY: as in `get`; whatever value is written there is a link again.
            Mut::Value(unsafe { &mut *std::ptr::from_mut(self).cast::<ErasedValue>() })
        }
    }

    #[inline]
    pub(super) fn take(&mut self) -> Self {
        std::mem::replace(self, Self::EMPTY)
    }

    /// The value that this link leads to.
    pub(super) fn into_value(self) -> Option<ErasedValue> {
        let Ref::Value(_) = self.get() else { return None };
        let raw = NonNull::new(std::mem::ManuallyDrop::new(self).tagged)?;
        // SAFETY: an untagged, non-null link is the raw form of a value, and this one is not dropped.
        Some(unsafe { ErasedValue::from_raw(raw) })
    }

    /// How many values the map has whose root this is.
    #[inline]
    pub(super) fn len(&self) -> u32 {
        match self.get() {
            Ref::Nothing => 0,
            Ref::Value(_) => 1,
            Ref::Branch(branch) => branch.len,
        }
    }

    /// Counts what came to the map whose root this is, or went; that made the map the root's only owner.
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
        match self.get() {
            Ref::Nothing => {}
            Ref::Value(value) => std::mem::forget(value.clone()),
            Ref::Branch(branch) => branch.count.acquire(),
        }
        Self { tagged: self.tagged, owns: PhantomData }
    }
}

impl Drop for Link {
    #[inline]
    fn drop(&mut self) {
        match self.get() {
            Ref::Nothing => {}
            Ref::Value(value) => {
                // SAFETY: the link was the raw form of this value, and is not used again.
                drop(unsafe { std::ptr::read(value) });
            }
            Ref::Branch(branch) => {
                if branch.count.release() {
                    // SAFETY: the branch came from a box, and this was its last owner.
                    unsafe { free(self.untagged()) }
                }
            }
        }
    }
}

/// Frees a branch and what it owns. As deep as the branches lie, which is at most `MAX_DEPTH`.
///
/// # Safety
/// `branch` came from `Box::into_raw`, and has no owner.
#[inline(never)]
unsafe fn free(branch: *mut Branch) {
    // SAFETY: as promised.
    let mut block: Block<Branch> = unsafe { Box::from_raw(branch.cast()) };
    // SAFETY: it holds a branch until here.
    let branch = unsafe { block.assume_init_mut() };
    branch.access.write();
    // SAFETY: nobody drops it again; the block is memory from here on.
    unsafe { std::ptr::drop_in_place(branch) }
    BRANCHES.with(|free| free.0.give_back(block, expect_end));
}
