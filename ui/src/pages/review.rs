//! Review (in the making).
use yew::prelude::*;
#[component]
pub fn Review() -> Html {
    html! {}
}
