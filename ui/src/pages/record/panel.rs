//! The frame of a record beside the grid, or in place of it: as wide as the person likes, with the ways to the records
//! before and after it.

use crate::components::button::{Button, Look};
use crate::components::icon::Icon;
use crate::live::use_live;
use crate::platform::{dom, kept};
use crate::text::count;
use std::rc::Rc;
use web_sys::{HtmlElement, PointerEvent};
use yew::prelude::*;

/// Where a record stands in the view that is shown, and the ways on from there.
#[derive(Clone, Default, PartialEq)]
pub struct Around {
    /// Its place, from 0; `None` where that is not known, or it is not in the view.
    pub place: Option<usize>,
    /// How many records the view has.
    pub of: usize,
    /// So many records on; less than 0: back.
    pub onstep: Callback<isize>,
}

#[derive(PartialEq, Properties)]
pub struct PanelProps {
    pub title: AttrValue,
    #[prop_or_default]
    pub subtitle: AttrValue,
    /// What else there is of it to look at.
    #[prop_or_default]
    pub tabs: Html,
    #[prop_or_default]
    pub around: Option<Around>,
    /// Whether there may be nothing in it but text: then it takes the focus itself, to be scrolled by keys.
    #[prop_or_default]
    pub reading: bool,
    /// Whether its heading has the focus when it opens.
    #[prop_or(true)]
    pub focus: bool,
    pub onclose: Callback<()>,
    pub children: Html,
}

/// How much room it takes, kept on this device.
#[derive(Clone, Copy, PartialEq)]
struct Room {
    /// In pixels; `None`: as the style has it.
    width: Option<u32>,
    /// Whether it takes all of the page.
    full: bool,
}

const KEPT: &str = "mooring-panel";
/// In pixels: what a form needs at least, and what a grid beside it gives up at most.
const LEAST: u32 = 320;
const MOST: u32 = 1200;
/// In pixels: what one arrow key moves the edge by.
const STEP: i64 = 40;

impl Room {
    fn read() -> Self {
        let text = kept::read(KEPT).unwrap_or_default();
        let mut words = text.split(' ');
        let width =
            words.next().and_then(|word| word.parse().ok()).map(|width: u32| width.clamp(LEAST, MOST));
        Self { width, full: words.next() == Some("full") }
    }

    fn keep(self) {
        let width = self.width.map_or("-".to_owned(), |width| width.to_string());
        kept::write(KEPT, &format!("{width} {}", if self.full { "full" } else { "beside" }));
    }
}

/// The frame. The focus comes here when it opens; when it closes, the grid takes it.
#[component]
pub fn Panel(props: &PanelProps) -> Html {
    let (heading, node) = (use_node_ref(), use_node_ref());
    let room = use_live(Room::read);
    let now = *room.get();
    {
        let (heading, focus) = (heading.clone(), props.focus);
        use_effect_with((), move |()| {
            if focus {
                dom::focus_arrived(&heading);
            }
        });
    }
    {
        let node = node.clone();
        use_effect_with(now.width, move |width| {
            if let Some(width) = width {
                dom::set_style(&node, "--mooring-panel", &format!("{width}px"));
            }
        });
    }
    let resize = {
        let room = room.clone();
        Rc::new(move |width: i64| {
            let width = width.clamp(i64::from(LEAST), i64::from(MOST)) as u32;
            room.change(|room| room.width = Some(width));
            room.get().keep();
        })
    };
    let turn = {
        let room = room.clone();
        Callback::from(move |()| {
            room.change(|room| room.full = !room.full);
            room.get().keep();
        })
    };
    let width = {
        let node = node.clone();
        move || node.cast::<HtmlElement>().map_or(0, |node| i64::from(node.offset_width()))
    };
    let onpointerdown = {
        let (resize, width) = (resize.clone(), width.clone());
        Callback::from(move |event: PointerEvent| {
            event.prevent_default();
            let (resize, start) = (resize.clone(), width());
            dom::drag(&event, move |by| resize(start - by as i64));
        })
    };
    let onedge = Callback::from(move |event: KeyboardEvent| {
        let by = match event.key().as_str() {
            "ArrowLeft" => STEP,
            "ArrowRight" => -STEP,
            _ => return,
        };
        event.prevent_default();
        resize(width() + by);
    });
    let onkeydown = {
        let (onclose, turn) = (props.onclose.clone(), turn.clone());
        let step = props.around.as_ref().map(|around| {
            let (onstep, heading) = (around.onstep.clone(), heading.clone());
            move |by: isize| {
                // what is typed next is meant for the record that comes, not for a field of the one that goes
                dom::focus_ref(&heading);
                onstep.emit(by);
            }
        });
        Callback::from(move |event: KeyboardEvent| {
            if event.is_composing() {
                return;
            }
            match (event.key().as_str(), event.alt_key(), &step) {
                ("Escape", false, _) => onclose.emit(()),
                ("Enter", false, _) if event.shift_key() && !dom::in_text(&event) => turn.emit(()),
                ("ArrowUp", true, Some(step)) => step(-1),
                ("ArrowDown", true, Some(step)) => step(1),
                _ => return,
            }
            event.prevent_default();
        })
    };
    let close = props.onclose.reform(|_: MouseEvent| ());
    let full = if now.full { "Beside the records (Shift+Enter)" } else { "As a page (Shift+Enter)" };
    html! {
        <div class={classes!("pf-v6-c-drawer__panel", "mooring-panel", now.full.then_some("mooring-full"))} ref={node}
            data-test="record-panel" role="region" aria-label={props.title.clone()} {onkeydown}>
            if !now.full {
                <div class="mooring-panel-edge" role="separator" tabindex="0" aria-orientation="vertical" aria-label="Width of the record"
                    aria-valuemin={LEAST.to_string()} aria-valuemax={MOST.to_string()} aria-valuenow={now.width.unwrap_or(450).to_string()}
                    {onpointerdown} onkeydown={onedge} data-test="panel-edge"></div>
            }
            <div class="pf-v6-c-drawer__body mooring-panel-head">
                <div class="pf-v6-c-drawer__head">
                    <div class="mooring-panel-name">
                        <h2 class="pf-v6-c-title pf-m-lg" tabindex="-1" ref={heading} dir="auto" data-test="record-title"
                            role={now.full.then_some("heading")} aria-level={now.full.then_some("1")}>{ &props.title }</h2>
                        if !props.subtitle.is_empty() {
                            <p class="mooring-muted">{ &props.subtitle }</p>
                        }
                    </div>
                    <div class="pf-v6-c-drawer__actions">
                        if let Some(around) = &props.around {
                            { ways(around) }
                        }
                        <span class="mooring-panel-full"><Button look={Look::Plain} icon={if now.full { Icon::Narrow } else { Icon::Widen }} text={full} onclick={turn.reform(|_: MouseEvent| ())} test="record-full" /></span>
                        <Button look={Look::Plain} icon={Icon::Close} text="Close" onclick={close} test="close-record" />
                    </div>
                </div>
                { props.tabs.clone() }
            </div>
            <div class="pf-v6-c-drawer__body mooring-panel-body" tabindex={props.reading.then_some("0")}>{ props.children.clone() }</div>
        </div>
    }
}

/// The records before and after it in the view.
fn ways(around: &Around) -> Html {
    let step = |by: isize| around.onstep.reform(move |_: MouseEvent| by);
    let last = around.place.is_some_and(|place| place + 1 >= around.of);
    html! {
        <>
            if let Some(place) = around.place {
                <span class="mooring-muted mooring-panel-place" data-test="record-place">
                    { format!("{} of {}", count::number(place as u64 + 1), count::number(around.of as u64)) }
                </span>
            }
            <Button look={Look::Plain} icon={Icon::ChevronLeft} text="The record before (K)" disabled={around.place == Some(0)} onclick={step(-1)} test="record-before" />
            <Button look={Look::Plain} icon={Icon::ChevronRight} text="The next record (J)" disabled={last} onclick={step(1)} test="record-next" />
        </>
    }
}
