//! Where rows come from: a live view of the engine, with a window that follows the scroll bar.

use super::held::Held;
use super::pane::{WINDOW, wanted};
use crate::backend::Backend;
use crate::hooks::{use_backend, use_event};
use crate::live::{Live, use_live};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::Range;
use std::rc::Rc;
use sync_client::api::{
    Aggregate, Answer, Applied, Command, Event, Failure, FailureKind, Folded, Groups, Looked, Row, View,
    ViewChange, ViewId, Watched, Window,
};
use sync_protocol::{FieldName, RecordKey, Value};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

/// Rows that are asked for at once.
const PAGE: usize = 500;

/// What is asked: which rows, and which figures about them.
#[derive(Clone, PartialEq)]
pub struct Question {
    pub view: View,
    pub figures: Vec<Aggregate>,
}

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
    question: Question,
    /// Counts the questions.
    asked: u64,
    /// The engine's view, while it is open.
    id: Option<ViewId>,
    /// The window as the engine has it: what a change is applied to.
    looked: Looked,
    /// Which question that answers.
    answers: u64,
    first: usize,
    groups: Option<Rc<Groups>>,
    /// Groups that are folded: as it is wanted, and as the engine's window leaves their rows out.
    folded: Folded,
    laid: Folded,
    window: Range<usize>,
    /// Counts requests: an answer to an older one is dropped.
    newest: u64,
    flying: bool,
    /// Another window is wanted than the one under way.
    stale: bool,
    hold: bool,
}

impl Source {
    /// The rows in view are these: asks for others where they are not well within those at hand.
    pub fn look(&self, view: &Range<usize>) {
        let held = self.held.get();
        let Some(window) = wanted(view, &held.range(), held.lines.rows()).filter(|_| held.known) else {
            return;
        };
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

    /// Folds groups, or shows their rows again.
    pub fn fold(&self, change: impl FnOnce(&mut Folded)) {
        {
            let mut inner = self.inner.borrow_mut();
            change(&mut inner.folded);
            inner.hold = false;
        }
        self.again();
    }

    /// Rows stay where they are until they are let go.
    pub fn hold(&self) {
        self.inner.borrow_mut().hold = true;
    }

    /// Rows go where they belong.
    pub fn let_go(&self) {
        if std::mem::take(&mut self.inner.borrow_mut().hold) {
            self.show();
        }
    }

    /// Asks for the window again: what is shown may not be what is stored.
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

    /// Rows at any places among those that are not folded: those at hand, or asked for.
    ///
    /// # Errors
    ///
    /// Whatever the engine says.
    pub async fn rows(&self, places: Range<usize>) -> Result<Vec<Rc<Row>>, Failure> {
        let held = self.held.get();
        if held.range().start <= places.start && places.end <= held.range().end {
            return Ok(places.filter_map(|at| held.row(at).cloned()).collect());
        }
        self.read(places, held.folded.clone()).await
    }

    /// The first rows that match, those of folded groups among them.
    ///
    /// # Errors
    ///
    /// Whatever the engine says.
    pub async fn all(&self, most: usize) -> Result<Vec<Rc<Row>>, Failure> {
        let held = self.held.get();
        self.read(0..held.matching.min(most), Folded::default()).await
    }

    async fn read(&self, places: Range<usize>, folded: Folded) -> Result<Vec<Rc<Row>>, Failure> {
        // a view of its own: the window of this one stays where it is
        let view = Box::new(self.inner.borrow().question.view.clone());
        let window = |offset: usize| Window {
            folded: folded.clone(),
            ..Window::at(offset, places.end.saturating_sub(offset).min(PAGE))
        };
        let watch = Command::Watch { view, window: window(places.start), figures: Vec::new() };
        let Answer::Watched(watched) = self.backend.call(watch).await? else { return Ok(Vec::new()) };
        let mut all: Vec<Rc<Row>> = watched.shown.rows.into_iter().map(Rc::new).collect();
        let mut outcome = Ok(());
        while outcome.is_ok() && all.len() < places.len() {
            let look = Command::Look { id: watched.id, window: window(places.start + all.len()) };
            match self.backend.call(look).await {
                Ok(Answer::Looked(looked)) if !looked.rows.is_empty() => {
                    all.extend(looked.rows.into_iter().map(Rc::new))
                }
                Ok(_) => break,
                Err(failure) => outcome = Err(failure),
            }
        }
        self.end(watched.id);
        outcome.map(|()| all)
    }

    /// The keys of all rows that match.
    ///
    /// # Errors
    ///
    /// Whatever the engine says.
    pub async fn keys(&self) -> Result<BTreeSet<RecordKey>, Failure> {
        let (mut all, mut offset) = (BTreeSet::new(), 0);
        let id = self.inner.borrow().id;
        let Some(id) = id else { return Ok(all) };
        while let Answer::Keys(keys) = self.backend.call(Command::Keys { id, offset }).await? {
            all.extend(keys.keys);
            match keys.next {
                Some(next) => offset = next,
                None => break,
            }
        }
        Ok(all)
    }

    /// The place of a record among those that are not folded, wherever it is.
    pub async fn find(&self, key: &RecordKey) -> Option<usize> {
        let id = self.inner.borrow().id?;
        match self.backend.call(Command::Place { id, key: key.clone() }).await {
            Ok(Answer::Place(place)) => self.held.get().lines.row_at(place?),
            _ => None,
        }
    }

    /// Asks again, for a button.
    pub fn reload(&self) -> Callback<()> {
        let source = self.clone();
        Callback::from(move |()| source.again())
    }

    fn end(&self, id: ViewId) {
        let backend = self.backend.clone();
        // one that has ended is no mistake
        spawn_local(async move { drop(backend.call(Command::Unwatch { id }).await) });
    }

    /// Asks something else.
    fn turn(&self, question: &Question) {
        let before = {
            let mut inner = self.inner.borrow_mut();
            let by = |question: &Question| question.view.group.as_ref().map(|by| by.field.clone());
            if by(&inner.question) != by(question) {
                inner.folded = Folded::default();
            }
            (inner.question, inner.window, inner.hold) = (question.clone(), 0..WINDOW, false);
            inner.asked += 1;
            inner.id.take()
        };
        if let Some(before) = before {
            self.end(before);
        }
        self.held.change(|held| held.busy = true);
        self.ask();
    }

    fn ask(&self) {
        let (number, command, first, folded) = {
            let mut inner = self.inner.borrow_mut();
            inner.newest += 1;
            (inner.flying, inner.stale) = (true, false);
            let folded = inner.folded.clone();
            let window =
                Window { folded: folded.clone(), ..Window::at(inner.window.start, inner.window.len()) };
            let command = match inner.id {
                Some(id) => Command::Look { id, window },
                None => Command::Watch {
                    view: Box::new(inner.question.view.clone()),
                    window,
                    figures: inner.question.figures.clone(),
                },
            };
            (inner.newest, command, inner.window.start, folded)
        };
        let source = self.clone();
        spawn_local(async move {
            let outcome = source.backend.call(command).await;
            if source.inner.borrow().newest != number {
                if let Ok(Answer::Watched(watched)) = outcome {
                    source.end(watched.id);
                }
                return;
            }
            source.inner.borrow_mut().flying = false;
            match outcome {
                Ok(Answer::Watched(watched)) => {
                    let Watched { id, shown, groups, figures } = *watched;
                    {
                        let mut inner = source.inner.borrow_mut();
                        (inner.id, inner.groups) = (Some(id), groups.map(Rc::new));
                    }
                    source.held.change(|held| held.figures = figures);
                    source.arrived(first, folded, shown);
                }
                Ok(Answer::Looked(looked)) => source.arrived(first, folded, looked),
                Ok(_) => {}
                Err(Failure { kind: FailureKind::Ended, .. }) => return source.ended(),
                Err(failure) => {
                    source.held.change(|held| held.busy = false);
                    source.failure.set(Some(failure));
                }
            }
            let stale = std::mem::take(&mut source.inner.borrow_mut().stale);
            if stale {
                source.ask();
            }
        });
    }

    fn arrived(&self, first: usize, folded: Folded, looked: Looked) {
        {
            let mut inner = self.inner.borrow_mut();
            (inner.answers, inner.first) = (inner.asked, first);
            (inner.laid, inner.looked) = (folded, looked);
        }
        self.failure.set(None);
        self.show();
    }

    /// Shows the engine's window.
    fn show(&self) {
        let inner = self.inner.borrow();
        let (question, first, looked, hold) = (inner.answers, inner.first, inner.looked.clone(), inner.hold);
        let (groups, folded) = (inner.groups.clone(), inner.laid.clone());
        drop(inner);
        self.held.change(|held| {
            let there = held.arrive(question, first, looked, hold);
            // headings stay with rows that stay
            if there || groups.is_none() {
                held.lay(groups, folded);
            }
        });
    }

    /// The view has ended by itself: it is opened again.
    fn ended(&self) {
        self.inner.borrow_mut().id = None;
        self.ask();
    }

    fn changed(&self, change: &ViewChange) {
        let applied = {
            let mut inner = self.inner.borrow_mut();
            if inner.id != Some(change.id) {
                return;
            }
            // what is told of all rows is told once, whatever became of the window since
            if let Some(groups) = &change.groups {
                inner.groups = Some(Rc::new(groups.clone()));
            }
            change.apply(&mut inner.looked)
        };
        if let Some(figures) = &change.figures {
            self.held.change(|held| held.figures.clone_from(figures));
        }
        match applied {
            Applied::Missed => self.again(),
            Applied::Done => self.show(),
            Applied::Old if change.groups.is_some() => self.show(),
            Applied::Old => {}
        }
    }
}

/// The rows of a view, for as long as the component is there.
#[hook]
pub fn use_rows(question: &Question) -> Source {
    let backend = use_backend();
    let inner = use_mut_ref(|| Inner {
        question: question.clone(),
        asked: 0,
        answers: 0,
        id: None,
        looked: Looked { version: 0, total: 0, matching: 0, rows: Vec::new() },
        first: 0,
        groups: None,
        folded: Folded::default(),
        laid: Folded::default(),
        window: 0..WINDOW,
        newest: 0,
        flying: false,
        stale: false,
        hold: false,
    });
    let source = Source { backend, held: use_live(Held::default), failure: use_live(|| None), inner };
    {
        let source = source.clone();
        use_effect_with(question.clone(), move |question| source.turn(question));
    }
    {
        let source = source.clone();
        use_effect_with((), move |()| {
            move || {
                let mut inner = source.inner.borrow_mut();
                inner.newest += 1;
                if let Some(id) = inner.id.take() {
                    drop(inner);
                    source.end(id);
                }
            }
        });
    }
    let listener = {
        let source = source.clone();
        use_callback((), move |event: Event, ()| match event {
            Event::Seen(change) => source.changed(&change),
            Event::Ended { ids } => {
                let mine = source.inner.borrow().id;
                if ids.is_none_or(|ids| mine.is_some_and(|mine| ids.contains(&mine))) {
                    source.ended();
                }
            }
            _ => {}
        })
    };
    use_event(listener);
    source
}
