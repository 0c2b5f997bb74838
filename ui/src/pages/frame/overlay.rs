//! What opens over any screen by a key: the palette, and the list of keys.

use super::Place;
use super::palette::PaletteProps;
use crate::components::dialog::Dialog;
use crate::live::{Live, use_chords, use_keys, use_live};
use crate::pages::later::{Wanted, later};
use crate::text::keys::{Screen, keys};
use yew::prelude::*;

/// What is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlay {
    /// Where one goes anywhere from.
    Palette,
    /// The keys of the screen.
    Keys,
}

/// What is open, and how it is drawn. Ctrl+K opens the palette, `?` the keys.
#[hook]
pub fn use_overlay(place: &Place) -> (Live<Option<Overlay>>, Html) {
    let open = use_live(|| None::<Overlay>);
    {
        let open = open.clone();
        use_chords(Callback::from(move |key: KeyboardEvent| {
            if matches!(key.key().as_str(), "k" | "K") && !key.shift_key() && !key.alt_key() {
                key.prevent_default();
                open.set(Some(Overlay::Palette));
            }
        }));
    }
    {
        let open = open.clone();
        use_keys(Callback::from(move |key: KeyboardEvent| {
            if key.key() == "?" {
                key.prevent_default();
                open.set(Some(Overlay::Keys));
            }
        }));
    }
    let onclose = {
        let open = open.clone();
        Callback::from(move |()| open.set(None))
    };
    let onkeys = {
        let open = open.clone();
        Callback::from(move |()| open.set(Some(Overlay::Keys)))
    };
    let drawn = match *open.get() {
        Some(Overlay::Palette) => {
            later(Wanted::Palette(PaletteProps { place: place.clone(), onclose, onkeys }))
        }
        Some(Overlay::Keys) => later(Wanted::Keys { place: place.clone(), onclose }),
        None => Html::default(),
    };
    (open, drawn)
}

/// The keys of a screen.
pub fn list(place: &Place, onclose: &Callback<()>) -> Html {
    let screen = match place {
        Place::Collection(_) => Screen::Grid,
        Place::NewRecord(_) | Place::Record(..) | Place::History(..) => Screen::Record,
        Place::Review => Screen::Reviews,
        Place::Decide(_) => Screen::Review,
        _ => Screen::Other,
    };
    html! {
        <Dialog title="Keys" {onclose} test="keys">
            { for keys(screen).into_iter().map(|(heading, keys)| html! {
                <section class="mooring-keys-of">
                    <h2>{ heading }</h2>
                    <dl>
                        { for keys.iter().map(|(key, what)| html! { <div><dt><kbd>{ *key }</kbd></dt><dd>{ *what }</dd></div> }) }
                    </dl>
                </section>
            }) }
        </Dialog>
    }
}
