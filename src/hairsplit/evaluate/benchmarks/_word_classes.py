"""Nouns and adjectives of image captions, told by lists and endings: the same words on every machine, for ever.

ARO asks spaCy, whose answers change with its version. This tagger knows closed classes, common verbs and adjectives of
captions and a few endings, and calls the rest nouns; changing it changes a benchmark (`tests` hold a golden hash).
"""

from typing import Literal

WordClass = Literal["noun", "adjective", "other"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_OTHER = _words(
    """
    a an the this that these those some any each every no all both either neither another other such what which
    who whom whose he she it they we you i him her them us me his hers its their theirs our your my one's
    himself herself itself themselves there here and or but nor so yet if while as than because when where
    whereas although though until since of in on at by for with without from to into onto over under above below
    between among behind beside besides beneath underneath near next against along across around through
    throughout toward towards off out up down inside outside within upon about after before during past like via
    per atop amid amongst alongside beyond except is are was were be been being am has have had having do does
    did done doing can could will would shall should may might must not n't 's 're 've 'll very too also just
    only even still again away back together apart almost about nearly quite rather more most less least much
    many few several lots lot one two three four five six seven eight nine ten eleven twelve first second third
    how why then now ever never always often later soon well ahead forward forwards backward backwards sideways
    indoors outdoors upside instead maybe perhaps whilst
    """
)
_VERBS = _words(
    """
    sit sits sat stand stands stood lie lies lay lays walk walks run runs ran ride rides rode hold holds held
    play plays look looks wear wears wore eat eats ate fly flies flew drive drives drove jump jumps hang hangs
    hung lean leans pose poses watch watches smile smiles talk talks rest rests sleep sleeps slept swim swims
    swing swings swung throw throws threw catch catches caught hit hits kick kicks pull pulls push pushes carry
    carries reach reaches cross crosses go goes went come comes came get gets got give gives gave take takes
    took make makes made put puts show shows shown seen see sees saw use uses prepare prepares perform performs
    contain contains cover covers fill fills face faces follow follows float floats feed feeds fed graze grazes
    cut cuts drink drinks drank read reads write writes work works wait waits travel travels move moves turn
    turns try tries tried appear appears seem seems gather gathers line lines pass passes overlook overlooks
    display displays dressed set shot taken broken gotten worn built kept left let lets sell sells sold surf
    surfs ski skis skate skates skateboards climb climbs dance dances sing sings cook cooks stare stares leap leaps
    leapt
    """
)
_ADJECTIVES = _words(
    """
    red orange yellow green blue purple pink brown black white gray grey beige tan golden silver blond blonde
    dark light bright pale big small large little tiny huge giant tall short long high low wide narrow thin
    thick fat deep shallow old new young elderly adult modern ancient antique vintage empty full open closed
    clean dirty wet dry hot cold warm cool fresh ripe raw soft hard smooth rough sharp flat round square
    rectangular circular oval curved straight heavy fast slow quick busy quiet calm crowded lone single double
    several-story wooden metal metallic plastic woolen leafy grassy sandy snowy rainy sunny cloudy foggy rocky
    muddy dusty hazy fluffy furry hairy shaggy fuzzy shiny colorful colourful beautiful pretty cute nice good
    bad great happy sad funny angry tired asleep awake alone different same similar various multiple main front
    rear left right top bottom middle upper lower outer inner urban rural male female human wild tame domestic
    professional military public private local electric electronic digital naked nude bare shirtless barefoot
    blind bald bearded transparent clear plain fancy formal casual ornate elegant simple special wooded lush
    tropical grilled baked fried striped spotted plaid checkered patterned colored coloured stuffed parked
    covered american asian african european english french italian chinese japanese indian mexican older younger larger
    smaller bigger taller shorter longer higher
    """
)
_NOUNS_IN_ING = _words(
    """
    building buildings ceiling ceilings clothing king ring rings string strings wing wings spring painting
    paintings evening morning thing things something anything nothing everything railing railings pudding
    frosting wedding icing topping toppings lettering writing awning awnings crossing dining living parking
    landing clearing opening stuffing dressing swing swings sling offspring lighting siding bedding flooring
    carving earring earrings drawing drawings wiring covering clothesline
    """
)
_NOUNS_IN_ED = _words(
    """
    bed beds shed sheds sled sleds weed weeds seed seeds bread breads head heads reed reeds
    """
)
_NOUNS_IN_LY = _words(
    """
    family jelly belly lily fly butterfly trolley bully doily
    """
)
_ADJECTIVE_ENDINGS = ("ful", "ous", "ish", "less", "able", "ible", "ical")


def word_class(word: str) -> WordClass:
    """Class of a lower-case word of a caption; punctuation at its ends does not matter."""
    if word in _OTHER:
        return "other"
    bare = word.strip("'\"-,/&$%?[]{}<>|+=_\\")
    if bare in _ADJECTIVES:
        return "adjective"
    if not bare or bare in _OTHER or bare in _VERBS or not bare[0].isalpha():
        return "other"
    if (bare.endswith("ing") and bare not in _NOUNS_IN_ING) or (bare.endswith("ed") and bare not in _NOUNS_IN_ED):
        return "other"
    if bare.endswith("ly") and bare not in _NOUNS_IN_LY:
        return "other"
    return "adjective" if bare.endswith(_ADJECTIVE_ENDINGS) and len(bare) > 5 else "noun"
