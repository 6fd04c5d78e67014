//! How a reply should sound to someone who feels like this: a reading in, a sentence for the prompt out.

use super::label::Emotion;
use super::weigh::Reading;

/// Surer than this, or the reply keeps its own tone.
const MIN_CONFIDENCE: f32 = 0.35;

/// One sentence on the tone of the reply; none if nothing is felt or that is not sure.
pub fn tone(reading: &Reading) -> Option<&'static str> {
    if reading.confidence < MIN_CONFIDENCE {
        return None;
    }
    match reading.emotion {
        Emotion::Sad => {
            Some("The user seems sad: be gentle, acknowledge the feeling first, and do not rush to cheer up.")
        }
        Emotion::Angry => {
            Some("The user seems angry: stay calm, take the anger seriously, and neither argue nor fuel it.")
        }
        Emotion::Frustrated => Some("The user seems frustrated: acknowledge it briefly, then be concrete and helpful."),
        Emotion::Happy => Some("The user seems happy: share the good mood, warmly and lightly."),
        Emotion::Excited => Some("The user seems excited: match the energy and show interest in what is coming."),
        Emotion::Anxious => Some("The user seems anxious: be calm and reassuring, and take one small step at a time."),
        Emotion::Confused => Some("The user seems confused: be patient and clear, and explain in short, simple steps."),
        Emotion::Grateful => Some("The user is grateful: accept the thanks warmly and without fuss."),
        Emotion::Disappointed => {
            Some("The user seems disappointed: recognise what was hoped for before looking ahead.")
        }
        Emotion::Proud => Some("The user is proud: celebrate what was achieved, and be specific about it."),
        Emotion::Lonely => Some("The user seems lonely: be warm and present, listen, and show interest in their day."),
        Emotion::Hopeful => Some("The user is hopeful: support the hope without promising how things will turn out."),
        Emotion::Neutral => None,
    }
}
