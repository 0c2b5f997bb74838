//! Counts the steps through what memory keeps, so that tests can say what an operation may cost: what it touches, never what
//! there is. Whatever owns a large collection counts where it hands out items; only builds with debug assertions count.

#[cfg(debug_assertions)]
thread_local! {
    static TAKEN: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// One more item was looked at.
pub(crate) fn step() {
    #[cfg(debug_assertions)]
    TAKEN.set(TAKEN.get() + 1);
}

/// Passes items on and counts those that are looked at.
pub(crate) fn counted<T>(_item: &T) {
    step();
}

/// The steps that this thread has taken while it did something, with what came of it. None in a build that does not count.
pub fn during<T>(work: impl FnOnce() -> T) -> (u64, T) {
    let before = taken();
    let done = work();
    (taken() - before, done)
}

fn taken() -> u64 {
    #[cfg(debug_assertions)]
    return TAKEN.get();
    #[cfg(not(debug_assertions))]
    0
}
