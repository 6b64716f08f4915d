//! Tests of the page in a headless Chromium, with clicks, assertions and screenshots.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::process::{Shop, skip};
use crate::webdriver::Browser;

/// The places where a request runs, and the number of lines that it writes there.
const LANES: [(&str, u64); 7] = [
    ("handler", 1),
    ("task", 3),
    ("blocking", 1),
    ("rayon", 3),
    ("thread", 1),
    ("warehouse", 1),
    ("stream", 2),
];

/// The page in the browser, with its cells and counters.
struct Page<'a>(&'a Browser);

impl Page<'_> {
    fn number(&self, id: &str) -> u64 {
        let script = format!("return Number(document.getElementById('{id}').textContent)");
        self.0.run(&script).as_u64().unwrap()
    }

    fn count(&self, selector: &str) -> u64 {
        let script = format!("return document.querySelectorAll('{selector}').length");
        self.0.run(&script).as_u64().unwrap()
    }

    fn press(&self, button: &str) {
        self.0.run(&format!("document.getElementById('{button}').click()"));
    }

    /// Returns the numbers of lines, of lines without ids and of lines with other ids, as the page counts them for a way.
    fn counts(&self, way: &str) -> [u64; 3] {
        ["lines", "missing", "mixed"].map(|key| self.number(&format!("{way}-{key}")))
    }

    /// Waits until the page shows this number of lines for a way.
    fn wait_for_lines(&self, way: &str, lines: u64) {
        self.0.wait_for(&format!(
            "return document.getElementById('{way}-lines').textContent === '{lines}'"
        ));
    }

    /// Presses the button for `customers` and waits until the page shows all their lines.
    fn shop(&self, way: &str, button: &str, customers: u64) {
        let [lines, ..] = self.counts(way);
        self.press(button);
        self.wait_for_lines(way, lines + 12 * customers);
    }

    /// Chooses a way for the first time and waits until the page shows the lines of its first three requests.
    fn choose(&self, way: &str) {
        self.press(&format!("way-{way}"));
        self.wait_for_lines(way, 36);
    }

    /// Sends requests with the ids in a `thread_local!` until the page counts a line with other ids. Three concurrent requests may
    /// need some rounds to mix their ids.
    fn mix(&self) {
        while self.counts("thread-local")[2] == 0 {
            self.shop("thread-local", "three", 3);
            assert!(self.number("requests") < 300, "nothing was mixed up");
        }
    }

    /// Saves a screenshot below the target directory.
    fn photograph(&self, width: u32, scheme: &str, name: &str) {
        self.0.screen(width, scheme);
        let fits = "return document.documentElement.scrollWidth <= innerWidth";
        assert_eq!(self.0.run(fits), Value::Bool(true), "{width} px are too few");
        let file = pictures().join(format!("{name}-{width}-{scheme}.png"));
        fs::write(file, decode(&self.0.picture(true))).unwrap();
    }
}

fn pictures() -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("shop-page");
    fs::create_dir_all(&directory).unwrap();
    directory
}

/// Decodes Base64, the encoding of the browser's screenshots.
fn decode(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.trim_end_matches('=').bytes();
    let digits = digits.map(|byte| DIGITS.iter().position(|digit| *digit == byte).unwrap());
    let digits: Vec<_> = digits.collect();
    let bytes = |four: &[usize]| {
        let all = four.iter().fold(0, |all, digit| all << 6 | digit) << (6 * (4 - four.len()));
        [16, 8, 0].map(|shift| u8::try_from(all >> shift & 0xff).unwrap())[..four.len() - 1]
            .to_vec()
    };
    digits.chunks(4).flat_map(bytes).collect()
}

#[test]
fn the_page_shows_every_line_and_its_errors() {
    let Some(browser) = Browser::start() else {
        return skip("the browser test needs chromium and chromedriver");
    };
    let shop = Shop::start();
    let page = Page(&browser);
    browser.screen(1600, "light");
    browser.go(&format!("http://127.0.0.1:{}/", shop.port));
    contextvars_is_right(&page);
    span_has_ids_in_the_handler_only(&page);
    thread_local_mixes_ids_up(&page);
    the_keyboard_does_it_all(&page);

    // The screenshot in the documentation. `docs/shop.base64` is the same picture for rustdoc without a network: 800 pixels wide, as
    // WebP of quality 45, in base64 without line breaks.
    browser.screen(1100, "light");
    browser.go(&format!("http://127.0.0.1:{}/", shop.port));
    page.wait_for_lines("contextvars", 36);
    page.choose("span");
    page.choose("thread-local");
    page.mix();
    page.press("way-contextvars");
    browser.wait_for("return document.querySelectorAll('td[data-verdict=right]').length === 108");
    browser.run("document.activeElement.blur()");
    fs::write(pictures().join("shop.png"), decode(&browser.picture(false))).unwrap();

    let console = browser.console();
    assert!(console.is_empty(), "{console:?}");
    drop(browser);
    assert!(shop.stop().status.success());
}

/// The page sends the first three requests by itself. All their ids are right, in every lane.
fn contextvars_is_right(page: &Page<'_>) {
    page.wait_for_lines("contextvars", 36);
    assert_eq!((page.counts("contextvars"), page.number("requests")), ([36, 0, 0], 3));
    assert_eq!(page.count("#rows tr"), 36);
    for (lane, lines) in LANES {
        assert_eq!(page.count(&format!("#timeline text[data-lane={lane}]")), 1, "{lane}");
        assert_eq!(page.count(&format!("#timeline g[data-place={lane}]")), 3 * lines, "{lane}");
    }
    photograph_all(page, "contextvars");
    page.shop("contextvars", "fifty", 50);
    assert_eq!((page.counts("contextvars"), page.number("requests")), ([636, 0, 0], 53));
    assert_eq!(page.count("td[data-verdict]:not([data-verdict=right])"), 0);
}

/// Counts twelve lines of a request: the handler's has the ids, and the warehouse's has new ones.
fn span_has_ids_in_the_handler_only(page: &Page<'_>) {
    page.choose("span");
    assert_eq!((page.counts("span"), page.number("requests")), ([36, 30, 3], 3));
    assert_eq!(page.count("#rows tr:has(td[data-verdict=right])"), 3);
    assert_eq!(page.count("#rows tr:has(td[data-verdict=wrong])"), 3);
    assert_eq!(page.count("#rows tr:has(td[data-verdict=missing])"), 30);
    photograph_all(page, "span");
}

/// The page shows and counts wrong and missing cells, and keeps the counts of the other ways.
fn thread_local_mixes_ids_up(page: &Page<'_>) {
    page.choose("thread-local");
    assert!(page.counts("thread-local")[1] > 0 && page.count("td[data-verdict=missing]") > 0);
    page.mix();
    let [lines, missing, mixed] = page.counts("thread-local");
    assert!(missing + mixed <= lines);
    assert_eq!([page.counts("contextvars"), page.counts("span")], [[636, 0, 0], [36, 30, 3]]);
    photograph_all(page, "thread-local");
}

/// The arrows choose a way, and Enter presses a button.
fn the_keyboard_does_it_all(page: &Page<'_>) {
    page.0.run("document.getElementById('way-thread-local').focus()");
    for way in ["span", "contextvars"] {
        page.0.press("\u{e013}"); // arrow up
        page.0.wait_for(&format!(
            "return way === '{way}' && document.activeElement.id === 'way-{way}'"
        ));
    }
    page.0.run("document.getElementById('three').focus()");
    page.0.press("\u{e007}"); // Enter
    page.wait_for_lines("contextvars", 672);
    assert_eq!(page.counts("contextvars"), [672, 0, 0]);
    page.press("clear");
    page.wait_for_lines("contextvars", 0);
}

fn photograph_all(page: &Page<'_>, name: &str) {
    for width in [360, 1600] {
        for scheme in ["light", "dark"] {
            page.photograph(width, scheme, name);
        }
    }
    page.0.screen(1600, "light");
    println!("pictures are in {}", pictures().display());
}
