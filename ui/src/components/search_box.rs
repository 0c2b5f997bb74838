//! Where people write what they look for.

use super::button::{Button, Look};
use super::icon::{Icon, icon};
use yew::prelude::*;

/// What is written, and what becomes of keys and of the cross that clears it. `label`: for screen readers.
pub fn search_box(
    text: &str,
    label: &'static str,
    test: &'static str,
    oninput: Callback<InputEvent>,
    onkeydown: Callback<KeyboardEvent>,
    clear: Callback<MouseEvent>,
) -> Html {
    html! {
        <div class="pf-v6-c-text-input-group mooring-search">
            <div class="pf-v6-c-text-input-group__main pf-m-icon">
                <span class="pf-v6-c-text-input-group__text">
                    <span class="pf-v6-c-text-input-group__icon">{ icon(Icon::Search) }</span>
                    <input class="pf-v6-c-text-input-group__text-input" type="text" value={text.to_owned()} {oninput} {onkeydown} dir="auto"
                        aria-label={label} placeholder="Search" autocomplete="off" spellcheck="false"
                        data-test={test} title="Press / to search" />
                </span>
            </div>
            if !text.is_empty() {
                <div class="pf-v6-c-text-input-group__utilities">
                    <Button look={Look::Plain} icon={Icon::Close} text="Clear the search" onclick={clear} />
                </div>
            }
        </div>
    }
}
