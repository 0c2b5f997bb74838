//! What changing a field would do to the values of records, told before it is done.

use crate::components::dialog::Confirm;
use crate::text::count;
use crate::text::field::{sentence, type_label};
use sync_client::api::{Reshape, Reshaped, Unfit};
use yew::prelude::*;

/// A change that was counted.
pub struct Weighing {
    pub reshape: Reshape,
    pub told: Box<Reshaped>,
}

/// Tells it, and asks.
pub fn weighed(weighing: &Weighing, busy: bool, onconfirm: Callback<()>, oncancel: Callback<()>) -> Html {
    let Weighing { reshape, told } = weighing;
    let (saw, want) = (&reshape.saw, &reshape.want);
    let n = |n: usize| count::records(n as u64);
    let of_type = saw.field_type != want.field_type;
    let title = match of_type {
        true => format!("Change “{}” to “{}”?", want.label, type_label(want.field_type)),
        false => format!("Change “{}”?", want.label),
    };
    let action = match told.unfit {
        0 => "Change it".to_owned(),
        unfit => format!("Change it and empty {}", count::of(unfit as u64, "value", "values")),
    };
    let removed: Vec<(&String, usize)> = want
        .details
        .former
        .iter()
        .filter(|option| !saw.details.former.contains(option) && !reshape.renamed.contains_key(*option))
        .map(|option| (option, told.values.get(option).copied().unwrap_or_default()))
        .collect();
    let missing = if want.details.required && !saw.details.required { told.empty } else { 0 };
    html! {
        <Confirm {title} {action} {busy} danger={told.unfit > 0} {onconfirm} {oncancel}>
            <ul class="mooring-weighed" role="list" data-test="weighed">
                <li>{ format!("{} hold a value, {} none.", n(told.filled), count::number(told.empty as u64)) }</li>
                if told.converted > 0 {
                    <li data-test="weighed-converted">{ format!("{} written in the new way.", count::of(told.converted as u64, "value is", "values are")) }</li>
                }
                { for removed.into_iter().map(|(option, used)| html! {
                    <li data-test="weighed-option">{ format!("“{option}” is offered no more. {}.", match used {
                        0 => "No record has it".to_owned(),
                        1 => "1 record has it, and keeps it".to_owned(),
                        used => format!("{} have it, and keep it", n(used)),
                    }) }</li>
                }) }
                if told.unsent > 0 {
                    <li>{ format!("{} of these on this device {} not sent yet.", count::of(told.unsent as u64, "edit", "edits"), if told.unsent == 1 { "is" } else { "are" }) }</li>
                }
                if missing > 0 {
                    <li data-test="weighed-missing">{ format!("{} without a value. Whoever adds or changes this field fills it in from now on.", count::of(missing as u64, "record is", "records are")) }</li>
                }
                if want.details.unique && told.twice > 0 {
                    <li data-test="weighed-twice">{ format!("{} there more than once. They stay until somebody changes them.", count::of(told.twice as u64, "value is", "values are")) }</li>
                }
            </ul>
            if told.unfit > 0 {
                <p><strong data-test="weighed-unfit">{ format!("{} into this type, and {} emptied.", count::of(told.unfit as u64, "value does not fit", "values do not fit"), if told.unfit == 1 { "is" } else { "are" }) }</strong>{ " The history of each record keeps it, and Undo brings all of it back." }</p>
                { sample(&told.unfit_sample, told.unfit) }
            }
            if told.broken > 0 {
                <p>{ format!("{} to what the field asks. They stay as they are until somebody changes them.", count::of(told.broken as u64, "value does not keep", "values do not keep")) }</p>
                { sample(&told.broken_sample, told.broken) }
            }
        </Confirm>
    }
}

fn sample(sample: &[Unfit], all: usize) -> Html {
    let more = all.saturating_sub(sample.len());
    html! {
        <ul class="mooring-weighed mooring-weighed-sample" role="list">
            { for sample.iter().map(|unfit| html! {
                <li data-test="weighed-sample"><span dir="auto">{ &unfit.title }</span>{ ": " }<q dir="auto">{ &unfit.shown }</q>{ " " }<span class="mooring-muted">{ sentence(&unfit.why) }</span></li>
            }) }
            if more > 0 {
                <li class="mooring-muted">{ format!("and {} more", count::number(more as u64)) }</li>
            }
        </ul>
    }
}
