//! A migration that fails: the old workers serve on, the condition tells the cause, and once the cause is fixed outside
//! everything goes on by itself.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use companion_tests::environment::required;
use companion_tests::kube::with_temp_ns;
use companion_tests::{Blueprint, Chat, TestDatabase};
use kube::ResourceExt;
use serde_json::json;
use tokio::task::JoinHandle;

const SOON: Duration = Duration::from_secs(90);
/// A failed attempt is followed by another after a minute, then after two.
const HEALED: Duration = Duration::from_secs(300);

/// Chats twice a second until it is stopped, and keeps what went wrong.
struct Visitor {
    failures: Arc<Mutex<Vec<String>>>,
    visits: Arc<Mutex<usize>>,
    task: JoinHandle<()>,
}

impl Visitor {
    fn of(chat: Chat) -> Self {
        let (failures, visits) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(0)));
        let (bad, all) = (failures.clone(), visits.clone());
        let task = tokio::spawn(async move {
            loop {
                let outcome = chat.try_say("Hello").await;
                *all.lock().unwrap() += 1;
                if let Err(failure) = outcome {
                    bad.lock().unwrap().push(failure);
                }
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        });
        Self { failures, visits, task }
    }

    fn was_always_served(&self) {
        let failures = self.failures.lock().unwrap();
        let visits = *self.visits.lock().unwrap();
        assert!(visits > 0);
        assert!(
            failures.is_empty(),
            "{} of {visits} visits failed: {failures:#?}",
            failures.len()
        );
    }
}

impl Drop for Visitor {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[tokio::test]
async fn a_migration_that_fails_leaves_old_workers_serving_and_heals_without_an_edit() {
    let database = TestDatabase::create().await;
    with_temp_ns(async move |client, namespace| {
        let demo = Blueprint::external("demo", &database).apply(&client, &namespace).await;
        demo.await_ready().await;
        let old_pod = demo.await_workers(1, SOON).await[0].name_any();
        let old_image = demo.deployment().await.spec.unwrap().template;
        let visitor = Visitor::of(demo.chat("ada").await);

        // The owner of the schema may no longer write, as after a failover to a read-only server; the workers may.
        let owner = format!("{}_owner", database.name);
        database
            .execute(&format!("ALTER ROLE {owner} SET default_transaction_read_only = on"))
            .await;
        let next = required("COMPANION_WORKER_NEXT_IMAGE");
        demo.edit(json!({ "image": next })).await;
        let failed = demo.await_status("Migrated", "False", SOON).await;
        let failed = if failed.message.contains("read-only") {
            failed
        } else {
            let told = |demo: &companion_crds::CompanionDeployment| {
                companion_tests::companion::condition(demo, "Migrated")
                    .is_some_and(|one| one.message.contains("read-only"))
            };
            let resource = demo.await_state("Migrated tells the cause", SOON, told).await;
            companion_tests::companion::condition(&resource, "Migrated").unwrap()
        };
        println!("{}: {}", failed.reason, failed.message);
        assert_eq!(failed.status, "False");
        assert_eq!(demo.await_status("Ready", "False", SOON).await.status, "False");
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(
            demo.deployment().await.spec.unwrap().template,
            old_image,
            "no new worker before its schema"
        );
        let serving = demo.workers().await;
        assert_eq!(
            serving.iter().map(ResourceExt::name_any).collect::<Vec<_>>(),
            std::slice::from_ref(&old_pod)
        );
        visitor.was_always_served();

        database
            .execute(&format!("ALTER ROLE {owner} RESET default_transaction_read_only"))
            .await;
        demo.await_status("Migrated", "True", HEALED).await;
        let resource = demo.await_ready().await;
        assert_eq!(resource.status.unwrap().image.as_deref(), Some(next.as_str()));
        let pods = demo.await_workers(1, SOON).await;
        assert_ne!(pods[0].name_any(), old_pod);
        assert_eq!(
            pods[0].spec.as_ref().unwrap().containers[0].image.as_deref(),
            Some(next.as_str())
        );
        visitor.was_always_served();
    })
    .await;
}
