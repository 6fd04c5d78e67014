//! Managed PostgreSQL with pgvector: one instance. Its start script makes the database and its two roles once: the owner
//! of the schema, and the workers' role, which can change no schema.

use companion_crds::database::ManagedDatabase;

use super::labels::Component;
use super::pod;
use super::server::{self, Kind, Server};
use crate::controller::plan::ServerPlan;
use crate::controller::validate::{SecretVariable, Validated, postgres_secret};

/// Keys of the passwords in their Secret, and the variables that carry them.
pub const PASSWORDS: [(&str, &str); 3] = [
    ("superuser-password", "SUPERUSER_PASSWORD"),
    ("owner-password", "OWNER_PASSWORD"),
    ("worker-password", "WORKER_PASSWORD"),
];

/// The children of managed PostgreSQL.
pub fn postgres(from: &Validated, plan: &ServerPlan, wish: &ManagedDatabase) -> Server {
    let password = |(key, variable): (&str, &str)| SecretVariable {
        variable: variable.into(),
        secret: postgres_secret(&from.identity.name),
        key: key.into(),
    };
    server::server(
        from,
        Kind {
            component: Component::Postgres,
            plan,
            port: 5432,
            start: include_str!("scripts/postgres.sh"),
            ready: include_str!("scripts/postgres-ready.sh"),
            env: PASSWORDS.map(|each| pod::secret_variable(&password(each))).into(),
            resources: pod::resources(
                &pod::amounts([("cpu", "100m"), ("memory", "256Mi")]),
                &pod::amounts([("memory", "1Gi")]),
            ),
            storage: &wish.storage,
            data: "/var/lib/postgresql/data",
            scratch: &[("run", "/run/postgresql", "1Mi"), ("tmp", "/tmp", "64Mi")],
        },
    )
}
