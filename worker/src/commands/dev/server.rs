//! A server that `dev` started. It is told to end when we end in order, and by the kernel where we are killed; if it ends by
//! itself, the end of its log says why.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, anyhow};
use futures::future::select_all;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::folder::{Account, private};
use super::pieces;

/// Longest wait for its end.
const PATIENCE: Duration = Duration::from_secs(30);
/// Lines of a log that are shown.
const LINES: usize = 8;

/// One that runs.
pub struct Server {
    name: &'static str,
    child: Child,
    stop: Signal,
    log: PathBuf,
}

impl Server {
    /// Starts `program`; `stop` is the signal on which it ends in good order. Must be called on the main thread: the
    /// kernel tells it of the end of the thread that started it.
    ///
    /// # Errors
    /// It cannot be run.
    pub fn start(
        name: &'static str,
        program: &Path,
        stop: Signal,
        log: PathBuf,
        set: impl FnOnce(&mut std::process::Command),
    ) -> anyhow::Result<Self> {
        // What users said may stand in the error of a statement.
        let output = private().truncate(true).open(&log);
        let output = output.with_context(|| format!("failed to write {}", log.display()))?;
        let mut command = match pieces::program("setpriv") {
            Some(setpriv) => {
                let mut command = std::process::Command::new(setpriv);
                command
                    .args(["--pdeathsig", if stop == Signal::INT { "INT" } else { "TERM" }])
                    .arg(program);
                command
            }
            None => std::process::Command::new(program),
        };
        set(&mut command);
        command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            // Ctrl-C in a terminal is for us alone: turns are stored before their database goes.
            .process_group(0);
        let child = Command::from(command)
            .spawn()
            .with_context(|| format!("failed to run {}", program.display()))?;
        Ok(Self { name, child, stop, log })
    }

    /// That it ended by itself, if it did.
    ///
    /// # Errors
    /// It did.
    pub fn check(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => Err(self.over(status)),
        }
    }

    /// Ends it and waits for its end.
    pub async fn stop(mut self) {
        let pid = self.child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let Some(pid) = pid else { return };
        let asked = kill_process(pid, self.stop);
        if asked.is_err() || timeout(PATIENCE, self.child.wait()).await.is_err() {
            tracing::warn!("{} does not end and is killed", self.name);
            drop(self.child.kill().await);
        }
    }

    async fn ended(&mut self) -> anyhow::Error {
        match self.child.wait().await {
            Ok(status) => self.over(status),
            Err(error) => error.into(),
        }
    }

    fn over(&self, status: ExitStatus) -> anyhow::Error {
        anyhow!(
            "{} ended by itself ({status}); {} ends with:\n{}",
            self.name,
            self.log.display(),
            tail(&self.log)
        )
    }
}

/// Waits until one of them ended by itself.
pub async fn first_to_end(servers: &mut [Server]) -> anyhow::Error {
    if servers.is_empty() {
        return std::future::pending().await;
    }
    select_all(servers.iter_mut().map(|server| Box::pin(server.ended())))
        .await
        .0
}

/// Runs a program to its end, as `account` where that is another user.
///
/// # Errors
/// It fails; the text ends with what it said.
pub async fn run(
    program: &Path,
    arguments: &[&str],
    folder: &Path,
    account: Option<Account>,
    within: Duration,
) -> anyhow::Result<()> {
    let mut command = std::process::Command::new(program);
    command
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .env("LC_ALL", "C");
    run_as(&mut command, account);
    let output = Command::from(command).kill_on_drop(true).output();
    let output = timeout(within, output)
        .await
        .with_context(|| format!("{} takes more than {within:?}", program.display()))?
        .with_context(|| format!("failed to run {}", program.display()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(anyhow!("{} failed: {}", program.display(), last_lines(&said)))
}

/// Has `command` run as `account`.
pub fn run_as(command: &mut std::process::Command, account: Option<Account>) {
    if let Some(Account { uid, gid }) = account {
        command.uid(uid).gid(gid);
    }
}

fn tail(log: &Path) -> String {
    last_lines(&std::fs::read_to_string(log).unwrap_or_default())
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}
