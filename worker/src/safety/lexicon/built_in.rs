//! The files of this release, and those that a deployment adds.

use super::parse::Builder;
use super::{Class, Lexicon, LexiconError};

/// The classes of a language and their texts.
macro_rules! classes {
    ($language:literal: $($class:literal)*) => {
        &[$(($class, include_str!(concat!("../../../lexicon/safety/", $language, "/", $class, ".txt"))),)*]
    };
}

/// Languages, each with its sets and all classes.
macro_rules! files {
    ($($language:literal)*) => {
        &[$((
            $language,
            include_str!(concat!("../../../lexicon/safety/", $language, "/sets.txt")),
            classes!($language: "sexual" "fetish" "romantic" "coercion" "nonconsensual" "minor" "minor_risk" "crisis" "danger"
                "own_age" "not_own_age" "help" "clinical" "ask" "frame" "ordinary"),
        ),)*]
    };
}

type Files = &'static [(&'static str, &'static str, &'static [(&'static str, &'static str)])];

const FILES: Files = files! { "en" "es" "pt" "fr" "de" "it" "bg" };

/// A unit test holds that every line of them can be read.
pub fn lexicon() -> Lexicon {
    with(&[]).unwrap_or_else(|error| {
        // Without its lexicon nothing may be let through: a worker that cannot read it does not start.
        tracing::error!(%error, "the built-in lexicon cannot be read");
        std::process::abort()
    })
}

pub fn with(files: &[(String, String)]) -> Result<Lexicon, LexiconError> {
    let mut builder = Builder::default();
    for (language, sets, classes) in FILES {
        let language_number = builder.language(language);
        builder.sets(language_number, &format!("{language}/sets.txt"), sets)?;
        for (class, text) in *classes {
            let name = format!("{language}/{class}.txt");
            let known = Class::named(class).ok_or_else(|| LexiconError::Name(name.clone()))?;
            builder.phrases(language_number, known, &name, text)?;
        }
    }
    for (name, text) in files {
        let mut parts = name.split('.');
        let (Some(language), Some(class), Some("txt"), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(LexiconError::Name(name.clone()));
        };
        let class = Class::named(class).ok_or_else(|| LexiconError::Name(name.clone()))?;
        let language = builder.language(language);
        builder.phrases(language, class, name, text)?;
    }
    builder.build()
}
