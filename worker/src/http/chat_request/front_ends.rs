//! What chat front ends put around their users' words, or say without them: titles, tags and follow-ups for a chat, documents
//! in front of a message. Nothing of that is the user's, so nothing of it is learned. Each mark was seen in what Open WebUI
//! 0.12 sends (`tests/front_ends/open_webui/requests.json`).

use axum::http::HeaderMap;

use super::messages::Messages;

/// What a front end's administrator may have it say: the task that a request is for.
const TASK_HEADER: &str = "X-Companion-Task";

/// Open WebUI's name of the chat; a temporary one's begins with one of [`TEMPORARY`].
const CHAT_HEADER: &str = "X-OpenWebUI-Chat-Id";
const TEMPORARY: [&str; 2] = ["temporary:", "local:"];

/// A heading, and the chat or the messages that it is about.
const HEADING: &str = "### Task:";
const ABOUT: [&str; 2] = ["<chat_history>", "### Messages Being Compacted:"];

/// How texts without that heading begin: an emoji for a message, one reply out of several.
const BEGINNINGS: [&str; 2] = [
    "Your task is to reflect the speaker's likely facial expression",
    "You have been provided with a set of responses from various models",
];

/// How the application speaks to a model that looks through a chat for what to remember.
const REVIEWER: &str = "You are Open WebUI's private memory reviewer";

/// A document, in front of the message about it; and the names of files behind it.
const DOCUMENT: [&str; 2] = ["<context>", "</context>"];
const FILES: [&str; 2] = ["<attached_files>", "</attached_files>"];

/// Whether a front end asks for itself, or in a chat that it keeps nothing of.
pub fn asks_for_itself(messages: &Messages, headers: &HeaderMap) -> bool {
    let header = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    !header(TASK_HEADER).trim().is_empty()
        || TEMPORARY.iter().any(|start| header(CHAT_HEADER).starts_with(start))
        || messages.system.iter().any(|text| text.starts_with(REVIEWER))
        || (messages.history.is_empty() && is_task(&messages.text))
}

/// Whether `text` has the form of a task.
pub fn is_task(text: &str) -> bool {
    let headed = text.starts_with(HEADING) && ABOUT.iter().any(|about| text.contains(about));
    headed || BEGINNINGS.iter().any(|beginning| text.starts_with(beginning))
}

/// A message without its frame.
pub struct Unframed<'a> {
    /// The document and what the front end says of it: neither the user's words nor the application's, but data.
    pub document: Option<&'a str>,
    /// The user's.
    pub text: String,
}

/// Takes a document out of a message.
pub fn unframed(text: &str) -> Unframed<'_> {
    let [open, close] = DOCUMENT;
    let end = text.rfind(close).map(|at| at + close.len());
    let Some(end) = end.filter(|_| text.starts_with(HEADING) && text.contains(open) && !is_task(text)) else {
        return Unframed {
            document: None,
            text: text.to_owned(),
        };
    };
    let (document, said) = text.split_at(end);
    Unframed {
        document: Some(document),
        text: without_files(said).trim().to_owned(),
    }
}

fn without_files(text: &str) -> String {
    let [open, close] = FILES;
    match text
        .split_once(open)
        .and_then(|(before, rest)| Some((before, rest.split_once(close)?.1)))
    {
        Some((before, after)) => format!("{before}{after}"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_not_what_the_user_says() {
        let text = "### Task:\nAnswer from the context.\n<context>\nRex </context> x\n</context>\n\n\
                    <attached_files>\na.txt\n</attached_files>\nWhose dog is it?";
        let unframed = unframed(text);
        assert_eq!(unframed.text, "Whose dog is it?");
        assert!(unframed.document.is_some_and(|document| document.contains("Rex")));
        for plain in [
            "Hi",
            "<context>a</context> b",
            "### Task: buy milk",
            "### Task: <chat_history> <context></context>",
        ] {
            let whole = super::unframed(plain);
            assert_eq!((whole.text.as_str(), whole.document), (plain, None));
        }
    }
}
