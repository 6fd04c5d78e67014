//! Words that patterns are made of, as parts of regular expressions.

/// People and animals of a user, with what distinguishes them ("older", "best").
pub const RELATION: &str = "(?:(?:older|elder|eldest|oldest|younger|youngest|little|big|baby|twin|step|half|best|close|good|ex|new|late|middle|only)[- ])*\
    (?:(?:mother|father|sister|brother|son|daughter)s?-in-law|(?:step|grand|god|ex-)?(?:mother|father|mom|mum|dad|sister|brother|son|daughter|parent|child|children|wife|husband)s?|\
    mommy|mummy|daddy|papa|grandma|grandpa|granny|nana|granddad|siblings?|spouse|partner|girlfriend|boyfriend|fianc[eé]e?|kids?|bab(?:y|ies)|twins?|\
    friends?|boss|manager|colleagues?|co-?workers?|roommates?|flatmates?|housemates?|neighbou?rs?|teacher|mentor|coach|doctor|therapist|\
    cousins?|aunt(?:ie)?s?|uncles?|nieces?|nephews?|family|dogs?|pupp(?:y|ies)|cats?|kittens?|kitty|parrots?|birds?|rabbits?|bunn(?:y|ies)|\
    hamsters?|guinea pigs?|horses?|pony|turtles?|tortoises?|goldfish|fish|snakes?|lizards?|ferrets?|chickens?|pets?)";

pub const COUNT: &str = "an?|one|two|three|four|five|six|seven|several|[0-9]{1,2}";

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

/// What people eat and drink, or leave.
pub const FOOD: &str = "(?:(?:raw|red|white|fried|spicy|dairy|milk|wheat|soy|cow's|goat's|any|most|tree|brazil|pine|sea|citrus|fresh|kiwi|dark|processed) )*\
    (?:alcohol|almonds?|animal products|apples?|apricots?|avocados?|bananas?|barley|beans?|beef|beer|berries|blueberries|bread|breakfast|butter|\
    caffeine|carbs|carrots?|cashews?|celery|cheese|cherries|chicken|chickpeas?|chocolate|citrus|coconuts?|coffee|corn|crabs?|crustaceans?|dairy|duck|\
    eggs?|fast food|fish|fructose|fruits?|garlic|gelatine?|gluten|goat|grains|grapefruits?|grapes?|hazelnuts?|honey|juice|kiwis?|lactose|lamb|legumes|\
    lemons?|lentils|liquor|lobsters?|lupins?|macadamias?|mangos?|mangoes|meat|melons?|milk|mollus[ck]s?|msg|mushrooms?|mussels|mustard|nuts?|oats|octopus|\
    olives|onions?|oranges|oysters?|pasta|peaches|peanuts?|pears?|peas|pecans?|peppers?|pineapples?|pistachios?|plums?|pork|potatoes|poultry|prawns?|products|\
    rice|rye|salmon|salt|seafood|seeds|sesame(?: seeds?)?|shellfish|shrimps?|soda|soft drinks|soya?|spices|spinach|strawberries|sugar|sulfites|sulphites|\
    sweets|tea|tofu|tomato(?:es)?|tuna|veal|vegetables|walnuts?|wheat|wine|yeast|yogh?urt)";

/// What else allergies are against.
pub const ALLERGEN: &str = "(?:(?:dust|birch|tree|grass|cat|dog|pet|animal|horse|bee|wasp|insect|mosquito|rag|house|certain|some) )*\
    (?:amoxicillin|animals|antibiotics|aspirin|bees?|bites|birch|cats?|chlorine|codeine|cosmetics|dander|detergents?|dogs?|dust|feathers?|formaldehyde|\
    fragrances?|fur|gold|grass|hair|hamsters?|hay|horses?|ibuprofen|insects?|insulin|iodine|latex|medicines?|medications?|metals?|mites?|morphine|mou?ld|nickel|\
    nsaids|paracetamol|penicillin|perfumes?|pets|plasters?|pollen|rabbits?|ragweed|rubber|silver|stings?|sulfa(?: drugs)?|sunlight|the sun|wasps?|weed|wool)";

pub const LANGUAGE: &str = "afrikaans|albanian|amharic|arabic|armenian|asl|azerbaijani|basque|bengali|bosnian|bulgarian|burmese|cantonese|catalan|chinese|\
    croatian|czech|danish|dutch|english|esperanto|estonian|farsi|filipino|finnish|flemish|french|galician|georgian|german|greek|gujarati|hausa|\
    hebrew|hindi|hungarian|icelandic|igbo|indonesian|irish|italian|japanese|javanese|kannada|kazakh|khmer|korean|kurdish|lao|latin|latvian|lithuanian|\
    luxembourgish|macedonian|malay|malayalam|maltese|mandarin|marathi|mongolian|nepali|norwegian|pashto|persian|polish|portuguese|punjabi|quechua|\
    romanian|russian|scots|serbian|sign language|slovak|slovene|slovenian|somali|spanish|swahili|swedish|swiss german|tagalog|tamil|telugu|thai|tibetan|\
    turkish|ukrainian|urdu|uzbek|vietnamese|welsh|wolof|xhosa|yiddish|yoruba|zulu";

/// What is played: a game's own name is known by its capital.
pub const GAME: &str = "(?:(?:the|electric|acoustic|bass|classical|double|french|amateur|online|table|field|ice|water|beach|indoor) )*\
    (?:accordion|badminton|banjo|baseball|basketball|bass|bassoon|bridge|cards|cello|checkers|chess|clarinet|cricket|darts|drums?|fiddle|flute|\
    football|(?:board|card|video|computer) games|golf|guitar|handball|harmonica|harp|hockey|horn|keyboards?|lacrosse|lute|mandolin|oboe|organ|percussion|piano|poker|polo|pool|recorder|\
    rugby|saxophone|scrabble|sitar|snooker|soccer|softball|squash|tennis|trombone|trumpet|tuba|ukulele|viola|violin|volleyball)";

pub const BREED: &str = "beagle|bulldog|collie|corgi|dachshund|german shepherd|golden retriever|husky|labrador|maine coon|mutt|persian|poodle|pug|\
    retriever|shepherd|siamese|spaniel|tabby|terrier";

/// What one can own and run.
pub const ENTERPRISE: &str = "agency|bakery|bar|bistro|blog|bookshop|bookstore|brewery|business|caf[eé]|channel|clinic|club|company|consultancy|dairy|\
    farm|firm|gallery|garage|gym|hostel|hotel|laundromat|nursery|orchard|pharmacy|podcast|practice|pub|ranch|restaurant|salon|school|shop|start-?up|store|\
    studio|vineyard|winery|workshop";

/// What is planned, by its verb and its aim: "I want to know" is no plan, and "I want to get a coffee" soon forgotten.
pub fn undertaking() -> String {
    format!(
        "learn (?:(?:how )?to|(?:some )?(?:{LANGUAGE})|(?:{GAME}))|become an?|visit (?:my|(?-i:\\p{{Lu}}\\p{{L}}*))|travel (?:to|around|through|across)|\
         move (?:abroad|to (?-i:\\p{{Lu}}\\p{{L}}*))|study|run an? (?:[\\p{{L}}-]+ )?marathon|run an ultra|build an? (?:[\\p{{L}}-]+ )?(?:house|home|cabin|company|business)|\
         buy an? (?:[\\p{{L}}-]+ )?(?:house|home|flat|apartment|car|boat|farm)|quit (?:smoking|drinking|my job)|lose (?:some )?weight|get married|\
         get an? (?:[\\p{{L}}-]+ )?(?:dog|cat|puppy|kitten|degree|tattoo|job)|adopt|(?:start|open) an? (?:[\\p{{L}}-]+ )?(?:family|band|{ENTERPRISE})|\
         change (?:jobs|careers)|retire|climb|save (?:up )?(?:for|money)|apply (?:to|for)|write an? (?:[\\p{{L}}-]+ )?(?:book|novel|memoir)|\
         publish|have (?:a baby|kids|children)|stop (?:smoking|drinking)"
    )
}

/// Events that matter for long; a meeting or a flight is over before it is of use.
pub const EVENT: &str = "(?:(?:job|driving|final|bar) )?(?:exam|interview)|wedding|surgery|operation|marathon|baby due";

pub const MONTH: &str = "(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)";
