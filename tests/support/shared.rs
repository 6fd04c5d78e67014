//! The quickstart as its sample has it, shared by the tests that only chat with it: a deployment with PostgreSQL and Redis
//! takes a while on a small machine. Those that break it have it alone. It goes with the cluster.

use std::future::Future;

use kube::Client;
use tokio::sync::{OnceCell, RwLock};

use crate::kube::{apply, client, create_namespace, within_ns};
use crate::{Companion, Issuer, samples};

const NAMESPACE: &str = "companion-shared";

static USE: RwLock<()> = RwLock::const_new(());
static APPLIED: OnceCell<()> = OnceCell::const_new();

/// Runs a test on the shared quickstart, beside others that leave it as it is.
pub async fn with_quickstart<F, Fut>(test: F)
where
    F: FnOnce(Companion) -> Fut,
    Fut: Future<Output = ()> + Send + 'static,
{
    let _shared = USE.read().await;
    run(test).await;
}

/// Runs a test on the shared quickstart with no other beside it, because it breaks parts.
pub async fn with_quickstart_alone<F, Fut>(test: F)
where
    F: FnOnce(Companion) -> Fut,
    Fut: Future<Output = ()> + Send + 'static,
{
    let _alone = USE.write().await;
    run(test).await;
}

async fn run<F, Fut>(test: F)
where
    F: FnOnce(Companion) -> Fut,
    Fut: Future<Output = ()> + Send + 'static,
{
    let client = client().await;
    APPLIED
        .get_or_init(|| async {
            create_namespace(&client, NAMESPACE).await;
            for object in samples::quickstart() {
                apply(&client, NAMESPACE, object).await;
            }
        })
        .await;
    let quickstart = quickstart(&client);
    let ready = quickstart.clone();
    within_ns(&client, NAMESPACE, async move {
        ready.await_ready().await;
    })
    .await;
    within_ns(&client, NAMESPACE, test(quickstart)).await;
}

/// The quickstart's name, and an issuer that signs what it believes: all of it is in the sample.
fn quickstart(client: &Client) -> Companion {
    let objects = samples::quickstart();
    let of_kind = |kind: &str| {
        objects
            .iter()
            .find(|object| object["kind"] == kind)
            .unwrap_or_else(|| panic!("no {kind} in quickstart.yaml"))
    };
    let resource = of_kind("CompanionDeployment");
    let jwt = &resource["spec"]["auth"]["jwt"];
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned();
    let key = text(&jwt["hs256SecretRef"]["key"]);
    let issuer = Issuer {
        issuer: text(&jwt["issuer"]),
        audience: text(&jwt["audience"]),
        secret: text(&of_kind("Secret")["stringData"][key]),
    };
    Companion::new(client, NAMESPACE, &text(&resource["metadata"]["name"]), issuer)
}
