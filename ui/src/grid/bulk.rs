//! One field of many records, set at once.

use super::columns::Column;
use super::rows::Source;
use crate::components::button::{Button, Look};
use crate::components::dialog::Dialog;
use crate::components::field_input::{FieldInput, from_input};
use crate::components::form::{Group, input_text};
use crate::hooks::{use_backend, use_toaster};
use crate::text::count;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use sync_client::api::{CollectionInfo, Command, Op, Seen};
use sync_protocol::record::value_of;
use sync_protocol::schema::Field;
use sync_protocol::{FieldType, RecordId, RecordKey, Value};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

/// Records that are edited at once: what one step may hold.
const MOST: usize = 20_000;

#[derive(Clone, PartialEq, Properties)]
pub struct EditManyProps {
    pub info: CollectionInfo,
    pub columns: Rc<Vec<Column>>,
    pub source: Source,
    pub keys: Rc<BTreeSet<RecordKey>>,
    pub onclose: Callback<()>,
}

/// Asks for the field and its value, then saves it for all.
#[component]
pub fn EditMany(props: &EditManyProps) -> Html {
    let (backend, toaster) = (use_backend(), use_toaster());
    let fields: Vec<&Field> = props
        .columns
        .iter()
        .filter_map(|column| column.field.as_ref())
        .filter(|field| field.field_type != FieldType::Unknown)
        .collect();
    let at = use_state_eq(|| 0usize);
    let text = use_state_eq(String::new);
    let error = use_state_eq(|| None::<AttrValue>);
    let busy = use_state_eq(|| false);
    let n = props.keys.len();
    let Some(field) = fields.get(*at).copied().cloned() else { return Html::default() };
    let onfield = {
        let (at, text, error) = (at.setter(), text.setter(), error.setter());
        Callback::from(move |event: Event| {
            at.set(input_text(&event).parse().unwrap_or(0));
            text.set(String::new());
            error.set(None);
        })
    };
    let oninput = {
        let (text, error) = (text.setter(), error.setter());
        Callback::from(move |now: String| {
            text.set(now);
            error.set(None);
        })
    };
    let onsave = {
        let (source, keys, collection, onclose) =
            (props.source.clone(), props.keys.clone(), props.info.id.clone(), props.onclose.clone());
        let (field, text, error, busy) = (field.clone(), text.clone(), error.setter(), busy.setter());
        Callback::from(move |_: MouseEvent| {
            let want = match from_input(&field, &text, &Value::ABSENT) {
                Ok(want) => want,
                Err(why) => return error.set(Some(why.into())),
            };
            if keys.len() > MOST {
                return error.set(Some(
                    format!("At most {} can be edited at once.", count::records(MOST as u64)).into(),
                ));
            }
            busy.set(true);
            let (source, keys, collection, onclose, field) =
                (source.clone(), keys.clone(), collection.clone(), onclose.clone(), field.clone());
            let (backend, toaster, error, busy) =
                (backend.clone(), toaster.clone(), error.clone(), busy.clone());
            spawn_local(async move {
                let outcome = async {
                    let rows = source.all(usize::MAX).await?;
                    let rows = rows.iter().filter(|row| keys.contains(&row.key) && !row.gone);
                    let ops: Vec<Op> = rows
                        .filter(|row| !value_of(&row.fields, &field.name).same(&want))
                        .map(|row| {
                            let seen =
                                Seen { saw: value_of(&row.fields, &field.name).clone(), want: want.clone() };
                            let id = RecordId::new(collection.clone(), row.key.clone());
                            Op::Edit { id, fields: BTreeMap::from([(field.name.clone(), seen)]) }
                        })
                        .collect();
                    let changed = ops.len();
                    if changed > 0 {
                        let label = Some(format!("Edit {}", field.label));
                        backend
                            .call(Command::Write { ops, label, types: Vec::new(), memos: Vec::new() })
                            .await?;
                    }
                    Ok(changed)
                };
                match outcome.await {
                    Ok(changed) => {
                        toaster.step(format!(
                            "{} of {} changed on this device",
                            field.label,
                            count::records(changed as u64)
                        ));
                        onclose.emit(());
                    }
                    Err(failure) => {
                        let failure: sync_client::api::Failure = failure;
                        busy.set(false);
                        error.set(Some(failure.message.into()));
                    }
                }
            });
        })
    };
    let actions = html! {
        <>
            <Button look={Look::Primary} text={format!("Change {}", count::records(n as u64))} busy={*busy} onclick={onsave} test="edit-many-save" />
            <Button look={Look::Link} text="Cancel" onclick={props.onclose.reform(|_: MouseEvent| ())} />
        </>
    };
    html! {
        <Dialog title={format!("Edit {}", count::records(n as u64))} onclose={props.onclose.clone()} {actions} test="edit-many">
            <Group id="edit-many-field" label="Field">
                <span class="pf-v6-c-form-control">
                    <select id="edit-many-field" onchange={onfield} data-test="edit-many-field">
                        { for fields.iter().enumerate().map(|(place, field)| html! { <option value={place.to_string()} selected={place == *at}>{ &field.label }</option> }) }
                    </select>
                </span>
            </Group>
            <FieldInput field={field} text={(*text).clone()} {oninput} error={(*error).clone()} prefix="many" />
        </Dialog>
    }
}
