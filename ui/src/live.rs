//! State and keys that are never behind the screen.
//!
//! Yew's handlers see the state as it was when their screen was drawn. A screen is drawn anew after the handler, and on
//! a busy machine that is put off: Yew gives way to the browser every 16 ms, also between drawing and effects. A key,
//! a click or a letter that comes in between would work on what is past and undo the one before it. So what people
//! write and choose is kept in [`Live`] cells, which handlers read as they are now; and keys go to the handler of the
//! newest drawing, from the drawing on.

use crate::platform::dom;
use gloo::events::{EventListener, EventListenerOptions};
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::JsCast;
use yew::prelude::*;

/// State of a component that its handlers read as it is now. Clones are the same state.
pub struct Live<T> {
    value: Rc<RefCell<Rc<T>>>,
    redraw: Rc<dyn Fn()>,
}

impl<T> Clone for Live<T> {
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), redraw: self.redraw.clone() }
    }
}

impl<T> PartialEq for Live<T> {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.value, &other.value)
    }
}

impl<T: Clone + PartialEq + 'static> Live<T> {
    /// As it is now.
    pub fn get(&self) -> Rc<T> {
        self.value.borrow().clone()
    }

    /// Another value; the component is drawn anew where it differs.
    pub fn set(&self, value: T) {
        if self.put(value) {
            (self.redraw)();
        }
    }

    /// Changes it, from what it is now.
    pub fn change(&self, change: impl FnOnce(&mut T)) {
        let mut value = (*self.get()).clone();
        change(&mut value);
        self.set(value);
    }

    /// Another value, while the component is being drawn: the drawing shows it. Whether it differs.
    pub fn put(&self, value: T) -> bool {
        let mut now = self.value.borrow_mut();
        let other = **now != value;
        if other {
            *now = Rc::new(value);
        }
        other
    }
}

/// See [`Live`].
#[hook]
pub fn use_live<T: Clone + PartialEq + 'static>(first: impl FnOnce() -> T) -> Live<T> {
    let value = use_mut_ref(|| Rc::new(first()));
    let force = use_force_update();
    let redraw = use_memo((), move |()| -> Rc<dyn Fn()> { Rc::new(move || force.force_update()) });
    Live { value, redraw: (*redraw).clone() }
}

/// Hears keys anywhere on the page while the component is there, unless somebody is typing or means the browser.
#[hook]
pub fn use_keys(onkey: Callback<KeyboardEvent>) {
    use_heard(onkey, |key| !(key.ctrl_key() || key.meta_key() || key.alt_key() || dom::typing(key)));
}

/// Hears keys with Ctrl, or Command, anywhere on the page while the component is there, also while somebody is typing.
#[hook]
pub fn use_chords(onkey: Callback<KeyboardEvent>) {
    use_heard(onkey, |key| key.ctrl_key() || key.meta_key());
}

#[hook]
fn use_heard(onkey: Callback<KeyboardEvent>, meant: fn(&KeyboardEvent) -> bool) {
    let newest = use_mut_ref(Callback::noop);
    *newest.borrow_mut() = onkey;
    // not an effect: those come after the drawing, and a key may come before them
    use_memo((), move |()| {
        let options = EventListenerOptions::enable_prevent_default();
        EventListener::new_with_options(&crate::platform::document(), "keydown", options, move |event| {
            let Some(key) = event.dyn_ref::<KeyboardEvent>() else { return };
            if meant(key) && !event.default_prevented() {
                let handler = newest.borrow().clone();
                handler.emit(key.clone());
            }
        })
    });
}
