//! `import`: brings users, conversations and memories over from the database of the Python service that this one replaces.
//! In: its URL, and our configuration, which says who its users are here; out: rows, one transaction for each user, and a
//! receipt that counts what was brought and what was left, and why. Running it again brings what is new and nothing twice.

mod carry;
mod layout;
mod receipt;
mod source;
mod target;

use std::io::Write;
use std::time::Duration;

use anyhow::{Context, anyhow};
use companion_crds::config::env;
use secrecy::{ExposeSecret, SecretString};

use crate::config::Settings;
use crate::identity::UserId;
use carry::Rules;
use layout::Names;
use receipt::Receipt;
use source::{OldUser, Source};
use target::{Outcome, Target};

/// Longest wait for a server.
const CONNECT: Duration = Duration::from_secs(10);
/// Longest statement on either side.
const STATEMENT: &str = "120s";
/// Users between two lines of the log.
const TOLD: u64 = 1_000;

/// What can be asked of `import`.
#[derive(clap::Args)]
pub struct Options {
    /// The database of the Python service, as a role that may read it.
    #[arg(long, value_name = "URL", env = "COMPANION_IMPORT_URL", hide_env_values = true)]
    from: SecretString,
    /// The schema of its tables.
    #[arg(long, default_value = "public")]
    schema: String,
    /// What a table or a column is called there, if not as docs/import.md says: memories=facts, memories.content=text.
    #[arg(long, value_name = "NAME=NAME")]
    map: Vec<String>,
    /// Bring memories of a persona too, as the user's own. Default: they are left, since personas have no place here yet.
    #[arg(long)]
    merge_personas: bool,
    /// Do everything but keep it.
    #[arg(long)]
    dry_run: bool,
}

/// Imports, and leaves the receipt on standard output, also where the import breaks off.
///
/// # Errors
/// The first thing that is wrong. What was brought until then stays.
pub async fn run(settings: &Settings, options: &Options) -> anyhow::Result<()> {
    let names = Names::parse(&options.map).map_err(|problem| anyhow!(problem))?;
    let mut source = Source::open(options.from.expose_secret(), &options.schema, &names).await?;
    // A pooler takes neither the lock nor the deadlines of one session.
    let (url, variable) = match settings.config.database.pooled {
        true => (settings.secrets.database_direct_url()?, env::DATABASE_DIRECT_URL),
        false => (settings.secrets.database_url()?, env::DATABASE_URL),
    };
    let mut target = Target::open(url, variable).await?;
    let mut receipt = Receipt::new(options.dry_run);
    let imported = import(&mut source, &mut target, settings, options, &mut receipt).await;
    receipt.complete = imported.is_ok();
    writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(&receipt)?)?;
    imported.context("the import broke off; run it again: what was brought is not brought twice")
}

async fn import(
    source: &mut Source,
    target: &mut Target,
    settings: &Settings,
    options: &Options,
    receipt: &mut Receipt,
) -> anyhow::Result<()> {
    let rules = Rules {
        merge_personas: options.merge_personas,
    };
    let mut seen = 0;
    let mut after: Option<String> = None;
    loop {
        let page = source.users(after.as_deref()).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id.clone());
        for old in &page {
            import_user(source, target, settings, rules, old, receipt)
                .await
                .with_context(|| format!("user {} of the old service", old.id))?;
            seen += 1;
            if seen % TOLD == 0 {
                tracing::info!(users = seen, "importing");
            }
        }
    }
    receipt.leave_the_rest(&source.totals().await?);
    Ok(())
}

async fn import_user(
    source: &mut Source,
    target: &mut Target,
    settings: &Settings,
    rules: Rules,
    old: &OldUser,
    receipt: &mut Receipt,
) -> anyhow::Result<()> {
    let belongings = source.belongings(&old.id).await?;
    let subject = old.subject.as_deref().unwrap_or_default();
    if !crate::http::auth::is_subject(subject) {
        receipt.leave_user(&belongings, receipt::NO_SUBJECT);
        return Ok(());
    }
    let config = &settings.config;
    let user = UserId::derive(&config.tenant, &config.auth.jwt.issuer, subject);
    match target.bring(user, old, &belongings, rules, receipt.dry_run).await? {
        Outcome::Brought(tallies) => receipt.add(tallies),
        Outcome::Erased => receipt.leave_user(&belongings, receipt::ERASED),
    }
    Ok(())
}
