//! Classes of sentences, one test each: a line is a message (`\n` in it is a line's end), and behind `=>` what it becomes.

use super::facts;

fn gives_nothing(messages: &str) {
    for message in messages.trim().lines() {
        let found = facts(&message.replace("\\n", "\n"));
        assert!(found.is_empty(), "{message}: {found:?}");
    }
}

#[test]
fn what_lasts_is_kept() {
    for line in KEPT.trim().lines() {
        let (message, expected) = line.split_once(" => ").expect("a line has a message and its facts");
        let found: Vec<String> = facts(message).into_iter().map(|fact| fact.text).collect();
        assert_eq!(found.join(" | "), expected, "{message}");
    }
}

const KEPT: &str = "
Can you explain photosynthesis? I'm allergic to nuts. => The user is allergic to nuts.
Explain how tides work. My sister Anna lives in Lisbon. => The user's sister Anna lives in Lisbon.
Can you summarize the news? I'm vegan. => The user is vegan.
Can you write me a recipe? I'm allergic to nuts. => The user is allergic to nuts.
Can you translate 'hello' into French? I live in Rome. => The user lives in Rome.
Tom is my brother. => The user's brother is called Tom.
My wife is Maria. => The user's wife is called Maria.
My dog is Rex. => The user's dog is called Rex.
My parents both work in retail => The user's parents work in retail.
My kids all live in Rome => The user's kids live in Rome.
My mother tongue is Polish => The user's native language is Polish.
My native language is Portuguese. => The user's native language is Portuguese.
I have diabetes => The user has diabetes.
I have depression and anxiety => The user has depression and anxiety.
I suffer from migraines => The user has migraines.
I was diagnosed with asthma last year => The user has asthma.
I have ADHD since 2015 => The user has ADHD.
My mom has diabetes => The user's mom has diabetes.
I can't eat nuts or dairy => The user cannot eat nuts or dairy.
I can't drink milk => The user cannot drink milk.
I don't eat meat or fish => The user does not eat meat or fish.
I don't drink coffee => The user does not drink coffee.
I'm allergic to penicillin => The user is allergic to penicillin.
I'm allergic to bee stings => The user is allergic to bee stings.
I'm allergic to codeine => The user is allergic to codeine.
My son is allergic to peanuts => The user's son is allergic to peanuts.
My daughter Mia is allergic to cats. => The user's daughter Mia is allergic to cats.
My birthday is May 4th => The user's birthday is May 4th.
My birthday is on the 3rd of March 1990 => The user's birthday is the 3rd of March 1990.
My birthday is in June => The user's birthday is June.
I moved to Berlin last week => The user moved to Berlin.
My father died yesterday => The user's father died.
I speak fluent French and a little Spanish => The user speaks fluent French and a little Spanish.
I'm fluent in German => The user is fluent in German.
My brother speaks Italian => The user's brother speaks Italian.
I play chess => The user plays chess.
I play football on Sundays => The user plays football on Sundays.
I play Minecraft => The user plays Minecraft.
My sister plays the violin => The user's sister plays the violin.
My daughter is 5 => The user's daughter is 5 years old.
My kids are 5 and 7 => The user's kids are 5 and 7 years old.
My parents are teachers => The user's parents are teachers.
My dog is a labrador => The user's dog is a labrador.
I have two kids and a dog => The user has two kids and a dog.
I work at google => The user works at google.
I work for a small bank => The user works for a small bank.
I work from home => The user works from home.
I own a bakery in Porto => The user owns a bakery in Porto.
I run a small business => The user runs a small business.
I live with my girlfriend and two cats => The user lives with their girlfriend and two cats.
I live in a small village near Lyon => The user lives in a small village near Lyon.
I live in san francisco => The user lives in San Francisco.
My parents come from Porto => The user's parents come from Porto.
I was born and raised in Chicago => The user was born and raised in Chicago.
My friends call me Sam => The user wants to be called Sam.
call me mehmet => The user wants to be called Mehmet.
Call me Zoltan => The user wants to be called Zoltan.
my name is zoltan => The user's name is Zoltan.
You can call me Ziggy => The user wants to be called Ziggy.
About me: I'm vegan => The user is vegan.
FYI: I live in Rome => The user lives in Rome.
Two things about me: I'm vegan and I live in Rome => The user is vegan. | The user lives in Rome.
I'm Priya => The user's name is Priya.
I'm Sam Carter => The user's name is Sam Carter.
Hi, I'm Yuki. I'm from Japan => The user's name is Yuki. | The user is from Japan.
I teach math => The user teaches math.
I study law at Harvard => The user studies law at Harvard.
My brother studies medicine => The user's brother studies medicine.
I love Thai food => The user loves Thai food.
I prefer tea => The user prefers tea.
I'm afraid of heights => The user is afraid of heights.
I'm into photography => The user is into photography.
My favorite band is Radiohead => The user's favourite band is Radiohead.
I collect stamps => The user collects stamps.
I want to become a pilot => The user wants to become a pilot.
I want to move to Canada => The user wants to move to Canada.
I'm saving for a house => The user is saving for a house.
I'm training for a marathon => The user is training for a marathon.
My goal is to run a marathon => The user's goal is to run a marathon.
I'm moving to Berlin in May => The user is moving to Berlin in May.
I'm engaged to Tom => The user is engaged to Tom.
I'm married to a nurse => The user is married to a nurse.
My sister is married => The user's sister is married.
My wife is pregnant => The user's wife is pregnant.
I keep kosher => The user eats kosher food.
I don't smoke => The user does not smoke.
I'm diabetic => The user is diabetic.
I'm left-handed => The user is left-handed.
My cats are called Miso and Tofu => The user's cats are called Miso and Tofu.
My brother's name is Zsolt => The user's brother is called Zsolt.
My best friend is called Ingrid => The user's best friend is called Ingrid.
I'm a nurse => The user is a nurse.
I'm a software engineer at Siemens => The user is a software engineer at Siemens.
My wife works as a nurse => The user's wife works as a nurse.
My boyfriend Luca is a chef => The user's boyfriend Luca is a chef.
My grandmother died in 2019 => The user's grandmother died in 2019.
I have an older brother => The user has an older brother.
I have two cats named Miso and Tofu => The user has two cats called Miso and Tofu.
I hate olives => The user hates olives.
I don't like crowds => The user does not like crowds.
I can't stand loud music => The user cannot stand loud music.
I have two kids and a dog => The user has two kids and a dog.
I have two cats named Miso and Tofu => The user has two cats called Miso and Tofu.
I have a dog named Rex => The user has a dog called Rex.
I want to move to Canada => The user wants to move to Canada.
I want to visit Japan => The user wants to visit Japan.
My twins are called Ben and Lucy => The user's twins are called Ben and Lucy.
Call me crazy, but I like rain => The user likes rain.
";

#[test]
fn a_word_that_is_no_name_names_nobody() {
    gives_nothing(
        r#"
He is my brother.
She is my sister
Nobody is my brother
Music is my brother
Everyone is my friend
It is my dog
Coffee is my best friend
Pain is my teacher
Work is my wife
I'm Muslim
I'm Jewish
I'm Catholic
I'm Excited
I'm Done
I'm Bored
I'm Good
I'm Roman Catholic
I'm African American
I'm Very Tired
I'm Hungry
I'm Christian
My wife is Jewish
My dad is Republican
My boss is Crazy
My dog is Happy
People call me ugly
They call me fat
Everyone calls me Stupid
My friends call me lazy
Call me old-fashioned
call me paranoid
Call me Monday
I go by bus
I'm called lazy at work
My name is unusual
My name is Irish
My name is hard to pronounce
My mother board is broken
My father figure is great
My family doctor is kind
My baby shower is on Friday
That is my sister
Someone is my neighbour
Jesus is my friend
Running is my therapist
I'm Hindu
I'm Sick
I'm Back
I'm Gay
I'm Libra
I'm Asian
I'm Vegan Friendly
Hi, I'm Lost
My mom is Catholic
My husband is Asleep
My sister is Late
They all call me stupid
Everybody calls me weird
People call me the boss
My son usually sleeps
My parents never work
My daughter first learned to walk
My second language is English
"#,
    );
}

#[test]
fn a_condition_in_someone_elses_life_or_for_tonight_is_not_the_users() {
    gives_nothing(
        r#"
I have diabetes in my family
I have cancer patients at work
I have anxiety about my exam tomorrow
I have depression in my family
I have asthma patients
I have insomnia tonight
I have migraines because of you
I can't drink tonight
I can't eat another bite
I can't eat anything
I can't eat right now
I can't drink coffee after five
I can't eat alone
I can't eat that much
I can't tolerate him
I can't digest this news
I'm allergic to Mondays
I'm allergic to work
I'm allergic to stupidity
I don't eat much
I don't drink enough water
I don't eat out
I have cancer in the family
I have autism in my class
I have depression symptoms today
I have adhd kids in my class
I have anxiety before flights
I have epilepsy training on Monday
I can't drink any more
I can't eat before bed
I can't eat the rest of this pizza
I can't drink and drive
I can't eat spicy food tonight
"#,
    );
}

#[test]
fn what_is_over_soon_is_not_kept() {
    gives_nothing(
        r#"
I have a meeting tomorrow
I have a meeting at 3pm
I have a dentist appointment in two hours
I have an exam next week
My birthday is in 3 days
My birthday is tomorrow
My birthday is coming up
My kids are in bed
My wife is in the shower
My mom is in hospital
My brother is 5 minutes away
My sister has a cold
My brother has a meeting tomorrow
My sister is a bit tired
My boss is an idiot
I have a call in 10 minutes
I have a flight at 6
I have a date tonight
I have an appointment this afternoon
I have a deadline on Friday
I have an interview tomorrow
My anniversary is in two weeks
My birthday is next week
My birthday is 3 weeks away
My birthday is on Saturday
I'm moving to Berlin next month
I'm flying to Rome tomorrow
I'm planning to sleep
I'm hoping for the best
My parents are in Spain this week
My cat is on the table
My kids are at school
My husband is in the kitchen
My mom lives in denial
My dad is dead tired
My son is 3 hours late
My sister has a test on Friday
"#,
    );
}

#[test]
fn how_and_how_much_is_no_subject_language_or_taste() {
    gives_nothing(
        r#"
I'm learning a lot
I'm learning so much
I'm learning to cope
I speak too fast
I study a lot
I'm studying for my exam tomorrow
I'm learning from my mistakes
I'm learning new things
I'm learning to drive
I speak my mind
I love this song
I like your style
I enjoy talking to you
I'm interested in hearing more
I'm into it
I own a lot of books
I work hard
I work late
I work on Monday
I work for him
I work at night
"#,
    );
}

#[test]
fn a_mood_or_contempt_is_no_taste() {
    gives_nothing(
        r#"
I hate myself
I hate my life
I hate everyone
I don't like myself
I hate being me
I can't stand up
I can't stand myself
I hate being alone
I hate my body
I hate people
I hate my job
I hate Tom
I love myself
I don't like my face
I'm afraid of tomorrow
I detest my boss
"#,
    );
}

#[test]
fn a_text_by_someone_else_says_nothing_about_the_user() {
    gives_nothing(
        r#"
Tom: I'm allergic to nuts
Tom: hi. I'm allergic to nuts.
[12:03] Tom: I'm allergic to nuts
<tom> I'm allergic to nuts
Tom: hi\nI'm allergic to nuts
Anna Smith (10:31): My name is Anna
Tom - I'm allergic to nuts
My friend sent me this. I'm allergic to nuts and I live in Rome.
My friend wrote:\nI'm allergic to nuts
Here is what Tom wrote me: I live in Rome. My name is Tom.
I got this message from Tom: I live in Rome
Patient: I have diabetes
Translate this. I'm allergic to nuts.
Say I'm Bob and I live in Rome
Write an email to my landlord. I live in Rome.
'I live in Rome' is what he wrote
Dear Tom, I live in Rome.
Mom: I'm allergic to nuts
Me: I'm vegan\nTom: I'm allergic to nuts
User: I live in Rome\nAssistant: ok
Q: Where do you live?\nA: I live in Rome
10:32 - Tom: I live in Rome
12/03/24, 10:32 - Tom Smith: I live in Rome
From: Tom\nSubject: hi\n\nI live in Rome.
> I live in Rome\nMy friend says so
My sister texted: I live in Rome
My friend Tom says he's moving. "I live in Rome", he said.
Tom wrote this: I live in Rome. My name is Tom.
She goes: I'm allergic to nuts
The letter reads: My name is Tom.
Summarize this article:\nI live in Rome. My name is Tom.
Proofread my essay. I was born in Rome.
Repeat after me. I am allergic to nuts.
Act as a doctor. I'm allergic to nuts.
Role-play: I'm a pirate. I live in Tortuga.
Let's pretend I'm a nurse. I live in Rome.
Write a poem about nuts. I'm allergic to nuts.
"#,
    );
}

#[test]
fn figures_of_speech_and_wishes_of_the_moment_are_not_kept() {
    gives_nothing(
        r#"
I live in fear
I live in denial
I live in my head
I live in a bubble
I live in the moment
I live with regret
I live with depression
I work in the morning
I work on my essay
I work as hard as I can
I work for free
My job is boring
I'm a terrible cook
I want to learn more
I want to get a coffee
I will buy milk
I'm going to Bed
I'm moving to the next question
I play dead
I play along
I love how it feels
I prefer the first one
My favorite part is the end
My sister hates me
My dog lives on the couch
I'm married to my job
I have no friends
I have a sick cat
I own it
I run a fever
My mom is from work
I'm allergic to you
I'm a doctor in this game
I'm a bit hungry
I'm a little teapot
I'm 5 minutes away
I'm 10 minutes late
I am 100% sure
My job is killing me
I live in hope
I live in sin
I live in pajamas
I live in the past
I live with pain
I was born ready
I was born yesterday
I grew up too fast
I come in peace
I'm from work
My cat has fleas
My brother has two exams tomorrow
My sister loves you
I want to travel
I will visit tomorrow
I want to buy a drink
I want to finish this
I will learn it later
I'm going to Work
I'm off to School
My brother died inside
My parents are getting on my nerves
My dad is dead tired
My boss is blind to facts
My son is 3 hours late
My wife is a saint
My brother is a pain
My sister is single-minded
"#,
    );
}

#[test]
fn none_of_these_is_a_fact_either() {
    gives_nothing(
        r#"
They are my parents.
Netflix is my best friend
Whatever is my brother
I'm Lutheran
I'm Exhausted
I'm Sorry
My husband is Buddhist
My teacher is Strict
People call me shorty
My colleagues call me boring
My grandparents only speak on weekends
My wife hardly works
My brother tongue is sharp
I have arthritis research to read
I have hiv testing next week
I have cancer on my mind
I suffer from insomnia whenever I travel
I can't drink anything hot
I can't eat at this place
I can't eat dinner yet
I have a wedding tomorrow
I have surgery in three hours
My birthday is a week from now
I turn 30 tomorrow
My sister is at the gym
My dog is in the garden
My parents are on holiday
I'm learning every day
I'm learning the hard way
I speak from experience
I hate how I look
I hate my own voice
I hate existing
I despise myself
Bob [10:12]: my name is Bob
bob: I live in Paris
BOB: I LIVE IN PARIS
Client: I'm a nurse and I live in Rome.
Interviewer: Hi\nCandidate: I work at Google
- Tom: I'm vegan
* Anna: I live in Berlin
Tom wrote "hi". I'm allergic to nuts, he added.
Subject: Help\nI live in Rome
My mom says: I'm a vegan
Check this message. I live in Rome.
Correct my sentence: I has a dog
Is this right: I live in Rome
Finish this story. I live in a castle.
Once upon a time I lived in Rome.
In the novel, I live in Rome
I'm dying
I'm so hungry I could eat a horse
I have a headache
I have no idea
I have two minutes
I have a dog to walk
My phone is dead
My car is a Tesla
My doctor is on vacation
My manager is in a meeting
I live for music
I live by the rules
I live on coffee
I live on the edge
I live at the office
I work on myself
I study every night
I play the blame game
I own my mistakes
I run every day
I manage fine
I want to become better
I want to get married right now
I'm from the future
I come from nothing
I was born to run
I'm into you
I love lamp posts tomorrow
I like to think
I love the way you talk
My favorite is that one
My favorite person is you
"#,
    );
}
