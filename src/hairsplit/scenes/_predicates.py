"""Hand-written algebra of predicates behind `lexicon`: small on purpose, since a wrong entry makes a false label."""

PLACES = (
    "to the left of", "to the right of", "above", "below", "in front of", "behind", "inside", "in", "on", "next to",
)  # fmt: skip
"""Where a thing is: "the cup is located on the table", "on the table is the cup"."""

_DOINGS = """
    wearing holding carrying riding driving eating drinking using watching feeding pulling pushing throwing catching
    kicking hitting swinging chasing following leading climbing crossing playing covering surrounding touching petting
    licking biting chewing hugging kissing cutting cooking preparing serving washing cleaning brushing reading opening
    entering exiting boarding facing flying towing dragging lifting supporting decorating pouring smelling sniffing
    guiding herding photographing reflecting blocking
"""
_POSTURES = ("sitting", "standing", "lying")
_MOTIONS = ("walking", "running", "jumping", "driving", "parked", "flying", "swimming", "floating", "hanging")
_WHERE = (
    "on", "in", "at", "next to", "behind", "in front of", "under", "over", "with", "around", "through", "along", "down",
    "up", "across", "toward", "from", "against", "by",
)  # fmt: skip
_OTHERS = (
    "looking at", "looking in", "looking out", "looking through", "pointing at", "staring at", "reaching for",
    "talking on", "talking to", "talking with", "playing with", "playing in", "playing on", "posing with", "posing for",
    "waiting for", "waiting at", "working on", "working at", "skiing on", "skiing down", "surfing on", "surfing in",
    "skating on", "grazing in", "grazing on", "growing in", "growing on", "growing from", "leaning on",
    "leaning against", "attached to", "connected to", "tied to", "chained to", "plugged into", "mounted on",
    "painted on", "printed on", "written on", "drawn on", "displayed on", "displayed in", "piled on", "stacked on",
    "stacked in", "stored in", "wrapped around", "wrapped in", "covered with", "covered in", "covered by",
    "surrounded by", "filled with", "full of", "topped with", "stuffed with", "shining on", "shining through",
    "reflected in", "reflected on", "resting on", "perched on", "balancing on", "sleeping on", "sleeping in",
    "crouching on", "kneeling on", "climbing on", "riding on", "riding in", "drinking from", "eating from", "stuck in",
    "stuck on", "sticking out of", "coming out of", "part of", "of", "reaching into", "sprinkled on", "dipped in",
    "worn by", "held by", "carried by", "ridden by", "pulled by", "pushed by", "followed by", "led by", "fed by",
)  # fmt: skip
DOINGS = frozenset(_DOINGS.split()) | {f"{v} {w}" for v in _POSTURES + _MOTIONS for w in _WHERE} | frozenset(_OTHERS)
"""Predicates that may follow "is": not "has", "wears" or "with a"; no other predicate is said."""

SYNONYMS = {
    "left of": "to the left of", "on the left of": "to the left of", "on the left side of": "to the left of",
    "right of": "to the right of", "on the right of": "to the right of", "on the right side of": "to the right of",
    "under": "below", "beneath": "below", "underneath": "below", "within": "inside", "inside of": "inside",
    "beside": "next to", "near": "next to", "by": "next to", "on top of": "on", "close to": "next to",
    "adjacent to": "next to", "at the side of": "next to", "atop": "on", "over top of": "above", "in back of": "behind",
    "at the back of": "behind", "at the front of": "in front of", "before": "in front of", "wears": "wearing",
    "dressed in": "wearing", "holds": "holding", "grabbing": "holding", "gripping": "holding", "grasping": "holding",
    "rides": "riding", "eats": "eating", "carries": "carrying", "laying on": "lying on", "laying in": "lying in",
    "lying on top of": "lying on", "laying on top of": "lying on", "lying down on": "lying on", "lies on": "lying on",
    "sitting on top of": "sitting on", "seated on": "sitting on", "sits on": "sitting on", "seated in": "sitting in",
    "seated at": "sitting at", "sitting down on": "sitting on", "sitting down at": "sitting at",
    "standing on top of": "standing on", "stands on": "standing on", "sitting beside": "sitting next to",
    "sitting near": "sitting next to", "standing beside": "standing next to", "standing near": "standing next to",
    "standing by": "standing next to", "sitting by": "sitting next to", "walking near": "walking next to",
    "walking beside": "walking next to", "looking toward": "looking at", "looking towards": "looking at",
    "looking down at": "looking at", "looking up at": "looking at", "staring at": "looking at",
    "gazing at": "looking at",
    "observing": "watching", "walking towards": "walking toward", "running towards": "running toward",
    "encircling": "surrounding",
    "enclosing": "surrounding", "parked beside": "parked next to", "parked near": "parked next to",
    "parked by": "parked next to", "parked along": "parked next to", "parked alongside": "parked next to",
    "filled by": "filled with", "full with": "full of", "covered with": "covered by", "covered in": "covered by",
    "leaving": "exiting", "getting out of": "exiting", "going into": "entering", "walking into": "entering",
    "walking out of": "exiting", "tossing": "throwing", "pitching": "throwing",
    "stroking": "petting", "towing": "pulling", "tugging": "pulling", "hauling": "pulling", "riding on": "riding",
    "riding on top of": "riding", "belonging to": "of", "part of": "of", "nuzzling": "touching",
}  # fmt: skip
"""Other words for a canonical predicate; the claim is the same."""

INVERSES = {
    "to the left of": "to the right of", "to the right of": "to the left of", "above": "below", "below": "above",
    "in front of": "behind", "behind": "in front of",
}  # fmt: skip
_PASSIVES = {
    "wearing": "worn by", "holding": "held by", "carrying": "carried by", "riding": "ridden by", "feeding": "fed by",
    "pulling": "pulled by", "pushing": "pushed by", "following": "followed by", "leading": "led by",
    "covering": "covered by", "surrounding": "surrounded by",
}  # fmt: skip
INVERSES |= _PASSIVES | {passive: active for active, passive in _PASSIVES.items()}

_ONE_WAY = """
    inside in on of driving eating drinking using throwing catching kicking climbing cutting cooking serving reading
    opening entering exiting boarding
"""
ASYMMETRIC = frozenset(_ONE_WAY.split()) | {f"{posture} {where}" for posture in _POSTURES for where in ("on", "in")}
"""Predicates that cannot hold both ways; with all of `INVERSES`."""

FUNCTIONAL = {"wearing": 2, "riding": 2, "driving": 2, "of": 1}
"""Predicate -> the argument, first or second, for which there is only one other: a worn hat has one wearer, a part one
whole. Of riders and wholes there may be several that touch; they are told apart by boxes that do not."""

_STILL = ("sitting", "standing", "lying")
_EXCLUSIVE = [
    ("on", "below"), ("inside", "on"), ("pulling", "pushing"), ("entering", "exiting"), ("throwing", "catching"),
    ("parked on", "driving on"), ("parked in", "driving in"), ("parked next to", "driving next to"),
]  # fmt: skip
for _place in ("on", "in", "next to", "behind", "in front of", "at", "with"):
    _EXCLUSIVE += [(f"{a} {_place}", f"{b} {_place}") for i, a in enumerate(_STILL) for b in _STILL[i + 1 :]]
    _EXCLUSIVE += [(f"walking {_place}", f"{b} {_place}") for b in ("sitting", "lying")]
    _EXCLUSIVE += [(f"running {_place}", f"{b} {_place}") for b in ("sitting", "lying", "standing")]
CONTRARIES = tuple(_EXCLUSIVE)
"""Canonical predicates that cannot hold of the same two things at once. Standing and walking are told apart too loosely
by annotators to be among them."""

OVERLAPPING = (
    ("inside", "in", "wearing"),
    ("on", "in", "of", "wearing", "riding", "sitting on", "standing on", "walking on", "above", "lying on",
     "hanging on", "parked on", "running on", "leaning on", "resting on", "perched on", "covering", "attached to",
     "mounted on", "printed on", "painted on", "written on", "growing on", "skiing on", "surfing on", "piled on",
     "stacked on"),
    ("in", "sitting in", "standing in", "lying in", "walking in", "swimming in", "floating in", "growing in",
     "flying in", "hanging in", "parked in", "riding", "driving", "playing in", "stored in", "displayed in",
     "wrapped in"),
    ("holding", "carrying", "with", "of", "using", "touching", "swinging", "eating", "drinking", "reading"),
    ("next to", "behind", "in front of", "with", "at", "standing next to", "sitting next to", "walking next to",
     "parked next to", "standing at", "sitting at", "touching"),
    ("of", "with", "in", "attached to", "connected to"), ("looking at", "watching", "facing", "pointing at"),
    ("chasing", "following", "running behind", "walking behind"), ("pulling", "leading", "dragging", "holding"),
    ("hitting", "swinging", "kicking", "playing with"), ("playing", "playing with", "using", "holding"),
    ("covered by", "filled with", "full of", "topped with", "surrounded by"), ("covering", "surrounding", "around"),
)  # fmt: skip
"""Words of which one may be annotated where another is just as true."""
