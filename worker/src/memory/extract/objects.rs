//! What a predicate is about, made fit for a fact: each function takes the words behind a verb and gives them back in the
//! third person, or none where they are a joke, a mood or anything else that will not be true tomorrow.

use std::sync::LazyLock;

use regex::Regex;

use super::values::{name, names_someone, pattern, place, value};
use super::vocabulary::{ALLERGEN, ENTERPRISE, FOOD, MONTH, NATIONALITY, PROFESSION, RELATION};

/// A place, and none of those that everyone has.
pub fn somewhere(text: &str) -> Option<String> {
    static NOWHERE: [&str; 5] = ["here", "there", "hell", "now on", "afar"];
    place(text).filter(|place| !NOWHERE.contains(&place.to_lowercase().as_str()))
}

/// A place behind its preposition. One lives in "lisbon", but on "the coast": on "coffee" is no place.
pub fn somewhere_at(preposition: &str, text: &str) -> Option<String> {
    let preposition = preposition.to_lowercase();
    let bare =
        !text.contains(char::is_uppercase) && !["the ", "a ", "an ", "my "].iter().any(|one| text.starts_with(one));
    if bare && ["on", "at", "by"].contains(&preposition.as_str()) {
        return None;
    }
    Some(format!("{preposition} {}", somewhere(text)?))
}

/// A day of the year: "March 3rd", "the 3rd of March 1990", "3.3.1990".
pub fn date(text: &str) -> Option<String> {
    static DAY: LazyLock<Regex> = LazyLock::new(|| {
        let day = "(?:the )?[0-9]{1,2}(?:st|nd|rd|th)?";
        pattern(&format!(
            r"(?i)^(?:(?:on|in) )?({MONTH}(?: {day})?(?:,? [0-9]{{4}})?|{day} (?:of )?{MONTH}(?:,? [0-9]{{4}})?|[0-9]{{1,2}}[./-][0-9]{{1,2}}(?:[./-](?:[0-9]{{2}}){{1,2}})?|[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})$"
        ))
    });
    Some(DAY.captures(text.trim())?[1].to_owned())
}

/// Something that can be liked: "to hike" is a taste but "to know" a request.
pub fn liked(text: &str) -> Option<String> {
    static NO_TASTE: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?ix)^(?:to\ (?:know|ask|talk|say|see|hear|tell|chat|discuss|thank|be\ called|understand|wait|stop|think|stay|go|leave|point|share|add|mention|try|start|do|help|get)|
                (?:the\ )?(?:part|thing|things|bit|moment|question|answer|joke|story|one|time|day)|option|
                (?:hearing|knowing|seeing|talking|asking|getting|finding|chatting|learning|living|existing|thinking|feeling|trying|when|life|death)|
                (?:my|their|our)\ (?:life|body|face|self|looks|brain|mind|existence))\b",
        )
    });
    value(text, 8).filter(|_| !NO_TASTE.is_match(text))
}

/// Something that can be disliked for long: not oneself, everyone, or what is one's own and annoys today.
pub fn disliked(text: &str) -> Option<String> {
    static VENTED: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?i)^(?:my|our|the (?:world|universe|exam|meeting|interview|result)|people|humanity|humans|waking|losing|saying|leaving|telling|asking|to)\b",
        )
    });
    liked(text).filter(|_| !VENTED.is_match(text) && !names_someone(text))
}

/// What one can be allergic to; "Mondays" is a joke.
pub fn allergen(text: &str) -> Option<String> {
    static REAL: LazyLock<Regex> = LazyLock::new(|| pattern(&format!("(?i)(?:{FOOD}|{ALLERGEN})$")));
    static JOKE: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?ix)^(?:my|people|mornings?|\w+days?|work|bull\w*|stupid\w*|idiots?|fools?|liars?|lies|drama|exercise|sports?|love|math\w*|home-?work|
                house-?work|chores|fun|feelings|nonsense|romance|politics|men|women|kids|children|failure|success|small\ talk|rules|effort|
                the\ (?:truth|gym|idea)|.*(?:ness|ity|ment|ism|tion|ing|ship|dom))$",
        )
    });
    value(text, 8).filter(|what| REAL.is_match(what) || !JOKE.is_match(what) && !names_someone(what))
}

/// A profession with its article and what sort of it; a judgement ("a terrible cook") is no sort.
pub fn profession(text: &str) -> Option<String> {
    static JUDGED: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?i)\b(?:bad|terrible|horrible|awful|great|good|lousy|decent|poor|real|natural|born|perfect|fast|slow|careful|worse|better|best|worst|big|huge|total|complete|bit|fake|amazing|excellent|mediocre|passable|pretty|hopeless|nervous|lazy|tired|stressed|happy|sad|broke|bored|busy|mean|nice|fantastic|wonderful|brilliant|crazy|stupid|control)\b",
        )
    });
    value(text, 5).filter(|text| !JUDGED.is_match(text))
}

/// A spouse: a name, or who he or she is.
pub fn partner(text: &str) -> Option<String> {
    static KNOWN_AS: LazyLock<Regex> =
        LazyLock::new(|| pattern(&format!(r"(?i)^an? (?:[\p{{L}}-]+ )?(?:{PROFESSION}|{NATIONALITY})$")));
    name(text).or_else(|| value(text, 5).filter(|text| KNOWN_AS.is_match(text)))
}

/// Someone to live with; not a feeling, a disease or the consequences.
pub fn who_one_lives_with(text: &str) -> Option<String> {
    static SOMEONE: LazyLock<Regex> = LazyLock::new(|| pattern(&format!(r"(?i)\b(?:{RELATION})\b")));
    value(text, 8).filter(|text| SOMEONE.is_match(text) || names_someone(text))
}

/// A subject, or a school: not how much or how one studies or teaches.
pub fn studied(text: &str) -> Option<String> {
    static HOW: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?i)^(?:for|on|until|till|late|early|every|during|before|after|with|from|people|at (?:home|night|the|my)|in (?:the|my|bed)|my|the|an?)\b|\b(?:exams?|tests?|finals|lesson|quiz)\b",
        )
    });
    value(text, 8).filter(|text| !HOW.is_match(text))
}

/// As what, where, for or with whom someone works; not when or how.
pub fn where_one_works(preposition: &str, text: &str) -> Option<String> {
    static HOW: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?ix)^(?:as\ (?:hard|much|long|fast|little|well|soon|if|usual|always|an?\ (?:team|unit|couple|charm))|(?:as|from)\ (?:i|now|time|scratch|nine|[0-9]+|morning|dawn|memory|bed|my)|
                (?:for|at)\ (?:free|fun|hours|days|money|nothing|peanuts|food|a\ (?:living|bit|change|pittance|long)|the\ (?:moment|weekend|best|money|good|greater|same|desk)|
                   nights?|dawn|noon|times|least|full|half|maximum|speed|my|his|her|different|odd|work)|
                in\ (?:the\ (?:mornings?|evenings?|afternoons?|nights?|dark|background|rain|sun|zone)|peace|silence|bed|shifts?|progress|vain|private|my|pairs|groups|
                   teams?|batches|bursts|secret|pa?jamas|circles|tandem|fits)|
                with\ (?:my|idiots|morons|fools|what|care|caution|passion|love|music|pleasure|a|an|the|pride|joy|ease))\b",
        )
    });
    static ON: LazyLock<Regex> = LazyLock::new(|| {
        pattern(r"(?i)^(?:an?|the) (?:[\p{L}-]+ )?(?:farm|ship|boat|rig|ranch|railway|plantation|estate)$")
    });
    let preposition = preposition.to_lowercase();
    let one = text.to_lowercase();
    if preposition == "as" && !(one.starts_with("a ") || one.starts_with("an ")) {
        return None;
    }
    if preposition == "on" && !ON.is_match(text) {
        return None;
    }
    let whole = value(&format!("{preposition} {text}"), 11)?;
    // Refused where the rest alone would be.
    value(text, 10)?;
    (!HOW.is_match(&whole)).then_some(whole)
}

/// What one trains or saves for.
pub fn aim(text: &str) -> Option<String> {
    static AIM: LazyLock<Regex> = LazyLock::new(|| {
        pattern(&format!(
            r"(?i)^(?:an?|the|my|our|their) (?:[\p{{L}}-]+ )?(?:marathon|triathlon|race|wedding|house|home|flat|apartment|car|boat|trip|honeymoon|holiday|vacation|pension|baby|{ENTERPRISE})\b|^(?:college|university|retirement)\b"
        ))
    });
    value(text, 8).filter(|_| AIM.is_match(text))
}
