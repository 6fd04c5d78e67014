//! One clause in, at most one fact out: two tables of patterns, each with the words it becomes. The first pattern that
//! matches and whose captured values are fit wins.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::objects::{
    aim, allergen, date, disliked, liked, partner, profession, somewhere, somewhere_at, studied, where_one_works,
    who_one_lives_with,
};
use super::people::{Subject, all_names, names, subject};
use super::values::{known_name, name, pattern, timeless, value, written_name};
use super::vocabulary::{
    ALLERGEN, BREED, CONDITION, COUNT, ENTERPRISE, EVENT, FOOD, GAME, LANGUAGE, MONTH, NATIONALITY, PROFESSION,
    RELATION, undertaking,
};
use super::{Fact, Kind};

/// A sentence of its own, which goes on from "The user".
struct Sentence {
    kind: Kind,
    when: Regex,
    then: fn(&Captures) -> Option<String>,
}

/// What is said about the user, or about someone in the user's life; it goes on from the subject.
struct Predicate {
    kind: Kind,
    when: Regex,
    then: fn(&Subject, &Captures) -> Option<String>,
}

/// The fact that a clause states, if any.
pub fn fact(clause: &str) -> Option<Fact> {
    let mut sentences = SENTENCES
        .iter()
        .filter_map(|rule| Some((rule, rule.when.captures(clause)?)));
    let sentence = sentences.find_map(|(rule, found)| Some((rule.kind, format!("The user{}.", (rule.then)(&found)?))));
    let (kind, text) = sentence.or_else(|| {
        let (who, predicate) = subject(clause)?;
        let about = PREDICATES.iter().chain(if who.user { OWN.iter() } else { [].iter() });
        let mut found = about.filter_map(|rule| Some((rule, rule.when.captures(predicate)?)));
        found.find_map(|(rule, found)| {
            let kind = if who.user { rule.kind } else { Kind::Relation };
            Some((kind, format!("{} {}.", who.text, (rule.then)(&who, &found)?)))
        })
    })?;
    Some(Fact { kind, text })
}

/// Matches a whole clause, whatever its case.
fn whole(when: &str) -> Regex {
    pattern(&format!("(?i)^(?:{when})$"))
}

#[rustfmt::skip] // a table: one rule, one line
static SENTENCES: LazyLock<Vec<Sentence>> = LazyLock::new(|| {
    use Kind::{Birthday, Language, Name, Origin, Plan, Preference, Relation, Work};
    let rule = |kind, when: &str, then| Sentence { kind, when: whole(when), then };
    let may = "(?:can |may |should |all |usually )*";
    let others = "(?:people|they|everyone|everybody|(?:my |most )?(?:friends|people))";
    let aim_of = undertaking();
    vec![
        rule(Name, &format!("(?:you {may})?(?:please |just )*call me (.+)"), |c| Some(format!(" wants to be called {}", written_name(&c[1])?))),
        rule(Name, &format!("{others} {may}calls? me (.+)"), |c| Some(format!(" wants to be called {}", known_name(&c[1])?))),
        rule(Name, "I (?:want|prefer|like) to be (?:called|known as) (.+)|I (?:go by|am called|am known as) (.+)|my nickname is (.+)", |c| Some(format!(" wants to be called {}", written_name(either(c)?)?))),
        rule(Name, "(?:my|the) (?:full |first |real |given )?name is (.+)", |c| Some(format!("'s name is {}", name(&c[1])?))),
        rule(Name, r"I am (?-i:(\p{Lu}\p{Ll}+(?: \p{Lu}\p{Ll}+)?))", |c| Some(format!("'s name is {}", known_name(&c[1])?))),

        rule(Language, &format!("my (?:native|first|mother) (?:language|tongue) is ({LANGUAGE})"), |c| Some(format!("'s native language is {}", &c[1]))),
        rule(Origin, "my home ?town is (.+)", |c| Some(format!("'s home town is {}", somewhere(&c[1])?))),
        rule(Birthday, "my birthday is (.+)|I was born on (.+)", |c| Some(format!("'s birthday is {}", date(either(c)?)?))),
        rule(Birthday, "I (?:am|turned) ([1-9][0-9]|1[01][0-9])(?: years? old| years? of age)?", |c| Some(format!(" is {} years old", &c[1]))),
        rule(Work, &format!(r"my (job|profession|occupation) is ((?:an? )?(?:[\p{{L}}-]+ )?(?:{PROFESSION}))"), |c| Some(format!("'s {} is {}", lower(&c[1]), profession(&c[2])?))),

        rule(Relation, &format!("my ({RELATION})(?:'s name is| is (?:called|named)) (.+)"), |c| Some(format!("'s {} is called {}", lower(&c[1]), written_name(&c[2])?))),
        rule(Relation, &format!("my ({RELATION})(?:' names| names|s' names|'s names) are (.+)|my ({RELATION}) are (?:called|named) (.+)"), names),
        rule(Relation, &format!(r"my ({RELATION}) is (?-i:(\p{{Lu}}\p{{Ll}}+(?: \p{{Lu}}\p{{Ll}}+)?))"), |c| Some(format!("'s {} is called {}", lower(&c[1]), known_name(&c[2])?))),
        rule(Relation, &format!(r"(\p{{L}}[\p{{L}}'-]*(?-i: \p{{Lu}}[\p{{L}}'-]*)?) is my ({RELATION})"), |c| Some(format!("'s {} is called {}", lower(&c[2]), known_name(&c[1])?))),

        rule(Preference, "my favou?rite (.+?) (is|are) (.+)", |c| Some(format!("'s favourite {} {} {}", liked(&c[1])?, lower(&c[2]), liked(&c[3])?))),
        rule(Plan, &format!("my (?:goal|plan|aim|dream) is to ((?:{aim_of})\\b.*)"), |c| Some(format!("'s goal is to {}", value(&c[1], 10)?))),
    ]
});

#[rustfmt::skip] // a table: one rule, one line
static PREDICATES: LazyLock<Vec<Predicate>> = LazyLock::new(|| {
    use Kind::{Allergy, Birthday, Diet, Health, Language, Origin, Preference, Relation, Residence, Work};
    let rule = |kind, when: &str, then| Predicate { kind, when: whole(when), then };
    let be = "am|is|are";
    let list = |of: &str| format!("{of}(?:(?:,? (?:and|or)|,) {of})*");
    let (foods, games, ill) = (list(FOOD), list(GAME), list(&format!("(?:{CONDITION})")));
    let spoken = list(&format!("(?:(?:some|fluent|basic|native|a little|a bit of) )?(?:{LANGUAGE})"));
    let since = "(?:,? (?:since (?:birth|childhood|[0-9]{4})|as a (?:child|kid|teenager)|in [0-9]{4}|last year|[\\p{L}0-9]+ years ago|for (?:many |[0-9]+ )?years|all my life))?";
    let owned_ones = list(&format!("(?:{COUNT}) (?:(?:black|white|brown|gr[ae]y|ginger|orange|golden|pet) )*{RELATION}"));
    let ages = "[0-9]{1,3}(?:(?:,? and|,) [0-9]{1,3})*";
    vec![
        rule(Origin, &format!("({be}) (?:an? )?(?-i:({NATIONALITY}))"), |s, c| Some(format!("{} {}", s.verb(&c[1]), &c[2]))),
        rule(Origin, &format!("({be}|comes?) from (.+)"), |s, c| Some(format!("{} from {}", s.verb(&c[1]), somewhere(&c[2])?))),
        rule(Origin, "((?:was|were) born(?: and raised)?|grew up) (in|near|on) (.+)", |s, c| Some(format!("{} {} {}", s.verb(&c[1]), lower(&c[2]), somewhere(&c[3])?))),

        rule(Residence, &format!("(?:lives?|resides?|(?:{be}) living) (alone|abroad)"), |s, c| Some(format!("{} {}", live(s, &c[0]), lower(&c[1])))),
        rule(Residence, &format!("(?:lives?|resides?|(?:{be}) (?:living|based|located)) (in|near|outside|close to|next to|at|on|by|far from) (.+)"), |s, c| Some(format!("{} {}", live(s, &c[0]), somewhere_at(&c[1], &c[2])?))),
        rule(Residence, &format!("(?:lives?|(?:{be}) living) with (.+)"), |s, c| Some(format!("{} with {}", live(s, &c[0]), who_one_lives_with(&c[1])?))),
        rule(Residence, "(?:have |has )?(?:recently |just )?(moved|relocated) to (.+)", |s, c| Some(format!("{} to {}", s.verb(&c[1]), somewhere(timeless(&c[2]))?))),

        rule(Birthday, &format!("(is|are) ({ages})(?: years? old| years? of age)?"), |_, c| Some(format!("{} {} years old", lower(&c[1]), &c[2]))),

        rule(Allergy, &format!(r"({be}) (?:\p{{L}}+ly |very |so )?allergic to (.+)"), |s, c| Some(format!("{} allergic to {}", s.verb(&c[1]), allergen(&c[2])?))),
        rule(Allergy, &format!("(have|has) (an? (?:severe |mild |bad |serious )?(?:{FOOD}|{ALLERGEN}) allergy)"), |s, c| Some(format!("{} {}", s.verb(&c[1]), lower(&c[2])))),
        rule(Allergy, &format!("({be}) (lactose|gluten|fructose|histamine)[- ]intolerant"), |s, c| Some(format!("{} {} intolerant", s.verb(&c[1]), lower(&c[2])))),
        rule(Allergy, &format!("cannot (eat|drink|tolerate|digest) ({foods})(?: at all)?"), |_, c| Some(format!("cannot {} {}", lower(&c[1]), value(&c[2], 10)?))),
        rule(Health, &format!("(have|has|suffers?) (?:from )?({ill}){since}"), |s, c| Some(format!("{} {}", if lower(&c[1]) == "have" && !s.user { "have" } else { "has" }, &c[2]))),
        rule(Health, &format!("(?:was|were|has been|have been) diagnosed with ({ill}){since}"), |_, c| Some(format!("has {}", &c[1]))),
        rule(Health, &format!("({be}) (pregnant|deaf|blind|colou?r-?blind|diabetic|asthmatic|dyslexic|autistic|epileptic|left-handed)"), |s, c| Some(format!("{} {}", s.verb(&c[1]), lower(&c[2])))),

        rule(Diet, &format!("({be}) (?:an? )?(?:strict |lifelong )?(vegan|vegetarian|pescatarian|teetotal|celiac|coeliac)s?"), |s, c| Some(format!("{} {}", s.verb(&c[1]), lower(&c[2])))),
        rule(Diet, "(do) not smoke", |s, c| Some(format!("{} not smoke", s.verb(&c[1])))),
        rule(Diet, "(do) not drink(?: alcohol| at all)?", |s, c| Some(format!("{} not drink alcohol", s.verb(&c[1])))),
        rule(Diet, &format!("(do) not (eat|drink) ({foods})(?: at all)?"), |s, c| Some(format!("{} not {} {}", s.verb(&c[1]), lower(&c[2]), value(&c[3], 10)?))),
        rule(Diet, "(?:only )?(eats?) (halal|kosher)(?: food)?|(keeps?) (kosher)", |s, c| Some(format!("{} {} food", s.verb("eat"), lower(c.get(2).or(c.get(4))?.as_str())))),

        rule(Work, "(works?) (as|at|for|in|on|with|from) (.+)", |s, c| Some(format!("{} {}", s.verb(&c[1]), where_one_works(&c[2], &c[3])?))),
        rule(Work, &format!(r"({be}) (an? (?:[\p{{L}}-]+ ){{0,3}}(?:{PROFESSION})|(?:{PROFESSION})s)( (?:at|in|for|from) .+)?"), |s, c| Some(format!("{} {}{}", s.verb(&c[1]), profession(&c[2])?, more(c, 3)?))),
        rule(Work, &format!("({be}) (retired|unemployed|self-employed|out of work)"), |s, c| Some(format!("{} {}", s.verb(&c[1]), lower(&c[2])))),
        rule(Work, "(study|studies) (.+)", |s, c| Some(format!("{} {}", s.verb(&c[1]), studied(&c[2])?))),
        rule(Work, &format!("({be}) studying (.+)"), |_, c| Some(format!("{} {}", if lower(&c[1]) == "are" { "study" } else { "studies" }, studied(&c[2])?))),
        rule(Work, "(teach|teaches) (.+)", |s, c| Some(format!("{} {}", s.verb(&c[1]), studied(&c[2])?))),
        rule(Work, &format!(r"(owns?|runs?|manages?) (an? (?:[\p{{L}}-]+ ){{0,3}}(?:{ENTERPRISE}))( (?:in|near|for|with|called) .+)?"), |s, c| Some(format!("{} {}{}", s.verb(&c[1]), value(&c[2], 6)?, more(c, 3)?))),

        rule(Relation, &format!("(have|has) ({owned_ones})(?:,? (?:called|named|whose name is) (.+))?"), owned),
        rule(Relation, &format!("({be}) (married|engaged) to (.+)"), |s, c| Some(format!("{} {} to {}", s.verb(&c[1]), lower(&c[2]), partner(&c[3])?))),
        rule(Relation, &format!("({be}) (married|engaged|single|divorced|widowed|separated)"), |s, c| Some(format!("{} {}", s.verb(&c[1]), lower(&c[2])))),
        rule(Relation, &format!(r"(is|are) (an? (?:[\p{{L}}-]+ )?(?:{BREED}))"), |_, c| Some(format!("{} {}", lower(&c[1]), value(&c[2], 5)?))),
        rule(Relation, "(died|passed away)(?: (.+))?", |_, c| Some(format!("{}{}", lower(&c[1]), died(c)?))),

        rule(Language, &format!("(speaks?) ({spoken})(?: fluently)?"), |s, c| Some(format!("{} {}", s.verb(&c[1]), value(&c[2], 10)?))),
        rule(Language, &format!("(do) not speak ((?:any )?(?:{LANGUAGE}))"), |s, c| Some(format!("{} not speak {}", s.verb(&c[1]), value(&c[2], 4)?))),
        rule(Language, &format!("({be}) (fluent in|learning) ({spoken})"), |s, c| Some(format!("{} {} {}", s.verb(&c[1]), lower(&c[2]), value(&c[3], 8)?))),

        rule(Preference, "(likes?|loves?|enjoys?|adores?|prefers?) (.+)", |s, c| Some(format!("{} {}", s.verb(&c[1]), liked(&c[2])?))),
        rule(Preference, "(hates?|dislikes?|detests?|cannot stand) (.+)", |s, c| Some(format!("{} {}", if lower(&c[1]) == "cannot stand" { lower(&c[1]) } else { s.verb(&c[1]) }, disliked(&c[2])?))),
        rule(Preference, "(do) not (like|enjoy) (.+)", |s, c| Some(format!("{} not {} {}", s.verb(&c[1]), lower(&c[2]), disliked(&c[3])?))),
        rule(Preference, &format!("({be}) (?:an? )?(?:big |huge |great |massive )?fans? of (.+)"), |s, c| Some(format!("{} a fan of {}", s.verb(&c[1]), liked(&c[2])?))),
        rule(Preference, &format!("({be}) (into|fond of|interested in|passionate about|obsessed with) (.+)"), |s, c| Some(format!("{} {} {}", s.verb(&c[1]), lower(&c[2]), liked(&c[3])?))),
        rule(Preference, &format!("({be}) (afraid of|scared of) (.+)"), |s, c| Some(format!("{} {} {}", s.verb(&c[1]), lower(&c[2]), disliked(&c[3])?))),
        rule(Preference, &format!(r"(plays?) ((?:{games})\b.*|(?-i:\p{{Lu}}).+)"), |s, c| Some(format!("{} {}", s.verb(&c[1]), value(&c[2], 6)?))),
        rule(Preference, r"(collects?) ((?:[\p{L}-]+ ){0,2}[\p{L}-]+s)", |s, c| Some(format!("{} {}", s.verb(&c[1]), disliked(&c[2])?))),
    ]
});

/// Said of oneself only: what is going to happen.
#[rustfmt::skip] // a table: one rule, one line
static OWN: LazyLock<Vec<Predicate>> = LazyLock::new(|| {
    let rule = |when: &str, then| Predicate { kind: Kind::Plan, when: whole(when), then };
    let aim_of = undertaking();
    vec![
        rule("(?:am|will be) (moving|travell?ing|flying) to (.+)", |_, c| Some(format!("is {} to {}", lower(&c[1]), somewhere(&c[2])?))),
        rule(&format!("am (planning|hoping|preparing|training|saving) to ((?:{aim_of})\\b.*)"), |_, c| Some(format!("is {} to {}", lower(&c[1]), value(&c[2], 10)?))),
        rule("am (preparing|training|saving)(?: up)? for (.+)", |_, c| Some(format!("is {} for {}", lower(&c[1]), aim(&c[2])?))),
        rule(&format!("(?:plan|intend|aim) to ((?:{aim_of})\\b.*)"), |_, c| Some(format!("is planning to {}", value(&c[1], 10)?))),
        rule(&format!("(?:want|am going|will) (?:to )?((?:{aim_of})\\b.*)"), |_, c| Some(format!("wants to {}", value(&c[1], 10)?))),
        rule(r"am (?:going|off) to (?-i:(\p{Lu}.+))", |_, c| Some(format!("is going to {}", somewhere(&c[1])?))),
        rule("am (getting married|expecting a baby|having a baby)( .+)?", |_, c| Some(format!("is {}{}", lower(&c[1]), more(c, 2)?))),
        rule(&format!(r"have (an? (?:{EVENT})) ((?:on (?:the )?|in )(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|.*\b{MONTH}\b.*))"), |_, c| Some(format!("has {} {}", lower(&c[1]), &c[2]))),
    ]
});

/// "lives" of the user, whatever was said for it; of others as it was said.
fn live(who: &Subject, said: &str) -> &'static str {
    let many = said.starts_with("live ") || said.starts_with("reside ") || said.starts_with("are ");
    if many && !who.user { "live" } else { "lives" }
}

/// "I have a cat called Miso".
fn owned(who: &Subject, c: &Captures) -> Option<String> {
    let what = format!("{} {}", who.verb(&c[1]), lower(&value(&c[2], 10)?));
    match c.get(3) {
        Some(called) => Some(format!("{what} called {}", all_names(called.as_str())?)),
        None => Some(what),
    }
}

/// When someone died, as far as it is no count of days; none if it is no time at all ("died inside").
fn died(c: &Captures) -> Option<String> {
    static LASTING: LazyLock<Regex> =
        LazyLock::new(|| whole(&format!("last year|(?:in|on) .*(?:[0-9]{{4}}|{MONTH}).*")));
    static ANY: LazyLock<Regex> = LazyLock::new(|| {
        whole("(?:of|from|in|on|at|when|after|before|last|this|yesterday|today|recently)\\b.*|.* ago")
    });
    match c.get(2).map(|when| when.as_str()) {
        Some(when) if LASTING.is_match(when) => Some(format!(" {when}")),
        Some(when) if !ANY.is_match(when) => None,
        _ => Some(String::new()),
    }
}

/// A group that may be missing, with the space before it; none if it is there and unfit.
fn more(c: &Captures, group: usize) -> Option<String> {
    match c.get(group) {
        Some(text) => Some(format!(" {}", value(text.as_str(), 8)?)),
        None => Some(String::new()),
    }
}

/// The group that matched, of a pattern with one in each alternative.
fn either<'a>(c: &'a Captures) -> Option<&'a str> {
    c.iter().skip(1).flatten().next().map(|group| group.as_str())
}

fn lower(text: &str) -> String {
    text.to_lowercase()
}
