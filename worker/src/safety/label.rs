//! What a text is called, and where a message of that kind goes.

use serde::{Deserialize, Serialize};

/// What a text is, from harmless to what is never answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Label {
    /// Everything else.
    Safe,
    /// Flirting and romance.
    Suggestive,
    /// Sex between adults who consent.
    ExplicitAdult,
    /// The same with a kink.
    ExplicitFetish,
    /// Sex with somebody who does not consent.
    Nonconsensual,
    /// Self-harm, suicide, danger.
    Crisis,
    /// Romance or sex that involves somebody under 18.
    MinorRisk,
}

impl Label {
    /// All of them, from the least risky on.
    pub const ALL: [Self; 7] = [
        Self::Safe,
        Self::Suggestive,
        Self::ExplicitAdult,
        Self::ExplicitFetish,
        Self::Nonconsensual,
        Self::Crisis,
        Self::MinorRisk,
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Suggestive => "suggestive",
            Self::ExplicitAdult => "explicit_adult",
            Self::ExplicitFetish => "explicit_fetish",
            Self::Nonconsensual => "nonconsensual",
            Self::Crisis => "crisis",
            Self::MinorRisk => "minor_risk",
        }
    }

    /// Where a message goes that is this, where everything is allowed that can be.
    pub fn route(self) -> Route {
        match self {
            Self::Safe | Self::Crisis => Route::Normal,
            Self::Suggestive => Route::Romance,
            Self::ExplicitAdult => Route::Explicit,
            Self::ExplicitFetish => Route::Fetish,
            Self::Nonconsensual => Route::Refusal,
            Self::MinorRisk => Route::HardRefusal,
        }
    }
}

/// Who answers, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// The model for everything.
    Normal,
    /// The model for romance.
    Romance,
    /// The model for adults who want it.
    Explicit,
    /// The model for adults who want it with a kink.
    Fetish,
    /// Nobody: it is declined.
    Refusal,
    /// Nobody, ever.
    HardRefusal,
}

impl Route {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Romance => "romance",
            Self::Explicit => "explicit",
            Self::Fetish => "fetish",
            Self::Refusal => "refusal",
            Self::HardRefusal => "hard_refusal",
        }
    }

    /// Only adults whose age was verified, where the deployment allows it.
    pub fn is_adult(self) -> bool {
        matches!(self, Self::Explicit | Self::Fetish)
    }
}

/// What the pattern layers say of a text.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// What it is.
    pub label: Label,
    /// How sure that is, 0 to 1.
    pub confidence: f32,
    /// Its author says that they are under 18.
    pub user_minor: bool,
    /// The rules and phrases that decided, the most telling first: `<language>/<class>: <phrase>`.
    pub reasons: Vec<String>,
    /// What it was made of.
    #[serde(skip)]
    pub evidence: super::Evidence,
}
