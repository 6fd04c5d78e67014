//! Sentences and what they must be read as: a line is a message and, behind `=>`, its emotion.

use std::time::{Duration, Instant};

use serde::Deserialize;

use super::lexicon::LEXICON;
use super::{Emotion, detect, tone};

fn read_as(lines: &str) {
    for line in lines.trim().lines() {
        let (message, expected) = line.split_once(" => ").expect("a line has a message and its emotion");
        let reading = detect(&message.replace("\\n", "\n"));
        assert_eq!(reading.emotion.as_str(), expected, "{message}: {reading:?}");
    }
}

fn intensity(message: &str) -> f32 {
    detect(message).intensity
}

#[test]
fn every_line_of_the_lexicon_parses() {
    assert_eq!(LEXICON.errors, Vec::<String>::new());
}

/// The lines with odd numbers were kept aside while the lexicon was made.
#[test]
fn the_labelled_set_is_read_well() {
    #[derive(Deserialize)]
    struct Line {
        id: usize,
        lang: String,
        emotion: Emotion,
        text: String,
    }
    let set = include_str!("../../../../tests/mind/emotion.jsonl");
    let lines: Vec<Line> = set
        .lines()
        .map(|line| serde_json::from_str(line).expect("a labelled line"))
        .collect();
    for (english, odd, least) in [
        (true, true, 0.85),
        (true, false, 0.9),
        (false, true, 0.7),
        (false, false, 0.9),
    ] {
        let half = lines
            .iter()
            .filter(|line| (line.lang == "en") == english && (line.id % 2 == 1) == odd);
        let right = half
            .clone()
            .filter(|line| detect(&line.text).emotion == line.emotion)
            .count();
        let share = right as f32 / half.count() as f32;
        assert!(share >= least, "english {english}, odd {odd}: {share}");
    }
}

#[test]
fn what_is_denied_is_not_felt() {
    read_as(
        "
I'm not happy => sad
i dont feel happy anymore => sad
I'm not happy with the result => disappointed
I don't think I'm happy => sad
not sad at all => neutral
I'm not angry, I'm just sad => sad
I'm no longer afraid => neutral
I'm not angry just disappointed that you forgot => neutral
can't complain => happy
don't worry => neutral
no worries, take your time => neutral
I've never been so happy => happy
I couldn't be prouder => proud
I don't know why I'm so sad => sad
Nothing makes me happy => sad
",
    );
}

#[test]
fn how_it_is_written_says_how_strong_it_is() {
    read_as("im so happy => happy\ncant wait => excited\nIM SO ANGRYYYY => angry\nim saaaaad => sad");
    assert!(intensity("I'm so sad") > intensity("I'm sad"));
    assert!(intensity("I'm sad") > intensity("I'm a bit sad"));
    assert!(intensity("I'm sad!!!") > intensity("I'm sad"));
    assert!(intensity("I'm SAD") > intensity("I'm sad"));
    assert!(intensity("I'm saaaad") > intensity("I'm sad"));
    assert!(intensity("😭😭😭") > intensity("😭"));
}

#[test]
fn signs_say_it_without_words() {
    read_as(
        "
😭 => sad
:( => sad
see you tomorrow :) => happy
😂😂 => happy
😡 => angry
🤞 => hopeful
??? => confused
the key is f(x):(y) => neutral
https://example.com/a => neutral
list of sad emoji 😭 => neutral
",
    );
}

#[test]
fn praise_with_a_mark_of_irony_is_none() {
    read_as(
        "
great, just great... => frustrated
oh wonderful, another bug => frustrated
Yeah right => frustrated
I love waiting in line /s => frustrated
what a wonderful surprise 🙄 => frustrated
thanks for nothing => frustrated
",
    );
}

#[test]
fn the_last_of_mixed_feelings_counts() {
    read_as(
        "
My mom was angry but I was happy => happy
I was happy at first, but now I'm just sad => sad
it was scary but I feel great now => happy
I was so excited for the trip but it rained the whole time => disappointed
",
    );
}

#[test]
fn what_others_feel_is_not_what_the_writer_feels() {
    read_as(
        "
my sister is sad => neutral
She told me that she is angry => neutral
the crowd was thrilled => neutral
my neighbor looks depressed lately => neutral
she can't sleep before exams => neutral
You seem sad => neutral
it makes me sad => sad
my sister makes me so happy => happy
I'm worried about my mom => anxious
he made me so angry => angry
My stomach drops when he calls => anxious
he lied to me => angry
I lied about my age => neutral
",
    );
}

#[test]
fn what_is_asked_quoted_or_to_be_worked_on_is_not_felt() {
    read_as(
        "
what does anxious mean? => neutral
are you happy? => neutral
why am I so sad? => sad
Is it normal for toddlers to be afraid of the dark? => neutral
how do you say \"I'm so lonely\" in Italian? => neutral
She wrote: I hate you => neutral
> I am so angry\\nwhat do you make of this? => neutral
Write a story about an angry dragon => neutral
Please rewrite this: We are thrilled to announce our new shop. => neutral
Tell me a joke, I'm so sad => sad
could you make this email sound more excited => neutral
If I were rich I'd be happy => neutral
I was scared of the dark when I was little => neutral
",
    );
}

#[test]
fn ordinary_words_are_no_feelings() {
    read_as(
        "
happy to help => neutral
sad-faced emoji list => neutral
I'm mad about pizza => neutral
how does an excited electron fall back => neutral
the proud owner of the shop => neutral
Lonely Planet has a guide to Peru => neutral
happy birthday to my uncle => neutral
I watched a sad movie => neutral
thanks in advance => neutral
I'm confused.com is a site => neutral
I lost my keys => neutral
",
    );
}

#[test]
fn idioms_are_known() {
    read_as(
        "
over the moon => happy
I'm on cloud nine => happy
I'm fed up => frustrated
down in the dumps => sad
butterflies in my stomach => anxious
I'm at my wits' end => frustrated
sick of it => frustrated
dying of laughter => happy
nobody ever calls me => lonely
I have no one to talk to => lonely
fingers crossed => hopeful
what a letdown => disappointed
I did it! => proud
I got the job! => happy
I don't get it => confused
I passed => proud
",
    );
}

#[test]
fn situations_say_it_without_naming_it() {
    read_as(
        "
my dog died yesterday => sad
my boss yelled at me again => frustrated
I have a job interview tomorrow and can't sleep => anxious
they cancelled my trip => disappointed
thank you so much, that really helped => grateful
my printer keeps jamming => frustrated
only 5 more days until we fly! => excited
I'm meeting Tom at 5 => neutral
",
    );
}

#[test]
fn other_languages_are_read_with_and_without_their_accents() {
    read_as(
        "
estoy muy triste => sad
no estoy enojado => neutral
¡qué ilusión, mañana nos vamos! => excited
que ilusion, manana nos vamos => excited
estou tão feliz hoje => happy
nao aguento mais => frustrated
je suis déçu => disappointed
je suis decu => disappointed
ma sœur est triste => neutral
ich bin so wütend => angry
ich bin so wuetend => angry
mach dir keine Sorgen => neutral
ho paura dell'esame => anxious
non vedo l'ora!! => excited
много ми е тъжно => sad
mnogo mi e tujno => sad
сестра ми е тъжна => neutral
",
    );
}

#[test]
fn evidence_stands_in_the_message() {
    let message =
        "Ünïcödé 🎈 — I'm SO lonely, nobody ever calls me and I have no one to talk to; so alone, so lonely 😢";
    let reading = detect(message);
    assert_eq!(reading.emotion, Emotion::Lonely);
    assert!((1..=3).contains(&reading.evidence.len()));
    for expression in &reading.evidence {
        assert!(
            message.contains(expression.as_str()) && expression.chars().count() <= 40,
            "{expression}"
        );
    }
    assert!(detect("the train leaves at nine").evidence.is_empty());
}

#[test]
fn a_tone_is_given_for_what_is_felt_for_sure() {
    assert!(tone(&detect("my dog died yesterday")).is_some_and(|tone| tone.contains("sad")));
    assert_eq!(tone(&detect("the train leaves at nine")), None);
    let mut unsure = detect("my dog died yesterday");
    unsure.confidence = 0.2;
    assert_eq!(tone(&unsure), None);
    let named = Emotion::ALL.map(|emotion| (emotion, Emotion::named(emotion.as_str())));
    assert!(named.iter().all(|(emotion, found)| *found == Some(*emotion)));
}

/// Every order of odd pieces: no panic, and every number within its bounds.
#[test]
fn no_text_breaks_it() {
    let pieces = [
        "",
        " ",
        "\n",
        "I'm sad",
        "'",
        "\"",
        "“",
        "```",
        "`",
        ">",
        ":",
        "...",
        "?!?!",
        "😭",
        "👩‍👩‍👧‍👦",
        "e\u{301}",
        "\u{202e}",
        "\u{feff}",
        "ß",
        "İ",
        "ǅ",
        "ﬁ",
        "日本語",
        "мразя",
        "٣",
        "\u{0}",
        "5,000",
        "a-b-c",
        "www.",
        "https://",
        "/s",
        "🙄",
        "so",
        "not",
        "~",
        "_",
        "@",
    ];
    for first in pieces {
        for second in pieces {
            for third in pieces {
                let reading = detect(&format!("{first}{second}{third} {second}"));
                assert!((0.0..=1.0).contains(&reading.confidence), "{reading:?}");
                assert!((0.0..=1.0).contains(&reading.intensity), "{reading:?}");
                assert!(reading.evidence.len() <= 3);
            }
        }
    }
}

#[test]
fn a_hundred_kilobytes_are_read_in_a_moment() {
    for piece in [
        "I'm so sad and ",
        "\"",
        "'a ",
        "```",
        "not ",
        "i know i know ",
        "😭",
        "аз ",
        "a",
        "?",
        "my my dog ",
        "日本",
    ] {
        let long = piece.repeat(100_000 / piece.len());
        let start = Instant::now();
        detect(&long);
        assert!(
            start.elapsed() < Duration::from_millis(200),
            "{piece}: {:?}",
            start.elapsed()
        );
    }
    let pasted = format!(
        "I'm so lonely. {} I have no one to talk to",
        "The quick brown fox. ".repeat(5_000)
    );
    assert_eq!(detect(&pasted).emotion, Emotion::Lonely);
}
