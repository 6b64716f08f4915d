//! Comparison of log lines with the expected ids: of a single line for the page, and of all lines for `--check`.

use std::collections::{HashMap, HashSet};
use std::fmt;

use serde_json::Value;

use crate::checkout::LINES;
use crate::journal::{Line, Process};
use crate::ledger::Ids;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    Right,
    Missing,
    Wrong,
}

/// Compares each id of a line with the expected one.
pub(crate) fn cells(line: &Value, truth: &Ids) -> [Cell; 3] {
    let pairs = Ids::KEYS.iter().zip(&truth.0);
    let mut cells = pairs.map(|(&key, id)| match line[key].as_str() {
        Some(seen) if seen == id => Cell::Right,
        Some(_) => Cell::Wrong,
        None => Cell::Missing,
    });
    [(); 3].map(|()| cells.next().unwrap_or(Cell::Missing))
}

/// Returns the order that a line is about. It is a parameter of the function that logged the line, so it does not depend on the
/// context.
pub(crate) fn order_of(line: &Value) -> Option<u64> {
    line["span"]["order"].as_u64()
}

#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// The number of lines that are about an order.
    pub(crate) lines: usize,
    /// The number of lines without an id, and of expected lines that are absent.
    pub(crate) missing: usize,
    /// The number of lines with an id of another request, and of lines that should not exist.
    pub(crate) mixed: usize,
    /// The number of traces with lines of every process.
    pub(crate) traces: usize,
    processes: HashSet<Process>,
    /// The first line of each kind of error.
    pub(crate) examples: Vec<String>,
}

/// Compares the lines with the expected ids in `truth`, and checks that each order has all its lines.
pub(crate) fn judge(lines: &[Line], truth: &HashMap<u64, Ids>) -> Verdict {
    let mut verdict = Verdict::default();
    let (mut lines_of, mut processes_of) = (HashMap::new(), HashMap::<_, HashSet<_>>::new());
    for Line { process, text } in lines {
        let Ok(line) = serde_json::from_str::<Value>(text) else { continue };
        let Some(order) = order_of(&line) else { continue };
        verdict.lines += 1;
        verdict.processes.insert(*process);
        *lines_of.entry(order).or_insert(0) += 1;
        if let Some(truth) = truth.get(&order) {
            verdict.count(cells(&line, truth), text);
        }
        if let Some(trace) = line["trace_id"].as_str() {
            processes_of.entry(trace.to_owned()).or_default().insert(*process);
        }
    }
    for (order, Ids([_, _, trace])) in truth {
        let seen = lines_of.remove(order).unwrap_or(0);
        verdict.missing += LINES.saturating_sub(seen);
        verdict.mixed += seen.saturating_sub(LINES);
        verdict.traces += usize::from(processes_of.get(trace) == Some(&verdict.processes));
    }
    verdict.mixed += lines_of.values().sum::<usize>(); // lines of unknown orders
    verdict
}

impl Verdict {
    /// Returns `true` if every line is right. A missing or surplus line counts as well, so no other check is needed.
    pub(crate) fn is_clean(&self) -> bool {
        self.missing == 0 && self.mixed == 0
    }

    fn count(&mut self, cells: [Cell; 3], text: &str) {
        let (counter, kind) = if cells.contains(&Cell::Missing) {
            (&mut self.missing, "missing")
        } else if cells.contains(&Cell::Wrong) {
            (&mut self.mixed, "mixed")
        } else {
            return;
        };
        if *counter == 0 {
            self.examples.push(format!("{kind}, for example: {text}"));
        }
        *counter += 1;
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lines, missing, mixed, traces, processes, .. } = self;
        write!(f, "{lines} lines, {missing} missing, {mixed} mixed, ")?;
        write!(f, "{traces} traces across {} processes", processes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(order: u64) -> Ids {
        Ids([format!("request-{order}"), format!("user-{order}"), format!("trace-{order}")])
    }

    /// Returns all lines of the orders `1..=orders`, with the right ids.
    fn good_lines(orders: u64) -> Vec<Line> {
        let line = |order, process| {
            let Ids([request, user, trace]) = ids(order);
            let ids =
                format!(r#""request_id":"{request}","user_id":"{user}","trace_id":"{trace}""#);
            Line { process, text: format!(r#"{{"span":{{"order":{order}}},{ids}}}"#) }
        };
        let process = |n| if n == 1 { Process::Warehouse } else { Process::Shop };
        let each = |order| (0..LINES).map(move |n| line(order, process(n)));
        (1..=orders).flat_map(each).collect()
    }

    /// Returns `[lines, missing, mixed, traces]` for these lines of two orders.
    fn counts(lines: &[Line]) -> [usize; 4] {
        let verdict = judge(lines, &(1..=2).map(|order| (order, ids(order))).collect());
        assert_eq!(verdict.is_clean(), verdict.missing + verdict.mixed == 0);
        [verdict.lines, verdict.missing, verdict.mixed, verdict.traces]
    }

    fn replaced(line: usize, from: &str, to: &str) -> Vec<Line> {
        let mut lines = good_lines(2);
        lines[line].text = lines[line].text.replace(from, to);
        lines
    }

    #[test]
    fn right_lines_are_clean() {
        assert_eq!(counts(&good_lines(2)), [24, 0, 0, 2]);
    }

    #[test]
    fn the_summary_is_one_line() {
        let verdict = judge(&good_lines(1), &HashMap::from([(1, ids(1))]));
        let summary = "12 lines, 0 missing, 0 mixed, 1 traces across 2 processes";
        assert_eq!(verdict.to_string(), summary);
    }

    #[test]
    fn a_line_without_an_id_is_missing() {
        for id in ["\"request-1\"", "\"user-1\"", "\"trace-1\""] {
            assert_eq!(counts(&replaced(0, id, "null")), [24, 1, 0, 2], "{id}");
        }
    }

    #[test]
    fn a_line_with_an_id_of_somebody_else_is_mixed() {
        for (own, other) in
            [("request-1", "request-2"), ("user-1", "user-2"), ("trace-1", "trace-2")]
        {
            assert_eq!(counts(&replaced(0, own, other)), [24, 0, 1, 2], "{own}");
        }
    }

    #[test]
    fn a_trace_that_ends_at_the_border_does_not_count() {
        assert_eq!(counts(&replaced(1, "trace-1", "trace-7")), [24, 0, 1, 1]);
    }

    #[test]
    fn a_line_that_never_came_is_missing() {
        assert_eq!(counts(&good_lines(2)[2..]), [22, 2, 0, 1]);
        assert_eq!(counts(&[]), [0, 24, 0, 0]);
    }

    #[test]
    fn two_lines_run_into_one_are_missing() {
        let mut lines = good_lines(2);
        let second = lines.remove(2);
        lines[0].text.insert_str(10, &second.text);
        assert_eq!(counts(&lines), [22, 2, 0, 2]);
    }

    #[test]
    fn a_line_too_many_is_mixed() {
        let mut lines = good_lines(2);
        lines.push(lines[0].clone());
        assert_eq!(counts(&lines), [25, 0, 1, 2]);
    }

    #[test]
    fn a_line_too_few_here_and_one_too_many_there_do_not_cancel_out() {
        let mut lines = good_lines(2);
        lines[0] = lines[LINES].clone();
        assert_eq!(counts(&lines), [24, 1, 1, 2]);
    }

    #[test]
    fn lines_of_an_unknown_order_are_mixed() {
        assert_eq!(counts(&good_lines(3)), [36, 0, 12, 2]);
    }

    #[test]
    fn lines_that_are_about_no_order_are_left_out() {
        let mut lines = good_lines(2);
        lines.push(Line { process: Process::Shop, text: r#"{"message":"shop open"}"#.to_owned() });
        assert_eq!(counts(&lines), [24, 0, 0, 2]);
    }

    #[test]
    fn the_first_fault_of_each_kind_is_shown() {
        let mut lines = replaced(0, "user-1", "user-2");
        lines[2].text = lines[2].text.replace("user-1", "user-3");
        let examples = judge(&lines, &HashMap::from([(1, ids(1)), (2, ids(2))])).examples;
        assert_eq!(examples, [format!("mixed, for example: {}", lines[0].text)]);
    }
}
