//! Draws a bar chart for each question: the time of each crate, with this crate's bars in colour.

use std::path::Path;
use std::{fs, io};

use contextvars_benches::svg::{Anchor, Look, Svg};

use crate::estimates::{Medians, Size};

/// One file, with a section for each operation.
struct Chart {
    file: &'static str,
    operations: &'static [&'static str],
    sizes: Sizes,
}

/// The numbers of variables that are shown.
#[derive(Clone, Copy)]
enum Sizes {
    /// One number for each crate and variant: eight if that was measured.
    Typical,
    All,
}

const CHARTS: &[Chart] = &[
    Chart {
        file: "read",
        operations: &["get", "get String", "get Arc<str>"],
        sizes: Sizes::Typical,
    },
    Chart { file: "write", operations: &["set + undo", "malloc + free"], sizes: Sizes::Typical },
    Chart {
        file: "copy",
        operations: &["copy + drop", "copy + drop, two threads", "first set"],
        sizes: Sizes::Typical,
    },
    Chart { file: "poll", operations: &["run", "poll", "two swaps"], sizes: Sizes::Typical },
    Chart { file: "spawn", operations: &["spawn + join"], sizes: Sizes::All },
    Chart {
        file: "growth",
        operations: &[
            "growth, get",
            "growth, set + reset",
            "growth, first set",
            "growth, get, shared by threads",
            "growth, nested run",
            "growth, get inside runs",
            "growth, set + reset inside with",
        ],
        sizes: Sizes::All,
    },
    Chart {
        file: "rayon",
        operations: &[
            "rayon item",
            "rayon split",
            "rayon split, two threads",
            "rayon join",
            "rayon scope + spawn",
            "rayon spawn",
        ],
        sizes: Sizes::All,
    },
    Chart {
        file: "lines",
        operations: &["line, JSON", "line, compact", "line, env_logger", "visit"],
        sizes: Sizes::All,
    },
];

/// The name of this crate's rows; a variant may follow it.
const US: &str = "contextvars";

const WIDTH: f64 = 760.0;
const MARGIN: f64 = 16.0;

/// The left end of the bars and the right end of the longest one; its label follows it.
const LEFT: f64 = 310.0;
const RIGHT: f64 = WIDTH - 80.0;

const ROW: f64 = 20.0;
const HEADING: f64 = 34.0;

/// The largest ratio of bars that is drawn linearly; beyond it, the section uses a logarithmic scale.
const LINEAR: f64 = 20.0;

struct Bar {
    label: String,
    ours: bool,
    nanoseconds: f64,
}

/// Writes a file for each chart that has results.
pub(crate) fn write(medians: &Medians, directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    for chart in CHARTS {
        let sections: Vec<_> = chart
            .operations
            .iter()
            .map(|operation| (*operation, bars(medians, operation, chart.sizes)))
            .filter(|(_, bars)| !bars.is_empty())
            .collect();
        let file = directory.join(chart.file).with_extension("svg");
        if sections.is_empty() {
            println!("No {}: none of its benchmarks was run.", file.display());
            continue;
        }
        fs::write(&file, draw(&sections).to_string())?;
        println!("{}", file.display());
    }
    Ok(())
}

/// Returns the bars of an operation, the shortest first, or ordered by size if all sizes are shown.
fn bars(medians: &Medians, operation: &str, sizes: Sizes) -> Vec<Bar> {
    let mut bars = Vec::new();
    for (who, row) in medians.get(operation).into_iter().flatten() {
        let ours = who.starts_with(US);
        let typical = [Some(8), None].into_iter().find(|size| row.contains_key(size));
        let typical = typical.or_else(|| row.keys().next().copied());
        for (size, nanoseconds) in row {
            if matches!(sizes, Sizes::All) || Some(*size) == typical {
                bars.push(Bar { label: label(who, *size), ours, nanoseconds: *nanoseconds });
            }
        }
    }
    if let Sizes::Typical = sizes {
        bars.sort_by(|one, other| one.nanoseconds.total_cmp(&other.nanoseconds));
    }
    bars
}

fn label(who: &str, size: Size) -> String {
    size.map_or_else(|| who.to_owned(), |size| format!("{who} ({size})"))
}

fn draw(sections: &[(&str, Vec<Bar>)]) -> Svg {
    let height = |bars: &Vec<Bar>| bars.iter().fold(HEADING + MARGIN, |sum, _| sum + ROW);
    let all: f64 = sections.iter().map(|(_, bars)| height(bars)).sum();
    let mut svg = Svg::new(WIDTH, all + MARGIN);
    let mut top = MARGIN;
    for (operation, bars) in sections {
        section(&mut svg, top, operation, bars);
        top += height(bars);
    }
    svg
}

fn section(svg: &mut Svg, top: f64, operation: &str, bars: &[Bar]) {
    let times = bars.iter().map(|bar| bar.nanoseconds);
    let (least, most) = times.fold((f64::INFINITY, 0.0), |(least, most): (f64, f64), time| {
        (least.min(time), most.max(time))
    });
    let logarithmic = most / least > LINEAR;
    // The scale begins a decade below the shortest time, so that its bar has a length, too.
    let start = 10_f64.powf(least.log10().floor());
    let length = |time: f64| {
        let part =
            if logarithmic { (time / start).log10() / (most / start).log10() } else { time / most };
        (RIGHT - LEFT) * part
    };
    let scale = if logarithmic { "ns, logarithmic: a line for each power of ten" } else { "ns" };
    svg.title((MARGIN, top + 16.0), &format!("{operation}, {scale}"));
    let mut decade = start;
    let (first, mut y) = (top + HEADING - 6.0, top + HEADING);
    let bottom = bars.iter().fold(y, |y, _| y + ROW);
    while logarithmic && decade <= most {
        let x = LEFT + length(decade);
        svg.line((x, first), (x, bottom), Look::Faint);
        decade *= 10.0;
    }
    for bar in bars {
        let look = if bar.ours { Look::Ours } else { Look::Other };
        let length = length(bar.nanoseconds).max(2.0);
        svg.text((LEFT - 8.0, y + 12.0), Anchor::End, &bar.label);
        svg.bar((LEFT, y + 1.0), (length, ROW - 5.0), look);
        svg.text((LEFT + length + 6.0, y + 12.0), Anchor::Start, &time(bar.nanoseconds));
        y += ROW;
    }
}

fn time(nanoseconds: f64) -> String {
    match nanoseconds {
        ..10.0 => format!("{nanoseconds:.2}"),
        ..100.0 => format!("{nanoseconds:.1}"),
        _ => format!("{nanoseconds:.0}"),
    }
}
