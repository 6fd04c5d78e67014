//! A real browser: Debian's Chromium without a window, driven by its chromedriver.

use std::process::Stdio;
use std::time::Duration;

use fantoccini::key::Key;
use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio::sync::MutexGuard;

use crate::eventually::{ensure, eventually};
use crate::process::{free_port, heavy};

const SOON: Duration = Duration::from_secs(30);

/// A browser of its own, which ends with the test.
pub struct Browser {
    client: Client,
    _driver: Child,
    _alone: MutexGuard<'static, ()>,
}

impl Browser {
    /// A headless Chromium with an empty profile.
    pub async fn start() -> Self {
        let alone = heavy().await;
        let address = free_port();
        let driver = Command::new("chromedriver")
            .arg(format!("--port={}", address.port()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("chromedriver can be run: Debian's package chromium-driver");
        let options = json!({ "goog:chromeOptions": {
            "args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1280,800"],
        } });
        let capabilities: Capabilities = options.as_object().unwrap().clone();
        let url = format!("http://{address}");
        let client = eventually("the browser starts", SOON, || async {
            ClientBuilder::new(HttpConnector::new())
                .capabilities(capabilities.clone())
                .connect(&url)
                .await
                .map_err(|error| error.to_string())
        })
        .await;
        Self {
            client,
            _driver: driver,
            _alone: alone,
        }
    }

    /// Goes to `page`.
    pub async fn open(&self, page: &str) {
        self.client.goto(page).await.expect("the browser goes there");
    }

    /// Where it is.
    pub async fn address(&self) -> String {
        self.client.current_url().await.expect("it is somewhere").to_string()
    }

    /// Waits until there is an element like `selector`.
    pub async fn await_there(&self, selector: &str) {
        let locator = Locator::Css(selector);
        let waited = self.client.wait().at_most(SOON).for_element(locator).await;
        waited.unwrap_or_else(|error| panic!("{selector}: {error}"));
    }

    /// Clicks on the first element like `selector`, once it is there.
    pub async fn click(&self, selector: &str) {
        self.await_there(selector).await;
        let element = self.client.find(Locator::Css(selector)).await.unwrap();
        element
            .click()
            .await
            .unwrap_or_else(|error| panic!("{selector}: {error}"));
    }

    /// Types `text` and Enter.
    pub async fn write_line(&self, selector: &str, text: &str) {
        self.await_there(selector).await;
        let element = self.client.find(Locator::Css(selector)).await.unwrap();
        let keys = format!("{text}{}", char::from(Key::Enter));
        element.send_keys(&keys).await.unwrap();
    }

    /// What elements like `selector` say.
    pub async fn texts(&self, selector: &str) -> Vec<String> {
        let script = "return Array.from(document.querySelectorAll(arguments[0]), (one) => one.innerText)";
        let texts = self.client.execute(script, vec![json!(selector)]).await.unwrap();
        serde_json::from_value(texts).unwrap()
    }

    /// Waits until one of them says `words`.
    pub async fn await_text(&self, selector: &str, words: &str) {
        eventually(&format!("{selector} says {words:?}"), SOON, || async {
            let texts = self.texts(selector).await;
            ensure(texts.iter().any(|text| text.contains(words)), || format!("{texts:?}"))
        })
        .await;
    }

    /// What a script returns.
    pub async fn run(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.unwrap()
    }
}
