//! `companion-worker`: reads the command line, loads the configuration, and does what it is told. What goes wrong is one
//! sentence on standard error and exit code 1.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, anyhow};
use clap::{Args, Parser, Subcommand};
use companion_crds::api_key::Scope;
use companion_crds::text::Span;
use companion_worker::commands::{classify, dev, import, key, leave, migrate, openapi, preflight, serve, token};
use companion_worker::config::Settings;
use companion_worker::shutdown::Signals;
use companion_worker::telemetry;

/// The stateless chat service.
#[derive(Parser)]
#[command(name = "companion-worker", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Answer messages until SIGTERM.
    Serve {
        #[command(flatten)]
        config: Config,
        /// Whether this worker runs jobs beside its turns, leaves them to others, or does nothing else.
        #[arg(long, value_enum, default_value_t)]
        jobs: serve::Jobs,
    },
    /// Bring the schema to this release's version.
    Migrate {
        #[command(flatten)]
        config: Config,
        /// What to do: expand before a rollout, contract after it.
        #[arg(long, value_enum)]
        phase: migrate::Phase,
    },
    /// Bring users, conversations and memories over from the Python service that this one replaces.
    Import {
        #[command(flatten)]
        config: Config,
        #[command(flatten)]
        options: import::Options,
    },
    /// Check that the database and Redis can be used, and report what they are.
    Preflight(Config),
    /// Run everything on this machine, without a cluster, and print the address of a page to chat with.
    Dev(dev::Options),
    /// Tell the worker of this pod that it goes, and wait until proxies know (the preStop hook).
    Leave {
        /// Its process.
        #[arg(long, default_value_t = 1)]
        worker: i32,
    },
    /// Print a development token.
    Token {
        #[command(flatten)]
        config: Config,
        /// The user it is for.
        #[arg(long)]
        user: String,
        /// How long it holds, such as 30m.
        #[arg(long, default_value = "1h")]
        ttl: Span,
    },
    /// Say what each text of a file is, for tuning.
    Classify(classify::Options),
    /// Print the OpenAPI document of the service.
    Openapi,
    /// Print a new API key and the entry of the Secret that makes workers believe it.
    Key {
        /// The name of the server it is for.
        #[arg(long)]
        name: String,
        /// What it may do: chat, act-as (for users it names), admin.
        #[arg(long, value_delimiter = ',', default_value = "chat")]
        scopes: Vec<Scope>,
    },
}

#[derive(Args)]
struct Config {
    /// The configuration file.
    #[arg(long = "config", value_name = "FILE", default_value = "/etc/companion/config.yaml")]
    path: PathBuf,
}

fn main() -> ExitCode {
    let command = Cli::parse().command;
    // Some are for a person, who is told what goes wrong, and not for a log.
    let by_hand = matches!(
        command,
        Command::Token { .. }
            | Command::Key { .. }
            | Command::Classify(_)
            | Command::Openapi
            | Command::Leave { .. }
            | Command::Dev(_)
    );
    // Before anything may ask for it; an error would only say that it is there.
    let _ = rustls::crypto::ring::default_provider().install_default();
    if matches!(command, Command::Dev(_)) {
        telemetry::start_for_a_person();
    }
    let _traces = (!by_hand).then(telemetry::start);
    let Err(error) = run(command) else {
        return ExitCode::SUCCESS;
    };
    if by_hand {
        let _ = writeln!(std::io::stderr(), "error: {error:#}");
    } else {
        tracing::error!("{error:#}");
    }
    ExitCode::FAILURE
}

fn run(command: Command) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("failed to start the runtime")?;
    runtime.block_on(async {
        match command {
            Command::Serve { config, jobs } => {
                let signals = Signals::listen()?;
                serve::run(Settings::load(&config.path)?, jobs, signals, || ()).await?;
            }
            Command::Migrate { config, phase } => migrate::run(&Settings::load(&config.path)?, phase).await?,
            Command::Import { config, options } => import::run(&Settings::load(&config.path)?, &options).await?,
            Command::Preflight(config) if preflight::run(&config.path).await => {}
            Command::Preflight(_) => return Err(anyhow!("preflight failed; its report says why")),
            Command::Token { config, user, ttl } => token::run(&Settings::load(&config.path)?, &user, ttl)?,
            Command::Classify(options) => classify::run(&options).await?,
            Command::Openapi => openapi::run()?,
            Command::Dev(options) => dev::run(&options).await?,
            Command::Leave { worker } => leave::run(worker).await?,
            Command::Key { name, scopes } => key::run(&name, &scopes)?,
        }
        Ok(())
    })
}
