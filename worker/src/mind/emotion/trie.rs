//! The patterns of one language as a trie: words of a message in, the longest expression and the longest role that begin
//! there out. A walk is as deep as the longest pattern, whatever the length of the message.

use super::hash::HashMap;

use super::lexicon::{Entry, Kind, Meaning};
use super::pattern::Item;
use super::roles::{Role, Roles};
use super::words::{Gap, Token};

/// Classes of words that one language may name.
const MAX_CLASSES: usize = 64;

#[derive(Default)]
struct Node {
    classes: Vec<(usize, u32)>,
    any: Option<u32>,
    number: Option<u32>,
    entries: Vec<Entry>,
    roles: Roles,
}

/// A trie, and which words its classes hold.
pub struct Trie {
    nodes: Vec<Node>,
    edges: HashMap<(u32, u32), u32>,
    names: Vec<String>,
    /// A bit for each class, by the number of the word.
    classes: Vec<u64>,
}

/// The longest that begins at a token: how many tokens it takes, and what it means.
#[derive(Default)]
pub struct Found {
    pub length: usize,
    /// What it shows, and what else if the words around do not allow the first.
    pub entries: [Option<Entry>; 2],
    pub roles: (usize, Roles),
}

impl Default for Trie {
    fn default() -> Self {
        Self {
            nodes: vec![Node::default()],
            edges: HashMap::default(),
            names: Vec::new(),
            classes: Vec::new(),
        }
    }
}

impl Trie {
    /// Names a class, or adds to it.
    pub fn class(&mut self, name: &str, words: &[u32]) -> Result<(), String> {
        let index = self
            .names
            .iter()
            .position(|known| known == name)
            .unwrap_or(self.names.len());
        if index == self.names.len() {
            self.names.push(name.to_owned());
        }
        if index >= MAX_CLASSES {
            return Err(format!("`@{name}` is one class more than {MAX_CLASSES}"));
        }
        for word in words {
            let at = *word as usize;
            if self.classes.len() <= at {
                self.classes.resize(at + 1, 0);
            }
            self.classes[at] |= 1 << index;
        }
        Ok(())
    }

    /// Adds a sequence of items; `number` knows its words.
    pub fn insert(&mut self, sequence: &[Item], number: impl Fn(&str) -> u32, meaning: Meaning) -> Result<(), String> {
        let mut at = 0;
        for item in sequence {
            let new = self.nodes.len() as u32;
            let node = &mut self.nodes[at as usize];
            let next = match item {
                Item::Word(word) => *self.edges.entry((at, number(word))).or_insert(new),
                Item::Any => *node.any.get_or_insert(new),
                Item::Number => *node.number.get_or_insert(new),
                Item::Class(name) => {
                    let known = self.names.iter().position(|known| known == name);
                    let class = known.ok_or_else(|| format!("no class `@{name}` above this line"))?;
                    match node.classes.iter().find(|(of, _)| *of == class) {
                        Some((_, next)) => *next,
                        None => {
                            node.classes.push((class, new));
                            new
                        }
                    }
                }
            };
            if next == new {
                self.nodes.push(Node::default());
            }
            at = next;
        }
        self.accept(at, meaning);
        Ok(())
    }

    /// Adds a single word.
    pub fn insert_word(&mut self, number: u32, meaning: Meaning) {
        let new = self.nodes.len() as u32;
        let next = *self.edges.entry((0, number)).or_insert(new);
        if next == new {
            self.nodes.push(Node::default());
        }
        self.accept(next, meaning);
    }

    fn accept(&mut self, at: u32, meaning: Meaning) {
        let node = &mut self.nodes[at as usize];
        match meaning {
            Meaning::Role(role) => {
                node.roles.add(role);
                if role == Role::Am {
                    node.roles.add(Role::Me);
                }
            }
            Meaning::Entry(entry) => node.entries.push(entry),
        }
    }

    /// What begins at this token.
    pub fn find(&self, tokens: &[Token], first: usize) -> Found {
        let mut found = Found::default();
        self.walk(tokens, first, first, 0, &mut found);
        found
    }

    fn walk(&self, tokens: &[Token], first: usize, at: usize, node: u32, found: &mut Found) {
        let here = &self.nodes[node as usize];
        let taken = at - first;
        if here.roles.any() && taken > found.roles.0 {
            found.roles = (taken, here.roles);
        }
        for entry in &here.entries {
            let holds = (!entry.starts || tokens[first].gap != Gap::None)
                && (!entry.ends || tokens.get(at).is_none_or(|next| next.gap != Gap::None));
            if holds && taken > found.length {
                (found.length, found.entries) = (taken, [Some(*entry), None]);
            } else if holds && taken == found.length {
                found.entries = ranked(found.entries[0], *entry);
            }
        }
        let Some(token) = tokens.get(at) else { return };
        if at > first && token.gap >= Gap::Sentence || token.quoted {
            return;
        }
        if let Some(next) = self.edges.get(&(node, token.word)).filter(|_| token.word > 0) {
            self.walk(tokens, first, at + 1, *next, found);
        }
        if !here.classes.is_empty() {
            let of = self.classes.get(token.word as usize).copied().unwrap_or(0);
            for (class, next) in &here.classes {
                if of & (1 << class) != 0 {
                    self.walk(tokens, first, at + 1, *next, found);
                }
            }
        }
        if let Some(next) = here.number.filter(|_| token.number) {
            self.walk(tokens, first, at + 1, next, found);
        }
        if let Some(next) = here.any.filter(|_| token.gap == Gap::None) {
            self.walk(tokens, first, at + 1, next, found);
        }
    }
}

/// Two expressions of the same words: the one that asks more of the words around it comes first.
fn ranked(first: Option<Entry>, other: Entry) -> [Option<Entry>; 2] {
    let asks = |entry: &Entry| {
        (
            entry.starts || entry.ends,
            matches!(entry.kind, Kind::State | Kind::Deed | Kind::Act),
        )
    };
    match first {
        Some(first) if asks(&first) >= asks(&other) => [Some(first), Some(other)],
        first => [Some(other), first],
    }
}
