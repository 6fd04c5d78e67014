//! The only step that writes children. In: every child as it is to be, and as it was found. Out: what is there now.
//! Nothing is written that is so already; nothing is touched that is not this resource's.

mod difference;
mod writer;

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::Deployment;
use kube::{Resource, ResourceExt as _};

use super::build::server::Server;
use super::build::{Prepared, Wanted, jobs_deployment};
use super::dereference::{Children, Found};
use super::validate::Identity;
use crate::context::Context;

pub use writer::Error;
use writer::Writer;

/// What is there after a pass.
#[derive(Debug, Default)]
pub struct Applied {
    /// The workers.
    pub deployment: Option<Deployment>,
    /// Pods that do nothing but jobs.
    pub jobs_deployment: Option<Deployment>,
    /// Children that exist already and belong to somebody else.
    pub conflicts: Vec<String>,
    /// Children of a deleted resource of this name, which are still being removed.
    pub leaving: Vec<String>,
    /// Whether anything was written.
    pub changed: bool,
    /// Whether the names of new Secrets should be read again at once.
    pub made_secrets: bool,
}

/// Names of the children that stay, by kind.
#[derive(Default)]
struct Staying {
    config_maps: BTreeSet<String>,
    services: BTreeSet<String>,
    stateful_sets: BTreeSet<String>,
}

impl Staying {
    fn server(&mut self, name: &str) {
        for names in [&mut self.config_maps, &mut self.services, &mut self.stateful_sets] {
            names.insert(name.to_owned());
        }
    }
}

/// Brings every child about, in the order in which they need each other.
pub async fn apply(
    context: &Context,
    identity: &Identity,
    prepared: Prepared,
    found: &Found,
) -> Result<Applied, Error> {
    let Prepared {
        new_secrets,
        kept_secrets,
        service_account,
        redis,
        postgres,
        configs,
        configs_in_use,
        jobs,
        old_jobs,
        service,
        deployment,
        replicas,
        jobs_deployment,
        jobs_replicas,
        autoscaler,
        disruption_budget,
    } = prepared;
    let live = &found.children;
    let mut writer = Writer::new(context, identity);
    let mut staying = Staying {
        config_maps: configs_in_use,
        ..Staying::default()
    };

    let made_secrets = !new_secrets.is_empty();
    for secret in new_secrets {
        writer.create(secret).await?;
    }
    for mut secret in kept_secrets {
        if let Some(existing) = found.secrets.get(&secret.name_any()) {
            // With the uid, one that is deleted just now is not made again, without its data.
            secret.metadata.uid = existing.uid();
            writer.ensure(std::slice::from_ref(existing), secret).await?;
        }
    }
    let service_account_goes = matches!(service_account, Wanted::Absent);
    if !service_account_goes {
        one(&mut writer, &live.service_accounts, service_account).await?;
    }
    for (name, server) in [("redis", redis), ("postgres", postgres)] {
        managed(
            &mut writer,
            live,
            &mut staying,
            &format!("{}-{name}", identity.name),
            server,
        )
        .await?;
    }
    for config in configs {
        staying.config_maps.insert(config.name_any());
        writer.ensure(&live.config_maps, config).await?;
    }
    for job in jobs {
        writer.create(job).await?;
    }

    let deployment = match deployment {
        Wanted::Apply(wanted) => writer.ensure(&live.deployments, *wanted).await?,
        Wanted::Keep | Wanted::Absent => found.deployment(&identity.name).cloned(),
    };
    if service_account_goes {
        // Pods can be made again under it until the Deployment names another.
        writer.remove(live.service_accounts.iter().collect()).await?;
    }
    // An autoscaler that is to go goes before the number is ours again.
    one(&mut writer, &live.autoscalers, autoscaler).await?;
    let deployment = match (deployment, replicas) {
        (Some(deployment), Some(count)) => Some(writer.set_replicas(deployment, count).await?),
        (deployment, _) => deployment,
    };
    let jobs_deployment = jobs_pods(&mut writer, identity, found, jobs_deployment, jobs_replicas).await?;
    staying.services.insert(service.name_any());
    writer.ensure(&live.services, service).await?;
    one(&mut writer, &live.disruption_budgets, disruption_budget).await?;

    let old_jobs: BTreeSet<String> = old_jobs.into_iter().collect();
    writer.remove(named(&live.jobs, &old_jobs)).await?;
    writer.remove(absent(&live.config_maps, &staying.config_maps)).await?;
    writer.remove(absent(&live.services, &staying.services)).await?;
    writer
        .remove(absent(&live.stateful_sets, &staying.stateful_sets))
        .await?;

    let Writer {
        conflicts,
        leaving,
        changed,
        ..
    } = writer;
    Ok(Applied {
        deployment,
        jobs_deployment,
        conflicts,
        leaving,
        changed,
        made_secrets,
    })
}

/// Children that nothing asks for any more.
fn absent<'a, K: Resource>(live: &'a [K], staying: &BTreeSet<String>) -> Vec<&'a K> {
    live.iter()
        .filter(|child| !staying.contains(&child.name_any()))
        .collect()
}

fn named<'a, K: Resource>(live: &'a [K], names: &BTreeSet<String>) -> Vec<&'a K> {
    live.iter().filter(|child| names.contains(&child.name_any())).collect()
}

/// Brings about a child of which there is one.
async fn one<K: writer::Child>(writer: &mut Writer<'_>, live: &[K], wanted: Wanted<K>) -> Result<(), Error> {
    match wanted {
        Wanted::Apply(child) => {
            let staying = BTreeSet::from([child.name_any()]);
            writer.ensure(live, *child).await?;
            writer.remove(absent(live, &staying)).await
        }
        Wanted::Keep => Ok(()),
        Wanted::Absent => writer.remove(live.iter().collect()).await,
    }
}

async fn jobs_pods(
    writer: &mut Writer<'_>,
    identity: &Identity,
    found: &Found,
    wanted: Wanted<Deployment>,
    replicas: Option<u32>,
) -> Result<Option<Deployment>, Error> {
    let live = found.deployment(&jobs_deployment::name(identity));
    let deployment = match wanted {
        Wanted::Apply(wanted) => writer.ensure(&found.children.deployments, *wanted).await?,
        Wanted::Keep => live.cloned(),
        Wanted::Absent => {
            writer.remove(live.into_iter().collect()).await?;
            None
        }
    };
    match (deployment, replicas) {
        (Some(deployment), Some(count)) => Ok(Some(writer.set_replicas(deployment, count).await?)),
        (deployment, _) => Ok(deployment),
    }
}

async fn managed(
    writer: &mut Writer<'_>,
    live: &Children,
    staying: &mut Staying,
    name: &str,
    server: Wanted<Server>,
) -> Result<(), Error> {
    match server {
        Wanted::Apply(server) => {
            let Server {
                config_map,
                service,
                stateful_set,
            } = *server;
            staying.server(name);
            writer.ensure(&live.config_maps, config_map).await?;
            writer.ensure(&live.services, service).await?;
            writer.ensure(&live.stateful_sets, stateful_set).await?;
        }
        Wanted::Keep => staying.server(name),
        Wanted::Absent => {}
    }
    Ok(())
}
