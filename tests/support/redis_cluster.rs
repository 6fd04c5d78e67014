//! A Redis Cluster of three primaries on this machine, and the moving of a slot from one to another, step by step.

use std::time::Duration;

use crate::eventually::ensure;
use crate::process::free_port;
use crate::redis_server::RedisServer;
use crate::{eventually, unique};

/// Slots of a cluster.
const SLOTS: u32 = 16_384;
const NODES: u32 = 3;

/// Three primaries that share the keys; they end with the test.
pub struct RedisCluster {
    nodes: Vec<RedisServer>,
}

impl RedisCluster {
    /// Starts it and waits until it answers for all keys.
    pub async fn start() -> Self {
        let mut nodes = Vec::new();
        for _ in 0..NODES {
            let bus = free_port().port().to_string();
            let file = format!("{}.conf", unique("nodes"));
            let settings = [
                "--cluster-enabled",
                "yes",
                "--cluster-port",
                &bus,
                "--cluster-config-file",
                &file,
            ];
            nodes.push((RedisServer::start_with(&settings).await, bus));
        }
        for (number, (node, _)) in (0..).zip(&nodes) {
            let first = SLOTS * number / NODES;
            let last = SLOTS * (number + 1) / NODES - 1;
            node.command(&["CLUSTER", "ADDSLOTSRANGE", &first.to_string(), &last.to_string()])
                .await;
            node.command(&["CLUSTER", "SET-CONFIG-EPOCH", &(number + 1).to_string()])
                .await;
        }
        for (node, bus) in &nodes[1..] {
            let port = node.address.port().to_string();
            nodes[0].0.command(&["CLUSTER", "MEET", "127.0.0.1", &port, bus]).await;
        }
        let cluster = Self {
            nodes: nodes.into_iter().map(|(node, _)| node).collect(),
        };
        eventually("the cluster is whole", Duration::from_secs(20), || async {
            for node in &cluster.nodes {
                let info: String = node.ask(&["CLUSTER", "INFO"]).await;
                ensure(
                    info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3"),
                    || info,
                )?;
            }
            Ok(())
        })
        .await;
        cluster
    }

    /// Two of its nodes, as a Secret names them.
    pub fn url(&self) -> String {
        format!("redis://{},{}", self.nodes[0].address, self.nodes[1].address)
    }

    /// All names of keys that begin with `prefix`, with the slot of each.
    pub async fn keys(&self, prefix: &str) -> Vec<(String, u32)> {
        let mut keys = Vec::new();
        for node in &self.nodes {
            let names: Vec<String> = node.ask(&["KEYS", &format!("{prefix}*")]).await;
            for name in names {
                let slot = node.ask(&["CLUSTER", "KEYSLOT", &name]).await;
                keys.push((name, slot));
            }
        }
        keys
    }

    /// Begins to move `slot`: its keys are still where they were, and who asks for one that is not there is sent on.
    pub async fn begin_move(&self, slot: u32) -> Move<'_> {
        let from = self.owner(slot);
        let to = (from + 1) % self.nodes.len();
        let (from, to) = (&self.nodes[from], &self.nodes[to]);
        let (source, target): (String, String) =
            (from.ask(&["CLUSTER", "MYID"]).await, to.ask(&["CLUSTER", "MYID"]).await);
        let slot = slot.to_string();
        to.command(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &source]).await;
        from.command(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &target]).await;
        Move {
            cluster: self,
            from,
            to,
            target,
            slot,
        }
    }

    /// The node that had `slot` in the beginning.
    fn owner(&self, slot: u32) -> usize {
        (0..NODES)
            .position(|number| slot < SLOTS * (number + 1) / NODES)
            .expect("a slot is below 16384")
    }
}

/// A slot on its way.
pub struct Move<'a> {
    cluster: &'a RedisCluster,
    from: &'a RedisServer,
    to: &'a RedisServer,
    target: String,
    slot: String,
}

impl Move<'_> {
    /// Moves one key, so that the slot's keys are in two places; then all others, and hands the slot over.
    pub async fn move_some(&self) {
        self.move_keys("1").await;
    }

    /// Moves what is left and hands the slot over.
    pub async fn finish(self) {
        while self.move_keys("100").await {}
        for node in [self.to, self.from].into_iter().chain(&self.cluster.nodes) {
            node.command(&["CLUSTER", "SETSLOT", &self.slot, "NODE", &self.target])
                .await;
        }
    }

    /// False if there was none left.
    async fn move_keys(&self, most: &str) -> bool {
        let keys: Vec<String> = self.from.ask(&["CLUSTER", "GETKEYSINSLOT", &self.slot, most]).await;
        let port = self.to.address.port().to_string();
        let mut command = vec!["MIGRATE", "127.0.0.1", &port, "", "0", "1000", "KEYS"];
        command.extend(keys.iter().map(String::as_str));
        if !keys.is_empty() {
            self.from.command(&command).await;
        }
        !keys.is_empty()
    }
}
