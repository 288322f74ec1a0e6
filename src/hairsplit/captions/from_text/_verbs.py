"""Verbs of captions: their forms, and which of them exclude each other. Small on purpose, written by hand."""

_FORMS = """
sit sits sitting | stand stands standing | lie lies lying | walk walks walking | run runs running
jump jumps jumping | swim swims swimming | sleep sleeps sleeping | crawl crawls crawling | kneel kneels kneeling
dance dances dancing | climb climbs climbing | throw throws throwing | catch catches catching | push pushes pushing
pull pulls pulling | smile smiles smiling | cry cries crying | frown frowns frowning | laugh laughs laughing
enter enters entering | leave leaves leaving | open opens opening | close closes closing | lead leads leading
follow follows following | ride rides riding | chase chases chasing | carry carries carrying | lift lifts lifting
kick kicks kicking | tackle tackles tackling | feed feeds feeding | wash washes washing | bite bites biting
photograph photographs photographing | hold holds holding | watch watches watching | play plays playing
leap leaps leaping | hop hops hopping | dive dives diving | race races racing | sprint sprints sprinting
jog jogs jogging | trot trots trotting | gallop gallops galloping | stroll strolls strolling | hike hikes hiking
march marches marching | rest rests resting | lay lays laying | recline reclines reclining | relax relaxes relaxing
pose poses posing | lean leans leaning | perch perches perching | nap naps napping | wade wades wading
splash splashes splashing | float floats floating | skip skips skipping | squat squats squatting
crouch crouches crouching | look looks looking | talk talks talking | eat eats eating | drink drinks drinking
wear wears wearing | make makes making | take takes taking | stare stares staring | wait waits waiting
slide slides sliding | fly flies flying | hit hits hitting | hang hangs hanging | swing swings swinging
surf surfs surfing | ski skis skiing | skate skates skating | skateboard skateboards skateboarding
snowboard snowboards snowboarding | paddle paddles paddling | travel travels traveling | fight fights fighting
drive drives driving | bike bikes biking | perform performs performing | prepare prepares preparing
exit exits exiting | fall falls falling | dig digs digging | pet pets petting | hug hugs hugging | kiss kisses kissing
grab grabs grabbing | reach reaches reaching | shake shakes shaking | turn turns turning | wrestle wrestles wrestling
"""
FORMS: dict[str, tuple[str, str, str]] = {}
"""Base -> (base, third person, -ing)."""
for _entry in _FORMS.replace("\n", " | ").split("|"):
    if _entry.split():
        _base, _third, _ing = _entry.split()
        FORMS[_base] = (_base, _third, _ing)
BASE = frozenset(forms[0] for forms in FORMS.values())
THIRD = frozenset(forms[1] for forms in FORMS.values())
ING = frozenset(forms[2] for forms in FORMS.values())
BASE_OF = {form: base for base, forms in FORMS.items() for form in forms} | {
    "sat": "sit", "seated": "sit", "stood": "stand", "lays": "lie", "laying": "lie", "lay": "lie", "ran": "run",
    "jumped": "jump", "asleep": "sleep", "caught": "catch", "threw": "throw", "perched": "sit", "laid": "lie",
}  # fmt: skip
RARELY_NOUNS = frozenset(["smile", "pose", "sit", "stand", "walk", "look", "watch", "talk", "laugh", "wait"])
"""Verbs that no other noun stands before as if they were one: a man and a woman smile."""

BODY = frozenset(["sit", "stand", "lie", "walk", "run", "jump", "swim", "sleep", "crawl", "kneel"])
"""What one does with one's whole body; two of them, unless close, are not done at once."""
_CLOSE = (
    "lie sleep", "sit sleep", "sit lie", "walk run", "run jump", "walk jump", "stand walk", "stand run", "sit kneel",
    "crawl lie", "crawl walk", "crawl kneel", "swim jump", "swim run", "swim stand", "swim walk", "swim lie",
    "swim crawl", "crawl run", "stand jump", "kneel lie", "kneel stand",
)  # fmt: skip
OPPOSITES = (
    ("throw", "catch"), ("push", "pull"), ("smile", "frown"), ("smile", "cry"), ("laugh", "cry"), ("enter", "leave"),
    ("open", "close"), ("lead", "follow"),
)  # fmt: skip
IMPLIED = {
    "leap": "jump", "hop": "jump", "dive": "jump swim", "race": "run", "sprint": "run", "jog": "run",
    "trot": "run walk", "gallop": "run", "chase": "run", "stroll": "walk", "hike": "walk climb", "march": "walk",
    "rest": "lie sit sleep", "recline": "lie sit", "relax": "lie sit", "pose": "stand sit", "lean": "stand sit",
    "nap": "sleep lie", "wade": "walk swim stand", "splash": "swim jump run stand", "float": "swim lie",
    "skip": "jump run walk", "squat": "sit kneel", "crouch": "sit kneel", "exit": "leave", "grab": "catch",
    "play": "run jump", "fall": "jump lie", "follow": "chase", "fly": "jump", "slide": "sit lie", "fight": "run",
    "wrestle": "lie run", "swing": "sit jump", "ride": "sit", "ski": "stand run jump", "surf": "stand",
    "hit": "throw", "wait": "stand sit", "look": "stand", "drag": "pull", "tug": "pull", "run": "jump walk",
    "walk": "run", "jump": "run", "lie": "sleep", "sleep": "lie", "sit": "lie kneel", "stand": "walk",
    "laugh": "smile", "smile": "laugh",
}  # fmt: skip
"""Verb -> others that may be said of the same picture."""


def form(base: str, like: str) -> str | None:
    """A verb in the form that another word has; None where that is a past or no form known."""
    forms = FORMS.get(BASE_OF.get(like, ""))
    return FORMS[base][forms.index(like)] if forms and like in forms else None


def rivals(base: str) -> tuple[str, ...]:
    """Verbs that exclude this one and may stand in the same place; sorted."""
    close = {other for pair in _CLOSE if base in pair.split() for other in pair.split()}
    body = BODY - close - {base} if base in BODY else frozenset()
    pairs = {other for pair in OPPOSITES if base in pair for other in pair} - {base}
    return tuple(sorted(body | pairs))


def may_be(seen: str) -> frozenset[str]:
    """The bases of what a word of a caption may mean."""
    base = BASE_OF.get(seen)
    return frozenset() if base is None else frozenset([base, *IMPLIED.get(base, "").split()])
