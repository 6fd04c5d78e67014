//! Words that are names and words that are not. Given names are told from other words by nothing but being known: "I'm Sam" is a name, "I'm Bored" is not. Names
//! that are everyday words as well (Christian, Angel, Summer) are left out; who has one says "my name is".

use std::collections::HashSet;
use std::sync::LazyLock;

/// Whether this word, in any case, is a well-known given name.
pub fn known(word: &str) -> bool {
    static KNOWN: LazyLock<HashSet<&str>> = LazyLock::new(|| GIVEN.split_whitespace().collect());
    KNOWN.contains(word.to_lowercase().as_str())
}

/// Whether this word, in any case, says what someone is like, or stands for something else than a name.
pub fn no_name(word: &str) -> bool {
    static OTHER: LazyLock<HashSet<&str>> = LazyLock::new(|| NO_NAMES.split_whitespace().collect());
    OTHER.contains(word.to_lowercase().as_str())
}

const GIVEN: &str = "
aaron abby abdul abdullah abel abigail abraham ada adam adele adrian adriana agnes agnieszka ahmad ahmed aiden aisha akira alan alba albert
alberto aleksandra alejandro alessandro alex alexa alexander alexandra alexei alexis alfred alfredo ali alice alicia alina alison allison
alma alvin alyssa amanda amara amber amelia amina amir amit amy ana anastasia anders andre andrea andreas andrei andres andrew andy
angela angelica angelina anil anita anja ann anna annabel anne annette annie anthony antoine anton antonio anya ariana ariel arjun armando
arnold arthur arturo asha ashley astrid audrey aurora austin ava axel ayesha barbara beatrice beatriz becca becky belinda bella ben benjamin
bernard bernardo bert beth bethany betty bianca bill billy bjorn bob bobby boris brad bradley brandon brenda brendan brian bridget brigitte
bruce bruno bryan caitlin caleb calvin cameron camila camille carl carla carlo carlos carmen carol carolina caroline carrie casey
catalina catherine cathy cecilia cedric celia celine cesar chad charlene charles charlie charlotte chelsea cheryl chiara chloe chris
christina christine christoph christopher cindy claire clara clarissa claude claudia clement cody colin colleen connor conrad constance
corey cristina curtis cynthia daisuke daisy damian damien dan dana daniel daniela danielle danny daphne darren dave david deborah debbie
declan deepak delia denis denise dennis derek desmond diana diane diego dieter dimitri dina dmitri dominic dominik dominique don donald
donna dora doris dorothy doug douglas duncan dylan eddie eduardo edgar edith edward edwin eileen elaine eleanor elena eli elias elif elijah
elisa elisabeth elise eliza elizabeth ella ellen ellie elliot elsa elsie emil emilia emilie emily emma emmanuel emre enrique eric erica erik
erika erin ernest esteban ester esther ethan eugene eva evan eve evelyn fabian fabio farah fatima fatma felipe felix fernanda fernando filip
fiona florian frances francesca francesco francis francisco francois frank franz fred freddie frederick frederik frida friedrich gabriel
gabriela gareth gary gavin gemma geoff geoffrey george georgia georgina gerald gerard gerhard gina giorgio giovanni giulia giuseppe gloria
gonzalo gordon graham greg gregor gregory greta guido guillermo gustav gustavo gwen hamza hana hank hanna hannah hans harold harriet
harry harvey hasan hassan heather hector heidi heinrich helen helena helga henri henrik henry hilary hiroshi holly howard hubert hugh hugo
hussein ian ibrahim ida ignacio igor ilona imogen imran ines ingrid irene irina iris isaac isabel isabella isabelle ismail ivan ivana ivy
jack jackie jackson jacob jacqueline jacques jade jaime jake jakob jakub james jamie jan jana jane janet janice jared jasmine jason javier
jay jean jeff jeffrey jen jenna jennifer jenny jens jeremy jerome jerry jesse jessica jessie jill jim jimmy jin jo joachim joan joana joanna
joanne joao joe joel johan johanna johannes john johnny jon jonas jonathan jordan jorge jose josef joseph josephine josh joshua juan juana
juanita judith judy julia julian juliana julie juliet julio julius jun june jurgen justin justyna kaito karen karim karin karina karl karla
karolina kasia kate katherine kathleen kathryn kathy katie katrin katrina katya kaya keiko keith kelly kelsey ken kenji kenneth kenny kerry
kevin khalid kim kimberly kirsten klaus kofi kristen kristian kristin kristina kumar kurt kwame kyle lara larry lars laura lauren laurence
laurent lea leah leandro leila lena leo leon leonard leonardo leonie leroy leslie leticia levi lewis li liam lidia lila lilian liliana
lillian lily lina linda lindsay lionel lisa liz liza lizzie logan lola lorena lorenzo lorna lorraine lou louis louisa louise luc luca lucas
lucia luciana lucy ludwig luigi luis luisa luka lukas luke luna lydia lynn madeleine madison maggie magda magdalena mahmoud maja malcolm
malik manfred manuel manuela marc marcel marcela marcelo marcin marco marcos marcus mareike margaret margarita margot maria mariam marian
mariana marianne marie marina mario marion marisa marjorie mark marko markus marlene marta martha martin martina marvin mary mateo mathias
mathilde matilda matt matteo matthew matthias maureen maurice max maxim maxime maximilian maya megan mehmet mei melanie melinda melissa
mercedes meredith mia micah michael michaela michal michel michele michelle mick miguel mihai mikael mike mikhail mikko mila milan mildred
miles milo mina ming miranda miriam miroslav mitchell mohamed mohammad mohammed moira molly mona monica monika morgan moritz muhammad
mustafa myriam nadia nadine naomi natalia natalie natasha nathalie nathan nathaniel neha neil nelson nia niamh nicholas nick nicola nicolas
nicole niels nigel nikhil niklas nikolai nikos nils nina noah noel noemi nora norbert noriko norma norman nuno octavia olaf oleg olga oliver
olivia olivier omar orlando oscar oskar otto owen pablo pam pamela paola paolo pascal pat patricia patricio patrick patty paul paula paulina
pauline paulo pawel pedro peggy penelope per pete peter petr petra phil philip philipp philippe phillip phoebe pia pierre piotr priya
rachel rafael rahul raj rajesh ralph ramon randall raquel rashid raul ravi ray raymond rebecca regina reinhard renata renate rene rex
rhiannon ricardo riccardo richard rick ricky rita rob robert roberta roberto robin rocio rodrigo roger rohan roland rolf romain ron ronald
ronja rory rosa rosalia rosalind rosie ross roxanne roy ruben ruby rudolf rupert russell ruth ryan sabine sabrina sadie sakura salim
sally salma salman salvador sam samantha samir samira samuel sandeep sandra sandy sanjay santiago sara sarah sasha saskia sayed scott sean
sebastian selena selma serena serge sergei sergio seth shane shannon sharon shaun sheila shelly shirley sienna sigrid silke silvia simon
simona simone sinead sofia sofie sonia sonja sophia sophie soren stan stanley stefan stefania stefanie steffi stella stephan stephanie
stephen steve steven stuart sue sunil suresh susan susana susanna susanne suzanne sven svetlana sylvia takeshi tamara tania tanja tanya
tara tariq tatiana ted teresa terence terry tess tessa thea thelma theo theodore theresa thiago thomas tiago tiffany tim timo timothy
tina tobias toby todd tom tomas tomasz tommy toni tony tracy trevor tristan trudy tyler ulrich ulrike uma ursula uwe valentina valeria
valerie vanessa vera veronica veronika vicky victor victoria vijay viktor vincent violet virginia vivian vladimir walter wanda wayne wei
wendy werner wilfred wilhelm will william wojciech wolfgang xavier ximena yael yan yang yannick yara yasmin yasmine yolanda yosef youssef
yuki yuri yusuf yvette yvonne zach zachary zahra zainab zara zeynep zoe zofia zsofia";

const NO_NAMES: &str = "
    a abnormal absent actually african again agnostic already also always an and anybody anyone anything anytime aquarius arab are aries
    asap asian at atheist awful back bad bald basic bastard beautiful best better bi big bitch black blind blonde boring boss brave bright
    brilliant broke broken brown buddhist busy by calm can cancer cannot capricorn catholic cheap christian chubby clever clumsy cold
    common confidential conservative cool coward crazy cruel curious currently cute daddy damn dead deaf dear december democrat dense
    difficult dirty does dork dull dumb dumber eager easy emotional european even everybody everyone everything evil extra fair fake false
    famous fancy fast fat february female finally fine fool foolish foreign fragile freak free fresh from full fun funny gay geek gemini
    generic giant gone good gorgeous great green guilty had happy hard has hateful have he heartless heavy her here hidden hindu his
    hispanic honest hot huge human hungry idiot ill immature important in innocent insane irrelevant is it jaded january jealous jewish
    july just kind king lame late later latina latino lazy legion lesbian liar liberal libra lonely long loser loud lucky mad male march
    mature maybe me mean mental mess messy mine mom monster mormon moron mostly mud mum muslim my naive names nasty neat nerd nerdy never
    new nice no nobody none normal not nothing november now october odd official often ok okay old old-fashioned on one only optimistic or
    ordinary orthodox out paranoid pathetic patient perfect petty picky pig pisces plain please poor popular pretty prince princess private
    probably protestant proud public pure queen queer quick quiet random rare ready real really recently religious republican rich right
    romantic rude sad safe sagittarius same scorpio secret selfish sensitive september sexy shallow sharp she short shy sick sikh silly
    simple skinny slim slow slut small smart snob so sober socialist soft someone something sometimes soon sorry special spiritual spoilt
    spooky still straight strange strong stubborn stupid sweet taken tall taurus that the there these they thick thin this those tiny tired
    to today tomorrow tonight tough toxic trans trash true ugly unimportant unique unknown unusual upset useless usually vain very violent
    virgo warm was we weak weird well were what whatever when white who whore wild will wise wonderful wrong you young yours";
