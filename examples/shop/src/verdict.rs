//! The verdict of `--check` over the lines that came back.

use std::collections::HashMap;
use std::fmt;

use serde_json::Value;

use crate::checkout::{LINES_PER_CHECKOUT, OrderId};

const CUSTOMERS: u64 = 7;

/// The truth: whose order it is, known without any context.
pub(crate) fn user_of(order: OrderId) -> String {
    format!("user-{}", order.0 % CUSTOMERS)
}

/// The truth: which request carried the order.
pub(crate) fn request_of(order: OrderId) -> String {
    format!("request-{}", order.0)
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Lines that are JSON.
    pub(crate) lines: usize,
    /// Lines without an id, and lines that never came.
    pub(crate) missing: usize,
    /// Lines with somebody else's id, and lines nobody should have written.
    pub(crate) mixed: usize,
    /// The first line of each kind of fault.
    pub(crate) examples: Vec<String>,
}

impl Verdict {
    /// Enough by itself: a line too few is missing, one too many is mixed.
    pub(crate) fn is_clean(&self) -> bool {
        self.missing == 0 && self.mixed == 0
    }

    fn count(&mut self, fault: Fault, raw: &str) {
        let (counter, kind) = match fault {
            Fault::Missing => (&mut self.missing, "missing"),
            Fault::Mixed => (&mut self.mixed, "mixed"),
        };
        if *counter == 0 {
            self.examples.push(format!("{kind}, for example: {raw}"));
        }
        *counter += 1;
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} lines, {} missing, {} mixed", self.lines, self.missing, self.mixed)
    }
}

#[derive(Clone, Copy)]
enum Fault {
    Missing,
    Mixed,
}

/// Judges the lines of the orders `1..=orders`.
pub(crate) fn judge(text: &str, orders: u64) -> Verdict {
    let mut verdict = Verdict::default();
    let mut lines_of = HashMap::new();
    for raw in text.lines() {
        let Ok(line) = serde_json::from_str::<Value>(raw) else { continue };
        let order = OrderId(line["order"].as_u64().unwrap_or(0));
        verdict.lines += 1;
        *lines_of.entry(order.0).or_insert(0) += 1;
        if let Some(fault) = fault(&line, order) {
            verdict.count(fault, raw);
        }
    }
    for order in 1..=orders {
        let seen = lines_of.remove(&order).unwrap_or(0);
        verdict.missing += LINES_PER_CHECKOUT.saturating_sub(seen);
        verdict.mixed += seen.saturating_sub(LINES_PER_CHECKOUT);
    }
    verdict.mixed += lines_of.values().sum::<usize>(); // of orders that nobody placed
    verdict
}

fn fault(line: &Value, order: OrderId) -> Option<Fault> {
    match (line["request_id"].as_str(), line["user_id"].as_str()) {
        (Some(request), Some(user)) if request == request_of(order) && user == user_of(order) => {
            None
        }
        (Some(_), Some(_)) => Some(Fault::Mixed),
        _ => Some(Fault::Missing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All lines of the orders `1..=orders`, as they ought to be.
    fn good_lines(orders: u64) -> Vec<String> {
        let line = |order| {
            let (request, user) = (request_of(order), user_of(order));
            format!(r#"{{"order":{},"request_id":"{request}","user_id":"{user}"}}"#, order.0)
        };
        let each = |order| vec![line(OrderId(order)); LINES_PER_CHECKOUT];
        (1..=orders).flat_map(each).collect()
    }

    /// `(lines, missing, mixed)` for these lines of two orders.
    fn counts(lines: &[String]) -> (usize, usize, usize) {
        let verdict = judge(&lines.join("\n"), 2);
        assert_eq!(verdict.is_clean(), verdict.missing + verdict.mixed == 0);
        (verdict.lines, verdict.missing, verdict.mixed)
    }

    #[test]
    fn right_lines_are_clean() {
        assert_eq!(counts(&good_lines(2)), (22, 0, 0));
        assert_eq!(judge(&good_lines(2).join("\n"), 2).to_string(), "22 lines, 0 missing, 0 mixed");
    }

    #[test]
    fn a_line_without_an_id_is_missing() {
        for (id, absent) in [("\"request-1\"", "null"), ("\"user-1\"", "null")] {
            let mut lines = good_lines(2);
            lines[0] = lines[0].replace(id, absent);
            assert_eq!(counts(&lines), (22, 1, 0));
        }
    }

    #[test]
    fn a_line_with_an_id_of_somebody_else_is_mixed() {
        for (own, other) in [("request-1", "request-2"), ("user-1", "user-2")] {
            let mut lines = good_lines(2);
            lines[0] = lines[0].replace(own, other);
            assert_eq!(counts(&lines), (22, 0, 1));
        }
    }

    #[test]
    fn a_line_that_never_came_is_missing() {
        assert_eq!(counts(&good_lines(2)[1..]), (21, 1, 0));
        assert_eq!(counts(&[]), (0, 22, 0));
    }

    #[test]
    fn two_lines_run_into_one_are_missing() {
        let mut lines = good_lines(2);
        let second = lines.remove(1);
        lines[0].insert_str(10, &second);
        assert_eq!(counts(&lines), (20, 2, 0));
    }

    #[test]
    fn a_line_too_many_is_mixed() {
        let mut lines = good_lines(2);
        lines.push(lines[0].clone());
        assert_eq!(counts(&lines), (23, 0, 1));
    }

    #[test]
    fn a_line_too_few_here_and_one_too_many_there_do_not_cancel_out() {
        let mut lines = good_lines(2);
        lines[0] = lines[LINES_PER_CHECKOUT].clone();
        assert_eq!(counts(&lines), (22, 1, 1));
    }

    #[test]
    fn lines_of_an_order_that_nobody_placed_are_mixed() {
        assert_eq!(counts(&good_lines(3)), (33, 0, 11));
    }

    #[test]
    fn the_first_fault_of_each_kind_is_shown() {
        let mut lines = good_lines(2);
        lines[0] = lines[0].replace("user-1", "user-2");
        lines[1] = lines[1].replace("user-1", "user-3");
        let examples = judge(&lines.join("\n"), 2).examples;
        assert_eq!(examples, [format!("mixed, for example: {}", lines[0])]);
    }
}
