//! What stands around an expression decides what it says: whose feeling it is, whether it is denied, supposed, asked about
//! or long past, and how strong it is. Expressions in, what the writer shows out.

use super::label::Emotion;
use super::lexicon::{Entry, Kind};
use super::roles::{Role, Roles};
use super::signals::{Found, Signal};
use super::words::{Gap, Sentence, Token, Words};

/// Words before an expression that are read for who feels it.
const MAX_REACH: usize = 14;

/// What the writer names counts more than what only tells of it: "I'm so angry, I was fired".
const NAMED: f32 = 1.15;

/// Words between what denies and what is denied.
const MAX_DENIAL: usize = 4;

/// An emotion that the writer shows, and where.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    pub emotion: Emotion,
    /// How surely.
    pub score: f32,
    /// How strongly.
    pub intensity: f32,
    /// Bytes of the message.
    pub start: usize,
    pub end: usize,
    pub ironic: bool,
}

/// Everything that a message shows.
pub fn shown(words: &Words, found: &Found) -> Vec<Shown> {
    let mut shown = Vec::new();
    let mut signals = found.signals.as_slice();
    let mut muted = false;
    for sentence in &words.sentences {
        let inside = signals.iter().take_while(|signal| signal.first < sentence.end).count();
        let (here, rest) = signals.split_at(inside);
        signals = rest;
        if muted {
            continue;
        }
        let view = View::new(&words.tokens, &found.roles, sentence);
        let (from, to) = view.muted();
        muted = to == usize::MAX;
        for signal in here.iter().filter(|signal| !(from..to).contains(&signal.first)) {
            let other = || {
                view.read(&Signal {
                    entry: signal.other?,
                    ..*signal
                })
            };
            shown.extend(view.read(signal).or_else(other));
        }
        if sentence.questions >= 2 && from == to {
            shown.push(puzzled(sentence));
        }
    }
    shown
}

/// More than one question mark.
fn puzzled(sentence: &Sentence) -> Shown {
    let (start, end) = sentence.marks;
    Shown {
        emotion: Emotion::Confused,
        score: 0.35,
        intensity: 0.5,
        start,
        end,
        ironic: false,
    }
}

/// A sentence and what its words are.
struct View<'a> {
    tokens: &'a [Token],
    roles: &'a [Roles],
    sentence: &'a Sentence,
    /// Whether it tells of long ago.
    past: bool,
    /// The last "but".
    but: Option<usize>,
    /// Where it begins to suppose, and where to tell of what was.
    supposed: Option<usize>,
    was: Option<usize>,
}

/// Who a clause is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Me,
    Other,
    Nobody,
}

impl<'a> View<'a> {
    fn new(tokens: &'a [Token], roles: &'a [Roles], sentence: &'a Sentence) -> Self {
        let at = |role| (sentence.first..sentence.end).find(|at| roles[*at].has(role));
        Self {
            tokens,
            roles,
            sentence,
            past: at(Role::Past).is_some(),
            but: (sentence.first + 1..sentence.end)
                .rev()
                .find(|at| roles[*at].has(Role::But)),
            supposed: at(Role::If),
            was: at(Role::Was),
        }
    }

    fn has(&self, at: usize, role: Role) -> bool {
        self.roles[at].has(role)
    }

    /// The tokens that say nothing about the writer: a sentence about words, or what is to be worked on. Behind a colon
    /// that is all that follows.
    fn muted(&self) -> (usize, usize) {
        let (first, end) = (self.sentence.first, self.sentence.end);
        if (first..end).any(|at| self.has(at, Role::Meta)) {
            return (first, end);
        }
        if let Some(quote) = self.reported() {
            return (quote, end);
        }
        let order = (first..end).find(|at| !self.has(*at, Role::Please) || self.has(*at, Role::Ask));
        let Some(order) = order.filter(|at| self.has(*at, Role::Ask)) else {
            return (first, first);
        };
        let colon = (order + 1..end).any(|at| self.tokens[at].gap == Gap::Colon);
        let open = self.tokens.get(end).is_some_and(|next| next.quoted);
        if colon || open {
            return (first, usize::MAX);
        }
        let own = (order + 1..end).find(|at| self.tokens[*at].gap == Gap::Clause && self.has(*at, Role::Me));
        (first, own.unwrap_or(end))
    }

    /// Where what someone else said begins: "she wrote: I hate you".
    fn reported(&self) -> Option<usize> {
        let (first, end) = (self.sentence.first, self.sentence.end);
        let colon = (first + 1..end).find(|at| self.tokens[*at].gap == Gap::Colon)?;
        let said = (first..colon).any(|at| self.has(at, Role::Said)) && self.who(first, colon) == Who::Other;
        said.then_some(colon)
    }

    /// What an expression shows, if anything.
    fn read(&self, signal: &Signal) -> Option<Shown> {
        let Entry {
            kind,
            mut emotion,
            mut weight,
            ..
        } = signal.entry;
        let clause = self.clause(signal.first);
        match kind {
            Kind::Feel => weight *= self.own(signal, clause)?,
            // "A good while", "this stupid printer": less is found of a thing in passing.
            Kind::Find if self.before_noun(signal, clause) => weight *= 0.5,
            Kind::State if !self.said_of_me(signal, clause) => return None,
            Kind::State => weight *= NAMED,
            _ => {}
        }
        match (kind, self.who(clause, signal.first)) {
            // "My stomach drops" is the writer's, whoever was named before.
            (Kind::Act, Who::Other) if !self.has(signal.first, Role::Mine) && !self.has(signal.first, Role::Me) => {
                return None;
            }
            (Kind::Deed, Who::Me) => return None,
            _ => {}
        }
        if !matches!(kind, Kind::Fact | Kind::Act) && self.is_name(signal) {
            return None;
        }
        let double = matches!(kind, Kind::Fact | Kind::Act) && signal.denies;
        if !double && self.denied(signal, clause) {
            emotion = self.denial(signal, emotion, kind)?;
            weight *= 0.8;
        }
        if matches!(kind, Kind::Feel | Kind::State | Kind::Find) {
            weight *= self.told(signal);
        }
        let mut intensity = 0.2 + 0.5 * signal.entry.weight + self.degree(signal, clause);
        intensity += 0.07 * self.sentence.exclamations.min(3) as f32;
        if (signal.first..signal.end).any(|at| self.tokens[at].capitals) {
            intensity += 0.15;
        }
        if (signal.first..signal.end).any(|at| self.tokens[at].stretched) {
            intensity += 0.15;
        }
        // "We're going to Rome" tells little, "We're going to Rome!!" more.
        if emotion.valence() > 0.0 {
            weight += 0.05 * self.sentence.exclamations.min(3) as f32;
        }
        match self.but {
            Some(but) if signal.first >= but => weight *= 1.2,
            // "I was excited, but then it rained": what was hoped for did not come.
            Some(but) if self.hoped(signal, emotion, but) => emotion = Emotion::Disappointed,
            Some(_) => weight *= 0.45,
            None => {}
        }
        let (start, end) = (self.tokens[signal.first].start, self.tokens[signal.end - 1].end);
        let ironic = kind == Kind::Irony;
        Some(Shown {
            emotion,
            score: weight,
            intensity: intensity.clamp(0.05, 1.0),
            start,
            end,
            ironic,
        })
    }

    /// Where the clause of a token begins.
    fn clause(&self, at: usize) -> usize {
        let starts = |at: usize| {
            self.tokens[at].gap >= Gap::Clause || self.has(at - 1, Role::Joint) || self.has(at - 1, Role::But)
        };
        let least = at.saturating_sub(MAX_REACH).max(self.sentence.first);
        (least + 1..=at).rev().find(|at| starts(*at)).unwrap_or(least)
    }

    /// How surely it is the writer who feels this; none if it is someone else, or no one.
    fn own(&self, signal: &Signal, clause: usize) -> Option<f32> {
        if self.before_noun(signal, clause) {
            return None;
        }
        let who = match self.who(clause, signal.first) {
            // "he sat there and was sad": the subject stands before the conjunction.
            Who::Nobody if clause > self.sentence.first && self.has(clause - 1, Role::Joint) => {
                self.who(self.clause(clause - 1), clause - 1)
            }
            who => who,
        };
        match who {
            Who::Me => Some(NAMED),
            Who::Other => None,
            Who::Nobody if self.sentence.question => None,
            Who::Nobody if self.third_person(clause, signal.first) => None,
            Who::Nobody => {
                let words = (clause..signal.first).filter(|at| !self.roles[*at].any()).count();
                Some(if words <= 1 { 0.9 } else { 0.55 })
            }
        }
    }

    /// Whether the writer stands right before this, or nothing at all: "I'm so lost", "completely lost".
    fn said_of_me(&self, signal: &Signal, clause: usize) -> bool {
        if self.before_noun(signal, clause) {
            return false;
        }
        let between = |at: &usize| {
            [Role::More, Role::Less, Role::Not]
                .iter()
                .any(|role| self.has(*at, *role))
                && !self.has(*at, Role::Am)
        };
        match (clause..signal.first).rev().find(|at| !between(at)) {
            Some(at) => self.has(at, Role::Am),
            None => signal.first > clause && !self.sentence.question,
        }
    }

    /// The person named last before a token.
    fn who(&self, from: usize, to: usize) -> Who {
        for at in (from..to).rev() {
            let object = at > from && self.has(at - 1, Role::After);
            if self.has(at, Role::Other) && !object {
                return Who::Other;
            }
            if self.has(at, Role::Me) {
                return Who::Me;
            }
        }
        Who::Nobody
    }

    /// "The crowd was thrilled": someone or something that no role names is said to be so.
    fn third_person(&self, from: usize, to: usize) -> bool {
        let verb = (from..to).rev().find(|at| self.has(*at, Role::Be));
        verb.is_some_and(|verb| (from..verb).any(|at| !self.roles[at].any()))
    }

    /// "A sad song", "angry customers": said of the noun behind it. "I'm a sad person" is said of the writer.
    fn before_noun(&self, signal: &Signal, clause: usize) -> bool {
        let next_is_noun =
            signal.end < self.sentence.end && self.tokens[signal.end].gap == Gap::None && !self.roles[signal.end].any();
        if !next_is_noun || signal.end - signal.first > 1 {
            return false;
        }
        let before = (clause..signal.first).rev().find(|at| !self.has(*at, Role::More));
        match before {
            Some(at) if self.has(at, Role::Article) => !(at > clause && self.has(at - 1, Role::Me)),
            Some(at) => !self.roles[at].any() && !self.has(at, Role::Me),
            None => false,
        }
    }

    /// "Lonely Planet", "Mad Men": capitals where none are due.
    fn is_name(&self, signal: &Signal) -> bool {
        let title = |at: usize| self.tokens[at].title && !self.roles[at].any();
        let (first, last) = (signal.first, signal.end - 1);
        let next = signal.end < self.sentence.end && self.tokens[signal.end].gap == Gap::None;
        let next = next && title(signal.end) && self.tokens[signal.end].word == 0;
        let before = first > self.sentence.first + 1 && self.tokens[first].gap == Gap::None;
        let before = before && title(first - 1) && self.tokens[first - 1].word == 0;
        first == last && self.tokens[first].title && (next || before)
    }

    fn denied(&self, signal: &Signal, clause: usize) -> bool {
        let mut distance = 0;
        for at in (clause..signal.first).rev() {
            if self.has(at, Role::Not) {
                return true;
            }
            distance += usize::from(!self.has(at, Role::More));
            // "Not angry, just sad" denies the first only.
            let other = self.has(at, Role::Felt) && !self.has(at + 1, Role::After);
            let reach = if matches!(signal.entry.kind, Kind::Fact | Kind::Act) {
                MAX_DENIAL / 2
            } else {
                MAX_DENIAL
            };
            if other || distance > reach || self.has(at, Role::Other) {
                return false;
            }
            // "I don't know why I'm sad" denies no sadness: the denial is in front of another subject.
            if self.has(at, Role::Me) && at > clause && !self.has(at - 1, Role::Not) && !self.has(at - 1, Role::More) {
                return false;
            }
        }
        false
    }

    /// What is left of a denied emotion. Who is not happy about something is let down by it.
    fn denial(&self, signal: &Signal, emotion: Emotion, kind: Kind) -> Option<Emotion> {
        let about = signal.end < self.sentence.end
            && self.tokens[signal.end].gap == Gap::None
            && self.has(signal.end, Role::About);
        match emotion.denied()? {
            Emotion::Sad if about || kind == Kind::Find => Some(Emotion::Disappointed),
            other => Some(other),
        }
    }

    /// How far the sentence is told of the here and now.
    fn told(&self, signal: &Signal) -> f32 {
        let supposed = self.supposed.is_some_and(|at| at < signal.first);
        let asked = self.sentence.question && signal.entry.kind == Kind::Find;
        match () {
            () if self.past => 0.2,
            () if supposed => 0.3,
            () if asked => 0.3,
            () => 1.0,
        }
    }

    /// Whether something was looked forward to, before this "but".
    fn hoped(&self, signal: &Signal, emotion: Emotion, but: usize) -> bool {
        let was = self.was.is_some_and(|was| was < signal.first);
        matches!(emotion, Emotion::Excited | Emotion::Hopeful) && was && signal.first < but
    }

    /// What the words around make of the strength.
    fn degree(&self, signal: &Signal, clause: usize) -> f32 {
        let near = clause.max(signal.first.saturating_sub(3))..signal.first;
        let within = signal.first..signal.end;
        let behind = signal.end..self.sentence.end.min(signal.end + 2);
        let mut degree: f32 = 0.0;
        for at in near.chain(within).chain(behind) {
            let loud = if self.tokens[at].capitals || self.tokens[at].stretched {
                0.1
            } else {
                0.0
            };
            match () {
                () if self.has(at, Role::Less) => degree -= 0.15,
                () if self.has(at, Role::More) => degree += 0.2 + loud,
                () => {}
            }
        }
        degree.clamp(-0.3, 0.35)
    }
}
