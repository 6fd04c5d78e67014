//! A person's machine, for `companion-worker dev`: a Debian with PostgreSQL, pgvector and Redis of its packages, seen by what
//! runs in it and by nothing else. Data, home and what a test hides or replaces are its own; the network is this machine's.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};

use crate::eventually::ensure;
use crate::process::{free_port, terminate};
use crate::{Chat, environment, eventually, unique};

/// Gives a program its view of the machine, then becomes it: the process keeps its id, and its mounts go with it.
const ENTER: &str = r#"
set -eu
machine=$1 folder=$2 worker=$3 model=$4 user=$5 changes=$6
shift 6
mount --rbind /dev "$machine/dev"
mount --rbind /proc "$machine/proc"
mount --bind "$worker" "$machine/usr/bin/companion-worker"
mount --bind "$model" "$machine/usr/share/companion/model"
mount --bind "$folder/data" "$machine/var/lib/companion"
mount --bind "$folder/home" "$machine/home/ada"
eval "$changes"
exec chroot --userspec="$user" "$machine" "$@"
"#;

/// Programs of a package that needs no PATH are found all the same.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// A machine.
pub struct Machine {
    folder: PathBuf,
    user: &'static str,
    changes: String,
    variables: Vec<(String, String)>,
    path: &'static str,
}

/// A `companion-worker dev` in it.
pub struct Dev {
    /// Where it was told to serve.
    pub url: String,
    folder: PathBuf,
    process: Child,
}

impl Machine {
    /// As its administrator.
    pub fn of_root() -> Self {
        Self::of("root:root")
    }

    /// As one of its users.
    pub fn of_user() -> Self {
        let machine = Self::of("www-data:www-data");
        std::os::unix::fs::chown(machine.folder.join("home"), Some(33), Some(33)).expect("tests run as root");
        machine
    }

    fn of(user: &'static str) -> Self {
        let folder = std::env::temp_dir().join(unique("companion-machine"));
        for name in ["data", "home"] {
            std::fs::create_dir_all(folder.join(name)).expect("a temporary folder can be made");
        }
        Self {
            folder,
            user,
            changes: String::new(),
            variables: Vec::new(),
            path: PATH,
        }
    }

    /// The same without this folder.
    pub fn without(mut self, folder: &str) -> Self {
        self.changes += &format!("mount --bind \"$machine/nothing\" \"$machine{folder}\"\n");
        self
    }

    /// The same with this text in a file that is there.
    pub fn with_file(mut self, file: &str, text: &str) -> Self {
        let own = self.folder.join(unique("file"));
        std::fs::write(&own, text).expect("a file can be written");
        self.changes += &format!("mount --bind '{}' \"$machine{file}\"\n", own.display());
        self
    }

    /// The same with nothing in its PATH.
    pub fn with_empty_path(mut self) -> Self {
        self.path = "/nothing";
        self
    }

    /// The same with a variable of the environment.
    pub fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts `companion-worker dev` and does not wait.
    pub fn dev(&self, arguments: &[&str]) -> Dev {
        let serving = free_port().port();
        self.dev_at(serving, arguments)
    }

    /// The same on this port.
    pub fn dev_at(&self, serving: u16, arguments: &[&str]) -> Dev {
        let folder = self.folder.join(unique("dev"));
        std::fs::create_dir(&folder).expect("a folder can be made");
        let file = |name: &str| std::fs::File::create(folder.join(name)).expect("a file can be made");
        let (port, admin) = (serving.to_string(), free_port().port().to_string());
        let process = self
            .command()
            .args(["dev", "--port", &port, "--admin-port", &admin])
            .args(arguments)
            .stdout(file("stdout"))
            .stderr(file("stderr"))
            .kill_on_drop(true)
            .spawn()
            .expect("unshare can be run");
        Dev {
            url: format!("http://127.0.0.1:{serving}"),
            folder,
            process,
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", ENTER, "sh"]);
        command
            .arg(environment::required("COMPANION_MACHINE"))
            .arg(&self.folder);
        command.arg(environment::required("COMPANION_WORKER_BIN"));
        command.arg(environment::required("COMPANION_MODEL_DIR"));
        command.arg(self.user).arg(&self.changes);
        command
            .args(["/usr/bin/env", "-i", "HOME=/home/ada"])
            .arg(format!("PATH={}", self.path));
        command.args(self.variables.iter().map(|(name, value)| format!("{name}={value}")));
        command.arg("/usr/bin/companion-worker").stdin(Stdio::null());
        command
    }

    /// What is in the data folder of root, or of a user.
    pub fn data(&self, name: &str) -> PathBuf {
        let folder = match self.user {
            "root:root" => "data/dev",
            _ => "home/.local/share/companion/dev",
        };
        self.folder.join(folder).join(name)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Dev {
    /// Waits until it has said how it is reached; gives what it said.
    pub async fn ready(&mut self) -> String {
        for _ in 0..600 {
            let said = self.stdout();
            if said.contains("/chat#token=") && said.ends_with('\n') || said.contains("export OPENAI_API_KEY=") {
                return said;
            }
            if let Some(status) = self.process.try_wait().expect("a child can be asked") {
                panic!("it ended with {status}: {}", self.stderr());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("it is not ready within a minute: {}", self.stderr());
    }

    /// The service as the user whose token was printed.
    pub async fn chat(&mut self) -> Chat {
        let said = self.ready().await;
        let token = said.lines().find_map(|line| Some(line.split_once("/chat#token=")?.1));
        Chat::new(&self.url, token.expect("a token is printed").to_owned())
    }

    /// What it wrote for whoever started it.
    pub fn stdout(&self) -> String {
        std::fs::read_to_string(self.folder.join("stdout")).unwrap_or_default()
    }

    /// What it wrote of what went wrong.
    pub fn stderr(&self) -> String {
        std::fs::read_to_string(self.folder.join("stderr")).unwrap_or_default()
    }

    /// Waits for its end: whether it was a good one.
    pub async fn ended(&mut self) -> bool {
        let status = tokio::time::timeout(Duration::from_secs(60), self.process.wait()).await;
        let status = status.unwrap_or_else(|_| panic!("it runs on: {}", self.stderr()));
        status.expect("a child can be waited for").success()
    }

    /// Expects that it does not start, for a reason that it tells.
    pub async fn refused(&mut self, words: &[&str]) {
        let well = self.ended().await;
        let said = self.stderr();
        assert!(
            !well && self.stdout().is_empty(),
            "it must refuse: {said}{}",
            self.stdout()
        );
        assert!(said.starts_with("error: "), "{said}");
        for word in words {
            assert!(said.contains(word), "{word:?} is not in: {said}");
        }
    }

    /// Asks it to end.
    pub fn terminate(&self) {
        terminate(&self.process);
    }

    /// Kills it, and nothing else.
    pub async fn kill(&mut self) {
        self.process.kill().await.expect("it still ran");
    }

    /// Marks what runs in its view of the machine now: itself and what it started.
    pub fn processes(&self) -> Processes {
        let id = self.process.id().expect("it still runs");
        Processes(std::fs::read_link(format!("/proc/{id}/ns/mnt")).expect("it has a view"))
    }
}

/// What runs in one view of the machine.
pub struct Processes(PathBuf);

impl Processes {
    /// Their command lines, by process.
    pub fn running(&self) -> Vec<(u32, String)> {
        let entries = std::fs::read_dir("/proc").expect("there is /proc").flatten();
        entries
            .filter_map(|entry| {
                let id: u32 = entry.file_name().to_str()?.parse().ok()?;
                let seen = std::fs::read_link(entry.path().join("ns/mnt")).ok()?;
                (seen == self.0).then(|| (id, command_line(&entry.path())))
            })
            .collect()
    }

    /// Waits until there are none.
    pub async fn gone(&self) {
        eventually("nothing of it runs", Duration::from_secs(10), || async {
            let running = self.running();
            ensure(running.is_empty(), || format!("{running:?}"))
        })
        .await;
    }
}

fn command_line(process: &Path) -> String {
    let line = std::fs::read(process.join("cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&line).replace('\0', " ")
}
