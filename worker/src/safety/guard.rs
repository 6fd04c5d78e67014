//! Reads a reply as it comes: what was passed on is, at every moment, something that its route may say.
//!
//! Only the pattern layers read it. A piece is read together with what went before, its last word as if it ended there. Where
//! that is harmless, all of it is passed on at once: plain text waits for nothing. Where only an unfinished word makes it
//! something else ("ass", which may become "assess"), that word is held back until it ends.

use super::course::Course;
use super::label::{Label, Route, Verdict};
use super::{Classifier, VERSION};

/// Bytes of what was passed on that are read again with the next piece: phrases that speak of each other are near.
const CONTEXT: usize = 600;

/// Most bytes that are held back: longer than any word.
const MOST_HELD: usize = 64;

/// The reply may go no further.
#[derive(Clone, Debug, PartialEq)]
pub struct Violation {
    /// What it was about to be.
    pub verdict: Verdict,
    /// By which rules.
    pub version: &'static str,
}

/// The guard of one reply.
pub struct Guard {
    classifier: Classifier,
    this_year: u32,
    allowed: Allowed,
    /// The end of what was passed on, for context, then what is held back.
    text: String,
    /// Bytes of `text` that were passed on.
    passed: usize,
}

/// What a reply may be.
#[derive(Clone, Copy, Debug)]
struct Allowed {
    romance: bool,
    explicit: bool,
    fetish: bool,
}

impl Allowed {
    /// A crisis is answered, so it is spoken of. Who may be young hears nothing romantic.
    fn on(course: &Course) -> Self {
        Self {
            romance: !course.young,
            explicit: course.route.is_adult(),
            fetish: course.route == Route::Fetish,
        }
    }

    fn covers(self, label: Label) -> bool {
        match label {
            Label::Safe | Label::Crisis => true,
            Label::Suggestive => self.romance,
            Label::ExplicitAdult => self.explicit,
            Label::ExplicitFetish => self.fetish,
            Label::Nonconsensual | Label::MinorRisk => false,
        }
    }
}

impl Guard {
    /// The guard of a reply on `course`.
    pub fn new(classifier: Classifier, course: &Course, this_year: u32) -> Self {
        Self {
            classifier,
            this_year,
            allowed: Allowed::on(course),
            text: String::new(),
            passed: 0,
        }
    }

    /// Takes the next `piece`; gives what may be passed on now.
    ///
    /// # Errors
    /// With the piece the reply is what it may not be. Nothing of it may be passed on, and nothing after it.
    pub fn push(&mut self, piece: &str) -> Result<String, Box<Violation>> {
        self.text.push_str(piece);
        if self.read(self.text.len()).is_ok() {
            return Ok(self.pass_on(self.text.len()));
        }
        let held = &self.text[self.passed..];
        let ended = held.rfind(|c: char| !c.is_alphanumeric()).map_or(0, |at| at + 1);
        let end = ceil_boundary(&self.text, self.passed + ended);
        self.read(end)?;
        if self.text.len() - end > MOST_HELD {
            self.read(self.text.len())?;
        }
        Ok(self.pass_on(end))
    }

    /// The reply is complete; gives the rest.
    ///
    /// # Errors
    /// The whole is what it may not be.
    pub fn finish(&mut self) -> Result<String, Box<Violation>> {
        self.read(self.text.len())?;
        Ok(self.pass_on(self.text.len()))
    }

    fn read(&self, end: usize) -> Result<(), Box<Violation>> {
        let from = self.context();
        let verdict = self.classifier.classify_reply(&self.text[from..end], self.this_year);
        if self.allowed.covers(verdict.label) {
            return Ok(());
        }
        Err(Box::new(Violation {
            verdict,
            version: VERSION,
        }))
    }

    /// Where context begins: at a word, for half of one may be another.
    fn context(&self) -> usize {
        if self.passed <= CONTEXT {
            return 0;
        }
        let from = floor_boundary(&self.text, self.passed - CONTEXT);
        let word = self.text[from..self.passed].find(|c: char| !c.is_alphanumeric());
        from + word.unwrap_or_default()
    }

    fn pass_on(&mut self, end: usize) -> String {
        let passed = self.text[self.passed..end].to_owned();
        self.passed = end;
        // What lies far behind is not read again.
        let cut = self.context();
        if cut > CONTEXT {
            self.text.drain(..cut);
            self.passed -= cut;
        }
        passed
    }
}

fn floor_boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn ceil_boundary(text: &str, mut at: usize) -> usize {
    while at < text.len() && !text.is_char_boundary(at) {
        at += 1;
    }
    at.min(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed_on(pieces: &[&str]) -> (String, bool) {
        let mut guard = Guard::new(Classifier::default(), &Course::default(), 2026);
        let mut passed = String::new();
        for piece in pieces {
            match guard.push(piece) {
                Ok(more) => passed.push_str(&more),
                Err(_) => return (passed, false),
            }
        }
        match guard.finish() {
            Ok(rest) => (passed + &rest, true),
            Err(_) => (passed, false),
        }
    }

    #[test]
    fn plain_text_waits_for_nothing() {
        let mut guard = Guard::new(Classifier::default(), &Course::default(), 2026);
        for piece in ["Hel", "lo the", "re, how was ", "your day?"] {
            assert_eq!(guard.push(piece).as_deref(), Ok(piece));
        }
        assert_eq!(guard.finish().as_deref(), Ok(""));
    }

    #[test]
    fn a_reply_ends_before_the_word_that_makes_it_what_it_may_not_be() {
        let (passed, whole) = passed_on(&["Sure, let's have ", "s", "ex", " now, all ", "night"]);
        assert_eq!((passed.as_str(), whole), ("Sure, let's have s", false));
        assert!(!passed_on(&["She is 15 years old. ", "They ", "kiss", " and undress."]).1);
    }

    #[test]
    fn a_word_that_only_begins_like_another_is_held_until_it_ends() {
        let (passed, whole) = passed_on(&["It takes some blow", "job", "s? No: a blow ", "dryer."]);
        assert!(!whole, "{passed}");
        let (passed, whole) = passed_on(&["Then nude", "ls, I mean noodles, were served."]);
        assert_eq!(
            (passed.as_str(), whole),
            ("Then nudels, I mean noodles, were served.", true)
        );
    }

    #[test]
    fn a_long_reply_is_read_word_by_word_from_wherever_it_is() {
        let text = "The therapist drank grape juice, scraped the plate and fed a peacock. ".repeat(60);
        let pieces: Vec<&str> = text.split_inclusive(' ').collect();
        assert_eq!(passed_on(&pieces), (text.clone(), true));
    }

    #[test]
    fn what_may_be_said_depends_on_the_way_and_on_who_hears_it() {
        let on = |route, young| Course {
            route,
            young,
            ..Course::default()
        };
        let says = |course: &Course, text: &str| Guard::new(Classifier::default(), course, 2026).push(text).is_ok();
        let flirt = "I want to kiss you, gorgeous. You look so sexy.";
        assert!(says(&on(Route::Normal, false), flirt));
        assert!(!says(&on(Route::Normal, true), flirt));
        let explicit = "Let's have sex now. ";
        assert!(says(&on(Route::Explicit, false), explicit) && !says(&on(Route::Romance, false), explicit));
    }
}
