//! The operator's program: `run` reconciles resources, `crd` prints the definition of their kind.

mod admin;
mod api_error;
mod backoff;
mod conditions;
mod context;
mod controller;
mod discovery;
mod events;
mod leader;
mod plan;
mod quantity;
mod run;
mod secret_hash;
mod settings;
mod telemetry;

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};

/// Runs CompanionDeployments.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Reconcile resources until told to stop.
    Run(settings::Settings),
    /// Print the CustomResourceDefinition as YAML.
    Crd,
}

fn main() -> anyhow::Result<ExitCode> {
    match Cli::parse().command {
        Command::Run(settings) => {
            telemetry::start_logs();
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()?;
            if let Err(error) = runtime.block_on(run::run(settings)) {
                tracing::error!(error = format!("{error:#}"), "ended");
                return Ok(ExitCode::FAILURE);
            }
        }
        Command::Crd => {
            let yaml = companion_crds::yaml::custom_resource_definition()?;
            std::io::stdout()
                .write_all(yaml.as_bytes())
                .context("failed to print the definition")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
