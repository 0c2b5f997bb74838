//! Words about mirrors: tables that are kept in step with collections.

use sync_protocol::mirror::{Direction, Mirror, MirrorPhase, MirrorPlan, MirrorStatus};

use super::count;

/// Which way changes go.
pub fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::Both => "Both ways",
        Direction::In => "Only from the table to the records",
        Direction::Out => "Only from the records to the table",
        Direction::Once => "From the table to the records, once",
    }
}

/// What a direction means, for somebody who chooses.
pub fn direction_hint(direction: Direction) -> &'static str {
    match direction {
        Direction::Both => {
            "What other programs write appears on every device, and what people change appears in the table."
        }
        Direction::In => "What other programs write appears on every device. The table is only read.",
        Direction::Out => {
            "What people change appears in the table. What other programs write to it is left alone until the record changes."
        }
        Direction::Once => "All rows become records, one time. After that the two are apart.",
    }
}

/// How a mirror stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing is on its way.
    InStep,
    /// It works.
    Busy,
    /// Somebody has to do something.
    Stopped,
    /// It has ended.
    Ended,
}

/// How a mirror stands, in a word or two.
pub fn standing(mirror: &Mirror) -> (Standing, String) {
    let busy = |text: &str| (Standing::Busy, text.to_owned());
    match mirror.state.as_str() {
        "paused" => return (Standing::Stopped, "Paused".into()),
        "done" => return (Standing::Ended, "Brought over".into()),
        "removing" => return busy("Being removed"),
        _ => {}
    }
    let Some(status) = &mirror.status else { return busy("Starting") };
    match (mirror.server, status.phase) {
        (None, _) => busy("Waiting for a server"),
        (_, MirrorPhase::Starting) => busy("Starting"),
        (_, MirrorPhase::Comparing) => busy("Comparing rows"),
        (_, MirrorPhase::Following) if status.behind > 0 => {
            (Standing::Busy, format!("{} on the way", count::changes(status.behind)))
        }
        (_, MirrorPhase::Following) => (Standing::InStep, "In step".into()),
    }
}

/// What was found and done, in one line.
pub fn figures(status: &MirrorStatus) -> String {
    format!(
        "{}. Since its server took it up: {} found of other programs, {} written to the table.",
        count::of(status.rows, "row", "rows"),
        count::of(status.found, "change", "changes"),
        count::of(status.written, "row", "rows"),
    )
}

/// A length of time as people say it.
pub fn span(ms: u64) -> String {
    match ms / 1_000 {
        0..100 => count::of(ms.div_ceil(1_000), "second", "seconds"),
        seconds @ 100..6_000 => count::of(seconds / 60, "minute", "minutes"),
        seconds => count::of(seconds / 3_600, "hour", "hours"),
    }
}

/// What would happen, line by line.
pub fn plan(plan: &MirrorPlan, direction: Direction) -> Vec<String> {
    if plan.create.is_some() {
        return vec![format!("{} become rows of the new table.", count::records(plan.new_there))];
    }
    let mut lines = Vec::new();
    let mut line = |n: u64, one: &str, many: &str| {
        if n > 0 {
            lines.push(count::of(n, one, many));
        }
    };
    if direction != Direction::Out {
        line(plan.new_here, "row becomes a record.", "rows become records.");
    }
    line(plan.equal, "row is like its record already.", "rows are like their records already.");
    line(
        plan.differing,
        "row differs from its record: the collection’s rule decides, or a person under “Needs review”.",
        "rows differ from their records: the collection’s rule decides, or a person under “Needs review”.",
    );
    if matches!(direction, Direction::Both | Direction::Out) {
        line(plan.new_there, "record becomes a row.", "records become rows.");
    }
    line(
        plan.refused,
        "row cannot be taken. It stays in the table.",
        "rows cannot be taken. They stay in the table.",
    );
    if lines.is_empty() {
        lines.push("Both are empty.".into());
    }
    if plan.partial {
        lines.push(format!("These are the first {}; there are more.", count::of(plan.rows, "row", "rows")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mirror(state: &str, server: bool, status: Option<MirrorStatus>) -> Mirror {
        serde_json::from_value(serde_json::json!({
            "id": "01890000-0000-7000-8000-000000000001", "workspace": "01890000-0000-7000-8000-000000000002",
            "collection": "orders", "table": "shop.orders", "direction": "both", "state": state, "columns": {},
            "by": "Ann", "server": server.then_some("01890000-0000-7000-8000-000000000003"), "status": status,
        }))
        .expect("a mirror")
    }

    #[test]
    fn a_mirror_is_in_step_only_while_a_server_follows_and_nothing_is_on_its_way() {
        let following = MirrorStatus { phase: MirrorPhase::Following, ..MirrorStatus::default() };
        let behind = MirrorStatus { behind: 3, ..following.clone() };
        let comparing = MirrorStatus { phase: MirrorPhase::Comparing, ..MirrorStatus::default() };
        for (mirror, want) in [
            (mirror("running", true, Some(following.clone())), (Standing::InStep, "In step")),
            (mirror("running", true, Some(behind)), (Standing::Busy, "3 changes on the way")),
            (mirror("running", false, Some(following.clone())), (Standing::Busy, "Waiting for a server")),
            (mirror("running", true, Some(comparing)), (Standing::Busy, "Comparing rows")),
            (mirror("running", false, None), (Standing::Busy, "Starting")),
            (mirror("paused", true, Some(following.clone())), (Standing::Stopped, "Paused")),
            (mirror("done", false, Some(following)), (Standing::Ended, "Brought over")),
        ] {
            let (standing, text) = standing(&mirror);
            assert_eq!((standing, text.as_str()), want);
        }
    }

    #[test]
    fn a_plan_is_told_without_lines_about_nothing() {
        let told = |found: MirrorPlan, direction| plan(&found, direction);
        let found = MirrorPlan { rows: 4, new_here: 1, equal: 3, new_there: 2, ..MirrorPlan::default() };
        assert_eq!(
            told(found.clone(), Direction::Both),
            ["1 row becomes a record.", "3 rows are like their records already.", "2 records become rows."]
        );
        assert_eq!(told(found, Direction::In).len(), 2);
        assert_eq!(told(MirrorPlan::default(), Direction::Both), ["Both are empty."]);
        let more = MirrorPlan { rows: 20_000, new_here: 20_000, partial: true, ..MirrorPlan::default() };
        assert_eq!(told(more, Direction::Both)[1], "These are the first 20,000 rows; there are more.");
    }

    #[test]
    fn spans_read_well() {
        assert_eq!(span(900), "1 second");
        assert_eq!(span(3_600_000), "60 minutes");
        assert_eq!(span(7_200_000), "2 hours");
    }
}
