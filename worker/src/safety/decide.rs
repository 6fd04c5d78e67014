//! Phrases become a label. What somebody under 18 and romance or sex make together is decided first and by nothing else
//! undone; then danger, then consent, then how much is said of kinks, sex and romance. Weights of one class add up as
//! chances do: `1 - (1 - a)(1 - b)`.

use std::ops::Range;

use super::label::{Label, Verdict};
use super::lexicon::{Class, Found, Hit};

/// Words between two phrases that still speak of the same.
const NEAR: usize = 60;

/// Weights from which on a class is meant.
const MEANT: f32 = 0.6;

/// Weight from which on a phrase is no hint.
const PLAIN: f32 = 0.5;

/// How much what takes consent away says of its absence.
const HINT: f32 = 0.67;

/// Heat from which on it is too much beside somebody under 18: hints are enough.
const WARM: f32 = 0.45;

/// Weight from which on a phrase of another language than the text's counts.
const SURE: f32 = 0.7;

/// Weight from which on a phrase tells of abuse or asks for help; a topic's word does not.
const TELLS: f32 = 0.85;

/// Most hits that are weighed against each other: more come of nothing but repetition.
const MOST_HITS: usize = 2_000;

/// Most reasons that are told.
const REASONS: usize = 4;

/// How surely each class is meant, 0 to 1: what a label is made of, and what [`super::semantic`] weighs beside a text's meaning.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Evidence {
    /// In the order of [`WEIGHED`], then own age, minors beside heat, and force beside heat.
    pub values: [f32; EVIDENCE],
}

impl Evidence {
    fn of(&self, class: Class) -> f32 {
        let at = WEIGHED.iter().position(|weighed| *weighed == class);
        at.map_or(0.0, |at| self.values[at])
    }

    fn minors_beside_heat(&self) -> f32 {
        self.values[WEIGHED.len() + 1]
    }

    fn force_beside_heat(&self) -> f32 {
        self.values[WEIGHED.len() + 2]
    }
}

/// Classes whose weights are evidence.
const WEIGHED: [Class; 13] = [
    Class::Sexual,
    Class::Fetish,
    Class::Romantic,
    Class::Coercion,
    Class::Nonconsensual,
    Class::Minor,
    Class::MinorRisk,
    Class::Crisis,
    Class::Danger,
    Class::Help,
    Class::Clinical,
    Class::Ask,
    Class::Frame,
];

/// Values of [`Evidence`].
pub const EVIDENCE: usize = WEIGHED.len() + 3;

/// Who wrote a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// A person.
    Message,
    /// A model. It says nothing by hints, and a long text is full of them: plain phrases alone count.
    Reply,
}

/// What counts of a text.
struct Counted<'a> {
    side: Side,
    hits: Vec<&'a Hit<'a>>,
}

/// The label of a text of this side in which `found` was found.
///
/// Of a reply nothing is a crisis: that is answered, and hides nothing else.
pub fn decide(found: &Found<'_>, side: Side) -> Verdict {
    let counted = Counted::of(found, side);
    let user_minor = counted.says_own_age();
    let evidence = counted.evidence(user_minor);
    let (label, confidence, told) = counted.label(user_minor, &evidence);
    let mut reasons: Vec<String> = Vec::new();
    if user_minor {
        reasons.extend(counted.best(&[Class::OwnAge], 1));
    }
    reasons.extend(counted.best(told, REASONS - reasons.len()));
    Verdict {
        label,
        confidence,
        user_minor,
        reasons,
        evidence,
    }
}

impl<'a> Counted<'a> {
    /// Leaves out what stands within an ordinary phrase, and what is of a language that the text is not in.
    fn of(found: &'a Found<'a>, side: Side) -> Self {
        let least = if side == Side::Reply { PLAIN } else { 0.0 };
        let ordinary: Vec<&Range<usize>> = (found.hits.iter().take(MOST_HITS))
            .filter(|hit| hit.class() == Class::Ordinary && plausible(found, hit))
            .map(|hit| &hit.words)
            .collect();
        let covered = |hit: &Hit| {
            // An age that the user says is one wherever it stands.
            !matches!(hit.class(), Class::Ordinary | Class::OwnAge | Class::NotOwnAge)
                && ordinary
                    .iter()
                    .any(|words| words.start <= hit.words.start && hit.words.end <= words.end)
        };
        let hits = found
            .hits
            .iter()
            .take(MOST_HITS)
            .filter(|hit| hit.phrase.weight >= least && plausible(found, hit) && !covered(hit))
            .collect();
        Self { hits, side }
    }

    fn of_class(&self, class: Class) -> impl Iterator<Item = &'a Hit<'a>> + '_ {
        self.hits.iter().copied().filter(move |hit| hit.class() == class)
    }

    fn has(&self, class: Class) -> bool {
        self.of_class(class).next().is_some()
    }

    /// Whether something is a film, a song, history: said by words that are no part of what speaks of danger ("ending my life").
    fn framed(&self) -> bool {
        let grave: Vec<&Hit> = (self.of_class(Class::Crisis))
            .chain(self.of_class(Class::Danger))
            .collect();
        self.of_class(Class::Frame)
            .any(|frame| !grave.iter().any(|hit| overlap(&hit.words, &frame.words)))
    }

    /// How surely `class` is meant by phrases that say different things, `near` a place if one is given.
    fn weight(&self, class: Class, near: Option<&Range<usize>>) -> f32 {
        // Hints all over a long text make nothing together: those beside the surest one do.
        let surest = || (self.of_class(class)).max_by(|a, b| a.phrase.weight.total_cmp(&b.phrase.weight));
        let Some(near) = near.or_else(|| surest().map(|hit| &hit.words)) else {
            return 0.0;
        };
        together(
            self.of_class(class)
                .filter(|hit| is_near(near, &hit.words))
                .map(|hit| (hit, hit.phrase.weight)),
        )
    }

    /// How surely somebody's consent is missing: what names it, and what takes it away, which is a hint.
    fn unwanted(&self) -> f32 {
        together(self.hits.iter().filter_map(|hit| match hit.class() {
            Class::Nonconsensual => Some((*hit, hit.phrase.weight)),
            Class::Coercion => Some((*hit, hit.phrase.weight * HINT)),
            _ => None,
        }))
    }

    fn says_own_age(&self) -> bool {
        let not_own: Vec<&Hit> = self.of_class(Class::NotOwnAge).collect();
        let denies = |other: &Hit, own: &Hit| {
            overlap(&other.words, &own.words)
                && (other.words.start <= own.words.start || other.words.end >= own.words.end)
                && other.phrase.weight >= own.phrase.weight
        };
        self.of_class(Class::OwnAge)
            .any(|own| !not_own.iter().any(|other| denies(other, own)))
    }

    /// How surely something sexual, kinky or romantic is meant beside what surely is of `class`.
    fn beside_heat(&self, class: Class, clinical: bool) -> f32 {
        let sure = self.of_class(class).filter(|hit| hit.phrase.weight >= MEANT);
        sure.map(|hit| {
            let near = Some(&hit.words);
            soften(self.weight(Class::Sexual, near), clinical)
                .max(self.weight(Class::Fetish, near))
                .max(self.weight(Class::Romantic, near))
        })
        .fold(0.0, f32::max)
    }

    fn evidence(&self, user_minor: bool) -> Evidence {
        let clinical = self.has(Class::Clinical);
        let mut evidence = Evidence::default();
        for (value, class) in evidence.values.iter_mut().zip(WEIGHED) {
            *value = self.weight(class, None);
        }
        evidence.values[WEIGHED.len()] = f32::from(user_minor);
        evidence.values[WEIGHED.len() + 1] = self.beside_heat(Class::Minor, clinical);
        evidence.values[WEIGHED.len() + 2] = self.beside_heat(Class::Coercion, clinical);
        evidence
    }

    fn label(&self, user_minor: bool, evidence: &Evidence) -> (Label, f32, &'static [Class]) {
        use Class::{
            Ask, Clinical, Coercion, Crisis, Danger, Fetish, Help, Minor, MinorRisk, Nonconsensual, Romantic, Sexual,
        };
        let (ask, help, clinical, frame) = (
            self.has(Ask),
            self.of_class(Help).any(|hit| hit.phrase.weight >= TELLS),
            self.has(Clinical),
            self.framed(),
        );
        let sexual = soften(evidence.of(Sexual), clinical);
        let (fetish, romantic) = (evidence.of(Fetish), evidence.of(Romantic));

        let heat = sexual.max(fetish).max(romantic);
        if !help && evidence.of(MinorRisk) >= MEANT {
            return (Label::MinorRisk, 0.95, &[MinorRisk, Minor]);
        }
        let minors = evidence.minors_beside_heat() >= WARM;
        if !help && (minors || (user_minor && heat >= WARM)) {
            return (Label::MinorRisk, 0.9, &[Minor, Sexual, Fetish, Romantic]);
        }

        let told = if frame { 0.5 } else { 1.0 };
        let crisis = evidence.of(Crisis) * told;
        let danger = evidence.of(Danger) * told;
        if self.side == Side::Message && crisis.max(danger) >= MEANT {
            return (Label::Crisis, sure(crisis.max(danger)), &[Crisis, Danger]);
        }

        let (named, unwanted) = (evidence.of(Nonconsensual), self.unwanted());
        let coerced = evidence.force_beside_heat() >= 0.4
            || (named >= 0.4 && heat >= WARM)
            || (ask && unwanted >= MEANT)
            || (unwanted >= 0.5 && heat >= 0.4);
        if !help && (coerced || (named >= MEANT && (ask || !clinical))) {
            return (Label::Nonconsensual, 0.85, &[Nonconsensual, Coercion, Sexual]);
        }
        if help && (coerced || named >= MEANT || minors) {
            // Somebody is helped, not refused; but the judge looks at it too.
            return (Label::Safe, 0.5, &[Help]);
        }

        let wished = if ask { 0.1 } else { 0.0 };
        if fetish + wished >= MEANT + 0.05 {
            return (Label::ExplicitFetish, sure(fetish), &[Fetish]);
        }
        if sexual + wished >= MEANT + 0.05 {
            return (Label::ExplicitAdult, sure(sexual), &[Sexual]);
        }
        let warm = romantic.max(sexual * 0.9);
        if warm >= 0.5 {
            return (Label::Suggestive, sure(warm), &[Romantic, Sexual]);
        }
        let closest = sexual.max(fetish).max(romantic).max(crisis).max(danger);
        (Label::Safe, 0.95 - closest * 0.6, &[])
    }

    /// The most telling phrases of `classes`.
    fn best(&self, classes: &[Class], most: usize) -> Vec<String> {
        let mut hits: Vec<&Hit> = (self.hits.iter())
            .copied()
            .filter(|hit| classes.contains(&hit.class()))
            .collect();
        hits.sort_by(|a, b| {
            let place = |hit: &Hit| classes.iter().position(|class| *class == hit.class());
            place(a)
                .cmp(&place(b))
                .then(b.phrase.weight.total_cmp(&a.phrase.weight))
        });
        hits.iter().take(most).map(|hit| hit.reason()).collect()
    }
}

/// What `weights` make together. A phrase that is said again says nothing new, and phrases that share words say one thing: the
/// surest of them counts.
fn together<'a>(hits: impl Iterator<Item = (&'a Hit<'a>, f32)>) -> f32 {
    let mut weights: Vec<(&Hit, f32)> = Vec::new();
    for (hit, weight) in hits {
        let same = |other: &Hit| overlap(&other.words, &hit.words) || std::ptr::eq(other.phrase, hit.phrase);
        match weights.iter_mut().find(|(other, _)| same(other)) {
            Some((_, known)) => *known = known.max(weight),
            None => weights.push((hit, weight)),
        }
    }
    1.0 - weights.iter().map(|(_, weight)| 1.0 - weight).product::<f32>()
}

/// A soft word beside a clinical one means less; a plain one means what it says.
fn soften(weight: f32, clinical: bool) -> f32 {
    if clinical && weight < 0.8 { weight * 0.4 } else { weight }
}

fn sure(weight: f32) -> f32 {
    (0.5 + (weight - 0.5) * 0.95).clamp(0.5, 0.98)
}

fn overlap(a: &Range<usize>, b: &Range<usize>) -> bool {
    a.start < b.end && b.start < a.end
}

fn is_near(a: &Range<usize>, b: &Range<usize>) -> bool {
    a.start < b.end + NEAR && b.start < a.end + NEAR
}

/// Whether a phrase of this language can stand in the text: the text is in it, or it says much in several words.
fn plausible(found: &Found<'_>, hit: &Hit<'_>) -> bool {
    found.may_be(hit.phrase.language) || (hit.phrase.language == 0 && hit.phrase.weight >= SURE)
}
