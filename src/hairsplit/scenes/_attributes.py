"""Hand-written word lists about attributes behind `lexicon`: a wrong entry makes a false label."""


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


SYNONYMS = {
    "grey": "gray", "big": "large", "little": "small", "huge": "large", "giant": "large", "tiny": "small",
    "enormous": "large", "gigantic": "large", "massive": "large", "mini": "small", "miniature": "small",
    "oversized": "large", "medium sized": "medium", "medium-sized": "medium",
    "opened": "open", "shut": "closed", "wide open": "open", "lying down": "lying", "laying": "lying",
    "laying down": "lying", "reclining": "lying", "sitting down": "sitting", "seated": "sitting",
    "sitting up": "sitting",
    "standing up": "standing", "upright": "standing", "strolling": "walking", "jogging": "running",
    "galloping": "running", "golden": "gold", "reddish": "red", "blueish": "blue", "bluish": "blue",
    "yellowish": "yellow", "greenish": "green", "brownish": "brown", "grayish": "gray", "whitish": "white",
    "red colored": "red", "scarlet": "red", "crimson": "red", "wood": "wooden", "made of wood": "wooden",
    "metallic": "metal", "steel": "metal", "iron": "metal", "stainless steel": "metal", "aluminum": "metal",
    "made of metal": "metal", "made of plastic": "plastic", "made of glass": "glass", "made of stone": "stone",
    "made of brick": "brick", "bricked": "brick", "cement": "concrete", "porcelain": "ceramic", "clay": "ceramic",
    "leathery": "leather", "elderly": "old", "aged": "old", "older": "old", "ancient": "old", "antique": "old",
    "brand new": "new", "youthful": "young", "younger": "young", "lit": "on", "lit up": "on", "turned on": "on",
    "illuminated": "on", "turned off": "off", "unlit": "off", "switched on": "on", "switched off": "off",
    "circular": "round", "rounded": "round", "square shaped": "square", "rectangle": "rectangular",
    "driving": "moving", "in motion": "moving", "parking": "parked", "filled": "full", "vacant": "empty",
    "unoccupied": "empty", "soaked": "wet", "damp": "wet", "drenched": "wet", "soaking": "wet", "moist": "wet",
    "filthy": "dirty", "grimy": "dirty", "muddy": "dirty", "stained": "dirty", "spotless": "clean", "lengthy": "long",
    "slim": "thin", "broad": "wide", "cloudless": "clear", "leafless": "bare", "clouded": "cloudy",
    "uncooked": "raw", "chopped": "sliced", "cut": "sliced",
    "uncut": "whole", "curled": "curly", "chilled": "cold", "heated": "hot", "steaming": "hot",
    "bumpy": "rough", "coarse": "rough", "living": "alive",
    "folded up": "folded",
}  # fmt: skip
"""Other words for a canonical attribute."""
BASIC_COLOURS = ("black", "blue", "brown", "gray", "green", "orange", "pink", "purple", "red", "white", "yellow")
CLASSES = {
    "colour": BASIC_COLOURS,
    "size": ("large", "medium", "small"),
    "material": ("brick", "ceramic", "concrete", "glass", "leather", "metal", "paper", "plastic", "stone", "wooden"),
    "age": ("new", "old", "young"),
    "extent": ("long", "short", "tall"),
    "width": ("narrow", "wide"),
    "thickness": ("thick", "thin"),
    "depth": ("deep", "shallow"),
    "shape": ("rectangular", "round", "square", "triangular"),
    "fullness": ("empty", "full"),
    "openness": ("closed", "open"),
    "power": ("off", "on"),
    "motion": ("moving", "parked"),
    "wetness": ("dry", "wet"),
    "cleanliness": ("clean", "dirty"),
    "temperature": ("cold", "hot"),
    "posture": ("lying", "running", "sitting", "standing", "walking"),
    "curl": ("curly", "straight", "wavy"),
    "weather": ("clear", "cloudy"),
    "foliage": ("bare", "leafy"),
    "cooking": ("cooked", "raw"),
    "ripeness": ("ripe", "unripe"),
    "peel": ("peeled", "unpeeled"),
    "cut": ("sliced", "whole"),
    "texture": ("rough", "smooth"),
    "firmness": ("hard", "soft"),
    "paving": ("paved", "unpaved"),
    "water": ("calm", "choppy"),
    "folding": ("folded", "unfolded"),
    "life": ("alive", "dead"),
}
"""Class -> attributes of which an object has at most one, in alphabetical order."""
COMPATIBLE = (
    {"long", "tall"}, {"young", "new"}, {"standing", "walking"}, {"running", "walking"}, {"rectangular", "square"},
    {"curly", "wavy"}, {"brick", "stone"}, {"brick", "concrete"}, {"concrete", "stone"}, {"ceramic", "stone"},
    {"ceramic", "glass"}, {"metal", "wooden"}, {"metal", "plastic"}, {"glass", "metal"}, {"glass", "plastic"},
    {"leather", "plastic"}, {"glass", "wooden"}, {"plastic", "wooden"}, {"leather", "wooden"}, {"brick", "wooden"},
    {"stone", "wooden"},
)  # fmt: skip
"""Members of a class that may both be true, or are told apart too loosely: neither rules the other out."""
LOOSE = (
    {"pink", "purple"}, {"pink", "red"}, {"orange", "red"}, {"orange", "yellow"}, {"brown", "orange"},
    {"brown", "yellow"}, {"brown", "gray"}, {"black", "gray"}, {"gray", "white"}, {"blue", "gray"}, {"blue", "purple"},
)  # fmt: skip
"""Neighbouring colours, which people tell apart too loosely to rule one out by the other in an incomplete graph; by
`benchmarks/lexicon_classes.py` and general knowledge."""
SHADES = {
    "silver": "gray white", "tan": "brown yellow orange white", "beige": "brown white yellow",
    "gold": "yellow brown orange",
    "maroon": "red brown purple", "navy": "blue black", "teal": "blue green", "turquoise": "blue green",
    "cyan": "blue green", "aqua": "blue green", "violet": "purple blue pink", "lavender": "purple pink blue",
    "cream": "white yellow", "ivory": "white yellow", "khaki": "brown green yellow", "blond": "yellow brown white",
    "blonde": "yellow brown white", "brunette": "brown black", "dark": "black blue brown gray green purple red",
    "light": "white blue brown gray green pink yellow", "light blue": "blue white", "dark blue": "blue black",
    "light brown": "brown", "dark brown": "brown black", "bright": "yellow white orange red green blue pink",
    "cream colored": "white yellow", "off white": "white yellow gray", "off-white": "white yellow gray",
    "navy blue": "blue black", "light green": "green yellow", "dark green": "green black", "lime green": "green yellow",
    "light gray": "gray white", "dark gray": "gray black", "charcoal": "gray black", "light pink": "pink white",
    "dark red": "red brown purple", "burgundy": "red brown purple", "magenta": "pink purple red",
    "rust": "brown red orange",
    "copper": "brown orange red", "bronze": "brown orange yellow", "brass": "yellow brown", "peach": "pink orange",
    "salmon": "pink orange", "olive": "green brown", "olive green": "green brown", "lime": "green yellow",
    "mint": "green blue", "chocolate": "brown black", "mauve": "purple pink", "lilac": "purple pink",
    "indigo": "blue purple", "auburn": "brown red", "sandy": "brown yellow white", "mustard": "yellow brown",
    "fuchsia": "pink purple red", "chrome": "gray white", "pale": "white yellow pink blue green gray",
    "rosy": "pink red", "ginger": "orange red brown", "caramel": "brown orange yellow", "amber": "yellow orange brown",
    "black and white": "", "red and white": "", "blue and white": "", "rusty": "", "snowy": "", "snow covered": "",
    "transparent": "",
    "colorful": "", "multicolored": "", "multi-colored": "", "multi colored": "", "colored": "", "rainbow": "",
    "striped": "", "plaid": "", "spotted": "", "floral": "", "neon": "", "camouflage": "", "checkered": "",
    "checked": "",
    "patterned": "", "painted": "", "dotted": "", "polka dot": "", "speckled": "", "tie dyed": "",
    "two toned": "", "tiled": "", "variegated": "", "iridescent": "",
}  # fmt: skip
"""Shade -> basic colours that it may be called; "" stands for all of them: it rules none out."""

OF_ANIMALS = _set("colour size posture age wetness cleanliness")
"""Classes that are said of animals."""
OF_PEOPLE = _set("posture age")
"""Classes that are said of people: no remark on their skin or size."""
ONLY_OF = {
    "power": _set("""
        light lamp lantern headlight streetlight lightbulb bulb television tv monitor screen computer laptop oven stove
        microwave fan candle radio phone toaster dryer fireplace flashlight projector display
    """),
    "motion": _set("""
        car truck bus van bike bicycle motorcycle motorbike scooter train boat plane airplane tractor taxi cab suv jeep
        minivan trailer vehicle sedan carriage wagon cart trolley tram helicopter ambulance pickup
    """),
    "curl": _set("hair beard mane fur tail"),
    "weather": _set("sky"),
    "foliage": _set("tree bush plant shrub branch"),
    "water": _set("water ocean sea lake river pond"),
    "paving": _set("road path street trail lot sidewalk driveway"),
    "life": _set("tree plant flower grass bush"),
    "ripeness": _set("banana apple orange pear peach tomato mango avocado lemon strawberry melon"),
    "peel": _set("banana orange apple potato carrot egg onion cucumber"),
    "cut": _set("pizza banana apple orange tomato bread cake onion lemon lime cucumber carrot pepper sandwich"),
    "cooking": _set("meat chicken egg fish bacon steak shrimp dough vegetable pizza"),
    "temperature": _set("drink coffee tea water soup food pizza beverage"),
    "fullness": _set("""
        glass cup mug bottle bowl box basket bucket pail bag sack jar can vase plate dish tray bin crate barrel pot pan
        jug pitcher kettle container carton cooler backpack purse suitcase drawer shelf bookshelf rack cabinet closet
        refrigerator fridge freezer oven dishwasher sink bathtub tub toilet cart wagon trailer truck bus train tank
        room restaurant stadium theater classroom lot garage beach street bench seat table
    """),
}
"""Class -> the only nouns of which it is said."""
