//! Secrets that the operator makes, once and never again: the passwords of managed servers, and the URLs that hold them.
//! They stay with the volumes: both go with the resource, or neither does.

use std::collections::BTreeMap;
use std::io;

use companion_crds::workload::DeletionPolicy;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::labels::{self, Component};
use super::server;
use crate::controller::validate::{Generated, Identity, Validated, postgres_secret, redis_secret};
use crate::secret_hash::{hex, random_bytes};

const PASSWORD_BYTES: usize = 24;

fn password() -> io::Result<String> {
    Ok(hex(&random_bytes(PASSWORD_BYTES)?))
}

/// A new Secret with new passwords. Its owner is set in a later step, since what a Secret is created with, server-side
/// apply does not take away again.
pub fn generate(identity: &Identity, kind: Generated) -> io::Result<Secret> {
    let host = |component| format!("{}.{}.svc", server::name(&identity.name, component), identity.namespace);
    let (name, component, values) = match kind {
        Generated::Redis => {
            let password = password()?;
            let url = format!("redis://:{password}@{}:6379/0", host(Component::Redis));
            (
                redis_secret(&identity.name),
                Component::Redis,
                vec![("password", password), ("url", url)],
            )
        }
        Generated::Postgres => {
            let (owner, worker, superuser) = (password()?, password()?, password()?);
            let url = |role: &str, password: &str| {
                format!(
                    "postgres://{role}:{password}@{}:5432/companion",
                    host(Component::Postgres)
                )
            };
            let values = vec![
                ("url", url("companion_worker", &worker)),
                ("direct-url", url("companion_owner", &owner)),
                ("owner-password", owner),
                ("worker-password", worker),
                ("superuser-password", superuser),
            ];
            (postgres_secret(&identity.name), Component::Postgres, values)
        }
    };
    let values: BTreeMap<String, String> = values.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    Ok(Secret {
        metadata: labels::kept(identity, name, component),
        string_data: Some(values),
        type_: Some("Opaque".into()),
        ..Secret::default()
    })
}

/// The labels and the owner of the Secrets that are there already. Their data is not in it, and so is not touched.
pub fn kept(from: &Validated) -> Vec<Secret> {
    let identity = &from.identity;
    let spec = &from.spec;
    let metadata = |name: String, component| -> ObjectMeta {
        match spec.deletion_policy {
            DeletionPolicy::Retain => labels::kept(identity, name, component),
            DeletionPolicy::Delete => labels::owned(identity, name, component),
        }
    };
    let mut secrets = Vec::new();
    if spec.redis.managed.is_some() && !from.generate.contains(&Generated::Redis) {
        secrets.push(metadata(redis_secret(&identity.name), Component::Redis));
    }
    if spec.database.managed.is_some() && !from.generate.contains(&Generated::Postgres) {
        secrets.push(metadata(postgres_secret(&identity.name), Component::Postgres));
    }
    secrets
        .into_iter()
        .map(|metadata| Secret {
            metadata,
            ..Secret::default()
        })
        .collect()
}
