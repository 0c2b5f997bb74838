//! Where rows come from: a window of the engine's view, which follows the scroll bar and what changes.

use super::held::{Held, page};
use super::pane::{WINDOW, wanted};
use crate::backend::Backend;
use crate::hooks::{use_backend, use_event};
use crate::live::{Live, use_live};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::Range;
use std::rc::Rc;
use sync_client::api::{Answer, Command, Event, Failure, Row, View};
use sync_protocol::{FieldName, RecordKey, Value};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

/// Rows that are asked for at once.
const PAGE: usize = 500;

/// The rows of a view. Clones are the same.
#[derive(Clone)]
pub struct Source {
    backend: Backend,
    /// The rows at hand.
    pub held: Live<Held>,
    /// Why there are no newer ones.
    pub failure: Live<Option<Failure>>,
    inner: Rc<RefCell<Inner>>,
}

impl PartialEq for Source {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.inner, &other.inner)
    }
}

struct Inner {
    view: View,
    window: Range<usize>,
    /// Counts questions: an answer to an older one is dropped.
    newest: u64,
    flying: bool,
    /// Something happened since the question under way.
    stale: bool,
    hold: bool,
}

impl Source {
    /// The rows in view are these: asks for others where they are not well within those at hand.
    pub fn look(&self, view: &Range<usize>) {
        let held = self.held.get();
        let Some(window) = wanted(view, &held.range(), held.matching).filter(|_| held.known) else { return };
        let asks = {
            let mut inner = self.inner.borrow_mut();
            let differs = inner.window != window;
            (inner.window, inner.hold) = (window, false);
            inner.stale |= differs && inner.flying;
            differs && !inner.flying
        };
        if asks {
            self.ask();
        }
    }

    /// Rows stay where they are until they are let go.
    pub fn hold(&self) {
        self.inner.borrow_mut().hold = true;
    }

    /// Rows go where they belong.
    pub fn let_go(&self) {
        if std::mem::take(&mut self.inner.borrow_mut().hold) {
            self.again();
        }
    }

    /// Something changed.
    pub fn again(&self) {
        let flying = {
            let mut inner = self.inner.borrow_mut();
            inner.stale = inner.flying;
            inner.flying
        };
        if !flying {
            self.ask();
        }
    }

    /// A value as a person has just written it.
    pub fn write(&self, key: &RecordKey, field: &FieldName, value: Value) {
        self.held.change(|held| held.write(key, field, value));
    }

    /// Rows at any places: those at hand, or asked for.
    ///
    /// # Errors
    ///
    /// Whatever the engine says.
    pub async fn rows(&self, places: Range<usize>) -> Result<Vec<Rc<Row>>, Failure> {
        let held = self.held.get();
        if held.range().start <= places.start && places.end <= held.range().end {
            return Ok(places.filter_map(|at| held.row(at).cloned()).collect());
        }
        let view = self.inner.borrow().view.clone();
        let mut all = Vec::new();
        for from in places.clone().step_by(PAGE) {
            let part = from..places.end.min(from + PAGE);
            if let Answer::Rows(rows) = self.backend.call(Command::Rows(page(&view, &part))).await? {
                all.extend(rows.rows.into_iter().map(Rc::new));
            }
        }
        Ok(all)
    }

    /// The keys of all rows that match.
    ///
    /// # Errors
    ///
    /// Whatever the engine says.
    pub async fn keys(&self) -> Result<BTreeSet<RecordKey>, Failure> {
        let all = self.rows(0..self.held.get().matching).await?;
        Ok(all.iter().map(|row| row.key.clone()).collect())
    }

    /// Asks again, for a button.
    pub fn reload(&self) -> Callback<()> {
        let source = self.clone();
        Callback::from(move |()| source.again())
    }

    fn show(&self, view: &View) {
        {
            let mut inner = self.inner.borrow_mut();
            (inner.view, inner.window, inner.hold) = (view.clone(), 0..WINDOW, false);
        }
        self.held.change(|held| held.busy = true);
        self.ask();
    }

    fn ask(&self) {
        let (number, query) = {
            let mut inner = self.inner.borrow_mut();
            inner.newest += 1;
            (inner.flying, inner.stale) = (true, false);
            (inner.newest, page(&inner.view, &inner.window))
        };
        let source = self.clone();
        spawn_local(async move {
            let first = query.offset;
            let outcome = source.backend.call(Command::Rows(query)).await;
            if source.inner.borrow().newest != number {
                return;
            }
            let (stale, hold) = {
                let mut inner = source.inner.borrow_mut();
                inner.flying = false;
                (inner.stale, inner.hold)
            };
            match outcome {
                Ok(Answer::Rows(rows)) => {
                    source
                        .held
                        .change(|held| held.arrive(first, rows.rows, (rows.matching, rows.total), hold));
                    source.failure.set(None);
                }
                Ok(_) => {}
                Err(failure) => {
                    source.held.change(|held| held.busy = false);
                    source.failure.set(Some(failure));
                }
            }
            if stale {
                source.ask();
            }
        });
    }
}

/// The rows of a view, for as long as the component is there.
#[hook]
pub fn use_rows(view: &View) -> Source {
    let backend = use_backend();
    let inner = use_mut_ref(|| Inner {
        view: view.clone(),
        window: 0..WINDOW,
        newest: 0,
        flying: false,
        stale: false,
        hold: false,
    });
    let source = Source { backend, held: use_live(Held::default), failure: use_live(|| None), inner };
    {
        let source = source.clone();
        use_effect_with(view.clone(), move |view| source.show(view));
    }
    {
        let inner = source.inner.clone();
        use_effect_with((), move |()| move || inner.borrow_mut().newest += 1);
    }
    let listener = {
        let source = source.clone();
        use_callback(view.clone(), move |event: Event, view| match event {
            Event::Changed { collections } if collections.contains(&view.collection) => source.again(),
            Event::ReviewChanged if view.only.is_some() => source.again(),
            _ => {}
        })
    };
    use_event(listener);
    source
}
