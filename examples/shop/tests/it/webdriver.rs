//! A headless Chromium, controlled by the few `WebDriver` commands that the browser test needs. The console and the emulation
//! of screens are extensions of chromedriver, which client libraries do not offer.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{self, Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::process::signal;

pub(crate) struct Browser {
    driver: Child,
    runtime: Runtime,
    client: Client,
    session: String,
    /// The directory of the browser's profile and temporary files.
    directory: PathBuf,
}

impl Browser {
    /// Starts the browser. Returns `None` if Chromium or chromedriver is not installed.
    pub(crate) fn start() -> Option<Self> {
        let mut driver = Command::new("chromedriver");
        let directory = env::temp_dir().join(format!("shop-browser-{}", process::id()));
        driver.arg("--port=0").env("TMPDIR", &directory);
        driver.stdout(Stdio::piped()).process_group(0);
        let mut driver = driver.spawn().ok()?;
        fs::create_dir_all(&directory).unwrap();
        let mut lines = BufReader::new(driver.stdout.take()?).lines().map(Result::unwrap);
        let port = |line: String| {
            line.split("successfully on port ").nth(1)?.trim_end_matches('.').parse::<u16>().ok()
        };
        let Some(port) = lines.find_map(port) else {
            driver.wait().ok();
            return None;
        };
        thread::spawn(move || lines.for_each(drop));
        let mut browser = Self {
            driver,
            runtime: Runtime::new().unwrap(),
            client: Client::builder().no_proxy().timeout(Duration::from_secs(60)).build().unwrap(),
            session: format!("http://127.0.0.1:{port}/session"),
            directory,
        };
        let id = match browser.try_call(Method::POST, "", &browser.capabilities()) {
            Err(error) if error.contains("cannot find Chrome binary") => return None,
            session => session.unwrap()["sessionId"].take(),
        };
        browser.session = format!("{}/{}", browser.session, id.as_str().unwrap());
        Some(browser)
    }

    fn capabilities(&self) -> Value {
        let profile = format!("--user-data-dir={}", self.directory.join("profile").display());
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-quic",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
            "--hide-scrollbars",
            &profile,
        ];
        json!({ "capabilities": { "alwaysMatch": {
            "goog:loggingPrefs": { "browser": "ALL" },
            "goog:chromeOptions": { "args": arguments },
        }}})
    }

    fn try_call(&self, method: Method, path: &str, body: &Value) -> Result<Value, String> {
        let request = self.client.request(method, format!("{}{path}", self.session));
        let answer = self
            .runtime
            .block_on(async { request.body(body.to_string()).send().await?.text().await });
        let mut answer: Value =
            serde_json::from_str(&answer.map_err(|error| error.to_string())?).unwrap();
        let value = answer["value"].take();
        if value["error"].is_null() { Ok(value) } else { Err(value.to_string()) }
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.try_call(Method::POST, path, body).unwrap()
    }

    /// Runs a command of the `DevTools` protocol.
    fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.post("/goog/cdp/execute", &json!({ "cmd": command, "params": parameters }))
    }

    pub(crate) fn go(&self, url: &str) {
        self.post("/url", &json!({ "url": url }));
    }

    /// Runs a script and returns its result.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Waits until a script returns `true`.
    pub(crate) fn wait_for(&self, script: &str) {
        let start = Instant::now();
        while self.run(script) != Value::Bool(true) {
            assert!(start.elapsed() < Duration::from_secs(30), "in vain for: {script}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Presses a key.
    pub(crate) fn press(&self, key: &str) {
        let keys =
            [json!({ "type": "keyDown", "value": key }), json!({ "type": "keyUp", "value": key })];
        self.post(
            "/actions",
            &json!({ "actions": [{ "type": "key", "id": "keys", "actions": keys }] }),
        );
    }

    /// Sets the width of the screen and the preferred colour scheme, `light` or `dark`.
    pub(crate) fn screen(&self, width: u32, scheme: &str) {
        let screen =
            json!({ "width": width, "height": 1180, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", &screen);
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", &media);
    }

    /// Returns a screenshot of the whole page or of its visible part, as a PNG in Base64.
    pub(crate) fn picture(&self, whole: bool) -> String {
        let whole = json!({ "captureBeyondViewport": whole, "format": "png" });
        let mut picture = self.devtools("Page.captureScreenshot", &whole);
        serde_json::from_value(picture["data"].take()).unwrap()
    }

    /// Returns the messages of the console since the last call.
    pub(crate) fn console(&self) -> Vec<Value> {
        serde_json::from_value(self.post("/se/log", &json!({ "type": "browser" }))).unwrap()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.try_call(Method::DELETE, "", &json!({})).ok();
        // Kills the whole process group, in case a process of the browser is left.
        signal(format!("-{}", self.driver.id()), "KILL");
        self.driver.wait().ok();
        fs::remove_dir_all(&self.directory).ok();
    }
}
