"""The checker's own knowledge of words: number, articles, kinds of things, classes of attributes, places."""

from functools import cache


def _words(text: str) -> set[str]:
    return set(text.split())


NUMBERS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)  # fmt: skip

# -- nouns: one and many ------------------------------------------------------------------------------------------
IRREGULAR = {
    "people": "person", "men": "man", "women": "woman", "children": "child", "feet": "foot", "teeth": "tooth",
    "geese": "goose", "mice": "mouse", "knives": "knife", "leaves": "leaf", "shelves": "shelf", "wolves": "wolf",
    "loaves": "loaf", "halves": "half", "scarves": "scarf", "calves": "calf", "wives": "wife", "thieves": "thief",
    "potatoes": "potato", "tomatoes": "tomato", "heroes": "hero", "mangoes": "mango", "oxen": "ox",
    "policemen": "policeman", "firemen": "fireman", "snowmen": "snowman", "buses": "bus", "lenses": "lens",
    "spheres": "sphere", "axes": "axe", "hooves": "hoof", "elves": "elf", "cacti": "cactus", "skis": "ski",
    "taxis": "taxi", "bikinis": "bikini", "kiwis": "kiwi",
}  # fmt: skip
INVARIANT = {"sheep", "fish", "deer", "moose", "aircraft", "series", "bison", "salmon", "offspring", "shrimp"}
ALWAYS_PLURAL = _words(
    "pants shorts jeans trousers leggings tights slacks overalls pajamas glasses sunglasses eyeglasses goggles "
    "binoculars scissors pliers tongs tweezers headphones clothes stairs trunks sweatpants"
) | {"eye glasses", "sun glasses", "police", "cattle"}
SINGULAR_IN_S = _words(
    "bus glass grass dress class cross mattress mass compass gas lens iris canvas octopus cactus campus tennis "
    "asparagus christmas hummus circus walrus virus moss bass boss process address harness fitness business "
    "wilderness waitress actress princess hostess news bus stop hibiscus citrus lotus chess mess guess pass pus "
    "gymnastics kiss loss toss access success princess cutlass hourglass fiberglass"
)
MASS = _words(
    "grass snow water sand hair rice dirt mud ice air sky smoke fog mist rain sunlight light shade hay soup cheese "
    "butter bread meat food milk coffee tea juice wine beer flour sugar salt pepper cereal pasta corn broccoli "
    "lettuce cabbage spinach celery furniture luggage equipment clothing jewelry footwear gear fur wool wood metal "
    "plastic glassware silverware gravel soil concrete asphalt foliage vegetation greenery ivy moss seaweed surf "
    "foam trash garbage litter graffiti makeup sunscreen attire apparel scenery traffic money paper cotton leather "
    "lace tape steam dust sauce ketchup mustard mayonnaise oil chocolate bacon ham beef pork chicken fabric cloth "
    "carpeting tile lighting wiring ground ocean lumber hardware hummus asparagus tennis baseball soccer football "
    "basketball"
)

# -- nouns: kinds ---------------------------------------------------------------------------------------------------
SYNONYMS = (
    {"couch", "sofa"}, {"bike", "bicycle"}, {"motorbike", "motorcycle"}, {"kid", "child"}, {"guy", "man", "gentleman"},
    {"lady", "woman"}, {"picture", "photo", "photograph"}, {"tv", "television"}, {"cell phone", "cellphone"},
    {"phone", "telephone"}, {"plane", "airplane", "aeroplane"}, {"trash can", "garbage can", "trash bin"},
    {"puppy", "pup"}, {"rug", "carpet"}, {"stone", "rock"}, {"road", "street"}, {"t-shirt", "tee shirt"},
    {"sunglasses", "sun glasses"}, {"purse", "handbag"}, {"person", "human"}, {"clothes", "clothing"},
    {"sneaker", "tennis shoe"}, {"pavement", "sidewalk"}, {"cup", "mug"}, {"teen", "teenager"}, {"shrub", "bush"},
    {"cyclist", "bicyclist", "biker"}, {"toddler", "baby", "infant"}, {"spectator", "onlooker"}, {"shore", "beach"},
    {"wood", "forest"}, {"bandanna", "bandana"}, {"harbour", "harbor"}, {"cab", "taxi"}, {"hedge", "hedges"},
)  # fmt: skip
KINDS: dict[str, set[str]] = {
    "person": _words(
        "man woman boy girl child baby adult teenager player rider skier snowboarder surfer skateboarder climber "
        "cyclist worker spectator motorcyclist student parent hiker wrestler racer runner swimmer dancer singer "
        "guitarist "
        "musician catcher batter pitcher umpire referee goalie officer policeman fireman chef cook waiter waitress "
        "driver pedestrian farmer cowboy soldier bride groom teammate performer skater tourist jogger fisherman artist "
        "biker vendor coach athlete friend mother father brother sister mom dad son daughter nurse doctor "
        "customer wakeboarder kayaker passenger winner cheerleader walker painter youngster"
    ),
    "adult": _words("man woman"),
    "child": _words("boy girl baby"),
    "man": _words("policeman fireman fisherman groom father brother dad son cowboy waiter"),
    "woman": _words("bride mother sister mom daughter waitress"),
    "animal": _words(
        "dog cat horse cow sheep bird elephant giraffe zebra bear goat pig duck goose puppy kitten pony calf lamb "
        "monkey lion tiger wolf deer fish cattle bull greyhound poodle retriever ox rabbit chicken"
    ),
    "dog": _words("puppy greyhound poodle retriever bulldog terrier collie dachshund beagle"),
    "cat": {"kitten"},
    "horse": {"pony"},
    "bird": _words("duck goose seagull pigeon parrot chicken swan eagle owl"),
    "vehicle": _words("car bus truck van bike motorcycle train plane boat scooter tractor cab jeep suv cart"),
    "boat": _words("kayak canoe raft sailboat ship ferry"),
    "furniture": _words("table chair couch bed desk shelf cabinet dresser bench stool armchair"),
    "chair": {"armchair"},
    "table": {"desk"},
    "clothing": _words(
        "shirt t-shirt pants shorts jeans jacket coat dress skirt sweater hat cap sock shoe glove scarf vest uniform "
        "suit tie costume outfit swimsuit jersey sweatshirt hoodie wetsuit"
    ),
    "shirt": _words("t-shirt blouse jersey"),
    "shoe": _words("sneaker boot sandal"),
    "hat": _words("cap beanie"),
    "fruit": _words("apple banana orange pear grape lemon strawberry watermelon"),
    "food": _words("apple banana orange pear rice bread pizza sandwich cake meat cheese carrot salad fruit"),
    "plant": _words("tree flower bush grass"),
    "tree": {"palm tree", "pine tree", "evergreen"},
    "building": _words("house barn church tower shop store"),
    "toy": {"teddy bear", "doll"},
    "ball": {"basketball", "football", "baseball", "soccer ball", "tennis ball"},
}
AGE_AND_SEX = {"man", "woman", "boy", "girl", "child", "kid", "baby", "adult", "teenager", "guy", "lady"}
ANYTHING = {"object", "objects", "thing", "things", "item", "items"}
COLLECTIVES: dict[str, str] = {
    "crowd": "person", "group": "person", "audience": "person", "team": "person", "family": "person",
    "couple": "person", "band": "person", "gathering": "person", "herd": "animal", "flock": "animal", "woods": "tree",
    "forest": "tree",
}  # fmt: skip


@cache
def singular(noun: str) -> str:
    """The name of one: "traffic lights" -> "traffic light"; what is singular, or always plural, stays."""
    if noun in INVARIANT | ALWAYS_PLURAL | SINGULAR_IN_S:
        return noun
    head, space, last = noun.rpartition(" ")
    if last in IRREGULAR:
        return head + space + IRREGULAR[last]
    if last in INVARIANT | ALWAYS_PLURAL | SINGULAR_IN_S or not last.endswith("s") or last.endswith(("ss", "us", "is")):
        return noun
    if last.endswith("ies") and len(last) > 4:
        return head + space + last[:-3] + "y"
    if last.endswith(("sses", "shes", "ches", "xes", "zes")):
        return head + space + last[:-2]
    return head + space + last[:-1]


@cache
def plural(noun: str) -> str:
    """The name of several: "knife" -> "knives"."""
    if noun in INVARIANT | ALWAYS_PLURAL:
        return noun
    head, space, last = noun.rpartition(" ")
    for many, one in IRREGULAR.items():
        if one == last:
            return head + space + many
    if last.endswith("y") and last[-2:-1] not in set("aeiou"):
        return head + space + last[:-1] + "ies"
    return noun + ("es" if last.endswith(("s", "sh", "ch", "x", "z")) else "s")


def is_plural(noun: str) -> bool | None:
    """Whether "are" follows; None where both are right, as for sheep."""
    last = noun.rpartition(" ")[2]
    if noun in INVARIANT or last in INVARIANT:
        return None
    return noun in ALWAYS_PLURAL or last in ALWAYS_PLURAL or singular(noun) != noun


def is_mass(noun: str) -> bool:
    """Whether the noun takes no "a" and no number."""
    return noun in MASS or noun.rpartition(" ")[2] in MASS - {"light", "paper", "glass", "chicken", "tile", "football"}


@cache
def synonyms(noun: str) -> frozenset[str]:
    """All names, in the singular, that mean the same, the noun among them."""
    one = singular(noun)
    return frozenset({one}.union(*(group for group in SYNONYMS if one in group)))


@cache
def narrower(noun: str) -> frozenset[str]:
    """All names of which the noun is a wider name, itself and its synonyms left out."""
    same, found = synonyms(noun), set[str]()
    todo = set(same)
    while todo:
        below = {name for n in todo for kind in KINDS.get(n, ()) for name in synonyms(kind)}
        todo = below - found - same
        found |= todo
    return frozenset(found)


def article(words: str) -> str:
    """a or an, by sound."""
    first = words.partition(" ")[0]
    if first.startswith(("hour", "honest", "heir", "honor")):
        return "an"
    if first.startswith(("uni", "use", "usu", "uten", "euro", "one", "once", "ukulele", "ufo")):
        return "an" if first.startswith(("unin", "unim", "unid")) else "a"
    return "an" if first[:1] in set("aeiou") else "a"


# -- attributes -----------------------------------------------------------------------------------------------------
EXCLUSIVE = tuple(
    _words(row)
    for row in (
        "red orange yellow green blue purple pink brown black white gray silver gold golden tan beige maroon navy teal "
        "cream",
        "large medium small", "tall short", "long short", "open closed", "on off", "full empty", "wet dry",
        "clean dirty",
        "new old", "old young", "standing sitting lying running",
        "wood metal plastic rubber glass stone leather concrete brick paper ceramic",
        "paved unpaved", "hard soft", "bare leafy", "calm choppy",
        "thick thin", "round square rectangular triangular oval", "hot cold", "light dark", "happy sad", "male female",
        "bright dark", "awake asleep", "wide narrow", "heavy light", "deep shallow", "smooth rough", "ripe unripe",
        "cooked raw", "lit unlit", "sunny cloudy", "clear cloudy", "curly straight", "parked moving", "fat thin",
        "high low",
    )
)  # fmt: skip
SAME_ATTRIBUTE = {
    "big": "large", "little": "small", "grey": "gray", "wooden": "wood", "metallic": "metal", "blonde": "blond",
    "shut": "closed", "circular": "round", "seated": "sitting", "laying": "lying", "lying down": "lying",
    "laying down": "lying", "turned on": "on", "turned off": "off", "lit": "on", "unlit": "off", "elderly": "old",
    "violet": "purple", "cloudless": "clear", "huge": "large", "giant": "large", "enormous": "large", "tiny": "small",
}  # fmt: skip
NEAR = (
    {"tan", "beige", "khaki", "brown", "cream"}, {"gray", "silver"}, {"yellow", "gold", "golden", "blond"},
    {"wood", "brown"}, {"white", "cream", "beige", "ivory"}, {"red", "maroon"}, {"blue", "navy", "teal"},
    {"green", "teal", "olive"}, {"stone", "brick", "concrete", "ceramic"}, {"standing", "walking"}, {"tall", "large"},
    {"metal", "silver", "steel"}, {"short", "small"}, {"round", "oval"}, {"old", "dirty"},
)  # fmt: skip
"""So close, or so often true together, that one is no proof against the other."""


def same_attribute(a: str, b: str) -> bool:
    """Whether both words mean the same."""
    return SAME_ATTRIBUTE.get(a, a) == SAME_ATTRIBUTE.get(b, b)


def near(a: str, b: str) -> bool:
    """Whether a speaker may say either of the same thing."""
    a, b = SAME_ATTRIBUTE.get(a, a), SAME_ATTRIBUTE.get(b, b)
    return a == b or any({a, b} <= group for group in NEAR) or a.endswith(f" {b}") or b.endswith(f" {a}")


def exclusive(a: str, b: str) -> bool:
    """Whether nothing can be both at once."""
    a, b = SAME_ATTRIBUTE.get(a, a), SAME_ATTRIBUTE.get(b, b)
    return not near(a, b) and any({a, b} <= group for group in EXCLUSIVE)


def of_another_class(a: str, b: str) -> bool:
    """Whether a belongs to a class, and b is not in it: a material and a colour."""
    a, b = SAME_ATTRIBUTE.get(a, a), SAME_ATTRIBUTE.get(b, b)
    classes = [group for group in EXCLUSIVE if a in group]
    return bool(classes) and not any(b in group for group in classes)


# -- places and other relations -------------------------------------------------------------------------------------
LEFT, RIGHT, ABOVE, BELOW = "to the left of", "to the right of", "above", "below"
SAID = {"left of": LEFT, "on the left of": LEFT, "right of": RIGHT, "on the right of": RIGHT, "part of": "of"}
"""Ways to say a place; the others are said as they are called."""
SAME_PLACE = {
    "near": "next to", "beside": "next to", "by": "next to", "close to": "next to", "under": BELOW, "beneath": BELOW,
    "underneath": BELOW, "on top of": "on", "inside": "in", "inside of": "in", "within": "in", "over": ABOVE,
    "carrying": "holding", **SAID,
}  # fmt: skip
CONVERSE = {
    LEFT: RIGHT, RIGHT: LEFT, ABOVE: BELOW, BELOW: ABOVE, "in front of": "behind", "behind": "in front of",
}  # fmt: skip
SYMMETRIC = {"next to", "near", "beside", "by", "close to", "touching", "facing", "playing with", "hugging"}
ONE_WAY = {
    LEFT, RIGHT, ABOVE, BELOW, "in front of", "behind", "in", "on", "wearing", "holding", "carrying", "riding", "of",
    "sitting on", "standing on", "lying on", "eating", "walking on", "covering", "running on", "kicking", "throwing",
    "catching", "climbing", "driving", "chasing", "jumping over", "pulling", "pushing",
    "leading", "feeding", "drinking", "standing in", "sitting in", "swimming in", "leaning on", "attached to",
}  # fmt: skip
"""If it holds one way, it does not hold the other way round."""
CONTRARY = (
    ({"on", "standing on", "sitting on", "lying on", "riding", "in", "walking on", "running on"}, {BELOW}),
    ({"sitting on"}, {"standing on", "lying on", "walking on", "running on"}),
    ({"standing on"}, {"lying on", "running on"}),
    ({"pulling"}, {"pushing"}),
    ({"catching"}, {"throwing", "kicking"}),
    ({ABOVE}, {BELOW}),
    ({LEFT}, {RIGHT}),
    ({"in front of"}, {"behind"}),
)
"""Of these, one excludes the other for the same two things."""
IMPLIES = {
    "sitting on": "on", "standing on": "on", "lying on": "on", "walking on": "on", "running on": "on", "riding": "on",
    "standing in": "in", "sitting in": "in", "swimming in": "in", "leaning on": "on", "parked on": "on",
    "hanging on": "on", "growing on": "on",
}  # fmt: skip
ONE_OWNER = {"wearing", "of", "riding"}
"""The second thing is so related to one thing only: a worn hat has one wearer."""


def place(predicate: str) -> str:
    """One name for all that mean the same."""
    return SAME_PLACE.get(predicate, predicate)


def contrary(p: str, q: str) -> bool:
    """Whether p and q, both of the same two things, exclude each other."""
    return any((p in a and q in b) or (p in b and q in a) for a, b in CONTRARY)
