//! The stand-in for a model. It reads nothing but the prompt it is given and says what it found there: the question, the
//! memories that bear on it, what the user said before. So a person without a key sees memory and history work, and a
//! test sees exactly what a real model would have been given. The same prompt gives the same reply.

use std::time::Duration;

use futures::stream::BoxStream;
use futures::{StreamExt, stream};

use super::{LlmError, MEMORY_CLOSE, MEMORY_OPEN, Piece, Prompt, Role, USER_CLOSE, Usage};

/// What every simulated reply begins with.
pub const LABEL: &str = "[simulated] ";

/// Pause between two words.
const PACE: Duration = Duration::from_millis(15);

/// Characters of a quotation.
const QUOTE: usize = 120;

/// Words that say nothing about a subject.
const COMMON: [&str; 48] = [
    "what", "where", "when", "which", "whose", "does", "do", "did", "is", "are", "was", "were", "the", "a", "an", "my",
    "your", "you", "i", "me", "am", "it", "to", "of", "in", "on", "at", "for", "and", "or", "that", "this", "have",
    "has", "had", "can", "could", "know", "about", "user", "user's", "tell", "remember", "with", "how", "who", "be",
    "should",
];

/// The reply to `prompt`, word by word.
pub fn stream(prompt: &Prompt) -> BoxStream<'static, Result<Piece, LlmError>> {
    let text = reply(prompt);
    let usage = Usage::estimate(prompt.chars(), text.chars().count());
    let words: Vec<Piece> = text
        .split_inclusive(' ')
        .map(|word| Piece::Text(word.to_owned()))
        .collect();
    let end = [Piece::End("stop".to_owned()), Piece::Usage(usage)];
    stream::iter(words)
        .enumerate()
        .then(|(index, word)| async move {
            if index > 0 {
                tokio::time::sleep(PACE).await;
            }
            Ok(word)
        })
        .chain(stream::iter(end.map(Ok)))
        .boxed()
}

fn reply(prompt: &Prompt) -> String {
    let mut said: Vec<&str> = (prompt.messages.iter())
        .filter(|message| message.role == Role::User)
        .map(|message| message.content.as_str())
        .collect();
    let (memories, now) = said.pop().map_or((Vec::new(), ""), split);
    let verb = if now.trim_end().ends_with('?') { "asked" } else { "said" };
    let mut reply = format!("{LABEL}You {verb}: {}", quote(now));
    let bearing = bearing_on(now, &memories);
    if !bearing.is_empty() {
        reply.push_str(" I remember: ");
        reply.push_str(&bearing.join(" "));
    }
    if !said.is_empty() {
        let quotes: Vec<String> = said.into_iter().map(quote).collect();
        reply.push_str(" Earlier you said: ");
        reply.push_str(&quotes.join(", "));
        reply.push('.');
    }
    reply
}

/// Memories and text of the last message: the text is what follows the last block.
fn split(message: &str) -> (Vec<&str>, &str) {
    let (blocks, text) = message.rsplit_once(USER_CLOSE).unwrap_or(("", message));
    let memories = blocks
        .split_once(MEMORY_OPEN)
        .and_then(|(_, rest)| rest.split_once(MEMORY_CLOSE))
        .map_or("", |(memories, _)| memories)
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- "))
        .collect();
    (memories, text.trim_start())
}

/// Memories that share a word with `text`; if none does, the first, which recall thought nearest.
fn bearing_on<'a>(text: &str, memories: &[&'a str]) -> Vec<&'a str> {
    let asked = words(text);
    let sharing: Vec<&str> = (memories.iter().copied())
        .filter(|memory| words(memory).iter().any(|word| asked.contains(word)))
        .collect();
    if sharing.is_empty() {
        memories.first().copied().into_iter().collect()
    } else {
        sharing
    }
}

fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric() && c != '\'')
        .map(str::to_lowercase)
        .filter(|word| !word.is_empty() && !COMMON.contains(&word.as_str()))
        .collect()
}

fn quote(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= QUOTE {
        return format!("\"{line}\"");
    }
    let short: String = line.chars().take(QUOTE).collect();
    format!("\"{short}…\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::PromptMessage;

    fn prompt(messages: &[(Role, &str)]) -> Prompt {
        Prompt {
            messages: messages
                .iter()
                .map(|(role, text)| PromptMessage::new(*role, *text))
                .collect(),
        }
    }

    #[test]
    fn it_says_the_question_and_the_memory_that_bears_on_it() {
        let message = "<memory>\n- The user's sister Anna lives in Lisbon.\n- The user is allergic to nuts.\n</memory>\n\n\
                       <user>\nName: Ada\n</user>\n\nWhere does my sister live?";
        assert_eq!(
            reply(&prompt(&[(Role::System, "rules"), (Role::User, message)])),
            "[simulated] You asked: \"Where does my sister live?\" I remember: The user's sister Anna lives in Lisbon."
        );
    }

    #[test]
    fn it_says_what_was_said_before() {
        let messages = [
            (Role::User, "Hello there"),
            (Role::Assistant, "[simulated] …"),
            (Role::User, "And now this"),
        ];
        assert_eq!(
            reply(&prompt(&messages)),
            "[simulated] You said: \"And now this\" Earlier you said: \"Hello there\"."
        );
    }

    #[test]
    fn it_knows_nothing_that_is_not_in_the_prompt() {
        assert_eq!(
            reply(&prompt(&[(Role::User, "Where do I live?")])),
            "[simulated] You asked: \"Where do I live?\""
        );
    }

    #[tokio::test]
    async fn it_streams_words_then_the_end_and_the_cost() {
        let pieces: Vec<Piece> = stream(&prompt(&[(Role::User, "Hi")]))
            .map(Result::unwrap)
            .collect()
            .await;
        let text: String = (pieces.iter())
            .filter_map(|piece| {
                if let Piece::Text(text) = piece {
                    Some(text.as_str())
                } else {
                    None
                }
            })
            .collect();
        assert_eq!(text, "[simulated] You said: \"Hi\"");
        assert_eq!(pieces.len(), 4 + 2);
        assert_eq!(pieces[4], Piece::End("stop".into()));
    }
}
