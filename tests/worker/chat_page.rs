//! The chat page in a real headless Chromium, against a real worker.

use companion_tests::browser::Browser;
use companion_tests::worker::{Setup, Worker};
use serde_json::{Value, json};

const REPLY: &str = "[data-testid=message][data-role=assistant]:last-child [data-testid=message-text]";

async fn worker() -> Worker {
    Setup::new().await.with(json!({ "chatPage": "Enabled" })).start().await
}

/// Opens the page as this user.
async fn open(browser: &Browser, worker: &Worker, user: &str) {
    browser
        .open(&format!("{}/chat#token={}", worker.url, worker.token(user)))
        .await;
    browser.await_there("[data-testid=app]:not([hidden])").await;
}

/// Says something, and waits until it is answered.
async fn say(browser: &Browser, text: &str) {
    browser.write_line("[data-testid=message-input]", text).await;
    browser.await_text("[data-testid=message][data-role=user]", text).await;
    browser
        .await_there("[data-testid=message][data-role=assistant]:last-child[data-state=done]")
        .await;
}

#[tokio::test]
async fn a_fact_told_in_the_page_is_seen_used_edited_and_forgotten() {
    let worker = worker().await;
    let browser = Browser::start().await;
    open(&browser, &worker, "ada").await;
    let address = browser.address().await;
    assert!(!address.contains("token"), "the token leaves the address: {address}");

    say(&browser, "My sister Anna lives in Lisbon.").await;
    browser.await_text("[data-testid=facts]", "simulated").await;
    // The page looks for what was learned for ten seconds; on a busy machine that may be too short.
    worker.chat("ada").await_memory("Lisbon").await;
    browser.run("location.reload()").await;
    browser.await_text("[data-testid=memory-text]", "Lisbon").await;

    // On a busy machine a reply may have to go without what is remembered.
    let mut conversations = 1;
    while !browser.texts(REPLY).await.concat().contains("I remember") {
        assert!(conversations < 6, "no reply knows of Lisbon");
        browser.click("[data-testid=new-conversation]").await;
        say(&browser, "Where does my sister live?").await;
        conversations += 1;
    }
    browser.await_text("[data-testid=used-summary]", "1 memory used").await;
    assert_eq!(browser.texts("[data-testid=conversation]").await.len(), conversations);

    browser.click("[data-testid=memory-edit]").await;
    browser
        .await_there("form:not([hidden]) [data-testid=memory-edit-input]")
        .await;
    browser
        .run("const input = document.querySelector('[data-testid=memory-edit-input]'); input.value = 'Anna lives in Porto.'; \
              input.dispatchEvent(new Event('input', { bubbles: true }))")
        .await;
    browser.click("[data-testid=memory-save]").await;
    browser.await_text("[data-testid=memory-text]", "Porto").await;
    browser.click("[data-testid=memory-pin]").await;
    browser.await_text("[data-testid=memory-about]", "pinned").await;
    assert_eq!(worker.chat("ada").memories().await, ["Anna lives in Porto."]);

    browser.click("[data-testid=memory-delete]").await;
    browser.click("[data-testid=confirm-yes]").await;
    browser.await_there("[data-testid=no-memories]:not([hidden])").await;
    assert!(worker.chat("ada").memories().await.is_empty());
}

#[tokio::test]
async fn what_anybody_wrote_stays_text_and_nothing_foreign_is_loaded() {
    let worker = worker().await;
    let chat = worker.chat("ada");
    let attack = "<img src=x onerror=\"window.broken=1\"><script>window.broken=1</script>";
    chat.post("/api/v1/memories", json!({ "text": attack })).await;
    let browser = Browser::start().await;
    open(&browser, &worker, "ada").await;
    browser.await_text("[data-testid=memory-text]", "<img src=x").await;
    say(&browser, attack).await;
    browser
        .await_text("[data-testid=message][data-role=assistant]", "<script>")
        .await;
    assert_eq!(browser.run("return window.broken ?? null").await, Value::Null);
    let foreign = "return performance.getEntriesByType('resource').map((one) => one.name).filter((url) => !url.startsWith(location.origin))";
    assert_eq!(browser.run(foreign).await, json!([]));
}

#[tokio::test]
async fn a_link_makes_nobody_somebody_else_without_a_word() {
    let worker = worker().await;
    worker
        .chat("ada")
        .post("/api/v1/memories", json!({ "text": "Ada likes tea." }))
        .await;
    worker
        .chat("eve")
        .post("/api/v1/memories", json!({ "text": "Eve likes rum." }))
        .await;
    let browser = Browser::start().await;
    open(&browser, &worker, "ada").await;
    browser.await_text("[data-testid=memory-text]", "tea").await;
    for (answer, drink) in [("confirm-no", "tea"), ("confirm-yes", "rum")] {
        let link = format!("{}/chat#token={}", worker.url, worker.token("eve"));
        browser.open(&link).await;
        browser
            .click(&format!("[data-testid=confirm][open] [data-testid={answer}]"))
            .await;
        browser.await_there("[data-testid=app]:not([hidden])").await;
        browser.await_text("[data-testid=memory-text]", drink).await;
    }
}

#[tokio::test]
async fn a_wrong_token_brings_the_form_with_a_reason() {
    let worker = worker().await;
    let browser = Browser::start().await;
    browser.open(&format!("{}/chat#token=nonsense", worker.url)).await;
    browser.await_there("[data-testid=sign-in-problem]:not([hidden])").await;
    browser.write_line("[data-testid=token]", &worker.token("eve")).await;
    browser.await_there("[data-testid=app]:not([hidden])").await;
}

#[tokio::test]
async fn the_page_is_there_only_where_it_is_asked_for() {
    let worker = Setup::new().await.start().await;
    let answer = reqwest::get(format!("{}/chat", worker.url)).await.unwrap();
    assert_eq!(answer.status(), 404);
    let worker = self::worker().await;
    for path in ["/chat", "/chat/chat.js"] {
        let answer = reqwest::get(format!("{}{path}", worker.url)).await.unwrap();
        assert_eq!(answer.status(), 200);
        let policy = answer.headers()["content-security-policy"].to_str().unwrap();
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self';") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    }
}
