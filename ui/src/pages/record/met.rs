//! A review in the form of its record: a field that changed on both sides shows both, and one click decides. With the keyboard
//! 1 and 2 choose for the first field that is open, as in a review.

use crate::components::difference::changed;
use crate::components::field_value::full;
use crate::components::signature::author_line;
use crate::hooks::{use_call, use_toaster};
use crate::live::{use_keys, use_live};
use crate::pages::frame::use_here;
use crate::pages::review::{Case, Draft, Picked};
use crate::platform::dom;
use std::collections::BTreeMap;
use std::rc::Rc;
use sync_client::api::{ConflictInfo, RecordInfo};
use sync_protocol::{ChangeId, ConflictKind, FieldName};
use yew::prelude::*;

/// Whether a review is shown in the form: both sides are edits of a record that is there.
pub fn is_in_form(info: &ConflictInfo, lives: bool) -> bool {
    let open = info.item.settled.is_none() && info.item.pending.is_none();
    open && lives && info.conflict.kind == ConflictKind::EditEdit
}

/// What of a record needs review, by field.
pub struct Met {
    cases: Rc<Vec<Case>>,
    drafts: Rc<BTreeMap<ChangeId, Draft>>,
    pick: Callback<(ChangeId, FieldName, Picked)>,
}

/// The reviews of a record, and how they are decided.
#[hook]
pub fn use_met(about: Option<&Rc<RecordInfo>>, readonly: bool) -> Met {
    let here = use_here();
    let (call, toaster) = (use_call(), use_toaster());
    let drafts = use_live(BTreeMap::<ChangeId, Draft>::new);
    let cases = use_memo((about.cloned(), readonly, here), |(about, readonly, here)| {
        let all =
            about.iter().flat_map(|about| about.conflicts.iter().map(|info| (info, about.fields.is_some())));
        let shown = all.filter(|(info, lives)| !readonly && is_in_form(info, *lives));
        shown.map(|(info, _)| Case::new(here, Rc::new(info.clone()))).collect::<Vec<_>>()
    });
    let pick = {
        let (drafts, cases) = (drafts.clone(), cases.clone());
        Callback::from(move |(id, name, picked): (ChangeId, FieldName, Picked)| {
            drafts.change(|drafts| drop(drafts.entry(id).or_default().picks.insert(name, picked)));
            let draft = drafts.get().get(&id).cloned().unwrap_or_default();
            let Some(case) = cases.iter().find(|case| case.info.item.id == id) else { return };
            // fields that are still open are chosen first
            let Some(Ok(command)) = case.command(&draft) else { return };
            let says = case.says(&draft);
            let (toaster, drafts) = (toaster.clone(), drafts.clone());
            let done = Callback::from(move |outcome| {
                drafts.change(|drafts| drop(drafts.remove(&id)));
                match outcome {
                    Ok(_) => {
                        let says = says.strip_prefix("Save ").unwrap_or(&says);
                        toaster.decided(format!("Saved on this device: {says}"), vec![id]);
                        // the buttons go: keys are for the record again
                        dom::focus("[data-test=record-title]");
                    }
                    Err(failure) => toaster.failure(&failure),
                }
            });
            call.emit((command, done));
        })
    };
    let met = Met { cases, drafts: drafts.get(), pick };
    let (next, pick) = (met.next(), met.pick.clone());
    use_keys(Callback::from(move |event: KeyboardEvent| {
        let picked = match event.key().as_str() {
            "1" => Picked::Current,
            "2" => Picked::Incoming,
            _ => return,
        };
        if let Some((id, name)) = &next {
            event.prevent_default();
            pick.emit((*id, name.clone(), picked));
        }
    }));
    met
}

impl Met {
    /// The first field that needs a choice: keys choose for it.
    fn next(&self) -> Option<(ChangeId, FieldName)> {
        self.cases.iter().find_map(|case| {
            let id = case.info.item.id;
            let draft = self.drafts.get(&id).cloned().unwrap_or_default();
            case.missing(&draft).first().map(|field| (id, field.name.clone()))
        })
    }

    /// Both sides of a field, where it needs a choice.
    pub fn in_field(&self, name: &FieldName) -> Html {
        let next = self.next();
        self.cases
            .iter()
            .filter(|case| case.info.conflict.fields.contains_key(name) && case.needs_choice(name))
            .map(|case| self.sides(case, name, &next))
            .collect()
    }

    fn sides(&self, case: &Case, name: &FieldName, next: &Option<(ChangeId, FieldName)>) -> Html {
        let Some(field) = case.field(name) else { return Html::default() };
        let id = case.info.item.id;
        let picked = self.drafts.get(&id).and_then(|draft| draft.picks.get(name));
        let keys = next.as_ref().is_some_and(|(of, field)| *of == id && field == name);
        let sides = &case.info.conflict.fields[name];
        let side = |what: Picked, value, by: Option<&_>, key: &'static str, test: &'static str| {
            let on = picked == Some(&what);
            let label = case.says_field(name, &what);
            let (pick, name) = (self.pick.clone(), name.clone());
            let onclick = Callback::from(move |_: MouseEvent| pick.emit((id, name.clone(), what.clone())));
            html! {
                <button type="button" class={classes!("mooring-met-pick", on.then_some("mooring-side-on"))} {onclick} aria-label={label}
                    aria-pressed={on.to_string()} data-test={test}>
                    <span>{ if sides.base.is_absent() { full(field, value) } else { changed(field, &sides.base, value) } }</span>
                    if keys {
                        <kbd>{ key }</kbd>
                    }
                    if let Some(by) = by {
                        { author_line(by, "edited") }
                    }
                </button>
            }
        };
        html! {
            <div class="mooring-met-here" role="group" aria-label={format!("{} needs review", field.label)} data-test="field-review" data-field={name.to_string()}>
                <p>{ "Changed on both sides. Which shall count?" }</p>
                { side(Picked::Current, case.now(name), case.info.current_by.get(name), "1", "met-current") }
                { side(Picked::Incoming, case.incoming_value(name), case.info.incoming_by.get(name), "2", "met-incoming") }
            </div>
        }
    }
}
