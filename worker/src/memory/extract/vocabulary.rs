//! Words that patterns are made of, as parts of regular expressions.

/// People and animals of a user, with what distinguishes them ("older", "best").
pub const RELATION: &str = "(?:(?:older|elder|eldest|oldest|younger|youngest|little|big|baby|twin|step|half|best|close|good|ex|new|late|middle|only)[- ])*\
    (?:(?:mother|father|sister|brother|son|daughter)s?-in-law|(?:step|grand|god|ex-)?(?:mother|father|mom|mum|dad|sister|brother|son|daughter|parent|child|children|wife|husband)s?|\
    mommy|mummy|daddy|papa|grandma|grandpa|granny|nana|granddad|siblings?|spouse|partner|girlfriend|boyfriend|fianc[eé]e?|kids?|bab(?:y|ies)|twins?|\
    friends?|boss|manager|colleagues?|co-?workers?|roommates?|flatmates?|housemates?|neighbou?rs?|teacher|mentor|coach|doctor|therapist|\
    cousins?|aunt(?:ie)?s?|uncles?|nieces?|nephews?|family|dogs?|pupp(?:y|ies)|cats?|kittens?|kitty|parrots?|birds?|rabbits?|bunn(?:y|ies)|\
    hamsters?|guinea pigs?|horses?|pony|turtles?|tortoises?|goldfish|fish|snakes?|lizards?|ferrets?|chickens?|pets?)";

pub const COUNT: &str = "an?|one|two|three|four|five|six|seven|several|many|no|[0-9]{1,2}";

pub const NATIONALITY: &str = "American|Argentinian|Australian|Austrian|Belgian|Brazilian|British|Bulgarian|Canadian|Chilean|Chinese|Colombian|\
    Croatian|Cuban|Czech|Danish|Dutch|Egyptian|English|Estonian|Ethiopian|Filipino|Finnish|French|German|Ghanaian|Greek|Hungarian|Indian|\
    Indonesian|Iranian|Irish|Israeli|Italian|Jamaican|Japanese|Kenyan|Korean|Latvian|Lebanese|Lithuanian|Malaysian|Mexican|Moroccan|Nigerian|\
    Norwegian|Pakistani|Peruvian|Polish|Portuguese|Romanian|Russian|Scottish|Serbian|Slovak|Slovenian|Spanish|Swedish|Swiss|Syrian|Taiwanese|\
    Thai|Turkish|Ukrainian|Venezuelan|Vietnamese|Welsh";

pub const PROFESSION: &str = "accountant|actor|actress|analyst|architect|artist|baker|barber|barista|biologist|bookkeeper|bricklayer|builder|\
    carpenter|cashier|chef|chemist|cleaner|coach|composer|consultant|cook|dancer|dentist|designer|detective|developer|director|doctor|driver|\
    economist|editor|electrician|engineer|entrepreneur|farmer|filmmaker|firefighter|fisherman|florist|founder|freelancer|gardener|geologist|\
    hairdresser|historian|illustrator|interpreter|janitor|journalist|judge|lawyer|lecturer|librarian|locksmith|manager|mathematician|mechanic|\
    midwife|musician|nanny|nurse|optician|painter|paramedic|pharmacist|photographer|physicist|physiotherapist|pilot|plumber|poet|policeman|\
    postman|producer|professor|programmer|psychiatrist|psychologist|realtor|receptionist|researcher|sailor|salesman|scientist|sculptor|\
    secretary|singer|soldier|statistician|student|surgeon|surveyor|tailor|teacher|technician|therapist|translator|trainer|vet|veterinarian|\
    waiter|waitress|welder|writer";

pub const CONDITION: &str = "adhd|add|anxiety|arthritis|asthma|autism|a bad back|bipolar disorder|cancer|celiac disease|coeliac disease|copd|\
    crohn's disease|depression|(?:type [12] )?diabetes|dyslexia|eczema|endometriosis|epilepsy|fibromyalgia|gout|hay fever|hiv|\
    high blood pressure|hypertension|ibs|insomnia|lupus|migraines|multiple sclerosis|ocd|pcos|psoriasis|ptsd|sleep apn(?:o)?ea|tinnitus|vertigo";

/// What is planned, by its verb: "I want to know" is no plan.
pub const UNDERTAKING: &str = "learn|become|visit|travel|move|study|run a|build|buy|quit|lose|get married|get a|adopt|start a|open a|change jobs|\
    retire|climb|finish|save|apply|write a|publish|propose|see the|have a baby|have kids|stop smoking|stop drinking";

pub const EVENT: &str = "(?:job |driving )?(?:exam|interview|test)|appointment|wedding|surgery|operation|meeting|flight|date|presentation|deadline|\
    marathon|race|concert|baby due";
