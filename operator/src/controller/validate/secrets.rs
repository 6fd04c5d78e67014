//! The secrets of a resource: which ones it names, whether each has the key and a value that can be right, and which ones
//! the operator has to make. Values are looked at here and hashed; none leaves this file in any other form.

mod api_keys;

use std::collections::BTreeSet;

use companion_crds::config::env;
use companion_crds::redis::{Redis, RedisMode};
use companion_crds::redis_url::RedisUrl;
use companion_crds::secret::{MAKE_A_KEY, SecretKeyRef, hs256_weakness};
use companion_crds::{CompanionDeployment, CompanionDeploymentSpec, Environment};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;

use super::{Cure, Hashes, Identity, Part, Problem, SecretVariable};
use crate::controller::build::labels::{Component, INSTANCE, MANAGED_BY, MANAGER};
use crate::controller::dereference::Found;
use crate::secret_hash::SecretHasher;

/// A Secret that is not there yet and that the operator makes, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generated {
    /// For managed Redis.
    Redis,
    /// For managed PostgreSQL.
    Postgres,
}

impl Generated {
    /// The server it is for.
    pub fn component(self) -> Component {
        match self {
            Self::Redis => Component::Redis,
            Self::Postgres => Component::Postgres,
        }
    }
}

/// The Secret of managed Redis.
pub fn redis_secret(name: &str) -> String {
    format!("{name}-redis-auth")
}

/// The Secret of managed PostgreSQL.
pub fn postgres_secret(name: &str) -> String {
    format!("{name}-postgres-auth")
}

/// The volume claim of managed PostgreSQL.
pub fn postgres_claim(name: &str) -> String {
    format!("data-{name}-postgres-0")
}

/// Every Secret that a resource names or that is made for it.
pub fn named_secrets(resource: &CompanionDeployment) -> BTreeSet<String> {
    let values = wanted(&resource.name_any(), &resource.spec).into_iter();
    let keys = resource
        .spec
        .auth
        .api_keys
        .iter()
        .map(|keys| keys.secret_ref.name.clone());
    values.map(|wanted| wanted.reference.name).chain(keys).collect()
}

fn postgres_pod(name: &str) -> String {
    format!("{name}-postgres-0")
}

/// A value that a resource needs.
struct Wanted {
    /// Where the resource names it.
    field: String,
    part: Part,
    variable: String,
    reference: SecretKeyRef,
    check: fn(&[u8]) -> Option<String>,
    for_workers: bool,
}

/// All values that `spec` needs. The owner's URL of the database comes last.
fn wanted(name: &str, spec: &CompanionDeploymentSpec) -> Vec<Wanted> {
    let generated = |secret: String, key: &str| SecretKeyRef {
        name: secret,
        key: key.into(),
    };
    let (url, direct, fields) = match (&spec.database.external, &spec.database.managed) {
        (Some(external), _) => (
            external.url_secret_ref.clone(),
            external
                .direct_url_secret_ref
                .clone()
                .unwrap_or_else(|| external.url_secret_ref.clone()),
            match external.direct_url_secret_ref {
                Some(_) => ["database.external.urlSecretRef", "database.external.directUrlSecretRef"],
                None => ["database.external.urlSecretRef"; 2],
            },
        ),
        (None, _) => (
            generated(postgres_secret(name), "url"),
            generated(postgres_secret(name), "direct-url"),
            ["database.managed"; 2],
        ),
    };
    let (redis, redis_field) = match &spec.redis.external {
        Some(external) => (external.url_secret_ref.clone(), "redis.external.urlSecretRef"),
        None => (generated(redis_secret(name), "url"), "redis.managed"),
    };
    let one = |field: &str, part, variable: &str, reference, check, for_workers| Wanted {
        field: field.to_owned(),
        part,
        variable: variable.to_owned(),
        reference,
        check,
        for_workers,
    };

    let mut all = vec![
        one(
            fields[0],
            Part::Database,
            env::DATABASE_URL,
            url,
            postgres_url as fn(&[u8]) -> _,
            true,
        ),
        one(
            redis_field,
            Part::Redis,
            env::REDIS_URL,
            redis,
            redis_url(&spec.redis),
            true,
        ),
    ];
    let replicas = spec.database.external.iter().flat_map(|external| &external.replicas);
    all.extend(replicas.enumerate().map(|(index, replica)| {
        one(
            &format!("database.external.replicas[{index}].urlSecretRef"),
            Part::Other,
            &env::database_replica_url(index + 1),
            replica.url_secret_ref.clone(),
            postgres_url,
            true,
        )
    }));
    if let Some(reference) = &spec.auth.jwt.hs256_secret_ref {
        let check = match spec.environment {
            Environment::Production => production_key as fn(&[u8]) -> _,
            Environment::Development => development_key,
        };
        all.push(one(
            "auth.jwt.hs256SecretRef",
            Part::Other,
            env::JWT_HS256_SECRET,
            reference.clone(),
            check,
            true,
        ));
    }
    for provider in &spec.llm.providers {
        if let Some(reference) = &provider.api_key_secret_ref {
            let field = format!("llm.providers[{}].apiKeySecretRef", provider.name);
            all.push(one(
                &field,
                Part::Other,
                &env::provider_api_key(&provider.name),
                reference.clone(),
                api_key,
                true,
            ));
        }
    }
    all.push(one(
        fields[1],
        Part::Database,
        env::DATABASE_DIRECT_URL,
        direct,
        postgres_url,
        false,
    ));
    all
}

/// What became of the secrets.
pub struct Resolved {
    pub worker_variables: Vec<SecretVariable>,
    pub direct_url: SecretVariable,
    pub hashes: Hashes,
    pub generate: Vec<Generated>,
    pub problems: Vec<Problem>,
}

/// Looks at every value that `spec` needs.
pub fn resolve(identity: &Identity, spec: &CompanionDeploymentSpec, found: &Found, hasher: &SecretHasher) -> Resolved {
    let mut generate = Vec::new();
    let mut problems = Vec::new();
    let (redis, postgres) = (redis_secret(&identity.name), postgres_secret(&identity.name));
    if spec.redis.managed.is_some() {
        generated(
            identity,
            found,
            &redis,
            Part::Redis,
            Generated::Redis,
            &mut generate,
            &mut problems,
        );
    }
    if spec.database.managed.is_some() {
        if !found.secrets.contains_key(&postgres) && found.postgres_claim_uid.is_some() {
            problems.push(Problem {
                part: Part::Database,
                reason: "PasswordLost",
                message: format!(
                    "database.managed: the volume {claim:?} holds data, but the secret {postgres:?} with its passwords is gone: restore the secret, \
                     or start with an empty database: `kubectl --namespace {namespace} delete pvc/{claim} pod/{pod}`",
                    namespace = identity.namespace,
                    claim = postgres_claim(&identity.name),
                    pod = postgres_pod(&identity.name),
                ),
                cure: Cure::Person,
            });
        } else {
            generated(
                identity,
                found,
                &postgres,
                Part::Database,
                Generated::Postgres,
                &mut generate,
                &mut problems,
            );
        }
    }

    let all = wanted(&identity.name, spec);
    let mut values: Vec<(&Wanted, &[u8])> = Vec::new();
    for wanted in &all {
        let made_by_us = wanted.reference.name == redis && spec.redis.managed.is_some()
            || wanted.reference.name == postgres && spec.database.managed.is_some();
        match value(wanted, found, &identity.namespace) {
            Ok(value) => values.push((wanted, value)),
            // Made in this pass, or reported above.
            Err(_) if made_by_us && !found.secrets.contains_key(&wanted.reference.name) => {}
            Err(problem) if problems.iter().any(|known: &Problem| known.message == problem.message) => {}
            Err(problem) => problems.push(problem),
        }
    }

    let api_keys = api_keys::entries(spec, found, &mut problems);

    let hash = |filter: &dyn Fn(&Wanted) -> bool, besides: &[(&str, &[u8])]| {
        let parts: Vec<(&str, &[u8])> = values
            .iter()
            .filter(|(wanted, _)| filter(wanted))
            .map(|(wanted, value)| (wanted.variable.as_str(), *value))
            .chain(besides.iter().copied())
            .collect();
        hasher.hash(&parts)
    };
    let hashes = Hashes {
        worker: hash(&|wanted| wanted.for_workers, &api_keys),
        preflight: hash(&|_| true, &[]),
        database: hash(&|wanted| wanted.part == Part::Database, &[]),
        redis: hash(&|wanted| wanted.part == Part::Redis, &[]),
        postgres: hash(&|_| false, &[]),
    };
    let variable = |wanted: &Wanted| SecretVariable {
        variable: wanted.variable.clone(),
        secret: wanted.reference.name.clone(),
        key: wanted.reference.key.clone(),
    };
    let direct = all.iter().rfind(|wanted| !wanted.for_workers);
    Resolved {
        worker_variables: all.iter().filter(|wanted| wanted.for_workers).map(variable).collect(),
        direct_url: direct.map(variable).unwrap_or_else(|| SecretVariable {
            variable: env::DATABASE_DIRECT_URL.into(),
            secret: postgres.clone(),
            key: "direct-url".into(),
        }),
        hashes,
        generate,
        problems,
    }
}

/// Asks for a Secret to be made where there is none, and never takes over another's.
fn generated(
    identity: &Identity,
    found: &Found,
    name: &str,
    part: Part,
    kind: Generated,
    generate: &mut Vec<Generated>,
    problems: &mut Vec<Problem>,
) {
    match found.secrets.get(name) {
        None => generate.push(kind),
        Some(secret) if !is_ours(secret, identity) => problems.push(Problem {
            part,
            reason: "NameConflict",
            message: format!("the secret {name:?} exists already and is not this resource's: rename or delete it, or rename the resource"),
            cure: Cure::Person,
        }),
        Some(_) => {}
    }
}

fn is_ours(secret: &Secret, identity: &Identity) -> bool {
    let label = |name: &str| secret.labels().get(name).map(String::as_str);
    label(MANAGED_BY) == Some(MANAGER) && label(INSTANCE) == Some(identity.name.as_str())
}

fn value<'a>(wanted: &Wanted, found: &'a Found, namespace: &str) -> Result<&'a [u8], Problem> {
    let SecretKeyRef { name, key } = &wanted.reference;
    let field = &wanted.field;
    let problem = |reason, message| Problem {
        part: wanted.part,
        reason,
        message,
        cure: Cure::Outside,
    };
    let Some(secret) = found.secrets.get(name) else {
        return Err(problem(
            "SecretMissing",
            format!(
                "{field}: there is no secret {name:?} with the key {key:?}: make it with \
                 `kubectl --namespace {namespace} create secret generic {name} --from-literal={key}=...`"
            ),
        ));
    };
    let Some(value) = secret.data.as_ref().and_then(|data| data.get(key)) else {
        let keys: Vec<&str> = secret.data.iter().flatten().map(|(key, _)| key.as_str()).collect();
        let keys = if keys.is_empty() {
            "nothing".to_owned()
        } else {
            keys.join(", ")
        };
        return Err(problem(
            "SecretMissing",
            format!("{field}: secret {name:?} has no key {key:?} (found: {keys})"),
        ));
    };
    match (wanted.check)(&value.0) {
        None => Ok(&value.0),
        Some(wrong) => Err(problem(
            "SecretInvalid",
            format!("{field}: key {key:?} of secret {name:?} {wrong}"),
        )),
    }
}

/// What is wrong with any value that goes into an environment variable or a header.
fn plain(value: &[u8]) -> Option<String> {
    if value.is_empty() {
        Some("is empty".into())
    } else if value
        .iter()
        .any(|byte| byte.is_ascii_control() || byte.is_ascii_whitespace())
    {
        Some("has a line break, a blank or a control character in it: write it without, for example with printf and not echo".into())
    } else if std::str::from_utf8(value).is_err() {
        Some("is not text".into())
    } else {
        None
    }
}

fn url(value: &[u8], schemes: &[&str], form: &str) -> Option<String> {
    plain(value).or_else(|| {
        let known = schemes.iter().any(|scheme| value.starts_with(scheme.as_bytes()));
        (!known).then(|| format!("is not a URL of the form {form}"))
    })
}

fn postgres_url(value: &[u8]) -> Option<String> {
    url(
        value,
        &["postgres://", "postgresql://"],
        "postgres://user:password@host:5432/database",
    )
}

/// By the rule of the workers, which would refuse to start.
fn redis_url(redis: &Redis) -> fn(&[u8]) -> Option<String> {
    match redis
        .external
        .as_ref()
        .map(|external| external.mode)
        .unwrap_or_default()
    {
        RedisMode::Standalone => |value| redis_url_of(value, RedisMode::Standalone),
        RedisMode::Sentinel => |value| redis_url_of(value, RedisMode::Sentinel),
        RedisMode::Cluster => |value| redis_url_of(value, RedisMode::Cluster),
    }
}

fn redis_url_of(value: &[u8], mode: RedisMode) -> Option<String> {
    plain(value).or_else(|| RedisUrl::parse(std::str::from_utf8(value).ok()?, mode).err())
}

fn api_key(value: &[u8]) -> Option<String> {
    plain(value)
}

fn development_key(value: &[u8]) -> Option<String> {
    key(value, Environment::Development)
}

fn production_key(value: &[u8]) -> Option<String> {
    key(value, Environment::Production)
}

/// By the rule of the workers, which would refuse to start.
fn key(value: &[u8], environment: Environment) -> Option<String> {
    hs256_weakness(value, environment).map(|weakness| format!("is no safe key: {weakness}; {MAKE_A_KEY}"))
}
