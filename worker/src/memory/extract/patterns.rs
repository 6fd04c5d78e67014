//! One clause in, at most one fact out: a table of patterns, each with the sentence it becomes. The first that matches and
//! whose captured values are fit wins.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::people::{names, owned, relative};
use super::values::{name, pattern, place, value};
use super::vocabulary::{CONDITION, COUNT, EVENT, NATIONALITY, PROFESSION, RELATION, UNDERTAKING};
use super::{Fact, Kind};

struct Rule {
    kind: Kind,
    when: Regex,
    then: fn(&Captures) -> Option<String>,
}

/// The fact that a clause states, if any.
pub fn fact(clause: &str) -> Option<Fact> {
    let mut found = RULES
        .iter()
        .filter_map(|rule| Some((rule, rule.when.captures(clause)?)));
    found.find_map(|(rule, captures)| {
        let text = format!("The user{}.", (rule.then)(&captures)?);
        Some(Fact { kind: rule.kind, text })
    })
}

/// Every rule matches a whole clause, whatever its case. The sentence goes on from "The user".
#[rustfmt::skip] // a table: one rule, one line
static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    use Kind::{Allergy, Birthday, Diet, Health, Language, Name, Origin, Plan, Preference, Relation, Residence, Work};
    let rule = |kind, when: &str, then| Rule { kind, when: pattern(&format!("(?i)^(?:{when})$")), then };
    let callers = "(?:you|people|they|everyone|everybody|(?:my |most )?(?:friends|people)) (?:can |may |should |all |usually )*";
    let person = format!(r"my (?P<who>{RELATION}),?(?: (?P<name>\p{{L}}[\p{{L}}'-]*(?-i: \p{{Lu}}[\p{{L}}'-]*)?),?)?");
    let verb = "lives?|works?|stud(?:y|ies)|is|are|was|were|moved|has|have|loves?|likes?|hates?|plays?|speaks?|teaches|owns?|comes?|grew up|died|passed away";
    vec![
        rule(Name, &format!("(?:{callers})?(?:please |just )*calls? me (.+)"), called),
        rule(Name, "I (?:want|prefer|like) to be (?:called|known as) (.+)|I (?:go by|am called|am known as) (.+)|my nickname is (.+)", called),
        rule(Name, "(?:my|the) (?:full |first |real |given )?name is (.+)", |c| Some(format!("'s name is {}", name(&c[1])?))),

        rule(Origin, &format!("I am (?:an? )?(?-i:({NATIONALITY}))"), |c| Some(format!(" is {}", &c[1]))),
        rule(Name, r"I am (?-i:(\p{Lu}\p{Ll}+(?: \p{Lu}\p{Ll}+)?))", |c| Some(format!("'s name is {}", name(&c[1])?))),
        rule(Origin, "I (?:am|come) from (.+)", |c| Some(format!(" is from {}", somewhere(&c[1])?))),
        rule(Origin, "I (was born(?: and raised)?|grew up) in (.+)", |c| Some(format!(" {} in {}", lower(&c[1]), somewhere(&c[2])?))),
        rule(Origin, "my home ?town is (.+)", |c| Some(format!("'s home town is {}", somewhere(&c[1])?))),

        rule(Residence, "I (?:live|reside|am living|am based) alone", |_| Some(" lives alone".into())),
        rule(Residence, "I (?:live|reside|am living|am based|am located) (in|near|outside|close to|next to|at|on) (.+)", |c| Some(format!(" lives {} {}", lower(&c[1]), somewhere(&c[2])?))),
        rule(Residence, "I (?:live|am living) with (.+)", |c| Some(format!(" lives with {}", value(&c[1], 8)?))),
        rule(Residence, "I (?:have )?(?:recently |just )?(?:moved|relocated) to (.+)", |c| Some(format!(" moved to {}", somewhere(&c[1])?))),

        rule(Birthday, "my birthday is (?:on )?(.+)|I was born on (.+)", |c| Some(format!("'s birthday is {}", date(either(c)?)?))),
        rule(Birthday, "I (?:am|turned) ([0-9]{1,3})(?: years? old| years? of age)?", |c| Some(format!(" is {} years old", &c[1]))),

        rule(Allergy, r"I am (?:\p{L}+ly |very |so )?allergic to (.+)", |c| Some(format!(" is allergic to {}", value(&c[1], 8)?))),
        rule(Allergy, r"I have (an? (?:[\p{L}-]+ ){1,3}allergy)", |c| Some(format!(" has {}", value(&c[1], 5)?))),
        rule(Allergy, "I am (lactose|gluten|fructose|histamine)[- ]intolerant", |c| Some(format!(" is {} intolerant", lower(&c[1])))),
        rule(Allergy, "I cannot (eat|drink|tolerate|digest) (.+)", |c| Some(format!(" cannot {} {}", lower(&c[1]), value(&c[2], 8)?))),
        rule(Health, &format!("I (?:have|suffer from|was diagnosed with|have been diagnosed with) ({CONDITION})(?: .*)?"), |c| Some(format!(" has {}", &c[1]))),
        rule(Health, "I am (pregnant|deaf|blind|colou?r-?blind|diabetic|asthmatic|dyslexic|autistic|epileptic|left-handed)", |c| Some(format!(" is {}", lower(&c[1])))),

        rule(Diet, "I am (?:an? )?(?:strict |lifelong )?(vegan|vegetarian|pescatarian|teetotal|celiac|coeliac)", |c| Some(format!(" is {}", lower(&c[1])))),
        rule(Diet, "I do not smoke", |_| Some(" does not smoke".into())),
        rule(Diet, "I do not drink(?: alcohol| at all)?", |_| Some(" does not drink alcohol".into())),
        rule(Diet, "I do not (eat|drink) (.+)", |c| Some(format!(" does not {} {}", lower(&c[1]), value(&c[2], 8)?))),
        rule(Diet, "I (?:only )?eat (halal|kosher)(?: food)?|I keep (kosher)", |c| Some(format!(" eats {} food", lower(either(c)?)))),

        rule(Work, "I work (as|at|for|in|on|with|from) (.+)", |c| Some(format!(" works {} {}", lower(&c[1]), value(&c[2], 10)?))),
        rule(Work, &format!(r"I am (an? (?:[\p{{L}}-]+ ){{0,3}}(?:{PROFESSION}))( (?:at|in|for|from) .+)?"), |c| Some(format!(" is {}{}", value(&c[1], 5)?, more(c, 2)))),
        rule(Work, "I am (retired|unemployed|self-employed|out of work)", |c| Some(format!(" is {}", lower(&c[1])))),
        rule(Work, "I (?:study|am studying) (.+)", |c| Some(format!(" studies {}", value(&c[1], 8)?))),
        rule(Work, "I teach (.+)", |c| Some(format!(" teaches {}", value(&c[1], 8)?))),
        rule(Work, "I (own|run|manage) (an? .+)", |c| Some(format!(" {}s {}", lower(&c[1]), value(&c[2], 8)?))),
        rule(Work, "my (job|profession|occupation) is (.+)", |c| Some(format!("'s {} is {}", lower(&c[1]), value(&c[2], 8)?))),

        rule(Relation, &format!("my ({RELATION})(?:'s name is| is (?:called|named)) (.+)"), |c| Some(format!("'s {} is called {}", lower(&c[1]), name(&c[2])?))),
        rule(Relation, &format!("my ({RELATION})(?:' names| names|s' names|'s names) are (.+)|my ({RELATION}) are (?:called|named) (.+)"), names),
        rule(Relation, &format!("{person} (?P<verb>{verb})(?: (?P<rest>.+))?"), relative),
        rule(Relation, &format!(r"(\p{{L}}[\p{{L}}'-]*(?-i: \p{{Lu}}[\p{{L}}'-]*)?) is my ({RELATION})"), |c| Some(format!("'s {} is called {}", lower(&c[2]), name(&c[1])?))),
        rule(Relation, &format!(r"I have ({COUNT}) ((?:[\p{{L}}-]+ )?{RELATION})(?:,? (?:called|named|whose name is) (.+))?"), owned),
        rule(Relation, "I am (married|engaged) to (.+)", |c| Some(format!(" is {} to {}", lower(&c[1]), name(&c[2]).or_else(|| value(&c[2], 5))?))),
        rule(Relation, "I am (married|engaged|single|divorced|widowed|separated)", |c| Some(format!(" is {}", lower(&c[1])))),

        rule(Language, "I speak (.+)", |c| Some(format!(" speaks {}", value(&c[1], 8)?))),
        rule(Language, "I do not speak (.+)", |c| Some(format!(" does not speak {}", value(&c[1], 8)?))),
        rule(Language, "I am (fluent in|learning) (.+)", |c| Some(format!(" is {} {}", lower(&c[1]), value(&c[2], 6)?))),
        rule(Language, "my (?:native|first|mother) (?:language|tongue) is (.+)", |c| Some(format!("'s native language is {}", value(&c[1], 3)?))),

        rule(Preference, "I (like|love|enjoy|adore|prefer|hate|dislike|detest) (.+)", |c| Some(format!(" {}s {}", lower(&c[1]), liked(&c[2])?))),
        rule(Preference, "I do not (like|enjoy) (.+)", |c| Some(format!(" does not {} {}", lower(&c[1]), liked(&c[2])?))),
        rule(Preference, "I cannot stand (.+)", |c| Some(format!(" cannot stand {}", liked(&c[1])?))),
        rule(Preference, "my favou?rite (.+?) (is|are) (.+)", |c| Some(format!("'s favourite {} {} {}", value(&c[1], 4)?, lower(&c[2]), value(&c[3], 8)?))),
        rule(Preference, "I am (?:an? )?(?:big |huge |great |massive )?fan of (.+)", |c| Some(format!(" is a fan of {}", liked(&c[1])?))),
        rule(Preference, "I am (into|fond of|interested in|passionate about|obsessed with|afraid of|scared of) (.+)", |c| Some(format!(" is {} {}", lower(&c[1]), liked(&c[2])?))),
        rule(Preference, "I (play|collect) (.+)", |c| Some(format!(" {}s {}", lower(&c[1]), value(&c[2], 6)?))),

        rule(Plan, "I (?:am|will be) (moving|travell?ing|flying) to (.+)", |c| Some(format!(" is {} to {}", lower(&c[1]), place(&c[2])?))),
        rule(Plan, "I am (planning|hoping|preparing|training|saving) (to|for|on) (.+)", |c| Some(format!(" is {} {} {}", lower(&c[1]), lower(&c[2]), value(&c[3], 10)?))),
        rule(Plan, "I (?:plan|intend|aim) (to|on) (.+)", |c| Some(format!(" is planning {} {}", lower(&c[1]), value(&c[2], 10)?))),
        rule(Plan, &format!(r"I (?:want|am going|will) (?:to )?((?:{UNDERTAKING})\b.*)"), |c| Some(format!(" wants to {}", value(&c[1], 10)?))),
        rule(Plan, r"I am (?:going|off) to (?-i:(\p{Lu}.+))", |c| Some(format!(" is going to {}", value(&c[1], 8)?))),
        rule(Plan, "I am (getting married|expecting a baby|having a baby)( .+)?", |c| Some(format!(" is {}{}", lower(&c[1]), more(c, 2)))),
        rule(Plan, &format!(r"I have (an? (?:[\p{{L}}-]+ )?(?:{EVENT})\b.*)"), |c| Some(format!(" has {}", value(&c[1], 10)?))),
        rule(Plan, "my (?:goal|plan|aim) is to (.+)", |c| Some(format!("'s goal is to {}", value(&c[1], 10)?))),
    ]
});

fn called(c: &Captures) -> Option<String> {
    Some(format!(" wants to be called {}", name(either(c)?)?))
}

fn somewhere(text: &str) -> Option<String> {
    static NOWHERE: [&str; 7] = ["here", "there", "home", "work", "fear", "hell", "peace"];
    place(text).filter(|place| !NOWHERE.contains(&lower(place).as_str()))
}

/// A date that means the same tomorrow: one with a number or a month.
fn date(text: &str) -> Option<String> {
    static LASTING: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"(?i)[0-9]|\b(?:jan|feb|mar|apr|may|june?|july?|aug|sep|oct|nov|dec)"));
    value(text, 6).filter(|date| LASTING.is_match(date))
}

/// Something that can be liked. "it" means nothing later, "to hike" is a taste but "to know" a request.
fn liked(text: &str) -> Option<String> {
    static EMPTY: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?ix)^(?:it|that|this|these|those|him|her|them|how|when|what|where|why|being|is|the\ way|one|both|all|everything|nothing|
                to\ (?:know|ask|talk|say|see|hear|tell|chat|discuss|thank|be\ called|understand))\b",
        )
    });
    value(text, 8).filter(|liked| !EMPTY.is_match(liked))
}

/// A group that may be missing, with the space before it.
fn more(c: &Captures, group: usize) -> String {
    let value = c.get(group).and_then(|text| value(text.as_str(), 8));
    value.map(|value| format!(" {value}")).unwrap_or_default()
}

/// The group that matched, of a pattern with one in each alternative.
fn either<'a>(c: &'a Captures) -> Option<&'a str> {
    c.iter().skip(1).flatten().next().map(|group| group.as_str())
}

pub fn lower(text: &str) -> String {
    text.to_lowercase()
}
