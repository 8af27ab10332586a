"""Common English words, so that the tokenizer's pieces cover more of the language than scenes are asked about in."""

TEXT = """
a able about above accept across act actually add admit adult after again against age ago agree ahead air all allow
almost alone along already also although always am among amount an and angry animal another answer any anybody anyone
anything anyway apart appear area arm around arrive art as ask at attack aunt autumn away baby back bad bag balance
bank bar base basic bath be beach bear beat beautiful because become bed been before begin behind being believe belong
below beside best better between beyond big bill bird bit bite black block blood blow blue board boat body bone book
born both bottle bottom box boy brain branch bread break breakfast bridge bright bring broken brother brown brush
build building burn bus business busy but buy by cake call came can can't candle cap car card care careful carry case
cat catch cause center century certain certainly chair chance change character cheap check child children choice
choose church circle city class clean clear clever climb clock close clothes cloud coast coat coffee cold collect
color come common company compare complete computer consider contain continue control cook cool copy corner correct
cost could couldn't count country course cover create cross cry cup current curious cut daily damage dance danger dark
date daughter day dead deal dear death decide deep degree describe desk detail did didn't die difference different
difficult dinner direct direction dirty discover dish distance do doctor does doesn't dog doing dollar don't done door
double doubt down draw drawing dream dress drink drive drop dry during dust each ear early earth east easy eat edge
education effect egg eight either electric eleven else empty end enemy energy engine enjoy enough enter entire equal
especially even evening ever every everybody everyone everything everywhere exact exactly example except excited
exercise expect expensive experience explain eye face fact fail fall false family famous far farm fast fat father
favorite fear feed feel feet fell few field fight figure fill film final finally find fine finger finish fire first
fish fit five fix flag flat floor flower fly follow food foot for force forest forget forgive form forward found four
free fresh friend from front fruit full fun funny further future game garden gate gave general get gift girl give glad
glass go goes going gold gone good got government grass gray great green ground group grow guess had hair half hand
hang happen happy hard has hat hate have haven't he head health hear heart heat heavy height held hello help her here
hers herself hide high hill him himself his history hit hold hole holiday home hope horse hospital hot hotel hour
house how however huge human hundred hungry hurry hurt husband I'd I'll I'm I've ice idea if imagine important in inch
include indeed information inside instead interest interesting into invent invite is isn't island it it's its itself
job join joke joy jump just keep key kick kid kill kind king kitchen knee knew knife knock know knowledge lady lake
lamp land language large last late later laugh law lay lead learn least leave left leg less lesson let let's letter
level library lie life light like likely line lion list listen little live local long look lose lost lot loud love low
luck lunch machine made magic mail main make man many map mark market married matter may maybe me meal mean measure
meat medicine meet member memory men mention message met metal middle might mile milk million mind mine minute miss
mistake mix model modern moment money month moon more morning most mother mountain mouth move movie much museum music
must my myself name narrow nature near nearly necessary neck need neighbor neither never new news next nice night nine
no nobody noise none nor north nose not note nothing notice now number object ocean of off offer office often oil old
on once one only open opinion opposite or orange order other others our ourselves out outside over own page paint pair
paper parent park part party pass past path pay peace pen pencil people perfect perhaps person phone photo piano pick
picture piece place plan plane plant plate play please point police poor popular position possible power practice
prepare present president pretty price print probably problem program promise proof proud prove public pull purple
purpose push put question quick quickly quiet quite rabbit race radio rain raise ran rather reach read ready real
really reason receive recent record red remember remind repeat reply report rest result return rich ride right ring
rise river road rock roll roof room root rose round row rule run sad safe said sail salt same sand sat save saw say
school science sea search season seat second secret see seem seen sell send sentence separate serious serve set seven
several shade shadow shake shall shape share sharp she ship shirt shoe shoot shop short should shoulder shout show
shut sick side sign silver similar simple simply since sing single sister sit six size skin sky sleep slow slowly
small smart smell smile smoke snow so soft soil sold soldier solution some somebody somebody's someone something
sometimes somewhere son song soon sorry sort sound south space speak special speed spell spend spoke spoon sport spot
spread spring square stand star start state station stay steal step stick still stone stood stop store storm story
straight strange street strong student study stupid subject such sudden sugar suggest summer sun sure surface surprise
sweet swim table tail take talk tall taste teach teacher team tear television tell ten terrible test than thank that
that's the their them themselves then there there's these they they're thick thin thing think third this those though
thought thousand three through throw thus ticket tie tiger time tiny tired to today together told tomorrow tonight too
took tooth top total touch toward town toy train travel tree triangle trip trouble true trust truth try turn twelve
twenty twice two type uncle under understand until up upon us use useful usual usually valley value very view village
visit voice wait walk wall want war warm was wash wasn't waste watch water wave way we we're weak wear weather week
weight well went were west wet what what's wheel when where where's whether which while white who who's whole whom
whose why wide wife wild will win wind window wine wing winter wish with within without woman women won won't wonder
wood word work world worry worse worst would wouldn't write wrong wrote yard year yellow yes yesterday yet you you'd
you'll you're young your yours yourself zero
"""
WORDS = tuple(TEXT.split())
