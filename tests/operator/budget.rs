//! The connection budget: what the server gives, less what others and the job queue need, shared among the workers.

use std::time::Duration;

use companion_crds::status::Connections;
use companion_crds::{CompanionDeployment, DRAINING_CONNECTIONS, JOB_CONNECTIONS, MIN_POOL_SIZE};
use companion_tests::companion::condition;
use companion_tests::kube::{await_condition, with_temp_ns};
use companion_tests::stub_provider::{Pace, StubProvider};
use companion_tests::{Blueprint, TestDatabase};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::Node;
use kube::Client;
use kube::api::{Api, ListParams};
use serde_json::json;

const SOON: Duration = Duration::from_secs(60);
const SURGE: u32 = 1;

/// The formula of the resource's description, written a second time on purpose.
fn pool_size(server: u32, reserved: u32, workers: u32) -> i64 {
    let left = i64::from(server)
        - i64::from(reserved)
        - i64::from(JOB_CONNECTIONS)
        - i64::from(workers * DRAINING_CONNECTIONS);
    left.div_euclid(i64::from(workers + SURGE))
}

/// The most workers that each get the smallest pool.
fn most_workers(server: u32, reserved: u32) -> u32 {
    (1..1000)
        .take_while(|workers| pool_size(server, reserved, *workers) >= i64::from(MIN_POOL_SIZE))
        .last()
        .unwrap_or(0)
}

fn connections(resource: &CompanionDeployment) -> Connections {
    resource
        .status
        .as_ref()
        .and_then(|status| status.connections.clone())
        .expect("status.connections")
}

#[tokio::test]
async fn a_workers_pool_is_its_share_of_what_the_database_gives() {
    let database = TestDatabase::create().await;
    // The smallest of the server's, the role's and the database's limit counts.
    database
        .execute(&format!("ALTER DATABASE {} CONNECTION LIMIT 50", database.name))
        .await;
    with_temp_ns(async move |client, namespace| {
        let demo = Blueprint::external("demo", &database)
            .with(json!({ "replicas": 2, "database": { "maxConnections": null } }))
            .apply(&client, &namespace)
            .await;
        let resource = demo.await_ready().await;
        let found = resource
            .status
            .as_ref()
            .and_then(|status| status.preflight.clone())
            .expect("status.preflight");
        assert_eq!(found.server_connections, 50);
        assert!(found.postgres.starts_with("17."), "{found:?}");

        let expected = pool_size(50, 10, 2);
        assert_eq!(expected, 10);
        let config = demo.config().await;
        assert_eq!(i64::from(config.database.pool_size), expected);
        assert_eq!(config.database.max_workers, 2);
        let budget = Connections {
            server: 50,
            reserved: 10,
            jobs: 4,
            max_workers: 2,
            draining: 4,
            per_worker: 10,
        };
        assert_eq!(connections(&resource), budget);

        // A share smaller than the server's limit is what counts then.
        demo.edit(json!({ "database": { "maxConnections": 40 } })).await;
        demo.await_state("a smaller budget", SOON, |resource| connections(resource).server == 40)
            .await;
        demo.await_ready().await;
        assert_eq!(i64::from(demo.config().await.database.pool_size), pool_size(40, 10, 2));
    })
    .await;
}

#[tokio::test]
async fn an_autoscaler_is_held_to_what_the_database_can_carry() {
    let database = TestDatabase::create().await;
    with_temp_ns(async move |client, namespace| {
        let demo = Blueprint::external("demo", &database)
            .with(json!({ "replicas": null, "autoscaling": { "minReplicas": 1, "maxReplicas": 30 }, "database": { "maxConnections": 50 } }))
            .apply(&client, &namespace)
            .await;
        demo.await_ready().await;
        let most = most_workers(50, 10);
        let scaler = |hpa: Option<&HorizontalPodAutoscaler>| hpa.is_some();
        let hpa = await_condition(&demo.api(), "demo", "an autoscaler", SOON, scaler).await.unwrap();
        assert_eq!(hpa.spec.max_replicas, most as i32);
        let fits = demo.await_status("ConnectionsFit", "False", SOON).await;
        assert!(fits.message.contains("30") && fits.message.contains(&most.to_string()), "{}", fits.message);
        assert_eq!(i64::from(demo.config().await.database.pool_size), pool_size(50, 10, most));
    })
    .await;
}

#[tokio::test]
async fn a_number_of_workers_that_cannot_fit_is_refused_with_the_numbers_and_the_old_ones_serve() {
    let database = TestDatabase::create().await;
    with_temp_ns(async move |client, namespace| {
        let demo = Blueprint::external("demo", &database)
            .with(json!({ "database": { "maxConnections": 40 } }))
            .apply(&client, &namespace)
            .await;
        demo.await_ready().await;
        let before = demo.deployment().await.spec.unwrap().template;

        demo.edit(json!({ "replicas": 30 })).await;
        let stalled = demo.await_status("Stalled", "True", SOON).await;
        let fits = condition(&demo.resource().await, "ConnectionsFit").expect("ConnectionsFit");
        assert_eq!(fits.status, "False");
        assert!(
            fits.message.contains("30") && fits.message.contains("40"),
            "{}; {}",
            fits.message,
            stalled.message
        );
        let deployment = demo.deployment().await.spec.unwrap();
        assert_eq!(
            (deployment.replicas, deployment.template),
            (Some(1), before),
            "what serves must stay as it is"
        );
        demo.chat("ada").await.say("Hello").await;

        demo.edit(json!({ "replicas": 2 })).await;
        demo.await_ready().await;
        demo.await_workers(2, SOON).await;
    })
    .await;
}

/// The stub as pods reach it: at this machine's address towards the cluster's node.
async fn base_url(client: &Client, stub: &StubProvider) -> String {
    let nodes = Api::<Node>::all(client.clone())
        .list(&ListParams::default())
        .await
        .unwrap();
    let addresses = nodes.items[0].status.clone().unwrap().addresses.unwrap();
    let node = addresses
        .iter()
        .find(|one| one.type_ == "InternalIP")
        .expect("a node has an address");
    // No packet is sent: connecting only chooses the route.
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.connect((node.address.as_str(), 9)).unwrap();
    let here = socket.local_addr().unwrap().ip();
    format!("http://{here}:{}/v1", stub.address.port())
}

#[tokio::test]
async fn workers_never_hold_more_connections_than_their_budget_even_in_a_rollout_with_long_streams() {
    let database = TestDatabase::create().await;
    let stub = StubProvider::start().await;
    // An answer of 20 seconds: old workers still stream while new ones start.
    stub.pace(Pace {
        gap: Duration::from_millis(200),
        words: 100,
        ..Pace::default()
    });
    with_temp_ns(async move |client, namespace| {
        let demo = Blueprint::external("demo", &database)
            .with(json!({ "replicas": 2, "database": { "maxConnections": 40 }, "llm": {
                "providers": [{ "name": "stub", "baseURL": base_url(&client, &stub).await }],
                "routes": { "normal": { "provider": "stub", "model": "stub" } },
            } }))
            .apply(&client, &namespace)
            .await;
        let resource = demo.await_ready().await;
        let budget = connections(&resource);
        let chat = demo.chat("ada").await;
        let load = futures::future::join_all((0..40).map(|number| {
            let chat = chat.in_conversation(&format!("c{number}"));
            async move { chat.stream("Hello there").await }
        }));
        let rollout = async {
            tokio::time::sleep(Duration::from_secs(2)).await;
            // Twice: what drains from the first is still there in the second.
            for characters in [3000, 3001] {
                demo.edit(json!({ "limits": { "messageChars": characters } })).await;
                demo.await_ready().await;
            }
        };
        let load = futures::future::join(load, rollout);
        let query = format!(
            "SELECT count(*)::text FROM pg_stat_activity WHERE usename = '{}_worker'",
            database.name
        );
        let mut most = 0;
        tokio::pin!(load);
        loop {
            tokio::select! {
                (replies, ()) = &mut load => {
                    assert!(replies.iter().all(|reply| !reply.text.is_empty()), "every stream is finished");
                    break;
                }
                held = database.ask(&query) => most = most.max(held.parse::<u32>().unwrap()),
            }
        }
        assert!(
            most > 0 && most <= budget.server - budget.reserved,
            "{most} connections held, the budget is {budget:?}"
        );
    })
    .await;
}
