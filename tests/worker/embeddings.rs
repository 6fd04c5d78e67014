//! `POST /v1/embeddings` as OpenAI's clients use it.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use companion_tests::worker::Setup;
use reqwest::StatusCode;
use serde_json::{Value, json};

const MODEL: &str = "all-MiniLM-L6-v2";

fn numbers(embedding: &Value) -> Vec<f32> {
    match embedding {
        Value::String(text) => {
            let bytes = BASE64_STANDARD.decode(text).unwrap();
            bytes
                .as_chunks()
                .0
                .iter()
                .map(|bytes| f32::from_le_bytes(*bytes))
                .collect()
        }
        numbers => serde_json::from_value(numbers.clone()).unwrap(),
    }
}

fn cosine(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(a, b)| a * b).sum()
}

#[tokio::test]
async fn texts_become_vectors_in_both_encodings_and_what_means_the_same_is_near() {
    let setup = Setup::new().await;
    let worker = setup.start().await;
    let chat = worker.chat("ada");
    let texts = [
        "Where does my sister live?",
        "My sister's home is in Lisbon.",
        "The stock market fell.",
    ];
    let mut found = Vec::new();
    for encoding in ["float", "base64"] {
        let body = json!({ "model": MODEL, "input": texts, "encoding_format": encoding });
        let answer = chat.post("/v1/embeddings", body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        assert_eq!(answer.body["model"], MODEL);
        let tokens = answer.body["usage"]["prompt_tokens"].as_u64().unwrap();
        assert!((15..40).contains(&tokens), "{tokens}");
        let vectors: Vec<Vec<f32>> = (0..3)
            .map(|index| numbers(&answer.body["data"][index]["embedding"]))
            .collect();
        assert!(vectors.iter().all(|vector| vector.len() == 384));
        assert!(cosine(&vectors[0], &vectors[1]) > cosine(&vectors[0], &vectors[2]) + 0.3);
        found.push(vectors);
    }
    assert!(
        cosine(&found[0][2], &found[1][2]) > 0.9999,
        "both encodings say the same"
    );

    let one = chat
        .post("/v1/embeddings", json!({ "model": MODEL, "input": texts[0] }))
        .await;
    assert!(cosine(&numbers(&one.body["data"][0]["embedding"]), &found[0][0]) > 0.9999);
}

#[tokio::test]
async fn what_is_wrong_has_openais_shape_and_names_the_field() {
    let setup = Setup::new().await;
    let worker = setup.start().await;
    let chat = worker.chat("ada");
    for (body, status, field) in [
        (
            json!({ "model": MODEL, "input": [[1, 2]] }),
            StatusCode::BAD_REQUEST,
            "input[0]",
        ),
        (json!({ "model": MODEL }), StatusCode::BAD_REQUEST, "input"),
        (
            json!({ "model": "gpt-9", "input": "Hi" }),
            StatusCode::NOT_FOUND,
            "model",
        ),
    ] {
        let answer = chat.post("/v1/embeddings", body).await;
        assert_eq!(
            (answer.status, &answer.body["error"]["param"]),
            (status, &json!(field)),
            "{}",
            answer.text
        );
    }
    let stranger = companion_tests::Chat::new(&worker.url, "nonsense");
    let answer = stranger
        .post("/v1/embeddings", json!({ "model": MODEL, "input": "Hi" }))
        .await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}
