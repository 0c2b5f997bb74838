//! Events that a program keeps until it asks for them.

use std::collections::VecDeque;

use crate::api::Event;

/// Events that are kept at most.
const MOST: usize = 4_096;

/// Events in their order, never more than some thousands: whoever is too slow is told that all views have ended, and watches
/// anew.
#[derive(Debug, Default)]
pub struct News(VecDeque<Event>);

impl News {
    /// Keeps an event.
    pub fn hear(&mut self, event: Event) {
        // the newest one counts, and there are many
        let same = std::mem::discriminant(&event);
        if matches!(event, Event::Status(_) | Event::Importing { .. } | Event::Working { .. }) {
            self.0.retain(|other| std::mem::discriminant(other) != same);
        }
        if self.0.len() == MOST {
            self.0.clear();
            self.0.push_back(Event::Ended { ids: None });
        }
        self.0.push_back(event);
    }

    /// Gives the oldest one, and forgets it.
    pub fn oldest(&mut self) -> Option<Event> {
        self.0.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_never_asks_keeps_little_and_is_told() {
        let mut news = News::default();
        for _ in 0..10 {
            news.hear(Event::Status(Box::default()));
        }
        assert_eq!(news.0.len(), 1, "the newest status is enough");
        for _ in 0..2 * MOST {
            news.hear(Event::SessionChanged);
        }
        assert!(news.0.len() <= MOST);
        assert_eq!(news.oldest(), Some(Event::Ended { ids: None }));
    }
}
