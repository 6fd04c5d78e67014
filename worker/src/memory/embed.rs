//! Text in, vector out: all-MiniLM-L6-v2 inside this process. The model runs on threads of its own, never on those that
//! serve requests; each takes one text at a time from a bounded queue, and a text whose deadline has passed is not begun.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{BertModel, Config};
use tokenizers::{Tokenizer, TruncationParams};
use tokio::sync::oneshot;

/// Tokens that are read of a text; the model was trained on no more.
const MAX_TOKENS: usize = 256;

/// Characters that are read of a text: bounds the tokeniser's work on a huge one. A token has rarely more than eight.
const MAX_CHARS: usize = 8 * MAX_TOKENS;

/// Texts that wait. One takes some 10 ms, so a longer queue could not be served within any caller's deadline.
const QUEUE: usize = 64;

/// Why a text has no vector.
#[derive(Debug, thiserror::Error)]
pub enum EmbedError {
    /// The folder holds no usable model.
    #[error("embeddings.local.path: {0}")]
    Model(String),
    /// More texts wait than the queue holds.
    #[error("the embedder is busy: {QUEUE} texts are waiting")]
    Busy,
    /// The deadline passed.
    #[error("the embedder did not answer within {0:?}")]
    Late(Duration),
    /// The model failed on this text.
    #[error("the embedder failed: {0}")]
    Failed(String),
}

/// The embedding model. Clones share its threads, which end with the last clone.
#[derive(Clone)]
pub struct Embedder {
    queue: SyncSender<Job>,
}

/// What the model makes of a text.
#[derive(Clone, Debug)]
pub struct Embedding {
    /// [`Embedder::DIMENSIONS`] numbers of length 1.
    pub vector: Vec<f32>,
    /// Tokens that were read.
    pub tokens: usize,
}

struct Job {
    text: String,
    deadline: Instant,
    answer: oneshot::Sender<Result<Embedding, EmbedError>>,
}

struct Model {
    bert: BertModel,
    tokenizer: Tokenizer,
}

impl Embedder {
    /// Names the model beside each stored vector.
    pub const MODEL_ID: &str = "all-MiniLM-L6-v2";

    /// Length of a vector.
    pub const DIMENSIONS: usize = 384;

    /// Loads `model.safetensors`, `tokenizer.json` and `config.json` from the folder `path` and starts `threads` threads.
    /// Blocks for some 100 ms.
    pub fn load(path: &Path, threads: usize) -> Result<Self, EmbedError> {
        let model = Arc::new(Model::load(path)?);
        let (queue, waiting) = sync_channel(QUEUE);
        let waiting = Arc::new(Mutex::new(waiting));
        for number in 0..threads.max(1) {
            let (model, waiting) = (model.clone(), waiting.clone());
            std::thread::Builder::new()
                .name(format!("embed-{number}"))
                .spawn(move || serve(&model, &waiting))
                .map_err(|error| EmbedError::Failed(format!("failed to start a thread: {error}")))?;
        }
        Ok(Self { queue })
    }

    /// The vector of `text`, of which the first 256 tokens are read.
    pub async fn embed(&self, text: String, deadline: Duration) -> Result<Embedding, EmbedError> {
        let (answer, embedding) = oneshot::channel();
        let job = Job {
            text,
            deadline: Instant::now() + deadline,
            answer,
        };
        self.queue.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => EmbedError::Busy,
            TrySendError::Disconnected(_) => EmbedError::Failed("its threads have ended".into()),
        })?;
        match tokio::time::timeout(deadline, embedding).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) | Err(_) => Err(EmbedError::Late(deadline)),
        }
    }
}

/// One thread's life. The model's own parallelism would use rayon's global pool, one thread per core of the node, whatever
/// this container may use: a pool of one, made of this very thread, keeps it here.
fn serve(model: &Model, waiting: &Mutex<Receiver<Job>>) {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .use_current_thread()
        .build();
    if let Err(error) = pool {
        tracing::warn!(%error, "embedding uses threads without a bound");
    }
    loop {
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        if Instant::now() < job.deadline && !job.answer.is_closed() {
            let embedding = model
                .embed(&job.text)
                .map_err(|error| EmbedError::Failed(error.to_string()));
            // The caller may have given up meanwhile.
            let _ = job.answer.send(embedding);
        }
    }
}

impl Model {
    fn load(path: &Path) -> Result<Self, EmbedError> {
        let wrong = |what: String| EmbedError::Model(format!("{what} (folder {})", path.display()));
        for file in ["model.safetensors", "tokenizer.json", "config.json"] {
            if !path.join(file).is_file() {
                return Err(wrong(format!(
                    "{file} is missing: unpack all-MiniLM-L6-v2 there or set COMPANION_MODEL_DIR"
                )));
            }
        }
        let text = std::fs::read_to_string(path.join("config.json"))
            .map_err(|error| wrong(format!("config.json: {error}")))?;
        let config: Config = serde_json::from_str(&text).map_err(|error| wrong(format!("config.json: {error}")))?;
        if config.hidden_size != Embedder::DIMENSIONS {
            return Err(wrong(format!(
                "config.json: hidden_size is {}, all-MiniLM-L6-v2 has {}",
                config.hidden_size,
                Embedder::DIMENSIONS
            )));
        }
        let mut tokenizer = Tokenizer::from_file(path.join("tokenizer.json"))
            .map_err(|error| wrong(format!("tokenizer.json: {error}")))?;
        tokenizer.with_padding(None);
        tokenizer
            .with_truncation(Some(TruncationParams {
                max_length: MAX_TOKENS,
                ..TruncationParams::default()
            }))
            .map_err(|error| wrong(format!("tokenizer.json: {error}")))?;
        let weights = map_weights(&path.join("model.safetensors"))
            .map_err(|error| wrong(format!("model.safetensors: {error}")))?;
        let bert = BertModel::load(weights, &config).map_err(|error| wrong(format!("model.safetensors: {error}")))?;
        Ok(Self { bert, tokenizer })
    }

    /// Mean of the last layer over the tokens, scaled to length 1. A text is run alone, without padding, so its attention
    /// mask is all ones and the mean over the mask is the mean.
    fn embed(&self, text: &str) -> Result<Embedding, Box<dyn std::error::Error + Send + Sync>> {
        let end = text
            .char_indices()
            .nth(MAX_CHARS)
            .map_or(text.len(), |(index, _)| index);
        let tokens = self.tokenizer.encode(&text[..end], true)?;
        let ids = Tensor::new(tokens.get_ids(), &Device::Cpu)?.unsqueeze(0)?;
        let states = self.bert.forward(&ids, &ids.zeros_like()?, None)?;
        let mean = states.squeeze(0)?.mean(0)?.to_vec1::<f32>()?;
        let length = mean.iter().map(|value| value * value).sum::<f32>().sqrt();
        if !length.is_normal() {
            return Err("the text has no direction".into());
        }
        Ok(Embedding {
            vector: mean.into_iter().map(|value| value / length).collect(),
            tokens: tokens.len(),
        })
    }
}

/// Mapping keeps the file's 90 MB out of the heap while the tensors are made; its pages go back to the system afterwards.
#[allow(
    unsafe_code,
    reason = "the weights are read-only in the image and nothing writes to them while a worker runs"
)]
fn map_weights(file: &Path) -> candle_core::Result<VarBuilder<'static>> {
    unsafe { VarBuilder::from_mmaped_safetensors(&[file], DType::F32, &Device::Cpu) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENT: Duration = Duration::from_secs(10);

    fn load() -> Embedder {
        let path = std::env::var("COMPANION_MODEL_DIR")
            .expect("COMPANION_MODEL_DIR must name the folder of all-MiniLM-L6-v2: run make test");
        Embedder::load(Path::new(&path), 1).unwrap()
    }

    fn cosine(one: &[f32], other: &[f32]) -> f32 {
        one.iter().zip(other).map(|(a, b)| a * b).sum()
    }

    #[tokio::test]
    async fn what_means_the_same_is_nearer_than_what_does_not() {
        let embedder = load();
        let mut vectors = Vec::new();
        for text in [
            "Where does my sister live?",
            "The user's sister Anna lives in Lisbon.",
            "The user is allergic to nuts.",
            "The stock market fell sharply.",
        ] {
            vectors.push(embedder.embed(text.into(), PATIENT).await.unwrap().vector);
        }
        let similarity: Vec<f32> = vectors[1..].iter().map(|other| cosine(&vectors[0], other)).collect();
        println!("similarities: {similarity:?}");
        assert!(
            vectors
                .iter()
                .all(|vector| vector.len() == Embedder::DIMENSIONS && (cosine(vector, vector) - 1.0).abs() < 1e-4)
        );
        assert!(similarity[0] > 0.45, "{similarity:?}");
        assert!(similarity[1] < 0.3 && similarity[2] < 0.2, "{similarity:?}");

        let begin = Instant::now();
        for _ in 0..20 {
            embedder
                .embed("What does my sister like to eat in the evening?".into(), PATIENT)
                .await
                .unwrap();
        }
        println!("{:.1} ms per sentence", begin.elapsed().as_secs_f64() * 50.0);
    }

    #[tokio::test]
    async fn a_deadline_is_kept_and_a_huge_text_is_bounded() {
        let embedder = load();
        assert!(matches!(
            embedder.embed("hello".into(), Duration::ZERO).await,
            Err(EmbedError::Late(_))
        ));
        let begin = Instant::now();
        embedder.embed("word ".repeat(1_000_000), PATIENT).await.unwrap();
        assert!(begin.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn a_folder_without_a_model_names_the_missing_file() {
        let error = Embedder::load(Path::new("nowhere"), 1).err().unwrap().to_string();
        assert!(
            error.contains("embeddings.local.path: model.safetensors is missing"),
            "{error}"
        );
    }
}
