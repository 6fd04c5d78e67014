//! From what a resource says and what it names, to something that can be built, or to problems in words. No client: the
//! same inputs always give the same answer.

mod secrets;

use companion_crds::workload::Approval;
use companion_crds::{CompanionDeployment, CompanionDeploymentSpec};
use kube::ResourceExt as _;

use crate::controller::dereference::Found;
use crate::plan::migration::APPROVAL_ANNOTATION;
use crate::secret_hash::SecretHasher;
use crate::settings::Images;

pub use secrets::{Generated, named_secrets, postgres_claim, postgres_secret, redis_secret};

/// Which resource this is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Its uid: a resource made again under the same name is another one.
    pub uid: String,
}

/// Whether a problem can go away without an edit of the resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cure {
    /// Something outside has to change; we look again.
    Outside,
    /// It needs a person, here or at what the message names.
    Person,
}

/// The part of a resource that a problem is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// `spec.database`.
    Database,
    /// `spec.redis`.
    Redis,
    /// Anything else.
    Other,
}

/// What is in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub part: Part,
    /// For a condition.
    pub reason: &'static str,
    /// What is wrong, where, and what to do.
    pub message: String,
    /// Who has to act.
    pub cure: Cure,
}

/// An environment variable whose value is a key of a Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretVariable {
    /// Name of the variable.
    pub variable: String,
    /// Name of the Secret.
    pub secret: String,
    /// Key within it.
    pub key: String,
}

/// Hashes of what the secrets hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hashes {
    /// Of all that workers get.
    pub worker: String,
    /// Of all that preflight gets.
    pub preflight: String,
    /// Of the database's URLs.
    pub database: String,
    /// Of the URL of Redis, which holds managed Redis' password.
    pub redis: String,
    /// Of managed PostgreSQL's passwords: always the same, for they live in its data and a restart would not change them.
    pub postgres: String,
}

/// A resource that can be built, as far as `problems` allow.
#[derive(Clone, Debug)]
pub struct Validated {
    /// Which resource.
    pub identity: Identity,
    /// Its wishes.
    pub spec: CompanionDeploymentSpec,
    /// The worker's image.
    pub image: String,
    /// The images of managed servers.
    pub images: Images,
    /// Part of every user's identity.
    pub tenant: String,
    /// The image that a person approved to migrate for.
    pub approved_image: Option<String>,
    /// What a worker gets from Secrets.
    pub worker_variables: Vec<SecretVariable>,
    /// The URL of the schema's owner, for Jobs only.
    pub direct_url: SecretVariable,
    /// What the secrets hold.
    pub hashes: Hashes,
    /// Secrets to make, since they are not there yet.
    pub generate: Vec<Generated>,
    /// What is in the way of serving.
    pub problems: Vec<Problem>,
}

/// Looks at everything that was found.
pub fn validate(resource: &CompanionDeployment, found: &Found, images: &Images, hasher: &SecretHasher) -> Validated {
    let identity = Identity {
        name: resource.name_any(),
        namespace: resource.namespace().unwrap_or_default(),
        uid: resource.uid().unwrap_or_default(),
    };
    let spec = resource.spec.clone();
    let adopted = resource.status.as_ref().and_then(|status| status.image.clone());
    let resolved = secrets::resolve(&identity, &spec, found, hasher);
    Validated {
        image: spec.image.clone().or(adopted).unwrap_or_else(|| images.worker.clone()),
        images: images.clone(),
        tenant: spec
            .tenant
            .clone()
            .unwrap_or_else(|| format!("{}/{}", identity.namespace, identity.name)),
        approved_image: match spec.migrations.approval {
            Approval::Manual => resource.annotations().get(APPROVAL_ANNOTATION).cloned(),
            Approval::Automatic => None,
        },
        worker_variables: resolved.worker_variables,
        direct_url: resolved.direct_url,
        hashes: resolved.hashes,
        generate: resolved.generate,
        problems: resolved.problems,
        identity,
        spec,
    }
}
