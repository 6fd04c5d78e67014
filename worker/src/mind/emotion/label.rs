//! The emotions that a message can show, how pleasant each is, and what is left of one when it is denied.

use serde::{Deserialize, Serialize};

/// What the writer of a message feels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Emotion {
    /// Grief, loss, low spirits.
    Sad,
    /// Rage at someone or something.
    Angry,
    /// Annoyance with what does not work or does not end.
    Frustrated,
    /// Joy, relief, contentment, amusement.
    Happy,
    /// Joy at what is about to come.
    Excited,
    /// Fear, worry, stress.
    Anxious,
    /// Not understanding, or not knowing what to think.
    Confused,
    /// Thanks to someone, or for something.
    Grateful,
    /// Something hoped for did not come.
    Disappointed,
    /// Something was achieved, by the writer or by someone close.
    Proud,
    /// No one is there.
    Lonely,
    /// Something good may come.
    Hopeful,
    /// Nothing is felt, or nothing is said about it.
    Neutral,
}

impl Emotion {
    /// Every emotion, in the order of declaration.
    pub const ALL: [Self; 13] = [
        Self::Sad,
        Self::Angry,
        Self::Frustrated,
        Self::Happy,
        Self::Excited,
        Self::Anxious,
        Self::Confused,
        Self::Grateful,
        Self::Disappointed,
        Self::Proud,
        Self::Lonely,
        Self::Hopeful,
        Self::Neutral,
    ];

    /// As stored, and as in the lexicon.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sad => "sad",
            Self::Angry => "angry",
            Self::Frustrated => "frustrated",
            Self::Happy => "happy",
            Self::Excited => "excited",
            Self::Anxious => "anxious",
            Self::Confused => "confused",
            Self::Grateful => "grateful",
            Self::Disappointed => "disappointed",
            Self::Proud => "proud",
            Self::Lonely => "lonely",
            Self::Hopeful => "hopeful",
            Self::Neutral => "neutral",
        }
    }

    /// The emotion stored under this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|emotion| emotion.as_str() == name)
    }

    /// How pleasant the emotion is, from -1 to 1: where it lies on the axis of pleasure in Russell's circumplex model of
    /// affect (1980), as far as that can be said for single words.
    pub fn valence(self) -> f32 {
        match self {
            Self::Happy => 0.9,
            Self::Excited | Self::Grateful | Self::Proud => 0.8,
            Self::Hopeful => 0.6,
            Self::Neutral => 0.0,
            Self::Confused => -0.3,
            Self::Frustrated | Self::Anxious => -0.6,
            Self::Disappointed => -0.7,
            Self::Angry | Self::Lonely => -0.8,
            Self::Sad => -0.9,
        }
    }

    /// What someone feels who denies feeling this: "not happy" is sad, "not sad" says nothing more.
    pub(super) fn denied(self) -> Option<Self> {
        match self {
            Self::Happy | Self::Hopeful => Some(Self::Sad),
            Self::Proud => Some(Self::Disappointed),
            _ => None,
        }
    }
}
