//! What is said where no model answers, and beside a model's reply to somebody in a crisis: a few sentences of ours, in the
//! language of the user where we have it.

use companion_crds::content::HelpContact;

use super::course::Declined;

/// Sentences of one language.
struct Sentences {
    language: &'static str,
    minor_risk: &'static str,
    nonconsensual: &'static str,
    not_offered: &'static str,
    age_unverified: &'static str,
    age_unknown: &'static str,
    withheld: &'static str,
    help: &'static str,
    emergency: &'static str,
    disclosure: &'static str,
}

const SENTENCES: [Sentences; 7] = [
    Sentences {
        language: "en",
        minor_risk: "I won't go there: nothing romantic or sexual that involves anyone under 18. If someone is asking this of you, or you are worried about a young person, I can help you find support.",
        nonconsensual: "I won't take part in that: it needs everyone's consent. If something like this happened to you, I'm here to listen and to help you find support.",
        not_offered: "That's not something I can do here. I'm glad to talk about anything else with you.",
        age_unverified: "That is only open to adults whose age was verified. Until then I'm glad to talk about anything else.",
        age_unknown: "I can't check right now whether that is open to you. Please try again in a little while.",
        withheld: "I stopped there: what I was about to say isn't something I should say here. Shall we go on with something else?",
        help: "You don't have to go through this alone. People who can help:",
        emergency: "If you or someone else is in danger right now, please call your local emergency number.",
        disclosure: "By the way: I'm an AI, not a person.",
    },
    Sentences {
        language: "es",
        minor_risk: "Ahí no entro: nada romántico ni sexual en lo que haya alguien menor de 18 años. Si alguien te pide esto o te preocupa una persona joven, puedo ayudarte a encontrar apoyo.",
        nonconsensual: "No voy a participar en eso: hace falta el consentimiento de todas las personas. Si te ha pasado algo así, estoy aquí para escucharte y ayudarte a encontrar apoyo.",
        not_offered: "Eso no puedo hacerlo aquí. Con gusto hablo contigo de cualquier otra cosa.",
        age_unverified: "Eso solo está abierto a personas adultas con la edad verificada. Mientras tanto, hablemos de otra cosa.",
        age_unknown: "Ahora mismo no puedo comprobar si eso está abierto para ti. Inténtalo de nuevo dentro de un rato.",
        withheld: "Me he detenido ahí: lo que iba a decir no debo decirlo aquí. ¿Seguimos con otra cosa?",
        help: "No tienes que pasar por esto a solas. Personas que pueden ayudar:",
        emergency: "Si tú u otra persona está en peligro ahora mismo, llama al número de emergencias de tu país.",
        disclosure: "Por cierto: soy una IA, no una persona.",
    },
    Sentences {
        language: "pt",
        minor_risk: "Nisso eu não entro: nada romântico ou sexual que envolva menores de 18 anos. Se alguém está pedindo isso a você, ou se você se preocupa com uma pessoa jovem, posso ajudar a encontrar apoio.",
        nonconsensual: "Não vou participar disso: é preciso o consentimento de todos. Se algo assim aconteceu com você, estou aqui para ouvir e ajudar a encontrar apoio.",
        not_offered: "Isso eu não posso fazer aqui. Fico feliz em falar com você sobre qualquer outra coisa.",
        age_unverified: "Isso só está aberto a adultos com a idade verificada. Até lá, falemos de outra coisa.",
        age_unknown: "Agora não consigo verificar se isso está aberto para você. Tente de novo daqui a pouco.",
        withheld: "Parei aí: o que eu ia dizer não devo dizer aqui. Vamos continuar com outra coisa?",
        help: "Você não precisa passar por isso a sós. Pessoas que podem ajudar:",
        emergency: "Se você ou outra pessoa está em perigo agora, ligue para o número de emergência do seu país.",
        disclosure: "A propósito: sou uma IA, não uma pessoa.",
    },
    Sentences {
        language: "fr",
        minor_risk: "Là, je ne te suis pas : rien de romantique ni de sexuel dès qu'une personne de moins de 18 ans est concernée. Si quelqu'un te demande cela, ou si tu t'inquiètes pour un jeune, je peux t'aider à trouver du soutien.",
        nonconsensual: "Je ne participe pas à cela : il faut le consentement de chacun. Si quelque chose de ce genre t'est arrivé, je suis là pour t'écouter et t'aider à trouver du soutien.",
        not_offered: "Cela, je ne peux pas le faire ici. Je parle volontiers d'autre chose avec toi.",
        age_unverified: "Cela n'est ouvert qu'aux adultes dont l'âge a été vérifié. En attendant, parlons d'autre chose.",
        age_unknown: "Je ne peux pas vérifier pour l'instant si cela t'est ouvert. Réessaie dans un moment.",
        withheld: "Je me suis arrêté là : ce que j'allais dire, je ne dois pas le dire ici. On continue avec autre chose ?",
        help: "Tu n'as pas à traverser cela sans personne. Des gens qui peuvent aider :",
        emergency: "Si toi ou quelqu'un d'autre êtes en danger maintenant, appelle le numéro d'urgence de ton pays.",
        disclosure: "Au fait : je suis une IA, pas une personne.",
    },
    Sentences {
        language: "de",
        minor_risk: "Da mache ich nicht mit: nichts Romantisches oder Sexuelles, an dem jemand unter 18 beteiligt ist. Wenn jemand das von dir verlangt oder du dich um einen jungen Menschen sorgst, helfe ich dir, Unterstützung zu finden.",
        nonconsensual: "Da mache ich nicht mit: es braucht das Einverständnis aller. Wenn dir so etwas passiert ist, höre ich dir zu und helfe dir, Unterstützung zu finden.",
        not_offered: "Das kann ich hier nicht. Über alles andere rede ich gern mit dir.",
        age_unverified: "Das steht nur Erwachsenen offen, deren Alter geprüft wurde. Bis dahin rede ich gern über anderes.",
        age_unknown: "Ich kann gerade nicht prüfen, ob dir das offensteht. Versuch es bitte etwas später noch einmal.",
        withheld: "Ich habe da aufgehört: was ich sagen wollte, sollte ich hier nicht sagen. Machen wir mit etwas anderem weiter?",
        help: "Du musst das nicht allein durchstehen. Hier findest du Hilfe:",
        emergency: "Wenn du oder jemand anderes gerade in Gefahr ist, ruf bitte den Notruf deines Landes an.",
        disclosure: "Übrigens: Ich bin eine KI, kein Mensch.",
    },
    Sentences {
        language: "it",
        minor_risk: "Qui mi fermo: niente di romantico o sessuale che coinvolga chi ha meno di 18 anni. Se qualcuno ti chiede questo, o sei in pensiero per una persona giovane, posso aiutarti a trovare sostegno.",
        nonconsensual: "A questo non partecipo: serve il consenso di tutti. Se ti è successo qualcosa del genere, sono qui per ascoltarti e aiutarti a trovare sostegno.",
        not_offered: "Questo qui non posso farlo. Parlo volentieri con te di qualsiasi altra cosa.",
        age_unverified: "Questo è aperto solo agli adulti la cui età è stata verificata. Fino ad allora parliamo d'altro.",
        age_unknown: "In questo momento non posso verificare se questo ti è aperto. Riprova tra poco.",
        withheld: "Mi sono fermato lì: quello che stavo per dire non devo dirlo qui. Andiamo avanti con altro?",
        help: "Non devi affrontare tutto questo senza nessuno. Chi può aiutare:",
        emergency: "Se tu o qualcun altro è in pericolo adesso, chiama il numero di emergenza del tuo paese.",
        disclosure: "A proposito: sono un'IA, non una persona.",
    },
    Sentences {
        language: "bg",
        minor_risk: "Тук спирам: нищо романтично или сексуално, в което участва човек под 18 години. Ако някой иска това от теб или се тревожиш за млад човек, мога да помогна да намериш подкрепа.",
        nonconsensual: "В това не участвам: нужно е съгласието на всички. Ако нещо такова ти се е случило, тук съм да те изслушам и да помогна да намериш подкрепа.",
        not_offered: "Това тук не мога да направя. С радост ще говоря с теб за всичко друго.",
        age_unverified: "Това е само за пълнолетни с проверена възраст. Дотогава нека говорим за друго.",
        age_unknown: "В момента не мога да проверя дали това е достъпно за теб. Опитай пак след малко.",
        withheld: "Спрях дотам: това, което щях да кажа, не бива да го казвам тук. Да продължим с нещо друго?",
        help: "Не е нужно да минаваш през това без никого. Хора, които могат да помогнат:",
        emergency: "Ако ти или някой друг е в опасност сега, обади се на спешния номер във вашата страна.",
        disclosure: "Между другото: аз съм изкуствен интелект, не човек.",
    },
];

fn sentences(language: &str) -> &'static Sentences {
    let first = language.split('-').next().unwrap_or_default();
    let known = SENTENCES
        .iter()
        .find(|sentences| sentences.language.eq_ignore_ascii_case(first));
    known.unwrap_or(&SENTENCES[0])
}

/// What is said in place of a model's reply.
pub fn declined(why: Declined, language: &str) -> &'static str {
    let sentences = sentences(language);
    match why {
        Declined::MinorRisk => sentences.minor_risk,
        Declined::Nonconsensual => sentences.nonconsensual,
        Declined::NotOffered => sentences.not_offered,
        Declined::AgeUnverified => sentences.age_unverified,
        Declined::AgeUnknown => sentences.age_unknown,
    }
}

/// What is said where a reply was stopped.
pub fn withheld(language: &str) -> &'static str {
    sentences(language).withheld
}

/// That the companion is an AI.
pub fn disclosure(language: &str) -> &'static str {
    sentences(language).disclosure
}

/// The contacts for `language` among `all`, or all where none is.
pub fn contacts<'a>(all: &'a [HelpContact], language: &str) -> Vec<&'a HelpContact> {
    let first = |tag: &str| tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
    let own: Vec<&HelpContact> = all
        .iter()
        .filter(|contact| first(&contact.locale) == first(language))
        .collect();
    if own.is_empty() { all.iter().collect() } else { own }
}

/// What stands below a reply to somebody in a crisis.
pub fn help(contacts: &[&HelpContact], language: &str) -> String {
    let sentences = sentences(language);
    let mut text = String::new();
    if !contacts.is_empty() {
        text.push_str(sentences.help);
        for HelpContact { name, contact, .. } in contacts {
            text.push_str(&format!("\n- {name}: {contact}"));
        }
        text.push_str("\n\n");
    }
    text + sentences.emergency
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_is_of_the_users_language_or_all_there_is() {
        let contact = |locale: &str| HelpContact {
            locale: locale.into(),
            name: locale.into(),
            contact: "1".into(),
        };
        let all = [contact("en-GB"), contact("en-US"), contact("bg")];
        assert_eq!(contacts(&all, "en").len(), 2);
        assert_eq!(contacts(&all, "bg-BG").len(), 1);
        assert_eq!(contacts(&all, "fr").len(), 3);
        assert!(help(&contacts(&all, "bg"), "bg").contains("- bg: 1"));
        assert!(help(&[], "xx").contains("emergency"));
    }
}
