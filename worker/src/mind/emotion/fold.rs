//! One spelling for the many a word is typed in: lower case, no accents, no apostrophe, no stretched letters. The words of
//! the lexicon and the words of a message pass through here alike, so that "Desolé", "desole" and "DÉSOLÉ" are one.

/// Words that would be other words without their apostrophe ("we're", "were").
const KEEP_APOSTROPHE: [&str; 7] = ["we're", "i'll", "she'll", "he'll", "we'll", "i'd", "we'd"];

/// Letters of a word that are read; longer ones are in no lexicon.
const MAX_WORD: usize = 32;

/// Appends a character in lower case and without its accent. Joiners, variation selectors and lone accents are nothing.
fn push(word: &mut String, character: char) {
    if word.len() >= MAX_WORD {
        return;
    }
    for lower in character.to_lowercase() {
        match lower {
            'a'..='z' | '0'..='9' => word.push(lower),
            'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ā' | 'ă' | 'ą' => word.push('a'),
            'ç' | 'ć' | 'č' => word.push('c'),
            'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ę' | 'ě' => word.push('e'),
            'ì' | 'í' | 'î' | 'ï' | 'ī' => word.push('i'),
            'ñ' | 'ń' => word.push('n'),
            'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' | 'ō' => word.push('o'),
            'ù' | 'ú' | 'û' | 'ü' | 'ū' => word.push('u'),
            'ý' | 'ÿ' => word.push('y'),
            'œ' => word.push_str("oe"),
            'æ' => word.push_str("ae"),
            'ß' => word.push_str("ss"),
            'ѝ' => word.push('и'),
            '’' | '‘' | 'ʼ' | '´' | '`' | '\'' => word.push('\''),
            '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200d}' | '\u{fe00}'..='\u{fe0f}' => {}
            other => word.push(other),
        }
    }
}

/// Writes a word of a message into `word` as the lexicon spells it.
pub fn fold(raw: &str, word: &mut String) {
    word.clear();
    raw.chars().for_each(|character| push(word, character));
    if word.contains('\'') && !KEEP_APOSTROPHE.contains(&word.as_str()) {
        word.retain(|character| character != '\'');
    }
}

/// A word of the lexicon, folded.
pub fn folded(raw: &str) -> String {
    let mut word = String::new();
    fold(raw, &mut word);
    word
}

/// The word with every run of three or more equal characters cut to `keep` of them; none if there is no such run.
pub fn squeezed(word: &str, keep: usize) -> Option<String> {
    let characters: Vec<char> = word.chars().collect();
    let runs = characters.chunk_by(|one, next| one == next);
    let kept = runs
        .clone()
        .flat_map(|run| &run[..if run.len() >= 3 { keep } else { run.len() }]);
    runs.clone().any(|run| run.len() >= 3).then(|| kept.collect())
}

/// Laughter is written at any length: the word that stands for it, if the word is laughter.
pub fn laughter(word: &str) -> Option<&'static str> {
    let only = |letters: [char; 2]| {
        let both = letters.iter().all(|letter| word.contains(*letter));
        both && word.chars().count() >= 4 && word.chars().all(|character| letters.contains(&character))
    };
    match () {
        () if only(['h', 'a']) && word.matches("ha").count() >= 2 => Some("haha"),
        () if only(['j', 'a']) && word.matches("ja").count() >= 2 => Some("jaja"),
        () if only(['h', 'e']) && word.matches("he").count() >= 2 => Some("hehe"),
        () if only(['х', 'а']) && word.matches("ха").count() >= 2 => Some("хаха"),
        () if only(['l', 'o']) && word.starts_with("lolol") => Some("lol"),
        () if word.len() >= 3 && word.bytes().all(|byte| byte == b'k') => Some("kkk"),
        () if word.len() >= 5 && word.bytes().all(|byte| byte == b'r' || byte == b's') => Some("kkk"),
        () => None,
    }
}
