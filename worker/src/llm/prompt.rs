//! What a model is given: messages in order, and the marks around what is known of the user.

/// Opens the block of memories in the last message.
pub const MEMORY_OPEN: &str = "<memory>";
/// Closes it.
pub const MEMORY_CLOSE: &str = "</memory>";
/// Opens the block of what the user is called and where they are, the last before the message.
pub const USER_OPEN: &str = "<user>";
/// Closes it.
pub const USER_CLOSE: &str = "</user>";

/// One line of at most `limit` characters without angle brackets, so that no mark can be opened or closed in it.
pub fn as_data(text: &str, limit: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let plain = line.chars().map(|c| match c {
        '<' => '‹',
        '>' => '›',
        other => other,
    });
    plain.take(limit).collect()
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The service: its rules stand above everything.
    System,
    /// The user.
    User,
    /// The model.
    Assistant,
}

impl Role {
    /// As the OpenAI API spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

/// One message of a prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromptMessage {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: String,
}

impl PromptMessage {
    /// `content`, spoken by `role`.
    pub fn new(role: Role, content: impl Into<String>) -> Self {
        Self {
            role,
            content: content.into(),
        }
    }
}

/// All that a model is given for one reply.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prompt {
    /// The messages; the last is the user's.
    pub messages: Vec<PromptMessage>,
}

impl Prompt {
    /// Characters of all messages together.
    pub fn chars(&self) -> usize {
        self.messages
            .iter()
            .map(|message| message.content.chars().count())
            .sum()
    }
}
