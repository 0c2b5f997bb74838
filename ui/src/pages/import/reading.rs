//! How the file is read: its letters, what stands between cells, the row of names, numbers and dates.

use crate::components::form::{Group, control, input_text, select_arrow};
use crate::platform::file::ENCODINGS;
use std::rc::Rc;
use sync_client::api::{Dates, ImportPlan, Numbers, Preview, Reading};
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct ReadingFormProps {
    pub preview: Rc<Preview>,
    /// In which the file was read.
    pub encoding: AttrValue,
    /// Read it in another one.
    pub onencoding: Callback<String>,
    /// Look at it again.
    pub onplan: Callback<ImportPlan>,
}

const DELIMITERS: [(&str, &str); 4] = [(",", "commas"), (";", "semicolons"), ("\t", "tabs"), ("|", "bars |")];
const NUMBERS: [(&str, Option<Numbers>, &str); 3] = [
    ("", None, "not sure: kept as text"),
    ("point", Some(Numbers::Point), "1,234.5"),
    ("comma", Some(Numbers::Comma), "1.234,5"),
];
const DATES: [(&str, Option<Dates>, &str); 3] = [
    ("", None, "2026-11-23"),
    ("day", Some(Dates::DayFirst), "23.11.2026"),
    ("month", Some(Dates::MonthFirst), "11/23/2026"),
];

/// One line of choices.
#[component]
pub fn ReadingForm(props: &ReadingFormProps) -> Html {
    let Some(reading) = props.preview.plan.reading else { return Html::default() };
    let change = |make: fn(&mut Reading, String)| {
        let (plan, onplan) = (props.preview.plan.clone(), props.onplan.clone());
        Callback::from(move |event: Event| {
            let mut reading = reading;
            make(&mut reading, input_text(&event));
            // the columns may be others now
            onplan.emit(ImportPlan { reading: Some(reading), columns: Vec::new(), ..plan.clone() });
        })
    };
    let delimiter = change(|reading, text| reading.delimiter = text.chars().next().unwrap_or(','));
    let heading = change(|reading, text| reading.heading = text.parse().unwrap_or(reading.heading));
    let numbers =
        change(|reading, text| reading.numbers = NUMBERS.into_iter().find(|n| n.0 == text).and_then(|n| n.1));
    let dates =
        change(|reading, text| reading.dates = DATES.into_iter().find(|d| d.0 == text).and_then(|d| d.1));
    let encoding = props.onencoding.reform(|event: Event| input_text(&event));
    let start = props.preview.start.iter().enumerate();
    let rows: Vec<(String, String)> =
        start.map(|(at, row)| ((at + 1).to_string(), format!("{}: {row}", at + 1))).collect();
    html! {
        <div class="mooring-plan-head" role="group" aria-label="How the file is read">
            { list("import-delimiter", "Cells are parted by", delimiter, DELIMITERS.into_iter().map(|(value, text)| (value, text, reading.delimiter.to_string() == value))) }
            { list("import-heading", "Columns are named by row", heading, std::iter::once(("0", "none of them", reading.heading == 0))
                .chain(rows.iter().map(|(value, text)| (value.as_str(), text.as_str(), *value == reading.heading.to_string())))) }
            { list("import-numbers", "Numbers look like", numbers, NUMBERS.into_iter().map(|(value, is, text)| (value, text, reading.numbers == is))) }
            { list("import-dates", "Dates look like", dates, DATES.into_iter().map(|(value, is, text)| (value, text, reading.dates == is))) }
            if !props.encoding.is_empty() {
                { list("import-encoding", "Letters are", encoding, ENCODINGS.into_iter().map(|(value, text)| (value, text, props.encoding == value))) }
            }
        </div>
    }
}

/// A list to choose from; of each entry its value, its text and whether it is the one.
fn list<'a>(
    id: &'static str,
    label: &'static str,
    onchange: Callback<Event>,
    entries: impl Iterator<Item = (&'a str, &'a str, bool)>,
) -> Html {
    html! {
        <Group {id} {label}>
            { control(None, false, html! {
                <>
                    <select {id} {onchange} data-test={id}>
                        { for entries.map(|(value, text, selected)| html! {
                            <option value={value.to_owned()} {selected}>{ text }</option>
                        }) }
                    </select>
                    { select_arrow() }
                </>
            }) }
        </Group>
    }
}
