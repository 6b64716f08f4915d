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

    /// Presses the button for `customers` and waits until the page shows all lines.
    fn shop(&self, button: &str, customers: u64) {
        let lines = self.number("lines") + 12 * customers;
        self.press(button);
        self.0.wait_for(&format!(
            "return document.getElementById('lines').textContent === '{lines}' \
             && !document.getElementById('three').disabled"
        ));
    }

    fn switch(&self, on: bool) {
        self.press("switch");
        self.0.wait_for(&format!(
            "return document.getElementById('switch').ariaChecked === '{on}' \
             && document.getElementById('lines').textContent === '0'"
        ));
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
    browser.wait_for("return events.readyState === 1");

    // On: all ids are right, in every lane.
    page.shop("three", 3);
    assert_eq!(["missing", "mixed", "requests"].map(|id| page.number(id)), [0, 0, 3]);
    assert_eq!(page.count("#rows tr"), 36);
    for (lane, lines) in LANES {
        assert_eq!(page.count(&format!("#timeline text[data-lane={lane}]")), 1, "{lane}");
        assert_eq!(page.count(&format!("#timeline g[data-place={lane}]")), 3 * lines, "{lane}");
    }
    photograph_all(&page, "on");
    page.shop("fifty", 50);
    assert_eq!(["missing", "mixed", "requests"].map(|id| page.number(id)), [0, 0, 53]);
    assert_eq!(page.count("td[data-verdict]:not([data-verdict=right])"), 0);

    // Off: the page shows and counts wrong and missing cells.
    page.switch(false);
    page.shop("three", 3);
    assert!(page.number("missing") > 0 && page.count("td[data-verdict=missing]") > 0);
    while page.count("#rows td[data-verdict=wrong]") == 0 || page.number("requests") < 50 {
        page.shop("three", 3); // the ids of three concurrent requests may need some rounds to mix
        assert!(page.number("requests") < 300, "nothing was mixed up");
    }
    assert!(page.number("mixed") > 0);
    assert!(page.number("missing") + page.number("mixed") <= page.number("lines"));
    photograph_all(&page, "off");

    // On again, with the keyboard.
    page.switch(true);
    browser.run("document.getElementById('three').focus()");
    browser.press("\u{e007}"); // Enter
    browser.wait_for("return document.getElementById('lines').textContent === '36'");
    assert_eq!(["missing", "mixed"].map(|id| page.number(id)), [0, 0]);

    // The screenshot in the documentation.
    browser.screen(1100, "light");
    browser.run("document.activeElement.blur()");
    fs::write(pictures().join("shop.png"), decode(&browser.picture(false))).unwrap();

    let console = browser.console();
    assert!(console.is_empty(), "{console:?}");
    drop(browser);
    assert!(shop.stop().status.success());
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
