//! What support may do, and nobody else.

use std::time::Duration;

use companion_tests::Chat;
use companion_tests::worker::Setup;
use companion_tests::{eventually, eventually::ensure};
use reqwest::StatusCode;
use serde_json::json;

#[tokio::test]
async fn only_a_key_with_the_scope_may_and_it_exports_and_erases_who_is_named() {
    let mut setup = Setup::new().await;
    let (support, server) = (
        setup.api_key("support", "admin").await,
        setup.api_key("server", "chat,act-as").await,
    );
    let worker = setup.start().await;
    let (support, server) = (Chat::new(&worker.url, support), Chat::new(&worker.url, server));
    let ada = worker.chat("ada");
    ada.say("My sister Anna lives in Lisbon.").await;
    ada.await_memory("Lisbon").await;

    for stranger in [&ada, &server] {
        for answer in [
            stranger.get("/api/v1/admin/jobs").await,
            stranger.post("/api/v1/admin/jobs/1/retry", json!({})).await,
            stranger.get("/api/v1/admin/users/ada/export").await,
            stranger
                .post(
                    "/api/v1/admin/users/ada/erase",
                    json!({ "confirm": "erase everything" }),
                )
                .await,
        ] {
            assert_eq!(
                (answer.status, answer.code()),
                (StatusCode::FORBIDDEN, "missing_scope"),
                "{}",
                answer.text
            );
        }
    }
    // Nor may support chat in anybody's name.
    assert_eq!(support.get("/api/v1/memories").await.status, StatusCode::FORBIDDEN);

    let export = support.get("/api/v1/admin/users/ada/export").await;
    assert!(
        export.text.contains("Lisbon") && export.text.contains("\"complete\":true"),
        "{}",
        export.text
    );
    let nobody = support.get("/api/v1/admin/users/bob/export").await;
    assert!(
        !nobody.text.contains("Lisbon") && nobody.text.contains("\"complete\":true"),
        "{}",
        nobody.text
    );

    let unsure = support.post("/api/v1/admin/users/ada/erase", json!({})).await;
    assert_eq!(unsure.status, StatusCode::BAD_REQUEST);
    assert_eq!(ada.memories().await.len(), 1);
    let erased = support
        .post(
            "/api/v1/admin/users/ada/erase",
            json!({ "confirm": "erase everything" }),
        )
        .await;
    assert_eq!(erased.status, StatusCode::OK, "{}", erased.text);
    assert!(ada.memories().await.is_empty());
}

#[tokio::test]
async fn a_job_that_is_not_tried_any_more_is_listed_and_tried_again() {
    let mut setup = Setup::new().await;
    let support = setup.api_key("support", "admin").await;
    let worker = setup.start().await;
    let support = Chat::new(&worker.url, support);
    let chat = worker.chat("ada");
    chat.say("Hello").await;
    // A message that cannot be read any more: its job fails until it is dead. Here it is made so at once.
    let dead = "SELECT id::text FROM graphile_worker.add_job('extract', '{}'::json, job_key := 'user:x:extract', max_attempts := 1)";
    let id: i64 = setup.database.list(dead).await[0].parse().unwrap();
    let listed = eventually("the job is dead", Duration::from_secs(20), || async {
        let jobs = support.get("/api/v1/admin/jobs").await;
        ensure(jobs.body["jobs"][0]["id"] == id, || jobs.text.clone())?;
        Ok(jobs)
    })
    .await;
    let job = &listed.body["jobs"][0];
    assert_eq!(
        (&job["task"], &job["attempts"]),
        (&json!("extract"), &json!(1)),
        "{}",
        listed.text
    );
    assert!(job["last_error"].is_string(), "{}", listed.text);

    let retried = support.post(&format!("/api/v1/admin/jobs/{id}/retry"), json!({})).await;
    assert_eq!(retried.status, StatusCode::NO_CONTENT, "{}", retried.text);
    let unknown = support.post("/api/v1/admin/jobs/999999/retry", json!({})).await;
    assert_eq!(
        (unknown.status, unknown.code()),
        (StatusCode::NOT_FOUND, "job_not_found")
    );
    // It fails again, having been tried again.
    eventually("it was tried once more", Duration::from_secs(20), || async {
        let jobs = support.get("/api/v1/admin/jobs").await;
        let again = &jobs.body["jobs"][0];
        ensure(
            again["failed_at"] != job["failed_at"] && again["id"] == job["id"],
            || jobs.text.clone(),
        )
    })
    .await;
}
