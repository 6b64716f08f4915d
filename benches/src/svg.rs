//! SVG pictures as text: the subset that a chart needs, readable on a light page and on a dark one.

use std::fmt::{self, Write as _};

/// A picture under construction, in units of about a pixel.
#[derive(Debug)]
pub struct Svg {
    size: (f64, f64),
    body: String,
}

/// The look of a shape.
#[derive(Clone, Copy, Debug)]
pub enum Look {
    /// Results of this crate.
    Ours,
    /// Results of a peer.
    Other,
    /// A grid line.
    Faint,
}

impl fmt::Display for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ours => "ours",
            Self::Other => "other",
            Self::Faint => "faint",
        })
    }
}

/// The end of a text that is placed at the given point.
#[derive(Clone, Copy, Debug)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Start => "start",
            Self::Middle => "middle",
            Self::End => "end",
        })
    }
}

const STYLE: &str = "\
svg { color: #1f2328; font: 12px system-ui, sans-serif }
text { fill: currentColor }
.title { font-weight: 600 }
.other { fill: currentColor; fill-opacity: 0.35 }
.ours { fill: #0969da }
.faint { stroke: currentColor; stroke-opacity: 0.2 }
polyline { fill: none; stroke: #0969da; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) {
  svg { color: #e6edf3 }
  .ours { fill: #4493f8 }
  polyline { stroke: #4493f8 }
}
";

impl Svg {
    /// Creates an empty picture.
    pub fn new(width: f64, height: f64) -> Self {
        Self { size: (width, height), body: String::new() }
    }

    fn add(&mut self, element: fmt::Arguments<'_>) {
        writeln!(self.body, "{element}").expect("a string can be written to");
    }

    /// Draws a text with its baseline at `y`.
    pub fn text(&mut self, (x, y): (f64, f64), anchor: Anchor, text: &str) {
        let text = escaped(text);
        self.add(format_args!(
            r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{text}</text>"#
        ));
    }

    /// Draws a text in bold, with its baseline at `y`.
    pub fn title(&mut self, (x, y): (f64, f64), text: &str) {
        let text = escaped(text);
        self.add(format_args!(r#"<text x="{x:.1}" y="{y:.1}" class="title">{text}</text>"#));
    }

    /// Draws a bar from its upper left corner.
    pub fn bar(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), look: Look) {
        self.add(format_args!(
            r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" rx="2" class="{look}"/>"#
        ));
    }

    /// Draws a straight line.
    pub fn line(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64), look: Look) {
        self.add(format_args!(
            r#"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" class="{look}"/>"#
        ));
    }

    /// Draws a line through all of the points.
    pub fn curve(&mut self, points: impl IntoIterator<Item = (f64, f64)>) {
        let points: Vec<_> = points.into_iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        self.add(format_args!(r#"<polyline points="{}"/>"#, points.join(" ")));
    }
}

/// Returns the contents of the SVG file.
impl fmt::Display for Svg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (width, height) = self.size;
        let namespace = "http://www.w3.org/2000/svg";
        writeln!(f, r#"<svg xmlns="{namespace}" viewBox="0 0 {width:.0} {height:.0}">"#)?;
        write!(f, "<style>\n{STYLE}</style>\n{}</svg>\n", self.body)
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
