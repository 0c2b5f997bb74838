//! Import (in the making).
use yew::prelude::*;
#[component]
pub fn Import() -> Html {
    html! {}
}
