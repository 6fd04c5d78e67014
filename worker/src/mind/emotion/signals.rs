//! The words of a message in; out come the expressions of the lexicon that stand in it, and the role that each word plays
//! for those around it. Of expressions that overlap the longer one stays.

use super::lexicon::{Entry, Kind, Lexicon};
use super::roles::{Role, Roles};
use super::words::{Token, Words};

/// An expression in a message.
#[derive(Clone, Copy, Debug)]
pub struct Signal {
    /// Its first token.
    pub first: usize,
    /// Behind its last.
    pub end: usize,
    pub entry: Entry,
    /// What it shows if the words around do not allow that.
    pub other: Option<Entry>,
    /// Whether it denies something itself: "nobody to talk to".
    pub denies: bool,
}

/// What is known of a message before anything is weighed.
pub struct Found {
    pub signals: Vec<Signal>,
    /// One for each token.
    pub roles: Vec<Roles>,
}

/// Looks everything up, in the languages that the message is written in.
pub fn find(words: &Words, lexicon: &Lexicon) -> Found {
    let tokens = &words.tokens;
    let mut roles = vec![Roles::default(); tokens.len()];
    let mut signals: Vec<Signal> = Vec::new();
    let spoken = languages(words);
    // Words that only look like a role, or weaken it, leave none to the words within: "not only" denies nothing.
    let mut taken = [0; 8];
    // Someone named in several words is one person: "my brother" is not me.
    let mut named = [0; 8];
    for first in 0..tokens.len() {
        if tokens[first].quoted || tokens[first].word == 0 && !tokens[first].number {
            continue;
        }
        let mut longest: Option<Signal> = None;
        for (index, trie) in lexicon.tries.iter().enumerate().filter(|(index, _)| spoken[*index]) {
            let found = trie.find(tokens, first);
            let (count, mut of) = found.roles;
            let end = first + count;
            if end > taken[index] {
                if end <= named[index] {
                    of.drop_person();
                }
                roles[first..end].iter_mut().for_each(|roles| roles.join(of));
                if of.has(Role::Plain) || of.has(Role::Less) {
                    taken[index] = end;
                }
                if count > 1 && of.is_person() {
                    named[index] = end;
                }
            }
            let [Some(entry), other] = found.entries else { continue };
            let end = first + found.length;
            if longest.is_none_or(|signal| end > signal.end) {
                longest = Some(Signal {
                    first,
                    end,
                    entry,
                    other,
                    denies: false,
                });
            }
        }
        if let Some(signal) = longest {
            keep(&mut signals, signal);
        }
    }
    for signal in &mut signals {
        signal.denies = roles[signal.first..signal.end].iter().any(|of| of.has(Role::Not));
        // What denies inside an expression belongs to it: "can't wait".
        let feels = matches!(signal.entry.kind, Kind::Feel | Kind::State);
        for of in &mut roles[signal.first..signal.end] {
            of.drop(Role::Not);
            if feels {
                of.add(Role::Felt);
            }
        }
    }
    signals.retain(|signal| signal.entry.kind != Kind::Void && !compound(tokens, signal));
    Found { signals, roles }
}

/// The languages of a message: those with the most telling words, all if there is at most one such word.
fn languages(words: &Words) -> [bool; 8] {
    let most = words.marks.iter().copied().max().unwrap_or(0);
    let mut spoken = words.marks.map(|count| count * 2 > most || most <= 1);
    spoken[0] = true;
    spoken
}

fn keep(signals: &mut Vec<Signal>, signal: Signal) {
    match signals.last_mut() {
        Some(last) if signal.first < last.end => {
            if signal.end - signal.first > last.end - last.first {
                *last = signal;
            }
        }
        _ => signals.push(signal),
    }
}

/// A single word that is part of another one: "sad-faced", "confused.com".
fn compound(tokens: &[Token], signal: &Signal) -> bool {
    let single = signal.end - signal.first == 1;
    let tied_before = signal.first > 0 && tokens[signal.first - 1].joined && signal.entry.kind == Kind::Feel;
    single && (tokens[signal.first].joined || tied_before)
}
