"""Word lists of the rules: what may stand for what, and what rules what out. Small on purpose, written by hand."""

from hairsplit.scenes import lexicon


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _table(text: str) -> dict[str, frozenset[str]]:
    """Word -> words, from lines of "word: words", which go on where they are indented further."""
    lines = text.replace("\n        ", " ").strip().splitlines()
    return {key.strip(): _set(value) for key, _, value in (line.partition(":") for line in lines)}


def _pairs(text: str) -> frozenset[frozenset[str]]:
    return frozenset(frozenset(pair.split()) for pair in text.split(","))


TAGS = {
    "stick": "NN", "sticks": "NNS",
    "frisbee": "NN", "that": "WDT", "while": "IN", "as": "IN", "outside": "IN", "inside": "IN", "like": "IN",
    "snow": "NN", "grass": "NN", "blond": "JJ", "blonde": "JJ", "tan": "JJ", "toddler": "NN", "soccer": "NN",
    "skateboard": "NN", "surfboard": "NN", "snowboard": "NN", "background": "NN", "pose": "VBP", "both": "DT",
    "one": "CD", "front": "NN", "left": "JJ", "right": "JJ", "off": "IN", "up": "IN", "down": "IN", "over": "IN",
    "wooden": "JJ", "metal": "JJ", "plastic": "JJ", "male": "NN", "female": "NN", "young": "JJ", "elderly": "JJ",
    "not": "RB", "no": "DT", "another": "DT", "each": "DT", "'s": "POS", "’s": "POS", "his": "PRP$", "her": "PRP$",
    "its": "PRP$", "their": "PRP$", "who": "WP", "which": "WDT", "together": "RB", "something": "PRP", "there": "EX",
}  # fmt: skip
"""Words that the tagger knows otherwise than captions use them."""
FUNCTION = _set("""
    a an the and or but of in on at by for with from to into onto over under above below behind beside near next up
    down out off through across around along against between while as that who which is are was were has have his her
    its their it he she they one two three four five six 's also very all some not together
""")
PRONOUNS = _set("he she him her his hers they them their it its himself herself themselves itself each other who whose")
GENDERED = _set("he she him her his hers himself herself")
RECIPROCAL = _set("together each other both another same all")
NUMBERS = ("two", "three", "four", "five", "six")
DIGITS = {"two": "2", "three": "3", "four": "4", "five": "5", "six": "6"}
COLLECTIVES_OF_TWO = _set("couple pair twins duo both")

COLOURS = _set("black blue brown gray grey green orange pink purple red white yellow")
CLOSE_COLOURS = _pairs(
    "red orange,red pink,red purple,red brown,orange yellow,orange brown,orange pink,yellow green,yellow brown,"
    "yellow white,green blue,blue purple,blue black,blue gray,gray black,gray white,gray brown,gray green,brown black,"
    "brown green,pink purple,pink white,purple black,green black,gray purple,brown white"
)
"""Colours that one may take for each other, or that one thing often has beside each other."""
ATTRIBUTES: tuple[tuple[str, ...], ...] = (
    ("large", "small"), ("big", "small"), ("wooden", "metal"), ("wooden", "plastic"), ("wooden", "stone"),
    ("wooden", "brick"), ("wet", "dry"), ("empty", "crowded"), ("snowy", "grassy"), ("snowy", "sandy"),
    ("sandy", "grassy"), ("young", "old"), ("young", "elderly"), ("open", "closed"), ("blond", "brunette"),
    ("blonde", "brunette"), ("sunny", "rainy"), ("indoor", "outdoor"), ("clean", "dirty"), ("tall", "short"),
    ("striped", "plaid"), ("long", "short"),
)  # fmt: skip
"""Pairs of attributes, besides colours, of which a thing has one at most."""
LIKE_ATTRIBUTES = _table("""
    large: big huge giant enormous tall
    big: large huge giant enormous tall
    small: little tiny mini short
    old: elderly older aged senior
    elderly: old older aged senior
    young: younger little teenage teen child
    crowded: busy full crowd packed
    empty: vacant deserted bare
    grassy: grass green lawn
    sandy: sand beach desert
    snowy: snow white ski
    wet: water soaked soaking rain
    dry: arid
    blond: blonde
    blonde: blond
    brunette: brown dark black
    wooden: wood
    metal: steel iron
    stone: rock rocky
    rainy: rain wet
    sunny: sun
    dirty: muddy mud dirt dusty
    short: small little
    tall: large big high long
    long: tall
    outdoor: outside outdoors
    indoor: inside indoors room
    plaid: checkered
    striped: stripes stripe
    closed: shut
    clean:
    open: opened
    plastic:
    brick: bricks
""")
"""Attribute -> words that may say the same of the picture."""
AGED = _set("man woman lady couple person guy gentleman people")
"""Nouns of which one says both young and old."""
FURRY = _set("dog puppy cat kitten horse pony cow bull goat sheep bear rabbit wolf fox animal greyhound poodle hound")
FUR = _set("black white brown gray grey")
LONG = _set("hair sleeve skirt dress grass")
NO_COLOUR = _set("spot marking patch stripe hair man woman boy girl person people child light team")
"""Nouns of which a colour word says something else, or that are called by another one as well."""
NO_SIZE = _set("boy girl child kid toddler baby man woman person lady people guy crowd group number couple amount")

GROUPS: tuple[str, ...] = (
    "man woman boy girl",
    "dog cat horse cow goat",
    "bicycle horse skateboard surfboard sled",
    "car bus truck train boat airplane",
    "soccer basketball tennis baseball hockey volleyball football golf",
    "guitar violin piano trumpet accordion saxophone flute",
    "snow grass sand water",
    "beach street forest field kitchen desert playground",
    "pool lake river ocean street field beach",
    "bench couch bed swing",
    "ball frisbee stick",
)
"""Nouns that may stand in each other's place and exclude each other there, as captions are meant."""
PLACED = _table("""
    snow: across in into on through
    grass: across in on through
    sand: across in on through
    water: across in into on through
    beach: across along on
    street: across along down in on
    forest: in into through
    field: across in on through
    kitchen: in into
    desert: across in through
    playground: across in on
    pool: in into
    lake: across in into
    river: across along down in into
    ocean: in into
""")
"""Setting -> prepositions by which something is in it."""
RIDDEN, SPORTS = (frozenset(GROUPS[number].split()) for number in (2, 4))
PEOPLE = frozenset(GROUPS[0].split())
CLOSE_NOUNS = _pairs(
    "man boy,woman girl,pool lake,pool river,lake river,lake ocean,river ocean,pool ocean,beach ocean,beach lake,"
    "beach river,beach desert,football soccer,field forest,field playground,field desert,sand water,grass water,"
    "dog bicycle,field lake,field river,field ocean,forest river,forest lake,street river,beach pool,"
    "beach playground,street playground"
)
LIKE_NOUNS = _table("""
    snow: ice ski snowboard snowy snowbank snowball winter sled skier slope mountain
    grass: field lawn grassy yard park
    sand: beach sandy desert dune dirt shore
    water: lake river ocean pool sea wave pond stream creek splash wet surf
    beach: sand ocean sea shore water wave coast sandy
    street: road sidewalk city pavement car traffic alley crosswalk
    forest: wood tree woods trees wooded
    field: grass grassy lawn meadow yard park stadium pasture
    kitchen: cook stove counter
    desert: sand sandy dune dirt
    playground: slide swing park
    pool: swim water swimming
    lake: water pond shore
    river: water stream creek rapid kayak
    ocean: sea water wave beach surf
    horse: pony jockey rider bull rodeo
    dog: puppy greyhound dogs hound poodle terrier
    cat: kitten
    bicycle: bike cyclist biker bicyclist motorcycle cycle
    skateboard: skateboarder skate board skateboarding
    surfboard: surfer surf board wakeboard surfing
    sled: sledding sleigh snow toboggan
    bench: seat chair
    couch: sofa chair seat
    bed: mattress
    swing: swinging
    ball: football basketball baseball soccer tennis toy volleyball rugby softball
    frisbee: disc disk toy
    stick: branch pole log wood bat toy
    soccer: football ball
    football: rugby soccer ball
    baseball: softball bat ball
    guitar: guitarist bass
    airplane: plane jet
    car: vehicle race racing
    truck: vehicle van
    boat: canoe kayak ship raft
    train: subway track
    bus: van
    man: guy person people adult men human male player group crowd
    woman: lady person people adult women female player group crowd
    boy: child kid person children people kids boys toddler baby player group teenager
    girl: child kid person children people kids girls toddler baby player group teenager
    tennis: racket
    basketball: ball hoop
    hockey: puck
    volleyball: ball
    golf:
""")
"""Noun -> words of a picture's captions that may mean it, besides those that the lexicon knows."""
SEXED = _set("bearded shirtless bald pregnant mustached male female naked topless")
"""Modifiers that go with one sex only, or change what is seen with it."""

RELATIONS: tuple[tuple[str, str], ...] = (
    ("in front of", "behind"), ("over", "under"), ("above", "below"), ("into", "out of"), ("onto", "off"),
    ("toward", "away from"), ("towards", "away from"), ("to the left of", "to the right of"), ("up", "down"),
    ("on top of", "under"), ("inside", "outside"), ("on", "under"), ("underneath", "on top of"),
)  # fmt: skip
"""Relations that exclude each other."""
LIKE_RELATIONS = _table("""
    behind: background after chasing chases following follows
    in front of: before front
    over: above across jumping jumps leaping leaps
    under: beneath below underneath
    above: over on
    below: under beneath
    into: in to
    out of: from leaving exiting
    onto: on to
    off: from
    away from: from leaving
    toward: towards to
    towards: toward to
    up: climbing climbs uphill upwards ascending
    down: downhill descending sliding slides slide
    on top of: atop
    inside: indoors in
    outside: outdoors yard
    on: atop
    underneath: under beneath
""")
UNDER_WHAT = _set("bench table bed bridge chair couch car trampoline")
"""What one may be on and as well under."""
MOVING = _set("""
    climb walk run ride hike jog ski go slide skate jump skateboard bike travel drive march stroll race roll
    trot snowboard
""")
"""Verbs with which up and down are directions."""
INCLINED = _set(
    "hill mountain stairs step slide slope ramp ladder cliff escalator tree hillside staircase wall rock dune"
)
"""What has an upper and a lower end, so that up is not down."""
ASYMMETRIC = _set("""
    chase carry hold push pull lead feed wash lift kick bite tackle catch photograph follow behind above under
    below onto atop
""")
"""Verbs and prepositions that do not hold the other way round at the same time."""
SYMMETRIC = _set(
    "with and beside near by next together each other between around like or while as than of at to for from"
)
WORN_BY = _set("in wearing with holding carrying wears holds carries")
"""What joins a person to what they wear or hold."""


def close(a: str, b: str, pairs: frozenset[frozenset[str]]) -> bool:
    """Whether two words are one of the pairs."""
    return frozenset([a, b]) in pairs


def attribute_rivals(name: str) -> tuple[str, ...]:
    """Attributes that exclude this one and may replace it; sorted."""
    if name in COLOURS:
        return tuple(sorted(c for c in COLOURS - {"grey", "orange", name} if excludes(name, c)))
    return tuple(sorted({other for pair in ATTRIBUTES if name in pair for other in pair} - {name}))


def excludes(a: str, b: str) -> bool:
    """Whether a thing has one of two attributes at most."""
    if a in COLOURS and b in COLOURS:
        one, two = lexicon.attribute(a), lexicon.attribute(b)
        return one != two and not close(one, two, CLOSE_COLOURS)
    return any({a, b} == set(pair) for pair in ATTRIBUTES)


def noun_rivals(noun: str) -> tuple[str, ...]:
    """Nouns that exclude this one and may replace it; sorted."""
    found = {other for line in GROUPS if noun in line.split() for other in line.split()} - {noun}
    return tuple(sorted(other for other in found if not close(noun, other, CLOSE_NOUNS)))
