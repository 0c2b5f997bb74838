//! What the buttons of the bar open: small forms that change what is shown.

use super::address::Shown;
use super::columns::{can_group, moved, ordered};
use super::conditions::{field_list, field_of, list};
use crate::components::button::{Button, Look};
use crate::components::form::input_text;
use crate::components::icon::{Icon, icon};
use crate::components::menu::use_close;
use std::rc::Rc;
use sync_client::api::SortBy;
use sync_protocol::schema::{Collection, Field};
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct PopoverProps {
    pub drawn: Icon,
    pub text: &'static str,
    /// How much is set in it.
    pub count: usize,
    /// A higher number opens it.
    #[prop_or_default]
    pub request: u32,
    pub test: &'static str,
    pub children: Html,
}

/// A button with a small form behind it.
#[component]
pub fn Popover(props: &PopoverProps) -> Html {
    let open = use_state_eq(|| false);
    let node = use_node_ref();
    {
        let close = open.setter();
        use_close(*open, node.clone(), Callback::from(move |()| close.set(false)));
    }
    {
        let open = open.setter();
        use_effect_with(props.request, move |request| {
            if *request > 0 {
                open.set(true);
            }
        });
    }
    let onclick = {
        let open = open.clone();
        Callback::from(move |_: MouseEvent| open.set(!*open))
    };
    html! {
        <div class="mooring-menu" ref={node}>
            <button type="button" class={classes!("pf-v6-c-button", "pf-m-plain", "mooring-bar-button", (props.count > 0).then_some("mooring-on"))} {onclick}
                aria-expanded={open.to_string()} aria-label={props.text} data-test={props.test}>
                <span class="pf-v6-c-button__icon">{ icon(props.drawn) }</span>
                <span class="mooring-bar-text">{ props.text }</span>
                if props.count > 0 {
                    <span class="pf-v6-c-badge pf-m-read">{ props.count }</span>
                }
            </button>
            if *open {
                <div class="mooring-popover" role="dialog" aria-label={props.text}>{ props.children.clone() }</div>
            }
        </div>
    }
}

/// What a button does to what is shown.
pub fn change(
    shown: &Rc<Shown>,
    onshown: &Callback<Shown>,
    change: impl Fn(&mut Shown) + 'static,
) -> Callback<MouseEvent> {
    on(shown, onshown, move |shown, _: MouseEvent| change(shown))
}

/// The same for an input.
pub fn on<E: 'static>(
    shown: &Rc<Shown>,
    onshown: &Callback<Shown>,
    change: impl Fn(&mut Shown, E) + 'static,
) -> Callback<E> {
    let (shown, onshown) = (shown.clone(), onshown.clone());
    Callback::from(move |event: E| {
        let mut next = (*shown).clone();
        change(&mut next, event);
        onshown.emit(next);
    })
}

/// What a small form changes.
#[derive(Clone, PartialEq)]
pub struct Showing {
    pub collection: Rc<Collection>,
    pub shown: Rc<Shown>,
    pub onshown: Callback<Shown>,
}

/// What rows are sorted by.
pub fn sorts(Showing { collection, shown, onshown }: &Showing) -> Html {
    html! {
        <div class="mooring-conditions">
            { for shown.sort.iter().enumerate().map(|(at, by)| {
                let onfield = on(shown, onshown, move |shown, event: Event| shown.sort[at].field = field_of(&event));
                let onway = on(shown, onshown, move |shown, event: Event| shown.sort[at].descending = input_text(&event) == "down");
                let ways = [("up", "smallest first", !by.descending), ("down", "largest first", by.descending)];
                html! {
                    <div class="mooring-condition">
                        <span class="mooring-join mooring-muted">{ if at == 0 { "By" } else { "then" } }</span>
                        { field_list(collection, shown, by.field.as_ref(), onfield, "sort-field") }
                        { list("Which way", &ways, onway, "sort-way") }
                        <Button look={Look::Plain} icon={Icon::Close} text="Do not sort by this" onclick={change(shown, onshown, move |shown| drop(shown.sort.remove(at)))} />
                    </div>
                }
            }) }
            if shown.sort.is_empty() {
                <p class="mooring-muted">{ "Sorted by key." }</p>
            }
            <div class="mooring-actions">
                <Button look={Look::Link} icon={Icon::Plus} text={if shown.sort.is_empty() { "Sort by a field" } else { "Then by" }} test="sort-add"
                    onclick={{
                        let next = ordered(collection, shown).into_iter().map(|field| field.name.clone()).find(|name| shown.sort.iter().all(|by| by.field.as_ref() != Some(name)));
                        change(shown, onshown, move |shown| shown.sort.push(SortBy { field: next.clone(), descending: false }))
                    }} />
            </div>
        </div>
    }
}

/// What the form about groups changes.
#[derive(Clone, PartialEq)]
pub struct Grouping {
    pub showing: Showing,
    /// Folds all groups, or shows their rows.
    pub onfold: Callback<bool>,
}

/// What rows are grouped by.
pub fn groups(Grouping { showing: Showing { collection, shown, onshown }, onfold }: &Grouping) -> Html {
    let now = shown.group.as_ref();
    let fields = ordered(collection, shown).into_iter().filter(|field| can_group(field.field_type));
    let fields = fields
        .map(|field| (field.name.as_str(), &*field.label, now.is_some_and(|by| by.field == field.name)));
    let fields: Vec<_> = std::iter::once(("", "Nothing", now.is_none())).chain(fields).collect();
    let onfield = on(shown, onshown, |shown, event: Event| shown.group_by(field_of(&event)));
    let onway = on(shown, onshown, |shown, event: Event| {
        if let Some(by) = &mut shown.group {
            by.descending = input_text(&event) == "down";
        }
    });
    let fold = |on: bool| onfold.reform(move |_: MouseEvent| on);
    html! {
        <div class="mooring-conditions">
            <div class="mooring-condition">
                <span class="mooring-join mooring-muted">{ "By" }</span>
                { list("Field", &fields, onfield, "group-field") }
                if let Some(by) = now {
                    { list("Which way", &[("up", "smallest first", !by.descending), ("down", "largest first", by.descending)], onway, "group-way") }
                }
            </div>
            if now.is_some() {
                <div class="mooring-actions">
                    <Button look={Look::Link} text="Collapse all" onclick={fold(true)} test="groups-fold" />
                    <Button look={Look::Link} text="Expand all" onclick={fold(false)} test="groups-unfold" />
                </div>
            }
        </div>
    }
}

/// Which fields have columns, and in which order.
pub fn fields(Showing { collection, shown, onshown }: &Showing) -> Html {
    let all = ordered(collection, shown);
    let button = |drawn: Icon, text: String, before: Option<Option<&Field>>, field: &Field| {
        let order =
            before.map(|before| moved(collection, shown, &field.name, before.map(|field| &field.name)));
        let disabled = order.is_none();
        let onclick = change(shown, onshown, move |shown| {
            if let Some(order) = &order {
                shown.order.clone_from(order);
            }
        });
        html! { <Button look={Look::Plain} icon={drawn} {text} {disabled} {onclick} /> }
    };
    html! {
        <div class="mooring-conditions">
            <ul class="mooring-fields" role="list">
                { for all.iter().enumerate().map(|(at, field)| {
                    let name = field.name.clone();
                    let onchange = on(shown, onshown, move |shown, _: Event| {
                        if !shown.hidden.remove(&name) {
                            shown.hidden.insert(name.clone());
                        }
                    });
                    html! {
                        <li key={field.name.to_string()}>
                            <label><input type="checkbox" checked={!shown.hidden.contains(&field.name)} {onchange} data-test="field-shown" data-field={field.name.to_string()} />{ " " }<span dir="auto">{ &field.label }</span></label>
                            { button(Icon::SortUp, format!("Move {} up", field.label), (at > 0).then(|| all.get(at - 1).copied()), field) }
                            { button(Icon::SortDown, format!("Move {} down", field.label), (at + 1 < all.len()).then(|| all.get(at + 2).copied()), field) }
                        </li>
                    }
                }) }
            </ul>
            <div class="mooring-actions">
                <Button look={Look::Link} text="Show all" onclick={change(shown, onshown, |shown| shown.hidden.clear())} test="fields-all" />
                <Button look={Look::Link} text="Hide all" onclick={{
                    let names: Vec<_> = all.iter().map(|field| field.name.clone()).collect();
                    change(shown, onshown, move |shown| shown.hidden.extend(names.iter().cloned()))
                }} />
            </div>
        </div>
    }
}
