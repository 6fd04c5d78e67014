//! The part of a statement that a pattern captures, made fit for a sentence in the third person; none if it holds what a
//! fact must not: the assistant, an order, a link, or more words than a fact needs.

use std::sync::LazyLock;

use regex::Regex;

use super::names;
use super::vocabulary::{NATIONALITY, PROFESSION, RELATION};

/// A pattern written in this program.
#[allow(clippy::expect_used, reason = "a constant; the tests compile every one")]
pub fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern of this program is wrong")
}

/// Addressed to the assistant, an order, a link: nothing of it is kept.
static FORBIDDEN: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?ix)\b(?:you|your|yours|yourself|u|ur|assistant|chatbot|system\ prompts?|prompts?|instructions?|instructed|ignore|disregard|must|shall|
            obey|override|jailbreak|developer\ mode|kill|suicide|die|dying|i|https?|www)\b|[<>{}\[\]|\\]|://|…",
    )
});

/// What follows one of these no longer belongs to the value.
static REST: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?ix)(?:,\s*|\s+)(?:because|since|but|so|although|though|even|whenever|when|while|until|which|who|where|that|thanks|please|
            lol|haha|btw|by\ the\ way|though|anyway|as\ well|too|a\ lot|very\ much|so\ much|these\ days|now|
            [:;=][)\(DPp])(?:[\s,!.].*|$)",
    )
});

/// Counted from the day it was said, so it would be wrong on any other: nothing with it is kept.
static PASSING: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?ix)\b(?:today|tonight|tomorrow|yesterday|right\ now|at\ the\ moment|currently|for\ now|soon|later|lately|recently|just|already|again|
            once|another|any\ ?more|yet|still|ago|earlier|until|till|all\ (?:day|night|morning|week)|
            (?:this|next|last|coming|the\ other|the\ whole)\ (?:morning|afternoon|evening|night|time|day|week|weekend|month|year|spring|summer|autumn|
            fall|winter|term|semester|(?:mon|tues|wednes|thurs|fri|satur|sun)day)|(?:mon|tues|wednes|thurs|fri|satur|sun)day|
            (?:in|within|after|for)\ (?:[0-9]+|an?|one|two|three|four|five|six|a\ few|a\ couple\ of|several|some)\ (?:more\ )?(?:secs?|seconds?|mins?|minutes?|hours?|
            days?|weeks?|months?|years?|while|bit|moment)|at\ [0-9]+|[0-9]+\ ?(?:am|pm|o'clock))\b",
    )
});

/// Points at what only the conversation knows, or says how much instead of what.
static VAGUE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?ix)^(?:it|its|this|that|these|those|him|her|them|himself|herself|themselves|me|myself|us|he|she|they|we|one|ones|some(?:one|body|thing|where)?|
            any(?:one|body|thing|where)?|every(?:one|body|thing|where)?|no(?:body|thing|where|ne)?|all|both|either|neither|most|many|few|several|such|each|
            a\ (?:lot|bit|little|few|thing|while|ton|bunch)|lots|tons|much|more|less|enough|plenty|too|so|very|quite|how|what|when|where|why|who|whether|if|
            is|are|be|being|hard|harder|fast|slowly|well|better|best|alone|together|here|there|out|up|down|off|away|still|back|not|to\ (?:be|it|this)|
            the\ (?:way|idea|sound|look|fact|thought|first|second|third|last|latter|former|other|same|one|rest|whole|option|most|best|worst)|option)\b",
    )
});

/// Has no place for what a message's own words point at.
static POINTING: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\b(?:it|this|these|those|him|them|her one|in my dreams?|in (?:the|our|my) (?:game|story|play|film|movie|role))\b",
    )
});

/// A value of at most `words` words, in the third person, or none.
pub fn value(text: &str, words: usize) -> Option<String> {
    // "now" alone says that it is so from now on, and is cut off below.
    if text.to_lowercase().contains("right now") {
        return None;
    }
    let text = REST.replace(text.trim(), "");
    let text = text
        .trim_matches(|c: char| !c.is_alphanumeric() && c != '$' && c != '€')
        .trim();
    let unfit = [&FORBIDDEN, &PASSING, &VAGUE, &POINTING];
    if text.is_empty() || unfit.iter().any(|unfit| unfit.is_match(text)) || text.split_whitespace().count() > words {
        return None;
    }
    Some(text.split_whitespace().map(third_person).collect::<Vec<_>>().join(" "))
}

/// What is left of a value without its time at the end: "moved to Berlin last week" holds for longer than the week.
pub fn timeless(text: &str) -> &str {
    text[..PASSING.find(text).map_or(text.len(), |time| time.start())].trim_end()
}

/// Where someone lives or is from. A place has a name, or is a kind of place; a state of mind ("in fear") is neither.
/// A name's words are capitalised where the writer did not care to.
pub fn place(text: &str) -> Option<String> {
    static KIND: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?ix)^(?:the|an?|their|another|different|student)\ (?:.*\b)?(?:apartment|area|barn|beach|boat|borough|building|bungalow|cabin|campus|
                caravan|castle|cit(?:y|ies)|coast|condo|cottage|country|countryside|county|desert|dorm|east|estate|farm|flat|forest|halls|hills|home|house|houseboat|
                hut|island|lake|loft|mansion|middle\ east|mobile\ home|monastery|mountains?|neighbou?rhood|north|outskirts|place|province|sea|ship|shore|south|square|state|states|station|
                street|studio|suburbs?|town|trailer|us|usa|uk|valley|van|village|west|woods)(?:\ (?:in|near|of|by|outside|with|on|at)\ .+|\ house)?$",
        )
    });
    static STATE: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?ix)^(?:agony|anxiety|bed|behind|chaos|church|class|clover|comfort|constant|court|danger|darkness|death|debt|denial|despair|detention|disguise|
                doubt|dread|eternal|exile|fantasies|fear|front|glory|grief|harmony|heaven|hell|hiding|home|hope|hospital|hotels|isolation|jail|jeans|joy|limbo|
                line|lockdown|love|luxury|meetings?|memories|misery|mourning|office|pain|pa?yjamas|pajamas|paradise|peace|perpetual|person|poverty|prayer|
                pri(?:son|vate)|public|quarantine|queue|regret|rehab|scratch|school|secret|shame|shape|shock|silence|sin|sleep|solitude|space|squalor|
                style|sweatpants|tears|terror|theory|time|times|town|traffic|trouble|uncertainty|vain|work)\b|.*(?:ness|ment|tion)$",
        )
    });
    let text = value(text, 7)?;
    if STATE.is_match(&text) {
        return None;
    }
    let determined = text.split_once(' ').is_some_and(|(first, _)| {
        ["the", "a", "an", "their", "another", "different"].contains(&first.to_lowercase().as_str())
    });
    let named = text.split(' ').skip(1).any(|word| word.starts_with(char::is_uppercase));
    match (determined, text.chars().any(char::is_uppercase)) {
        (true, _) => (named || KIND.is_match(&text)).then_some(text),
        (false, true) => Some(text),
        (false, false) => (text.split(' ').count() <= 3).then(|| capitalised(&text)),
    }
}

/// A name of one to three words, where nothing but a name can stand; none for words that are no names.
pub fn name(text: &str) -> Option<String> {
    static OTHER: LazyLock<Regex> = LazyLock::new(|| {
        pattern(&format!(
            r"(?i)^(?:{NATIONALITY}|{RELATION}|{PROFESSION}|.*(?:n't|ed|ing|able|ible|ful|less|ous|ive|ish|est|ly|ically)|(?:mon|tues|wednes|thurs|fri|satur|sun)day)$",
        ))
    });
    let text = REST.replace(text.trim(), "");
    let text = text.trim_matches(|c: char| !c.is_alphabetic());
    let words: Vec<&str> = text.split_whitespace().collect();
    let right = |word: &&str| {
        word.chars().all(|c| c.is_alphabetic() || matches!(c, '\'' | '-' | '.'))
            && word.chars().count() <= 20
            && (names::known(word) || !(OTHER.is_match(word) || names::no_name(word)))
    };
    // One word may be in lower case; several are a name only in capitals.
    let shaped = words.len() == 1
        || words
            .iter()
            .all(|word| word.starts_with(char::is_uppercase) || word.len() <= 3);
    let fits = (1..=3).contains(&words.len()) && shaped && words.iter().all(right) && !FORBIDDEN.is_match(text);
    fits.then(|| capitalised(text))
}

/// A name where other words are as likely ("I'm …", "They call me …"): one that is known.
pub fn known_name(text: &str) -> Option<String> {
    let first = text.split(|c: char| !c.is_alphabetic()).find(|word| !word.is_empty())?;
    if names::known(first) { name(text) } else { None }
}

/// Whether it begins with someone's name.
pub fn names_someone(text: &str) -> bool {
    let first = text.split_whitespace().next().unwrap_or_default();
    first.starts_with(char::is_uppercase) && names::known(first)
}

/// A name where other words are likely in lower case only ("Call me …"): known, or written with a capital.
pub fn written_name(text: &str) -> Option<String> {
    if text.trim_start().starts_with(char::is_uppercase) {
        name(text)
    } else {
        known_name(text)
    }
}

/// First letters in capitals.
pub fn capitalised(text: &str) -> String {
    const SMALL: [&str; 8] = ["of", "de", "da", "del", "the", "van", "von", "near"];
    let word = |word: &str| match word.chars().next() {
        Some(first) if !SMALL.contains(&word) => first.to_uppercase().chain(word.chars().skip(1)).collect(),
        _ => word.to_owned(),
    };
    text.split_whitespace().map(word).collect::<Vec<String>>().join(" ")
}

fn third_person(word: &str) -> &str {
    match word.to_lowercase().as_str() {
        "my" => "their",
        "mine" => "theirs",
        "me" => "them",
        "myself" => "themselves",
        "our" => "their",
        "us" => "them",
        _ => word,
    }
}
