//! The URL of Redis as a Secret holds it: `redis[s]://[user:password@]host[:port][,host[:port]...][/database]`, and for
//! Sentinel `?master=name`. In: the text and how Redis is run; out: one URL for each host that is asked first.

use url::Url;

use crate::redis::RedisMode;

/// The port of a sentinel.
const SENTINEL_PORT: u16 = 26_379;

/// Where Redis is asked for. It holds passwords, so it cannot be printed.
pub struct RedisUrl {
    /// One URL for each host: the server, the sentinels, or some nodes of the cluster.
    pub hosts: Vec<String>,
    /// The number of the database.
    pub database: i64,
    /// What sentinels are asked.
    pub sentinel: Option<Sentinel>,
    /// User and password of the server, as they are, not as the URL escapes them.
    pub user: Option<String>,
    /// See `user`.
    pub password: Option<String>,
}

/// What sentinels are asked.
pub struct Sentinel {
    /// The name under which they know the primary.
    pub master: String,
    /// How they want to be spoken to, if they have a user of their own.
    pub user: Option<String>,
    /// And a password.
    pub password: Option<String>,
}

/// The form of the URL where Redis is run as `mode` says.
pub const fn form(mode: RedisMode) -> &'static str {
    match mode {
        RedisMode::Standalone => "redis://[user:password@]host:6379[/database], or rediss:// for TLS",
        RedisMode::Sentinel => {
            "redis://[user:password@]host:26379,host:26379[/database]?master=name[&sentinelUser=...][&sentinelPassword=...]"
        }
        RedisMode::Cluster => "redis://[user:password@]host:6379,host:6379",
    }
}

impl RedisUrl {
    /// Reads `text`.
    ///
    /// # Errors
    /// What is wrong with it, without any of it.
    pub fn parse(text: &str, mode: RedisMode) -> Result<Self, String> {
        let wrong = |what: &str| format!("{what}: write {}", form(mode));
        let (scheme, rest) = text
            .split_once("://")
            .filter(|(scheme, _)| matches!(*scheme, "redis" | "rediss"))
            .ok_or_else(|| wrong("is no Redis URL"))?;
        let (rest, query) = rest
            .split_once('?')
            .map_or((rest, None), |(rest, query)| (rest, Some(query)));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, hosts) = authority.rsplit_once('@').map_or(("", authority), |(_, hosts)| {
            (&authority[..authority.len() - hosts.len()], hosts)
        });
        let names: Vec<&str> = hosts.split(',').collect();
        let hosts = names.iter().map(|host| {
            let port = if mode == RedisMode::Sentinel && !has_port(host) {
                format!(":{SENTINEL_PORT}")
            } else {
                String::new()
            };
            let whole = format!("{scheme}://{user}{host}{port}/{path}");
            let read = Url::parse(&whole)
                .ok()
                .filter(|url| url.host_str().is_some_and(|host| !host.is_empty()));
            read.map(|url| (whole, url))
                .ok_or_else(|| wrong("names a host or a port that cannot be one"))
        });
        let hosts = hosts.collect::<Result<Vec<_>, _>>()?;
        let database = match path {
            "" => 0,
            number => number
                .parse()
                .ok()
                .filter(|number| (0..=i64::from(u16::MAX)).contains(number))
                .ok_or_else(|| wrong("names a database that is no number"))?,
        };
        let mut settings = Settings::default();
        if let Some(query) = query {
            settings.read(query, mode).map_err(|what| wrong(&what))?;
        }
        let sentinel = match (mode, settings.master) {
            (RedisMode::Sentinel, Some(master)) => Some(Sentinel {
                master,
                user: settings.user,
                password: settings.password,
            }),
            (RedisMode::Sentinel, None) => return Err(wrong("does not say which primary the sentinels are asked for")),
            _ => None,
        };
        if mode == RedisMode::Standalone && hosts.len() > 1 {
            return Err(wrong("names several hosts, but redis.external.mode is Standalone"));
        }
        if mode == RedisMode::Cluster && database != 0 {
            return Err(wrong("names a database, and a cluster has only one"));
        }
        let (user, password) = hosts.first().map_or((None, None), |(_, url)| {
            let text = |escaped: &str| {
                let pair = format!("x={}", escaped.replace('+', "%2B"));
                url::form_urlencoded::parse(pair.as_bytes())
                    .next()
                    .map(|(_, text)| text.into_owned())
            };
            (
                Some(url.username()).filter(|user| !user.is_empty()).and_then(text),
                url.password().and_then(text),
            )
        });
        Ok(Self {
            hosts: hosts.into_iter().map(|(text, _)| text).collect(),
            database,
            sentinel,
            user,
            password,
        })
    }
}

/// What stands behind the question mark.
#[derive(Default)]
struct Settings {
    master: Option<String>,
    user: Option<String>,
    password: Option<String>,
}

impl Settings {
    fn read(&mut self, query: &str, mode: RedisMode) -> Result<(), String> {
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let place = match (mode, &*name) {
                (RedisMode::Sentinel, "master") => &mut self.master,
                (RedisMode::Sentinel, "sentinelUser") => &mut self.user,
                (RedisMode::Sentinel, "sentinelPassword") => &mut self.password,
                // redis-rs reads it itself.
                (RedisMode::Standalone, "protocol") => continue,
                (_, "master") => return Err("names a primary, which is for redis.external.mode Sentinel".into()),
                _ => return Err("has a setting behind its ? that means nothing".into()),
            };
            *place = Some(value.into_owned()).filter(|value| !value.is_empty());
        }
        Ok(())
    }
}

/// Whether a port follows a host, which may be an IPv6 address in brackets.
fn has_port(host: &str) -> bool {
    host.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str, mode: RedisMode) -> String {
        RedisUrl::parse(text, mode).err().unwrap_or_default()
    }

    #[test]
    fn each_host_gets_a_url_of_its_own() {
        let read = RedisUrl::parse("redis://:p%40ss@a:7000,b,[::1]:7001", RedisMode::Cluster)
            .unwrap_or_else(|p| panic!("{p}"));
        assert_eq!(
            read.hosts,
            [
                "redis://:p%40ss@a:7000/",
                "redis://:p%40ss@b/",
                "redis://:p%40ss@[::1]:7001/"
            ]
        );
        assert_eq!((read.user, read.password.as_deref()), (None, Some("p@ss")));
    }

    #[test]
    fn sentinels_are_asked_for_a_primary_at_their_own_port() {
        let text = "rediss://app:p+w@a,[::1],c:1/2?master=chat&sentinelPassword=s%26t";
        let read = RedisUrl::parse(text, RedisMode::Sentinel).unwrap_or_else(|p| panic!("{p}"));
        assert_eq!(
            read.hosts,
            [
                "rediss://app:p+w@a:26379/2",
                "rediss://app:p+w@[::1]:26379/2",
                "rediss://app:p+w@c:1/2"
            ]
        );
        assert_eq!(
            (read.user.as_deref(), read.password.as_deref(), read.database),
            (Some("app"), Some("p+w"), 2)
        );
        let sentinel = read.sentinel.unwrap();
        assert_eq!((&*sentinel.master, sentinel.password.as_deref()), ("chat", Some("s&t")));
    }

    #[test]
    fn what_is_wrong_is_named_without_the_url() {
        for (text, mode, says) in [
            ("http://secret@h", RedisMode::Standalone, "is no Redis URL"),
            ("redis://:secret@a,b", RedisMode::Standalone, "several hosts"),
            ("redis://:secret@a?master=m", RedisMode::Standalone, "mode Sentinel"),
            ("redis://:secret@a:b", RedisMode::Standalone, "a port"),
            ("redis://:secret@", RedisMode::Standalone, "a host"),
            ("redis://:secret@a/x", RedisMode::Standalone, "no number"),
            ("redis://:secret@a", RedisMode::Sentinel, "which primary"),
            ("redis://:secret@a?master=", RedisMode::Sentinel, "which primary"),
            ("redis://:secret@a?master=m&x=1", RedisMode::Sentinel, "means nothing"),
            ("redis://:secret@a/1", RedisMode::Cluster, "only one"),
        ] {
            let problem = problem(text, mode);
            assert!(
                problem.contains(says) && !problem.contains("secret"),
                "{text}: {problem}"
            );
        }
        for fine in ["redis://:pw@host/0", "rediss://host:6380?protocol=resp3"] {
            assert_eq!(problem(fine, RedisMode::Standalone), "", "{fine}");
        }
    }
}
