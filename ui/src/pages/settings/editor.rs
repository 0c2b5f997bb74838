//! One field, changed in its place in the list.

use super::draft::{Draft, OptionDraft, Wrong};
use super::reshape::{Weighing, weighed};
use super::use_shape;
use crate::components::button::{Button, Look};
use crate::components::field_input::FieldInput;
use crate::components::field_value::colour_class;
use crate::components::form::{Group, TextField, control, input_text, select_arrow};
use crate::components::icon::Icon;
use crate::components::type_select::type_select;
use crate::hooks::{use_call, use_toaster};
use crate::platform::dom;
use crate::text::field::formats;
use std::rc::Rc;
use sync_client::api::{Answer, CollectionInfo, Command, Reshape, field_op};
use sync_protocol::schema::{Colour, Details, Field, Format};
use sync_protocol::{FieldType, Value};
use web_sys::HtmlInputElement;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct EditorProps {
    pub info: CollectionInfo,
    pub field: Field,
    pub onclose: Callback<()>,
}

/// The form. What somebody else changes meanwhile is met when it is saved, part by part.
#[component]
pub fn Editor(props: &EditorProps) -> Html {
    let shape = use_shape();
    let (call, toaster) = (use_call(), use_toaster());
    let saw = use_state(|| Rc::new(props.field.clone()));
    let draft = use_state(|| Draft::of(&props.field));
    // two events may come within one drawing: the second one goes on from the first
    let newest = use_mut_ref(|| Draft::of(&props.field));
    let wrong = use_state(Wrong::new);
    let weighing = use_state(|| None::<Rc<Weighing>>);
    let busy = use_state_eq(|| false);
    {
        // what has been changed since it was opened: nothing is written yet that would be lost
        let (saw, draft, newest) = (saw.clone(), draft.setter(), newest.clone());
        use_effect_with(props.field.clone(), move |field| {
            if **saw != *field && *newest.borrow() == Draft::of(&saw) {
                saw.set(Rc::new(field.clone()));
                newest.replace(Draft::of(field));
                draft.set(Draft::of(field));
            }
        });
    }

    let others = props.info.collection.ordered().into_iter().filter(|field| field.name != props.field.name);
    let taken: Vec<String> = others.map(|field| field.label.clone()).collect();
    let change = Rc::new({
        let (draft, newest) = (draft.setter(), newest.clone());
        move |make: &dyn Fn(&mut Draft)| {
            make(&mut newest.borrow_mut());
            draft.set(newest.borrow().clone());
        }
    });
    let text = |set: fn(&mut Draft, String)| {
        let change = change.clone();
        Callback::from(move |text: String| change(&|draft| set(draft, text.clone())))
    };
    let tick = |set: fn(&mut Draft, bool)| {
        let change = change.clone();
        Callback::from(move |event: Event| {
            let on = event.target_dyn_into::<HtmlInputElement>().is_some_and(|input| input.checked());
            change(&|draft| set(draft, on));
        })
    };
    let ask = {
        let (call, toaster, weighing, busy) =
            (call.clone(), toaster.clone(), weighing.clone(), busy.setter());
        let onclose = props.onclose.clone();
        Callback::from(move |reshape: Reshape| {
            let (toaster, weighing, busy, onclose) =
                (toaster.clone(), weighing.clone(), busy.clone(), onclose.clone());
            busy.set(true);
            let asked = reshape.clone();
            let done = Callback::from(move |outcome| {
                busy.set(false);
                match outcome {
                    Ok(Answer::Reshaped(told)) if asked.dry_run => {
                        weighing.set(Some(Rc::new(Weighing { reshape: asked.clone(), told })));
                    }
                    Ok(_) => {
                        toaster.step(format!("“{}” changed on this device", asked.want.label));
                        onclose.emit(());
                    }
                    Err(failure) => toaster.failure(&failure),
                }
            });
            call.emit((Command::Reshape(Box::new(reshape)), done));
        })
    };
    let onsubmit = {
        let (draft, saw, wrong, taken, ask) =
            (newest.clone(), saw.clone(), wrong.setter(), taken, ask.clone());
        let (shape, collection, onclose) = (shape.clone(), props.info.id.clone(), props.onclose.clone());
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            let (want, renamed) = match draft.borrow().read(&saw, &taken) {
                Ok(read) => read,
                Err(why) => {
                    wrong.set(why);
                    return dom::focus_wrong();
                }
            };
            wrong.set(Wrong::new());
            if weighs(&saw, &want) {
                let (collection, saw) = (collection.clone(), (**saw).clone());
                return ask.emit(Reshape { collection, saw, want, renamed, dry_run: true });
            }
            let ops = field_op(&collection, &saw, &want).into_iter().collect();
            shape.emit((ops, format!("“{}” changed on this device", want.label), onclose.clone()));
        })
    };
    let ondelete = {
        let (shape, saw, collection, onclose) =
            (shape, saw.clone(), props.info.id.clone(), props.onclose.clone());
        Callback::from(move |_: MouseEvent| {
            let details = Details { deleted: true, ..saw.details.clone() };
            let want = Field { details, ..(**saw).clone() };
            let ops = field_op(&collection, &saw, &want).into_iter().collect();
            shape.emit((ops, format!("“{}” deleted on this device", saw.label), onclose.clone()));
        })
    };
    let confirm = {
        let (ask, weighing) = (ask, weighing.clone());
        Callback::from(move |()| {
            if let Some(weighing) = &*weighing {
                ask.emit(Reshape { dry_run: false, ..weighing.reshape.clone() });
            }
        })
    };
    let cancel = {
        let weighing = weighing.setter();
        Callback::from(move |()| weighing.set(None))
    };
    let name = props.field.name.as_str();
    let error = |part: &str| wrong.get(part).map(|why| AttrValue::from(why.clone()));
    let mirrored = props.info.mirror.is_some();
    let set_type =
        text(|draft, text| draft.field_type = FieldType::from_name(&text).unwrap_or(draft.field_type));
    let type_id = format!("type-{name}");
    let bare = draft.bare(&saw);
    let value = |part: &'static str,
                 label: &'static str,
                 now: &str,
                 before: &Value,
                 set: fn(&mut Draft, String)| {
        let field = Field { label: label.to_owned(), ..bare.clone() };
        let before = if saw.field_type == draft.field_type { before.clone() } else { Value::ABSENT };
        html! { <FieldInput {field} text={now.to_owned()} oninput={text(set)} {before} error={error(part)} prefix={part} /> }
    };
    let (saw_default, saw_smallest, saw_largest) =
        (&saw.details.default, &saw.details.smallest, &saw.details.largest);
    html! {
        <form class="pf-v6-c-form mooring-field-editor" {onsubmit} novalidate=true data-test="field-editor" data-field={name.to_owned()}>
            <div class="mooring-pair">
                <TextField id={format!("label-{name}")} label="Name" value={draft.label.clone()} oninput={text(|draft, text| draft.label = text)}
                    error={error("label")} required=true autofocus=true test="editor-label" />
                <Group id={type_id.clone()} label="Type" hint={mirrored.then_some(AttrValue::Static("Kept in step with a table: its column has this type."))}>
                    { type_select(Some(type_id), None, draft.field_type, mirrored || saw.field_type == FieldType::Unknown, set_type.reform(|event: Event| input_text(&event)), "editor-type") }
                </Group>
            </div>
            <TextField id={format!("help-{name}")} label="Help text" value={draft.help.clone()} oninput={text(|draft, text| draft.help = text)}
                hint="Stands below its input." test="editor-help" />
            if !formats(draft.field_type).is_empty() {
                { format_select(&draft, name, text(|draft, text| draft.format = text)) }
            }
            if draft.field_type == FieldType::Choice {
                { options(&draft.options, &change, error("options")) }
            }
            <div class="mooring-ticks">
                <label><input type="checkbox" checked={draft.required} onchange={tick(|draft, on| draft.required = on)} data-test="editor-required" />{ " Has to be filled in" }</label>
                if draft.field_type.can_be_unique() {
                    <label><input type="checkbox" checked={draft.unique} onchange={tick(|draft, on| draft.unique = on)} data-test="editor-unique" />{ " No value twice" }</label>
                }
            </div>
            if draft.field_type != FieldType::Unknown {
                <div class="mooring-pair">
                    { value("default", "Value of new records", &draft.default, saw_default, |draft, text| draft.default = text) }
                    if matches!(draft.field_type, FieldType::Text | FieldType::LongText) {
                        <TextField id={format!("longest-{name}")} label="Longest text, in characters" value={draft.longest.clone()} kind="number"
                            oninput={text(|draft, text| draft.longest = text)} error={error("longest")} test="editor-longest" />
                    }
                </div>
            }
            if draft.field_type.has_size() {
                <div class="mooring-pair">
                    { value("smallest", "Smallest value", &draft.smallest, saw_smallest, |draft, text| draft.smallest = text) }
                    { value("largest", "Largest value", &draft.largest, saw_largest, |draft, text| draft.largest = text) }
                </div>
            }
            <div class="mooring-editor-foot">
                <Button look={Look::Primary} submit=true text="Save" busy={*busy} test="editor-save" />
                <Button look={Look::Link} text="Cancel" onclick={props.onclose.reform(|_: MouseEvent| ())} test="editor-cancel" />
                <span class="mooring-space"></span>
                <Button look={Look::Link} class="pf-m-danger" text="Delete field" onclick={ondelete} test="field-delete"
                    title="Its values stay. It can be restored below." />
            </div>
            if let Some(weighing) = &*weighing {
                { weighed(weighing, *busy, confirm, cancel) }
            }
        </form>
    }
}

/// Whether values of records depend on it, so that they are counted first.
fn weighs(saw: &Field, want: &Field) -> bool {
    let rules = |field: &Field| {
        let Details { required, unique, smallest, largest, longest, former, format, .. } =
            field.details.clone();
        // a sign behind a number asks nothing of it
        let format = format.filter(|format| !matches!(format, Format::Percent | Format::Currency(_)));
        (field.field_type, required, unique, smallest, largest, longest, (former, format))
    };
    rules(saw) != rules(want)
}

/// As what values are shown.
fn format_select(draft: &Draft, name: &str, set: Callback<String>) -> Html {
    let id = format!("format-{name}");
    let known = formats(draft.field_type);
    // one that only a later version knows
    let other =
        Some(&draft.format).filter(|now| !now.is_empty() && known.iter().all(|(name, _)| name != now));
    let option = |name: &str, text: &str| {
        html! { <option value={name.to_owned()} selected={draft.format == name}>{ text.to_owned() }</option> }
    };
    html! {
        <Group id={id.clone()} label="Shown as">
            { control(None, false, html! {
                <>
                    <select {id} onchange={set.reform(|event: Event| input_text(&event))} data-test="editor-format">
                        { option("", "As it is") }
                        { for known.iter().map(|(name, text)| option(name, text)) }
                        { for other.map(|name| option(name, name)) }
                    </select>
                    { select_arrow() }
                </>
            }) }
        </Group>
    }
}

/// What a button does to the options.
type Act = Box<dyn Fn(&mut Vec<OptionDraft>)>;

/// The options, each with its name, its colour and its place.
fn options(
    all: &[OptionDraft],
    change: &Rc<impl Fn(&dyn Fn(&mut Draft)) + 'static>,
    error: Option<AttrValue>,
) -> Html {
    let act = |act: Act| {
        let change = change.clone();
        Callback::from(move |_: MouseEvent| change(&|draft| act(&mut draft.options)))
    };
    let last = all.len().saturating_sub(1);
    html! {
        <Group id="editor-options" label="Options" {error} hint="One that is removed stays in the records that have it.">
            <ol class="mooring-option-list" role="list" id="editor-options">
                { for all.iter().enumerate().map(|(at, option)| {
                    let oninput = {
                        let change = change.clone();
                        Callback::from(move |event: InputEvent| {
                            let text = input_text(&event);
                            change(&|draft| if let Some(option) = draft.options.get_mut(at) { option.text.clone_from(&text) });
                        })
                    };
                    let onchange = {
                        let change = change.clone();
                        Callback::from(move |event: Event| {
                            let colour = Colour::from_name(&input_text(&event));
                            change(&|draft| if let Some(option) = draft.options.get_mut(at) { option.colour = colour });
                        })
                    };
                    html! {
                        <li key={at}>
                            <span class={classes!("pf-v6-c-label", "pf-m-compact", colour_class(option.colour))} aria-hidden="true"><span class="pf-v6-c-label__content"><span class="pf-v6-c-label__text">{ "Aa" }</span></span></span>
                            { control(None, false, html! { <input value={option.text.clone()} {oninput} aria-label={format!("Option {}", at + 1)} dir="auto" data-test="option-text" /> }) }
                            { control(None, false, html! {
                                <>
                                    <select {onchange} aria-label={format!("Colour of option {}", at + 1)} data-test="option-colour">
                                        { for Colour::ALL.into_iter().map(|colour| html! { <option value={colour.name()} selected={colour == option.colour}>{ colour.name() }</option> }) }
                                    </select>
                                    { select_arrow() }
                                </>
                            }) }
                            <Button look={Look::Plain} icon={Icon::SortUp} text="Move up" disabled={at == 0} onclick={act(Box::new(move |all| all.swap(at, at - 1)))} />
                            <Button look={Look::Plain} icon={Icon::SortDown} text="Move down" disabled={at == last} onclick={act(Box::new(move |all| all.swap(at, at + 1)))} />
                            <Button look={Look::Plain} icon={Icon::Trash} text="Remove this option" onclick={act(Box::new(move |all| drop(all.remove(at))))} test="option-remove" />
                        </li>
                    }
                }) }
            </ol>
            <Button look={Look::Link} icon={Icon::Plus} text="Another option" test="option-add"
                onclick={act(Box::new(|all| all.push(OptionDraft { was: None, text: String::new(), colour: Colour::Grey })))} />
        </Group>
    }
}
