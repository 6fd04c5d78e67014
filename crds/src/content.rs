//! What may be said: adult routes and who may take them, what is checked, and what people in a crisis are shown.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::Decimal;

/// What may be said, on both sides of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Content {
    /// Whether adults whose age was verified may take the routes `explicit` and `fetish`.
    pub adult: Adult,
    /// Confidence of the patterns below which the model of `llm.routes.detection` is asked too, 0 to 1 in quotes.
    #[schemars(extend("x-kubernetes-validations" = [
        { "rule": "self.matches('^[0-9]+([.][0-9]+)?$') && double(self) <= 1.0", "message": "content.judgeBelow must be from 0 to 1, in quotes such as \"0.7\"" }
    ]))]
    pub judge_below: Decimal,
    /// Whether replies are read, as they come, for what their route may not say.
    pub output_guard: OutputGuard,
    /// When the companion says that it is an AI.
    pub disclosure: Disclosure,
    /// What people in a crisis are shown.
    pub crisis: Crisis,
}

impl Default for Content {
    fn default() -> Self {
        Self {
            adult: Adult::default(),
            judge_below: Decimal::new("0.7"),
            output_guard: OutputGuard::default(),
            disclosure: Disclosure::default(),
            crisis: Crisis::default(),
        }
    }
}

/// Who may take the routes `explicit` and `fetish`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Adult {
    /// Nobody.
    #[default]
    Disabled,
    /// Users whose age was verified and who never said that they are under 18.
    AgeVerified,
}

/// Whether replies are read as they come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OutputGuard {
    /// They are.
    #[default]
    Enabled,
    /// They are not; Production refuses it.
    Disabled,
}

/// When the companion says that it is an AI, beside when it is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Disclosure {
    /// In the first reply of a conversation.
    pub at_start: bool,
}

/// What people in a crisis are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Crisis {
    /// Who helps, in the order in which they are shown. Those of the user's language are shown, or all.
    #[schemars(length(max = 32))]
    pub resources: Vec<HelpContact>,
}

/// Somebody who helps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct HelpContact {
    /// Language, and country where it has one: `en`, `pt-BR`.
    #[schemars(length(min = 2, max = 35), pattern("^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$"))]
    pub locale: String,
    /// Who it is.
    #[schemars(length(min = 1, max = 100))]
    pub name: String,
    /// A number or an address.
    #[schemars(length(min = 1, max = 200))]
    pub contact: String,
}
