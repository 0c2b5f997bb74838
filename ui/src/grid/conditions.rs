//! How people put together what rows must pass: tests with the operators and inputs of their type, in groups.

use super::address::Shown;
use super::columns::{KEY, ordered};
use super::filter::{Condition, Joined, Operator, Part};
use super::words::{operator_label, operators};
use crate::components::button::{Button, Look};
use crate::components::form::{control, input_text, select_arrow};
use crate::components::icon::Icon;
use crate::platform::clock;
use std::rc::Rc;
use sync_protocol::schema::{Collection, Field};
use sync_protocol::{FieldName, FieldType};
use yew::prelude::*;

/// What the form works on.
#[derive(Clone, PartialEq)]
pub struct Conditions {
    pub collection: Rc<Collection>,
    pub shown: Rc<Shown>,
    pub onchange: Callback<Joined<Part>>,
}

/// All of it.
pub fn conditions(form: &Conditions) -> Html {
    let filter = &form.shown.filter;
    let add = form.then(|filter| filter.parts.push(Part::One(fresh())));
    let group = form.then(|filter| {
        filter.parts.push(Part::Group(Joined { any: !filter.any, parts: vec![fresh(), fresh()] }));
    });
    let clear = form.then(|filter| *filter = Joined::default());
    html! {
        <div class="mooring-conditions" data-test="conditions">
            { for filter.parts.iter().enumerate().map(|(at, part)| {
                let begin = joined(form, at, filter.any, |filter, any| filter.any = any);
                match part {
                    Part::One(one) => line(form, begin, one, [Some(at), None]),
                    Part::Group(group) => html! {
                        <div class="mooring-condition">
                            { begin }
                            <div class="mooring-condition-group" data-test="condition-group">
                                { for group.parts.iter().enumerate().map(|(inner, one)| {
                                    let begin = joined(form, inner, group.any, move |filter, any| {
                                        if let Some(Part::Group(group)) = filter.parts.get_mut(at) {
                                            group.any = any;
                                        }
                                    });
                                    line(form, begin, one, [Some(at), Some(inner)])
                                }) }
                                <Button look={Look::Link} icon={Icon::Plus} text="Add to these" onclick={form.then(move |filter| {
                                    if let Some(Part::Group(group)) = filter.parts.get_mut(at) {
                                        group.parts.push(fresh());
                                    }
                                })} />
                            </div>
                        </div>
                    },
                }
            }) }
            if filter.parts.is_empty() {
                <p class="mooring-muted">{ "All records are shown. Add a condition to show fewer." }</p>
            }
            <div class="mooring-actions">
                <Button look={Look::Link} icon={Icon::Plus} text="Add a condition" onclick={add} test="condition-add" />
                <Button look={Look::Link} icon={Icon::Plus} text="Add a group" onclick={group} test="group-add" />
                if !filter.parts.is_empty() {
                    <span class="mooring-space"></span>
                    <Button look={Look::Link} text="Remove all" onclick={clear} test="conditions-clear" />
                }
            </div>
        </div>
    }
}

impl Conditions {
    /// Changes the filter on a click.
    fn then(&self, change: impl Fn(&mut Joined<Part>) + 'static) -> Callback<MouseEvent> {
        self.on(move |filter, _: MouseEvent| change(filter))
    }

    fn on<E: 'static>(&self, change: impl Fn(&mut Joined<Part>, E) + 'static) -> Callback<E> {
        let (filter, onchange) = (self.shown.filter.clone(), self.onchange.clone());
        Callback::from(move |event: E| {
            let mut filter = filter.clone();
            change(&mut filter, event);
            onchange.emit(filter);
        })
    }

    fn on_one<E: 'static>(
        &self,
        at: [Option<usize>; 2],
        change: impl Fn(&mut Condition, E) + 'static,
    ) -> Callback<E> {
        self.on(move |filter, event| {
            if let Some(one) = find(filter, at) {
                change(one, event);
            }
        })
    }
}

fn fresh() -> Condition {
    Condition { field: None, operator: Operator::Contains, values: Vec::new() }
}

fn find(filter: &mut Joined<Part>, [at, inner]: [Option<usize>; 2]) -> Option<&mut Condition> {
    match (filter.parts.get_mut(at?)?, inner) {
        (Part::One(one), None) => Some(one),
        (Part::Group(group), Some(inner)) => group.parts.get_mut(inner),
        _ => None,
    }
}

/// `Where`, `and`, `or`: of the second a person chooses for all.
fn joined(form: &Conditions, at: usize, any: bool, set: impl Fn(&mut Joined<Part>, bool) + 'static) -> Html {
    match at {
        0 => html! { <span class="mooring-join mooring-muted">{ "Where" }</span> },
        1 => {
            let onchange = form.on(move |filter, event: Event| set(filter, input_text(&event) == "or"));
            let options = [("and", "and", !any), ("or", "or", any)];
            html! { <span class="mooring-join">{ list("How these are joined", &options, onchange, "condition-join") }</span> }
        }
        _ => html! { <span class="mooring-join mooring-muted">{ if any { "or" } else { "and" } }</span> },
    }
}

/// A list to choose from.
pub fn list(
    label: &str,
    options: &[(&str, &str, bool)],
    onchange: Callback<Event>,
    test: &'static str,
) -> Html {
    control(
        None,
        false,
        html! {
            <>
                <select aria-label={label.to_owned()} {onchange} data-test={test}>
                    { for options.iter().map(|(value, text, on)| html! {
                        <option value={value.to_string()} selected={*on}>{ text.to_string() }</option>
                    }) }
                </select>
                { select_arrow() }
            </>
        },
    )
}

/// The fields as a list to choose from; the key first.
pub fn field_list(
    collection: &Collection,
    shown: &Shown,
    now: Option<&FieldName>,
    onchange: Callback<Event>,
    test: &'static str,
) -> Html {
    let fields = ordered(collection, shown);
    let fields = fields.iter().map(|field| (field.name.as_str(), &*field.label, now == Some(&field.name)));
    let options: Vec<_> = std::iter::once((KEY, "Key", now.is_none())).chain(fields).collect();
    list("Field", &options, onchange, test)
}

/// The field that was chosen in [`field_list`].
pub fn field_of(event: &Event) -> Option<FieldName> {
    FieldName::new(input_text(event)).ok()
}

fn line(form: &Conditions, begin: Html, one: &Condition, at: [Option<usize>; 2]) -> Html {
    let field = one.field.as_ref().and_then(|name| form.collection.fields.get(name));
    let field_type = field.map(|field| field.field_type);
    let collection = form.collection.clone();
    let onfield = form.on_one(at, move |one, event: Event| {
        one.field = field_of(&event);
        let field = one.field.as_ref().and_then(|name| collection.fields.get(name));
        one.operator = operators(field.map(|field| field.field_type))[0];
        one.values.clear();
    });
    let offered: Vec<(&str, &str, bool)> = Operator::ALL
        .iter()
        .filter(|(operator, _)| operators(field_type).contains(operator))
        .map(|(operator, name)| (*name, operator_label(*operator, field_type), *operator == one.operator))
        .collect();
    let onoperator = form.on_one(at, |one, event: Event| {
        let name = input_text(&event);
        if let Some((operator, _)) = Operator::ALL.iter().find(|(_, other)| *other == name) {
            one.operator = *operator;
            one.values.truncate(operator.values());
        }
    });
    let remove = form.then(move |filter| match at {
        [Some(at), None] => drop(filter.parts.remove(at)),
        [Some(outer), Some(inner)] => {
            if let Some(Part::Group(group)) = filter.parts.get_mut(outer) {
                group.parts.remove(inner);
                if group.parts.is_empty() {
                    filter.parts.remove(outer);
                }
            }
        }
        _ => {}
    });
    let wrong = one.test(&form.collection).err().filter(|_| one.values.iter().any(|value| !value.is_empty()));
    html! {
        <div class="mooring-condition" data-test="condition">
            { begin }
            { field_list(&form.collection, &form.shown, one.field.as_ref(), onfield, "condition-field") }
            { list("Test", &offered, onoperator, "condition-operator") }
            { values(form, one, field, at, wrong.is_some()) }
            <Button look={Look::Plain} icon={Icon::Close} text="Remove this condition" onclick={remove} test="condition-remove" />
            if let Some(wrong) = wrong {
                <p class="mooring-condition-wrong" data-test="condition-wrong">{ wrong }</p>
            }
        </div>
    }
}

/// What the value is compared with.
fn values(
    form: &Conditions,
    one: &Condition,
    field: Option<&Field>,
    at: [Option<usize>; 2],
    wrong: bool,
) -> Html {
    let input = |place: usize| {
        let text = one.values.get(place).cloned().unwrap_or_default();
        let kind = match field.map(|field| field.field_type) {
            Some(FieldType::Date) => "date",
            Some(FieldType::DateTime) => "datetime-local",
            _ => "text",
        };
        let is_time = kind == "datetime-local";
        let shown = if is_time { clock::to_input(&text) } else { text };
        let oninput = form.on_one(at, move |one, event: InputEvent| {
            let text = input_text(&event);
            one.values.resize(one.values.len().max(place + 1), String::new());
            one.values[place] =
                if is_time { clock::from_input(&text, None).unwrap_or_default() } else { text };
        });
        control(
            None,
            wrong,
            html! {
                <input type={kind} value={shown} {oninput} aria-label="Value" autocomplete="off" dir="auto" data-test="condition-value" />
            },
        )
    };
    match (one.operator, field) {
        (Operator::Empty | Operator::Filled, _) => Html::default(),
        (Operator::Between, _) => {
            html! { <>{ input(0) }<span class="mooring-muted">{ "and" }</span>{ input(1) }</> }
        }
        (Operator::Is | Operator::IsNot, Some(field))
            if matches!(field.field_type, FieldType::YesNo | FieldType::Choice) =>
        {
            let options = match field.field_type {
                FieldType::YesNo => vec!["yes".to_owned(), "no".to_owned()],
                _ => field.options.clone(),
            };
            let now = one.values.first().cloned().unwrap_or_default();
            let options: Vec<_> = std::iter::once(("", "—", now.is_empty()))
                .chain(options.iter().map(|option| (option.as_str(), option.as_str(), now == *option)))
                .collect();
            let onchange = form.on_one(at, |one, event: Event| one.values = vec![input_text(&event)]);
            list("Value", &options, onchange, "condition-value")
        }
        (Operator::AnyOf, Some(field)) => html! {
            <span class="mooring-options">
                { for field.options.iter().map(|option| {
                    let on = one.values.contains(option);
                    let name = option.clone();
                    let onclick = form.on_one(at, move |one, _: MouseEvent| match on {
                        true => one.values.retain(|other| *other != name),
                        false => one.values.push(name.clone()),
                    });
                    html! { <button type="button" class={classes!("mooring-option", on.then_some("mooring-on"))} aria-pressed={on.to_string()} {onclick} data-test="condition-option">{ option }</button> }
                }) }
            </span>
        },
        (Operator::HasAny | Operator::HasAll | Operator::HasNone, _) => {
            let oninput = form.on_one(at, |one, event: InputEvent| {
                one.values = input_text(&event).split(',').map(|tag| tag.trim_start().to_owned()).collect();
            });
            control(
                None,
                wrong,
                html! {
                    <input type="text" value={one.values.join(", ")} {oninput} aria-label="Tags, separated by commas" placeholder="Tags, separated by commas" autocomplete="off" dir="auto" data-test="condition-value" />
                },
            )
        }
        _ => input(0),
    }
}
