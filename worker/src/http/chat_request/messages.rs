//! The messages of a request: what the application says, what was said before, and what is answered.

use serde_json::{Map, Value};

use crate::http::ApiError;
use crate::http::body::{present, text};
use crate::llm::{PromptMessage, Role};

use super::front_ends;

/// Most messages of one request.
const MAX_MESSAGES: usize = 1_000;

/// Longest text that a front end asks for itself, and longest document before a message, in characters.
const MOST_FRAMED: usize = 100_000;

/// What is answered where the client asks for more of a reply.
const GO_ON: &str = "Go on where your last message ends, without repeating any of it.";

/// What is answered where nobody has said anything.
const BEGIN: &str = "Begin the conversation.";

/// The messages of a request.
pub struct Messages {
    /// What the application says.
    pub system: Vec<String>,
    /// What was said before.
    pub history: Vec<PromptMessage>,
    /// What is answered.
    pub text: String,
    /// What the front end puts before it: data.
    pub document: Option<String>,
    /// The user did not say it: the application asks for a reply of its own, of which nothing is stored.
    pub not_the_users: bool,
}

/// Reads the messages of a request; texts of the user have at most `most_chars` characters. The last message of the user is
/// answered if the application's alone stand below it.
///
/// # Errors
/// The first field that is wrong, by name.
pub fn read(fields: &Map<String, Value>, most_chars: usize) -> Result<Messages, ApiError> {
    let value = present(fields, "messages").ok_or_else(|| ApiError::field("messages", "is required"))?;
    let messages = value
        .as_array()
        .ok_or_else(|| ApiError::field("messages", "must be a list"))?;
    if messages.is_empty() || messages.len() > MAX_MESSAGES {
        return Err(ApiError::field(
            "messages",
            format!("must have 1 to {MAX_MESSAGES} messages"),
        ));
    }
    let (mut system, mut said) = (Vec::new(), Vec::new());
    // Texts of the application since anything was said.
    let mut below = 0;
    let mut last = 0;
    // Of the last message alone: those before it were answered with theirs.
    let mut document = None;
    for (index, message) in messages.iter().enumerate() {
        let path = format!("messages[{index}]");
        let message = message
            .as_object()
            .ok_or_else(|| ApiError::field(&path, "must be an object"))?;
        let role = text(message, "role", &format!("{path}.role"))?;
        let content = content(message, &format!("{path}.content"), role == "assistant")?;
        match role {
            "system" | "developer" => {
                system.push(content);
                below += 1;
                continue;
            }
            "user" => {
                let framed = front_ends::unframed(&content);
                // A task is one that nothing was said before: whatever else looks like it is the user's.
                let task = said.is_empty() && index + 1 == messages.len() && front_ends::is_task(&content);
                let most = if task { MOST_FRAMED } else { most_chars };
                for (text, most) in [
                    (framed.text.as_str(), most),
                    (framed.document.unwrap_or_default(), MOST_FRAMED),
                ] {
                    let chars = text.chars().count();
                    if chars > most {
                        let problem = format!("has {chars} characters, at most {most} are taken");
                        return Err(ApiError::field(format!("{path}.content"), problem));
                    }
                }
                document = framed.document.map(str::to_owned);
                said.push(PromptMessage::new(Role::User, framed.text));
            }
            // A reply without text, such as a call of a tool, says nothing here.
            "assistant" if content.is_empty() => {}
            "assistant" => said.push(PromptMessage::new(Role::Assistant, content)),
            other => {
                let problem = format!("{other:?} is not supported; use system, developer, user or assistant");
                return Err(ApiError::field(format!("{path}.role"), problem));
            }
        }
        (below, last) = (0, index);
    }
    match said.pop() {
        Some(message) if message.role == Role::User => {
            if message.content.trim().is_empty() {
                return Err(ApiError::field(
                    format!("messages[{last}].content"),
                    "must not be empty",
                ));
            }
            Ok(Messages {
                system,
                history: said,
                text: message.content,
                document,
                not_the_users: false,
            })
        }
        reply => {
            let asked = if below > 0 && reply.is_some() {
                system.split_off(system.len() - below).join("\n\n")
            } else if reply.is_some() {
                GO_ON.to_owned()
            } else {
                BEGIN.to_owned()
            };
            said.extend(reply);
            Ok(Messages {
                system,
                history: said,
                text: asked,
                document: None,
                not_the_users: true,
            })
        }
    }
}

/// A text, or the texts of a list of parts.
fn content(message: &Map<String, Value>, path: &str, may_be_missing: bool) -> Result<String, ApiError> {
    match present(message, "content") {
        None if may_be_missing => Ok(String::new()),
        None => Err(ApiError::field(path, "is required")),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Array(parts)) => {
            let mut whole = String::new();
            for (index, part) in parts.iter().enumerate() {
                let path = format!("{path}[{index}]");
                let part = part
                    .as_object()
                    .ok_or_else(|| ApiError::field(&path, "must be an object"))?;
                let kind = text(part, "type", &format!("{path}.type"))?;
                if kind != "text" {
                    return Err(ApiError::field(
                        format!("{path}.type"),
                        format!("{kind:?} is not supported; use text"),
                    ));
                }
                whole.push_str(text(part, "text", &format!("{path}.text"))?);
            }
            Ok(whole)
        }
        Some(_) => Err(ApiError::field(path, "must be text or a list of text parts")),
    }
}
