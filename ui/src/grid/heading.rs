//! The headings of the grid: what each column is called and sorted by, its menu, its width by dragging, its place by
//! dragging.

use super::address::Shown;
use super::columns::{Column, KEY, MOST_PINNED, NARROWEST, Sizes, WIDEST, can_group, moved, ordered};
use super::filter::{Condition, Part};
use super::words::operators;
use crate::components::field_value::right_aligned;
use crate::components::icon::{Icon, icon};
use crate::components::menu::{Entry, Menu};
use crate::platform::dom;
use std::rc::Rc;
use sync_protocol::FieldName;
use sync_protocol::schema::Collection;
use yew::prelude::*;

/// How much wider or narrower a column gets by one key.
const STEP: u32 = 24;

/// What the headings act on.
#[derive(Clone, PartialEq)]
pub struct Headings {
    pub collection: Rc<Collection>,
    pub shown: Rc<Shown>,
    pub onshown: Callback<Shown>,
    pub sizes: Rc<Sizes>,
    pub onsizes: Callback<Sizes>,
    /// Changes a field, for those who may.
    pub onfield: Option<Callback<FieldName>>,
    /// The filter was given another condition: for its values to be chosen.
    pub onfilter: Callback<()>,
    pub columns: Rc<Vec<Column>>,
}

/// One heading.
pub fn heading(headings: &Headings, at: usize, ticks: bool) -> Html {
    let column = &headings.columns[at];
    let field = column.field.as_ref().map(|field| field.name.clone());
    let by = headings.shown.sort.iter().position(|by| by.field == field);
    let down = by.map(|by| headings.shown.sort[by].descending);
    let order = match down {
        None => "none",
        Some(false) => "ascending",
        Some(true) => "descending",
    };
    let class = classes!(
        "mooring-cell",
        "mooring-head-cell",
        column.pinned.then(|| format!("mooring-pinned mooring-pin-{}", at + 1)),
        column.field_type().is_some_and(right_aligned).then_some("mooring-right"),
    );
    let toggle = html! {
        <>
            <span class="mooring-head-text" dir="auto">{ column.label() }</span>
            if let Some(down) = down {
                { icon(if down { Icon::SortDown } else { Icon::SortUp }) }
                if headings.shown.sort.len() > 1 {
                    <small>{ by.map_or(0, |by| by + 1) }</small>
                }
            }
        </>
    };
    let name = AttrValue::from(column.name().to_owned());
    let ondragstart = {
        let name = name.clone();
        Callback::from(move |event: DragEvent| {
            if let Some(data) = event.data_transfer() {
                // a browser that takes no data drags nothing
                let _ = data.set_data("text/x-mooring-column", &name);
            }
        })
    };
    let ondrop = {
        let (headings, before) = (headings.clone(), field.clone());
        Callback::from(move |event: DragEvent| {
            let dragged = event.data_transfer().and_then(|data| data.get_data("text/x-mooring-column").ok());
            if let Some(dragged) = dragged.and_then(|name| FieldName::new(name).ok()) {
                event.prevent_default();
                headings.place(&dragged, before.as_ref());
            }
        })
    };
    let resize = {
        let (headings, name, width) = (headings.clone(), name.clone(), column.width);
        Callback::from(move |event: PointerEvent| {
            event.prevent_default();
            event.stop_propagation();
            let (headings, name) = (headings.clone(), name.clone());
            dom::drag(&event, move |by| headings.widen(&name, (f64::from(width) + by) as i64));
        })
    };
    html! {
        <div {class} role="columnheader" aria-sort={order} aria-colindex={(at + 1 + usize::from(ticks)).to_string()} data-test="heading" data-field={name.clone()}
            draggable={if field.is_some() { "true" } else { "false" }} {ondragstart} {ondrop} ondragover={|event: DragEvent| event.prevent_default()}>
            <Menu {toggle} label={format!("{}: sort, filter, group, column", column.label())} groups={headings.entries(at)} test={format!("heading-{name}")} end={at + 2 > headings.columns.len() && at > 2} />
            <span class="mooring-resize" onpointerdown={resize} data-test="resize" data-field={name}></span>
        </div>
    }
}

impl Headings {
    fn show(&self, change: impl FnOnce(&mut Shown)) {
        let mut shown = (*self.shown).clone();
        change(&mut shown);
        self.onshown.emit(shown);
    }

    fn widen(&self, name: &str, width: i64) {
        let mut sizes = (*self.sizes).clone();
        let width = u32::try_from(width).unwrap_or(0).clamp(NARROWEST, WIDEST);
        sizes.widths.insert(name.to_owned(), width);
        self.onsizes.emit(sizes);
    }

    /// Another place for a field's column.
    fn place(&self, name: &FieldName, before: Option<&FieldName>) {
        if Some(name) != before {
            let order = moved(&self.collection, &self.shown, name, before);
            self.show(|shown| shown.order = order);
        }
    }

    fn entries(&self, at: usize) -> Vec<(AttrValue, Vec<Entry>)> {
        let column = &self.columns[at];
        let field = column.field.as_ref().map(|field| field.name.clone());
        let act = |act: Box<dyn Fn(&Headings)>| {
            let headings = self.clone();
            Callback::from(move |()| act(&headings))
        };
        let sort = |text: &'static str, descending: bool, then: bool, test: &'static str| {
            let by = field.clone();
            let entry = act(Box::new(move |headings| {
                headings.show(|shown| shown.sort_by(by.clone(), descending, then));
            }));
            let now = self.shown.sort.iter().any(|by| by.field == field && by.descending == descending);
            Entry::new(text, entry).current(now).test(test)
        };
        let mut sorts = vec![
            sort("Sort, smallest first", false, false, "sort-up"),
            sort("Sort, largest first", true, false, "sort-down"),
        ];
        if self.shown.sort.iter().any(|by| by.field != field) {
            sorts.push(sort("Then by this, smallest first", false, true, "then-up"));
            sorts.push(sort("Then by this, largest first", true, true, "then-down"));
        }
        if self.shown.sort.iter().any(|by| by.field == field) {
            let by = field.clone();
            let entry = act(Box::new(move |headings| {
                headings.show(|shown| shown.sort.retain(|other| other.field != by));
            }));
            sorts.push(Entry::new("Do not sort by this", entry).test("sort-none"));
        }
        let filter = {
            let (field, operator) = (field.clone(), operators(column.field_type())[0]);
            act(Box::new(move |headings| {
                let part = Part::One(Condition { field: field.clone(), operator, values: Vec::new() });
                headings.show(|shown| shown.filter.parts.push(part));
                headings.onfilter.emit(());
            }))
        };
        sorts.push(Entry::new("Filter by this", filter).test("filter-by"));
        if column.field_type().is_some_and(can_group) {
            let grouped = self.shown.group.as_ref().is_some_and(|by| Some(&by.field) == field.as_ref());
            let by = field.clone().filter(|_| !grouped);
            let group = act(Box::new(move |headings| headings.show(|shown| shown.group_by(by.clone()))));
            let text = if grouped { "Do not group" } else { "Group by this" };
            sorts.push(Entry::new(text, group).test("group-by"));
        }

        let mut more = Vec::new();
        let resized = |by: i64| {
            let (name, width) = (column.name().to_owned(), i64::from(column.width));
            act(Box::new(move |headings| headings.widen(&name, width + by)))
        };
        more.push(Entry::new("Wider", resized(i64::from(STEP))).test("wider"));
        more.push(Entry::new("Narrower", resized(-i64::from(STEP))).test("narrower"));
        if let Some(name) = field {
            let fields: Vec<FieldName> = ordered(&self.collection, &self.shown)
                .into_iter()
                .filter(|field| !self.shown.hidden.contains(&field.name))
                .map(|field| field.name.clone())
                .collect();
            let place = fields.iter().position(|other| *other == name).unwrap_or(0);
            let mut move_to = |text: &'static str, before: Option<FieldName>, test: &'static str| {
                let name = name.clone();
                let entry = act(Box::new(move |headings| headings.place(&name, before.as_ref())));
                more.push(Entry::new(text, entry).test(test));
            };
            if place > 0 {
                move_to("Move to the left", Some(fields[place - 1].clone()), "move-left");
            }
            if place + 1 < fields.len() {
                move_to("Move to the right", fields.get(place + 2).cloned(), "move-right");
            }
            if at > 0 {
                let pinned = column.pinned;
                let full = self.columns.iter().filter(|column| column.pinned).count() >= MOST_PINNED;
                let pin = name.to_string();
                if pinned || !full {
                    let entry = act(Box::new(move |headings| {
                        let mut sizes = (*headings.sizes).clone();
                        match pinned {
                            true => sizes.pinned.retain(|other| *other != pin),
                            false => sizes.pinned.push(pin.clone()),
                        }
                        headings.onsizes.emit(sizes);
                    }));
                    more.push(
                        Entry::new(if pinned { "Let it scroll" } else { "Keep in view" }, entry).test("pin"),
                    );
                }
            }
            if let Some(onfield) = &self.onfield {
                let (onfield, name) = (onfield.clone(), name.clone());
                more.push(
                    Entry::new("Edit field…", Callback::from(move |()| onfield.emit(name.clone())))
                        .test("edit-field"),
                );
            }
            let hide = act(Box::new(move |headings| {
                headings.show(|shown| shown.hidden.extend([name.clone()]));
            }));
            more.push(Entry::new("Hide", hide).test("hide"));
        }
        vec![(AttrValue::Static(""), sorts), (AttrValue::Static("Column"), more)]
    }
}

/// The button of a column's heading.
pub fn heading_button(name: &str) -> String {
    let name = if name.is_empty() { KEY } else { name };
    format!("[data-test=heading][data-field='{name}'] button")
}
