//! Which way a message goes: from what it is, what is known of its user's age, what the deployment allows, and the way its
//! conversation was on. Pure; whatever is not known closes the gates that need it.

use serde::{Deserialize, Serialize};

use super::label::{Label, Route, Verdict};

/// What is known of a user's age.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// They said that they are under 18.
    pub minor: bool,
    /// Their age was verified.
    pub adult: bool,
}

/// What the deployment allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Adults whose age was verified may take adult routes.
    pub adult: bool,
    /// There is a model for romance.
    pub romance: bool,
    /// There is a model for adult messages.
    pub explicit: bool,
    /// There is a model for adult messages with a kink.
    pub fetish: bool,
    /// Messages for which an adult route holds.
    pub lock: u32,
}

/// The adult route that a conversation is on, and for how many messages more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// The route.
    pub route: Route,
    /// Messages for which it still holds.
    pub left: u32,
}

/// Why a message is not answered by a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Declined {
    /// It involves somebody under 18.
    MinorRisk,
    /// It involves somebody who does not consent.
    Nonconsensual,
    /// This deployment has no adult routes, or none of this kind.
    NotOffered,
    /// The user's age was not verified.
    AgeUnverified,
    /// Nobody can say now whether it was.
    AgeUnknown,
}

/// The way of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Course {
    /// The route.
    pub route: Route,
    /// Why no model answers.
    pub declined: Option<Declined>,
    /// Somebody is in danger: warmth, help, and nothing else.
    pub care: bool,
    /// The user is, or may be, under 18: no romance.
    pub young: bool,
    /// The way that the conversation is on from now on.
    pub lock: Option<Lock>,
}

impl Course {
    fn on(route: Route) -> Self {
        Self {
            route,
            declined: None,
            care: false,
            young: false,
            lock: None,
        }
    }

    fn declined(route: Route, why: Declined) -> Self {
        Self {
            declined: Some(why),
            ..Self::on(route)
        }
    }
}

impl Default for Course {
    fn default() -> Self {
        Self::on(Route::Normal)
    }
}

/// Chooses. `standing` is none where it could not be read.
pub fn choose(verdict: &Verdict, text: &str, standing: Option<Standing>, policy: Policy, lock: Option<Lock>) -> Course {
    let minor = verdict.user_minor || standing.is_some_and(|standing| standing.minor);
    // Who cannot be asked about is treated as one who may be young, but nobody is told so.
    let young = minor || standing.is_none();
    match verdict.label {
        Label::MinorRisk => Course::declined(Route::HardRefusal, Declined::MinorRisk),
        Label::Nonconsensual => Course::declined(Route::Refusal, Declined::Nonconsensual),
        Label::Crisis => Course {
            care: true,
            young,
            ..Course::default()
        },
        Label::ExplicitAdult | Label::ExplicitFetish if minor => {
            Course::declined(Route::HardRefusal, Declined::MinorRisk)
        }
        Label::ExplicitAdult | Label::ExplicitFetish => adult(verdict.label, standing, policy),
        Label::Suggestive | Label::Safe => {
            let open = !young && policy.adult && standing.is_some_and(|standing| standing.adult);
            let held = lock.filter(|lock| open && lock.left > 0 && offered(lock.route, policy) && !asks_to_stop(text));
            match held {
                Some(lock) => Course {
                    lock: Some(Lock {
                        left: lock.left - 1,
                        ..lock
                    }),
                    ..Course::on(lock.route)
                },
                None if verdict.label == Label::Suggestive && policy.romance && !young => Course::on(Route::Romance),
                None => Course {
                    young,
                    ..Course::default()
                },
            }
        }
    }
}

fn adult(label: Label, standing: Option<Standing>, policy: Policy) -> Course {
    let route = label.route();
    if !policy.adult || !offered(route, policy) {
        return Course::declined(Route::Refusal, Declined::NotOffered);
    }
    match standing {
        None => Course::declined(Route::Refusal, Declined::AgeUnknown),
        Some(standing) if !standing.adult => Course::declined(Route::Refusal, Declined::AgeUnverified),
        Some(_) => Course {
            lock: Some(Lock {
                route,
                left: policy.lock,
            }),
            ..Course::on(route)
        },
    }
}

fn offered(route: Route, policy: Policy) -> bool {
    match route {
        Route::Explicit => policy.explicit,
        Route::Fetish => policy.fetish,
        _ => false,
    }
}

/// Most words of a message that does nothing but ask to stop.
const FEW: usize = 6;

/// Words that end what is going on, in the seven languages.
const STOP: [&str; 22] = [
    "stop", "red", "safeword", "enough", "pause", "no", "nope", "quit", "basta", "para", "pare", "chega", "arrete",
    "arretez", "assez", "hor auf", "aufhoren", "genug", "smettila", "ferma", "стоп", "спри",
];

/// Whether a message asks that what goes on ends.
pub fn asks_to_stop(text: &str) -> bool {
    let read = super::text::Text::read(text);
    let words: Vec<&str> = read.words.iter().map(super::text::Word::plain).collect();
    let goes_on = matches!(words[..], ["dont", "stop", ..] | ["no", "dont", "stop", ..]);
    let begins = matches!(
        words[..],
        ["stop" | "basta" | "стоп" | "safeword", ..] | ["no" | "please", "stop", ..]
    );
    if words.is_empty() || goes_on || (words.len() > FEW && !begins) {
        return false;
    }
    let said = words.join(" ");
    begins || STOP.iter().any(|stop| words.contains(stop) || said.starts_with(stop))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: Policy = Policy {
        adult: true,
        romance: true,
        explicit: true,
        fetish: false,
        lock: 5,
    };
    const ADULT: Option<Standing> = Some(Standing {
        minor: false,
        adult: true,
    });

    fn verdict(label: Label) -> Verdict {
        Verdict {
            label,
            confidence: 0.9,
            user_minor: false,
            reasons: vec![],
            evidence: Default::default(),
        }
    }

    fn choice(label: Label, standing: Option<Standing>, policy: Policy) -> Course {
        choose(&verdict(label), "and then?", standing, policy, None)
    }

    #[test]
    fn adult_messages_need_a_deployment_that_offers_them_and_an_age_that_was_verified() {
        let of = |standing, policy| choice(Label::ExplicitAdult, standing, policy);
        assert_eq!(of(ADULT, OPEN).route, Route::Explicit);
        assert_eq!(of(ADULT, Policy::default()).declined, Some(Declined::NotOffered));
        assert_eq!(
            of(Some(Standing::default()), OPEN).declined,
            Some(Declined::AgeUnverified)
        );
        assert_eq!(of(None, OPEN).declined, Some(Declined::AgeUnknown));
        assert_eq!(
            choice(Label::ExplicitFetish, ADULT, OPEN).declined,
            Some(Declined::NotOffered)
        );
    }

    #[test]
    fn a_minor_chats_and_finds_every_other_way_closed() {
        let minor = Some(Standing {
            minor: true,
            adult: true,
        });
        let safe = choice(Label::Safe, minor, OPEN);
        assert_eq!((safe.route, safe.declined, safe.young), (Route::Normal, None, true));
        assert_eq!(choice(Label::Suggestive, minor, OPEN).route, Route::Normal);
        assert_eq!(choice(Label::ExplicitAdult, minor, OPEN).route, Route::HardRefusal);
        let mut says_so = verdict(Label::ExplicitAdult);
        says_so.user_minor = true;
        assert_eq!(choose(&says_so, "", ADULT, OPEN, None).route, Route::HardRefusal);
    }

    #[test]
    fn an_adult_route_holds_for_five_messages_and_counts_down() {
        let mut lock = choice(Label::ExplicitAdult, ADULT, OPEN).lock;
        let mut lefts = Vec::new();
        while let Some(held) = lock.filter(|held| held.left > 0) {
            lefts.push(held.left);
            let next = choose(&verdict(Label::Safe), "and then?", ADULT, OPEN, lock);
            assert_eq!(next.route, Route::Explicit);
            lock = next.lock;
        }
        assert_eq!(lefts, [5, 4, 3, 2, 1]);
        let after = choose(&verdict(Label::Safe), "and then?", ADULT, OPEN, lock);
        assert_eq!((after.route, after.lock), (Route::Normal, None));
    }

    #[test]
    fn stop_a_refusal_a_crisis_and_a_minor_end_it_at_once() {
        let lock = Some(Lock {
            route: Route::Explicit,
            left: 5,
        });
        for (label, text) in [
            (Label::Safe, "Stop."),
            (Label::Safe, "please stop it now"),
            (Label::Safe, "No, stop!"),
            (Label::Safe, "Stop, I really do not want this any more"),
            (Label::Nonconsensual, "x"),
            (Label::Crisis, "x"),
            (Label::MinorRisk, "x"),
        ] {
            let course = choose(&verdict(label), text, ADULT, OPEN, lock);
            assert_eq!(
                (course.lock, course.route.is_adult()),
                (None, false),
                "{label:?} {text}"
            );
        }
        let mut young = verdict(Label::Safe);
        young.user_minor = true;
        assert_eq!(choose(&young, "x", ADULT, OPEN, lock).route, Route::Normal);
        for text in ["don't stop", "the bus stop is over there, around the corner", "yes"] {
            let course = choose(&verdict(Label::Safe), text, ADULT, OPEN, lock);
            assert_eq!(course.route, Route::Explicit, "{text}");
        }
    }
}
