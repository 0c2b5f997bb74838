//! An edit against a delete: two ways for the whole record.

use super::draft::{Case, Draft, Whole};
use crate::components::difference::changed;
use crate::components::signature::author_line;
use sync_protocol::ConflictKind;
use yew::prelude::*;

/// The two ways.
pub fn life(case: &Case, draft: &Draft, open: bool, onpick: &Callback<Whole>) -> Html {
    html! {
        <div class="mooring-sides mooring-life" role="radiogroup" aria-label="What becomes of the record">
            { way(case, draft, open, onpick, Whole::Current) }
            { way(case, draft, open, onpick, Whole::Incoming) }
        </div>
    }
}

fn way(case: &Case, draft: &Draft, open: bool, onpick: &Callback<Whole>, whole: Whole) -> Html {
    let info = &case.info;
    let deleting = (info.conflict.kind == ConflictKind::DeleteEdit) == (whole == Whole::Incoming);
    let current = whole == Whole::Current;
    let author = if current { info.item.current.as_ref() } else { Some(&info.item.incoming) };
    let (key, pick, hook) = if current {
        ("1", "pick-current", "review-current")
    } else {
        ("2", "pick-incoming", "review-incoming")
    };
    let on = draft.whole == Some(whole);
    let says = case.says_whole(whole);
    let onchange = {
        let onpick = onpick.clone();
        Callback::from(move |_: Event| onpick.emit(whole))
    };
    html! {
        <label class={classes!("mooring-side", open.then_some("mooring-side-pick"), on.then_some("mooring-side-on"), deleting.then_some("mooring-side-delete"))}>
            <span class="mooring-side-head">
                if open {
                    <input type="radio" name="whole" checked={on} {onchange} data-test={pick} aria-label={says.clone()} />
                }
                <span class="mooring-side-says">{ says }</span>
                if open {
                    <kbd>{ key }</kbd>
                }
            </span>
            <div class="mooring-side-value" data-test={hook}>
                if deleting {
                    <p>{ "The record is deleted, with all its values." }</p>
                } else {
                    <dl class="mooring-values">
                        { for case.fields.iter().map(|field| {
                            let sides = &info.conflict.fields[&field.name];
                            let value = if current { case.now(&field.name) } else { &sides.incoming };
                            html! { <div><dt>{ &field.label }</dt><dd>{ changed(field, &sides.base, value) }</dd></div> }
                        }) }
                    </dl>
                }
            </div>
            if let Some(author) = author {
                { author_line(author, if deleting { "deleted" } else { "edited" }) }
            }
        </label>
    }
}
