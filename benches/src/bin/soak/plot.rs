//! Draws memory over requests as a picture.

use contextvars_benches::svg::{Anchor, Look, Svg};

use crate::Sample;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 300.0;

/// The point at which the axes cross, and the points at which they end.
const LEFT: f64 = 70.0;
const RIGHT: f64 = WIDTH - 40.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = HEIGHT - 40.0;

/// Number of grid lines per axis.
const LINES: u32 = 4;

fn float(number: u64) -> f64 {
    // The numbers of requests and KiB in this program are far below 2^32.
    u32::try_from(number).map_or(f64::from(u32::MAX), f64::from)
}

/// Returns a picture of the curve of `samples`; both axes begin at zero.
pub(crate) fn of(samples: &[Sample]) -> Svg {
    let mut svg = Svg::new(WIDTH, HEIGHT);
    svg.title((LEFT, 22.0), "resident memory, KiB, by requests served");
    let most = samples.iter().map(|sample| sample.kib).max().unwrap_or(0).next_multiple_of(1024);
    let requests = samples.last().map_or(0, |sample| sample.requests).max(1);
    let (most, requests) = (most.max(1024), float(requests));
    for line in 0..=LINES {
        let part = f64::from(line) / f64::from(LINES);
        let y = BOTTOM + (TOP - BOTTOM) * part;
        svg.line((LEFT, y), (RIGHT, y), Look::Faint);
        svg.text((LEFT - 8.0, y + 4.0), Anchor::End, &format!("{:.0}", float(most) * part));
        let x = LEFT + (RIGHT - LEFT) * part;
        svg.text((x, BOTTOM + 18.0), Anchor::Middle, &format!("{:.0}", requests * part));
    }
    svg.curve(samples.iter().map(|sample| {
        let x = LEFT + (RIGHT - LEFT) * float(sample.requests) / requests;
        (x, BOTTOM + (TOP - BOTTOM) * float(sample.kib) / float(most))
    }));
    svg
}
