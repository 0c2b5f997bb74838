//! Below the grid: which page.

use super::PAGE;
use crate::components::button::{Button, Look};
use crate::components::icon::Icon;
use crate::text::count::number;
use sync_client::api::RowsQuery;
use yew::prelude::*;

/// `1 to 100 of 3,376`, back and forth. Nothing where everything is on one page.
pub fn pager(query: &RowsQuery, matching: usize, onquery: &Callback<RowsQuery>) -> Html {
    let last_page = matching.saturating_sub(1) / PAGE * PAGE;
    // rows may have gone since the page was chosen
    let first = query.offset.min(last_page);
    if matching <= PAGE {
        return Html::default();
    }
    let to = |offset: usize| {
        let (onquery, query) = (onquery.clone(), query.clone());
        Callback::from(move |_: MouseEvent| onquery.emit(RowsQuery { offset, ..query.clone() }))
    };
    html! {
        <nav class="mooring-pager" aria-label="Pages of records">
            <span data-test="page-range">
                { format!("{} to {} of {}", number(first as u64 + 1), number((first + PAGE).min(matching) as u64), number(matching as u64)) }
            </span>
            <Button look={Look::Plain} icon={Icon::ChevronLeft} text="Previous page" disabled={first == 0}
                onclick={to(first.saturating_sub(PAGE))} test="page-previous" />
            <Button look={Look::Plain} icon={Icon::ChevronRight} text="Next page" disabled={first >= last_page}
                onclick={to((first + PAGE).min(last_page))} test="page-next" />
        </nav>
    }
}
