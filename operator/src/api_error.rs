//! What an error of the API server says in a condition. Its own answer is told as it is; how a connection broke differs
//! from one try to the next, and a message that changes with every try would be written with every try: that is for logs.

/// `error` in words that stay the same for as long as the cause does.
pub fn words(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        _ => "the API server cannot be reached".into(),
    }
}

/// Whether the API server will go on saying no for as long as what it was given stays the same.
pub fn is_refusal(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.is_invalid())
}
