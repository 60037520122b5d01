//! A page as a person uses it: looks, clicks, types, waits.
use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::{Value, json};

use super::browser::Browser;

const PATIENCE: Duration = Duration::from_secs(10);

/// What stands on the page, without what is only said to a screen reader, with plain spaces.
const VISIBLE: &str = r"(document.querySelector('#app') === null ? document.body.innerText
    : [...document.querySelectorAll('#app, dialog')].map(e => e.innerText).join('\n')).replaceAll('\u00a0', ' ')";

pub(crate) struct Page {
    browser: &'static Browser,
    session: String,
    target: String,
    context: String,
    /// Whether this page was the first of its context, which ends with it.
    first: bool,
}

/// Who looks: the browser's language, the window, the colours.
#[derive(Clone, Copy)]
pub(crate) struct Reader {
    pub(crate) language: &'static str,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) dark: bool,
}

impl Reader {
    pub(crate) const ENGLISH: Self = Self { language: "en-GB", width: 1280, height: 860, dark: false };
    pub(crate) const INDONESIAN: Self = Self { language: "id-ID", ..Self::ENGLISH };

    pub(crate) const fn on_a_phone(self) -> Self {
        Self { width: 360, height: 780, ..self }
    }

    pub(crate) const fn in_the_dark(self) -> Self {
        Self { dark: true, ..self }
    }
}

impl Page {
    /// A new page with storage of its own.
    pub(crate) fn open(browser: &'static Browser, reader: Reader) -> Self {
        let context = text(&browser.call(None, "Target.createBrowserContext", json!({})), "browserContextId");
        let target = json!({ "url": "about:blank", "browserContextId": context });
        let target = text(&browser.call(None, "Target.createTarget", target), "targetId");
        let page = Self::attached(browser, target, context, true);
        page.look_as(reader);
        page
    }

    fn attached(browser: &'static Browser, target: String, context: String, first: bool) -> Self {
        let attach = json!({ "targetId": target, "flatten": true });
        let session = text(&browser.call(None, "Target.attachToTarget", attach), "sessionId");
        let page = Self { browser, session, target, context, first };
        for domain in ["Page", "Runtime", "Network", "Log"] {
            page.call(&format!("{domain}.enable"), json!({}));
        }
        page.call("Emulation.setFocusEmulationEnabled", json!({ "enabled": true }));
        page
    }

    /// The tabs that this page has opened and nobody has closed.
    pub(crate) fn tabs_beside(&self) -> Vec<Value> {
        let targets = self.browser.call(None, "Target.getTargets", json!({}));
        let targets = targets["targetInfos"].as_array().cloned().unwrap_or_default();
        let beside = |target: &Value| {
            target["type"] == "page"
                && target["browserContextId"] == self.context.as_str()
                && target["targetId"] != self.target.as_str()
        };
        targets.into_iter().filter(beside).collect()
    }

    /// Fails unless every tab that this page opened is soon closed: a browser closes one after it has answered.
    #[track_caller]
    pub(crate) fn has_no_tab_beside(&self) {
        let until = Instant::now() + PATIENCE;
        while !self.tabs_beside().is_empty() {
            assert!(Instant::now() < until, "tabs stay open: {:?}", self.tabs_beside());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The tab that this page opens for another site, as soon as it is there. Dropping it closes it.
    #[track_caller]
    pub(crate) fn opened_tab(&self) -> Self {
        let until = Instant::now() + PATIENCE;
        loop {
            let tab = self.tabs_beside().into_iter().find(|tab| text(tab, "url").starts_with("http"));
            if let Some(tab) = tab {
                return Self::attached(self.browser, text(&tab, "targetId"), self.context.clone(), false);
            }
            assert!(Instant::now() < until, "no tab was opened; the page shows: {}", self.eval(VISIBLE));
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What this page downloads is saved in this folder.
    pub(crate) fn downloads_to(&self, folder: &Path) {
        let behavior =
            json!({ "behavior": "allow", "browserContextId": self.context, "downloadPath": folder });
        self.browser.call(None, "Browser.setDownloadBehavior", behavior);
    }

    fn look_as(&self, reader: Reader) {
        let Reader { language, width, height, dark } = reader;
        let mobile = width < 600;
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile });
        self.call("Emulation.setDeviceMetricsOverride", size);
        let agent = json!({ "userAgent": "Mozilla/5.0 Chrome Saldo-Test", "acceptLanguage": language });
        self.call("Emulation.setUserAgentOverride", agent);
        self.call("Emulation.setTimezoneOverride", json!({ "timezoneId": "Asia/Jakarta" }));
        let colours = if dark { "dark" } else { "light" };
        self.call(
            "Emulation.setEmulatedMedia",
            json!({ "features": [{ "name": "prefers-color-scheme", "value": colours }] }),
        );
    }

    pub(crate) fn call(&self, method: &str, params: Value) -> Value {
        self.browser.call(Some(&self.session), method, params)
    }

    pub(crate) fn events(&self, method: &str) -> Vec<Value> {
        let events = self.browser.events(&self.session);
        events
            .into_iter()
            .filter(|event| event["method"] == method)
            .map(|event| event["params"].clone())
            .collect()
    }

    pub(crate) fn go(&self, url: &str) {
        self.call("Page.navigate", json!({ "url": url }));
        self.wait_for("document.readyState === 'complete'");
    }

    /// Runs `script` before any script of the pages that are opened from now on.
    pub(crate) fn before_every_page(&self, script: &str) {
        self.call("Page.addScriptToEvaluateOnNewDocument", json!({ "source": script }));
    }

    /// The value of a JavaScript expression; promises are awaited.
    pub(crate) fn eval(&self, expression: &str) -> Value {
        self.try_eval(expression).unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    fn try_eval(&self, expression: &str) -> Result<Value, String> {
        let params = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true, "userGesture": true });
        let answer = self.browser.try_call(Some(&self.session), "Runtime.evaluate", params)?;
        match answer.get("exceptionDetails") {
            Some(exception) => Err(exception.to_string()),
            None => Ok(answer["result"]["value"].clone()),
        }
    }

    /// Waits until the expression is true; a page that is just being left is asked again.
    #[track_caller]
    pub(crate) fn wait_for(&self, expression: &str) {
        let until = Instant::now() + PATIENCE;
        while self.try_eval(expression) != Ok(Value::Bool(true)) {
            if Instant::now() > until {
                let shown = self.try_eval("location.href + '\\n' + document.body.innerText");
                self.screenshot(Path::new(concat!(env!("CARGO_TARGET_TMPDIR"), "/last-failure.png")));
                panic!("never true: {expression}\nthe page shows: {}", shown.unwrap_or_default());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until the page shows the words.
    #[track_caller]
    pub(crate) fn sees(&self, words: &str) {
        self.wait_for(&format!("{VISIBLE}.includes({})", json!(words)));
    }

    pub(crate) fn shows(&self, words: &str) -> bool {
        self.eval(&format!("{VISIBLE}.includes({})", json!(words))) == true
    }

    /// The text of the first match, with plain spaces.
    pub(crate) fn text_of(&self, selector: &str) -> String {
        let selector = json!(selector);
        let found = self.eval(&format!("document.querySelector({selector})?.innerText"));
        found.as_str().unwrap_or_default().replace('\u{a0}', " ")
    }

    /// Clicks with the mouse in the middle of what is there, as soon as it is there.
    #[track_caller]
    pub(crate) fn click(&self, selector: &str) {
        let quoted = json!(selector);
        self.wait_for(&format!("document.querySelector({quoted})?.checkVisibility() === true"));
        let place = self.eval(&format!(
            "(() => {{ const e = document.querySelector({quoted}); e.scrollIntoView({{block: 'center'}});
               const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; }})()"
        ));
        for kind in ["mousePressed", "mouseReleased"] {
            let event =
                json!({ "type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", event);
        }
    }

    /// Types into what has the focus.
    pub(crate) fn types(&self, words: &str) {
        for character in words.chars() {
            self.call("Input.dispatchKeyEvent", json!({ "type": "keyDown", "text": character.to_string() }));
            self.call("Input.dispatchKeyEvent", json!({ "type": "keyUp" }));
        }
    }

    /// Puts words into what has the focus at once, as pasting does.
    pub(crate) fn pastes(&self, words: &str) {
        self.call("Input.insertText", json!({ "text": words }));
    }

    pub(crate) fn press(&self, key: &str) {
        let (code, number, text) = match key {
            "Tab" => ("Tab", 9, ""),
            "Enter" => ("Enter", 13, "\r"),
            "Escape" => ("Escape", 27, ""),
            "ArrowLeft" => ("ArrowLeft", 37, ""),
            "ArrowRight" => ("ArrowRight", 39, ""),
            "ArrowDown" => ("ArrowDown", 40, ""),
            "Space" => ("Space", 32, " "),
            other => panic!("no such key here: {other}"),
        };
        let key = if key == "Space" { " " } else { key };
        let down = json!({ "type": if text.is_empty() { "rawKeyDown" } else { "keyDown" },
            "key": key, "code": code, "windowsVirtualKeyCode": number, "text": text });
        self.call("Input.dispatchKeyEvent", down);
        let up = json!({ "type": "keyUp", "key": key, "code": code, "windowsVirtualKeyCode": number });
        self.call("Input.dispatchKeyEvent", up);
    }

    /// Presses Tab until the focused element fits the selector.
    #[track_caller]
    pub(crate) fn tabs_to(&self, selector: &str) {
        let selector = json!(selector);
        for _ in 0..40 {
            self.press("Tab");
            if self.eval(&format!("document.activeElement.matches({selector})")) == true {
                return;
            }
        }
        panic!("the keyboard does not reach {selector}");
    }

    pub(crate) fn screenshot(&self, file: &Path) {
        let picture = self.call("Page.captureScreenshot", json!({ "format": "png" }));
        let data = picture["data"].as_str().unwrap_or_default();
        let data = base64::engine::general_purpose::STANDARD.decode(data).unwrap_or_default();
        std::fs::write(file, data).expect("the screenshot is written");
    }

    /// Everything the console complained about.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let logged = self.events("Log.entryAdded");
        let logged = logged
            .iter()
            .filter(|event| event["entry"]["level"] == "error")
            .filter(|event| !is_favicon(&event["entry"]["url"]))
            .map(|e| e["entry"].to_string());
        let called = self.events("Runtime.consoleAPICalled");
        let called = called.iter().filter(|event| event["type"] == "error").map(Value::to_string);
        let thrown = self.events("Runtime.exceptionThrown");
        logged.chain(called).chain(thrown.iter().map(Value::to_string)).collect()
    }

    /// The addresses that were asked for over the network.
    pub(crate) fn requests(&self) -> Vec<String> {
        let sent = self.events("Network.requestWillBeSent");
        let urls = sent.iter().map(|event| &event["request"]["url"]).filter(|url| !is_favicon(url));
        urls.filter_map(Value::as_str).map(str::to_owned).collect()
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        self.browser.call(None, "Target.closeTarget", json!({ "targetId": self.target }));
        if self.first {
            let context = json!({ "browserContextId": self.context });
            self.browser.call(None, "Target.disposeBrowserContext", context);
        }
    }
}

/// The browser asks for it by itself where an answer names no icon.
fn is_favicon(url: &Value) -> bool {
    url.as_str().is_some_and(|url| url.ends_with("/favicon.ico"))
}

fn text(answer: &Value, field: &str) -> String {
    answer[field].as_str().unwrap_or_default().to_owned()
}
