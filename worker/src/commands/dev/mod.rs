//! `dev`: the whole service on this machine, without a cluster. In: options and what is installed here; out: a worker that
//! serves, an address for the browser, and shell lines for clients. PostgreSQL and Redis are started in a folder of their
//! own unless a URL of some that run is given; all that was started ends with the command, and what was said stays.

mod configuration;
mod environment;
mod folder;
mod model;
mod pieces;
mod postgres;
mod provider;
mod redis;
mod server;

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, anyhow};
use secrecy::SecretString;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;

use super::migrate::{self, Phase};
use super::serve::{self, Jobs};
use crate::config::{Secrets, Settings};
use crate::http::auth;
use crate::shutdown::Signals;
use environment::Parts;
use folder::{Folder, Opened, Running};
use postgres::Database;
use provider::Provider;
use server::Server;

/// How long a token that is printed holds, in seconds.
const TOKEN: u64 = 24 * 60 * 60;

/// What can be asked of `dev`.
#[derive(clap::Args)]
pub struct Options {
    /// Print shell lines with which any client reaches the service: of the one that runs, else of the one that this starts.
    #[arg(long)]
    env: bool,
    /// The user whose token is printed.
    #[arg(long, default_value = "you")]
    user: String,
    /// Port of the chat page and the API, on this machine alone.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Port of /readyz and /metrics, on this machine alone.
    #[arg(long, default_value_t = 8081)]
    admin_port: u16,
    /// A PostgreSQL with pgvector that runs already, as a role that may make schemas. Default: one of its own.
    #[arg(long, value_name = "URL", env = "COMPANION_DEV_DATABASE_URL", hide_env_values = true)]
    database_url: Option<SecretString>,
    /// A Redis that runs already. Default: one of its own.
    #[arg(long, value_name = "URL", env = "COMPANION_DEV_REDIS_URL", hide_env_values = true)]
    redis_url: Option<SecretString>,
    /// The model that replies, where OPENAI_API_KEY or OPENAI_BASE_URL say who is asked; without them replies are simulated.
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// Folder of the embedding model all-MiniLM-L6-v2.
    #[arg(long, value_name = "FOLDER", env = companion_crds::config::env::MODEL_DIR)]
    model_dir: Option<PathBuf>,
    /// Where data is kept. Default: companion/dev among the user's data, as root /var/lib/companion/dev.
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
}

/// What is decided before anything is started.
struct Decided {
    provider: Provider,
    model_dir: PathBuf,
    postgres: postgres::Source,
    redis: redis::Source,
}

/// Serves until a signal to end, or says how to reach what runs already.
///
/// # Errors
/// Something is missing or wrong; the text names it and says how to get it.
pub async fn run(options: &Options) -> anyhow::Result<()> {
    if !auth::is_subject(&options.user) {
        return Err(anyhow!("--user: {:?} is no user that a token could name", options.user));
    }
    let mut signals = Signals::listen()?;
    let mut folder = match Folder::open(options.data_dir.as_deref())? {
        Opened::Ours(folder) => folder,
        Opened::Taken(taken) => {
            let running = tokio::select! {
                running = taken.running(options.env) => running?,
                () = signals.received() => return Ok(()),
            };
            return if options.env {
                tell_of(&running, options)
            } else {
                Err(running.error())
            };
        }
    };
    let decided = decide(options, &folder)?;
    let mut servers = Vec::new();
    let prepared = tokio::select! {
        prepared = prepare(&decided, options, &folder, &mut servers) => prepared.map(Some),
        () = signals.received() => Ok(None),
    };
    let ended = match prepared {
        Ok(Some((settings, parts))) => tokio::select! {
            served = serve(settings, &parts, options, &mut folder, signals) => served,
            error = server::first_to_end(&mut servers) => Err(error),
        },
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    // The last to be started is needed by nothing else.
    while let Some(server) = servers.pop() {
        server.stop().await;
    }
    ended
}

/// Everything that can be wrong without anything running.
fn decide(options: &Options, folder: &Folder) -> anyhow::Result<Decided> {
    if options.port == options.admin_port {
        return Err(anyhow!(
            "--admin-port: must be another than --port, which is {}",
            options.port
        ));
    }
    configuration::check_port("--port", options.port)?;
    configuration::check_port("--admin-port", options.admin_port)?;
    let decided = Decided {
        provider: provider::choose(provider::Given::from_environment(), options.model.as_deref())?,
        model_dir: model::find(options.model_dir.as_deref())?,
        postgres: postgres::source(options.database_url.as_ref(), folder)?,
        redis: redis::source(options.redis_url.as_ref(), folder)?,
    };
    if matches!(decided.provider, Provider::Simulated { own: true }) {
        let note = "OPENAI_API_KEY is a token of Companion's own, as --env prints it: replies are simulated";
        writeln!(std::io::stderr(), "{note}")?;
    }
    Ok(decided)
}

/// PostgreSQL and Redis run and are good, and the schema is there.
async fn prepare(
    decided: &Decided,
    options: &Options,
    folder: &Folder,
    servers: &mut Vec<Server>,
) -> anyhow::Result<(Settings, Parts)> {
    let (database, postgres) = decided.postgres.ready(servers).await?;
    let (redis_url, redis) = decided.redis.ready(servers).await?;
    let Database { owner, worker } = &database;
    migrate::apply(owner.options()?, &worker.user()?, Phase::Expand)
        .await
        .context("failed to make the schema")?;
    let config = configuration::make(&decided.provider, &decided.model_dir, options.port, options.admin_port);
    let secrets = Secrets {
        database_url: Some(worker.url.clone()),
        database_direct_url: Some(owner.url.clone()),
        database_replica_urls: Vec::new(),
        redis_url: Some(redis_url),
        jwt_hs256: Some(folder.signing_key()?),
        provider_keys: decided.provider.keys(),
    };
    let parts = Parts {
        postgres,
        redis,
        provider: decided.provider.to_string(),
        data: folder.path().to_owned(),
        elsewhere: options.data_dir.is_some(),
    };
    Ok((Settings::checked(config, secrets)?, parts))
}

/// Serves in a runtime of its own: everything of the worker ends with it, before the servers that it needs do.
async fn serve(
    settings: Settings,
    parts: &Parts,
    options: &Options,
    folder: &mut Folder,
    signals: Signals,
) -> anyhow::Result<()> {
    let running = Running::here(options.port);
    let token = auth::issue(&settings.config, &settings.secrets, &options.user, TOKEN)?;
    let text = if options.env {
        environment::shell(&running.url, &token)
    } else {
        environment::page(&running.url, &token, parts)
    };
    let worker = Worker::start()?;
    let (tell, ready) = oneshot::channel();
    let serving = worker.handle.spawn(serve::run(settings, Jobs::On, signals, || {
        let _ = tell.send(());
    }));
    // Never told where the worker does not start: the error is that of its end.
    if ready.await.is_ok() {
        // Where another `dev` cannot find this one, or nobody reads, it serves all the same.
        if let Err(error) = folder.tell(&running) {
            tracing::warn!(%error, "failed to note the address for `dev --env`");
        }
        let _ = std::io::stdout().write_all(text.as_bytes());
        if options.env {
            let _ = writeln!(std::io::stderr(), "{}", environment::HERE);
        }
    }
    Ok(serving.await??)
}

/// The worker's runtime. Nothing in it is waited for once its service has ended.
struct Worker {
    handle: Handle,
    runtime: Option<Runtime>,
}

impl Worker {
    fn start() -> anyhow::Result<Self> {
        let runtime = Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.context("failed to start the worker's runtime")?;
        Ok(Self {
            handle: runtime.handle().clone(),
            runtime: Some(runtime),
        })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Shell lines of the one that runs.
fn tell_of(running: &Running, options: &Options) -> anyhow::Result<()> {
    let secrets = Secrets {
        jwt_hs256: Some(folder::signing_key_in(&folder::place(options.data_dir.as_deref())?)?),
        ..Secrets::default()
    };
    let config = configuration::make(
        &Provider::Simulated { own: false },
        "".as_ref(),
        options.port,
        options.admin_port,
    );
    let token = auth::issue(&config, &secrets, &options.user, TOKEN)?;
    std::io::stdout().write_all(environment::shell(&running.url, &token).as_bytes())?;
    Ok(())
}
