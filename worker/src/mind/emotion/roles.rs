//! What words do to the words around them: deny, strengthen, say who is meant. Each key of the lexicon that names a role is
//! one of these; a word may have several.

/// What words do to the words around them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Looks like another role and is none: "not only".
    Plain,
    /// Denies what follows.
    Not,
    /// Makes what follows stronger.
    More,
    /// Makes what follows weaker.
    Less,
    /// The writer.
    Me,
    /// The writer, about whom something is said next: "I am".
    Am,
    /// What belongs to the writer: "my".
    Mine,
    /// Someone else.
    Other,
    /// It, this, life: no one.
    Thing,
    /// Says what its subject, of the third person, is like.
    Be,
    /// Stands before a noun.
    Article,
    /// Begins a new clause.
    Joint,
    /// What follows counts more than what came before.
    But,
    /// What the sentence tells is long past.
    Past,
    /// What follows is only supposed.
    If,
    /// The sentence is about words.
    Meta,
    /// The sentence orders something, and the rest of it is what to work on.
    Ask,
    /// May stand in front of an order.
    Please,
    /// May follow what is felt without being its noun: "sad about".
    After,
    /// Leads to what a feeling is about: "not happy with".
    About,
    /// Tells of the past: "was".
    Was,
    /// Leads to what someone else said.
    Said,
    /// Part of a feeling: no key of the lexicon, but given to what was found.
    Felt,
}

impl Role {
    /// The role that this key of the lexicon names.
    pub fn named(name: &str) -> Option<Self> {
        NAMES.iter().find(|(key, _)| *key == name).map(|(_, role)| *role)
    }
}

const NAMES: [(&str, Role); 22] = [
    ("plain", Role::Plain),
    ("not", Role::Not),
    ("more", Role::More),
    ("less", Role::Less),
    ("me", Role::Me),
    ("am", Role::Am),
    ("mine", Role::Mine),
    ("other", Role::Other),
    ("thing", Role::Thing),
    ("be", Role::Be),
    ("article", Role::Article),
    ("joint", Role::Joint),
    ("but", Role::But),
    ("past", Role::Past),
    ("if", Role::If),
    ("meta", Role::Meta),
    ("ask", Role::Ask),
    ("please", Role::Please),
    ("after", Role::After),
    ("about", Role::About),
    ("was", Role::Was),
    ("said", Role::Said),
];

/// Roles of a word, a bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Roles(u32);

impl Roles {
    pub fn has(self, role: Role) -> bool {
        self.0 & (1 << role as u32) != 0
    }

    /// Whether the word has any role: words that have one are no nouns.
    pub fn any(self) -> bool {
        self.0 != 0
    }

    pub fn join(&mut self, other: Self) {
        self.0 |= other.0;
    }

    pub fn add(&mut self, role: Role) {
        self.0 |= 1 << role as u32;
    }

    /// Whether it is the writer or someone else.
    pub fn is_person(self) -> bool {
        self.has(Role::Me) || self.has(Role::Other)
    }

    pub fn drop_person(&mut self) {
        [Role::Me, Role::Am, Role::Other]
            .into_iter()
            .for_each(|role| self.drop(role));
    }

    pub fn drop(&mut self, role: Role) {
        self.0 &= !(1 << role as u32);
    }
}
