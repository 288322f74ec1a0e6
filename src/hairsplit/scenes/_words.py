"""Hand-written word lists behind `lexicon`: small on purpose, since a wrong entry makes a false label."""


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


IRREGULAR_PLURALS = {
    "child": "children", "person": "people", "man": "men", "woman": "women", "foot": "feet", "tooth": "teeth",
    "goose": "geese", "mouse": "mice", "ox": "oxen", "knife": "knives", "leaf": "leaves", "shelf": "shelves",
    "wolf": "wolves", "calf": "calves", "loaf": "loaves", "half": "halves", "scarf": "scarves", "wife": "wives",
    "potato": "potatoes", "tomato": "tomatoes", "mango": "mangoes", "hero": "heroes", "sheep": "sheep",
    "fish": "fish", "deer": "deer", "aircraft": "aircraft", "moose": "moose", "bison": "bison", "bus": "buses",
}  # fmt: skip
PLURAL_ONLY = _set("""
    pants trousers jeans shorts glasses sunglasses goggles scissors tongs clothes stairs binoculars headphones
    trunks leggings pajamas overalls tights pliers skis woods belongings surroundings
""")
SINGULAR_IN_S = _set("bus gas lens canvas atlas iris walrus cactus octopus platypus")
PLURALS_IN_AS_AND_OS = _set("""
    bananas pizzas sofas umbrellas cameras zebras pandas pajamas koalas pastas tiaras gorillas photos videos
    tacos burritos radios pianos logos avocados flamingos rhinos hippos tattoos shampoos kangaroos zoos igloos
""")
MASS = _set("""
    air asphalt bacon bread broccoli butter cardboard cement cheese clothing cloth coffee concrete corn cotton cream
    dirt dough dust equipment fabric flour food foliage footwear fruit fur furniture garbage gear graffiti grass
    gravel greenery ground hair hay ice icing ivy jewelry juice ketchup land leather lettuce lighting lightning
    luggage makeup marble meat metal milk moss mud mustard oil paint paper pasta pavement pepper plastic porcelain
    rain rice rust salad salt sand sauce scenery shade skin sky smoke snow soap soil soup spinach steam steel sugar
    sunlight surf syrup tea terrain tile tinsel toast traffic trash underbrush underwear vegetation vinegar water
    wax weather wheat wine wood wool yogurt attire apparel graffiti artwork baggage
""")
VAGUE = _set("""
    area back background bottom bunch centre center clothe color colour corner day edge end event foreground front
    group inside kind line lot middle night number object other others outside pair part piece place race row scene
    sery set shape side some something spot stuff surface thing things top two type view way wear one ones three
    four several many each first second item items sort variety silhouette reflection shadow distance air game
    activity direction sunset sunrise picture image photo photograph
""")
"""Nouns that name nothing one could point at; no caption is made of them."""
STUFF = _set("""
    beach city coast course court desert field floor forest harbor hill lake landscape lawn meadow mountain ocean park
    path playground pool river road sea shore sidewalk slope street town track trail valley wall yard
""")
"""Nouns of what lies around everything; nothing is said to be left of them."""
ANYTHING = _set("object thing item other others something stuff one")
"""Nouns that may stand for an object of any kind."""

ADULT_MALE, ADULT_FEMALE, BOY, GIRL = ("male", "adult"), ("female", "adult"), ("male", "child"), ("female", "child")
PEOPLE: dict[str, tuple[str | None, str | None]] = {
    "man": ADULT_MALE, "gentleman": ADULT_MALE, "policeman": ADULT_MALE, "fireman": ADULT_MALE, "groom": ADULT_MALE,
    "father": ADULT_MALE, "dad": ADULT_MALE, "husband": ADULT_MALE, "cowboy": ("male", None), "guy": ("male", None),
    "male": ("male", None), "boyfriend": ("male", None), "son": ("male", None), "brother": ("male", None),
    "woman": ADULT_FEMALE, "lady": ADULT_FEMALE, "bride": ADULT_FEMALE, "mother": ADULT_FEMALE, "mom": ADULT_FEMALE,
    "wife": ADULT_FEMALE, "female": ("female", None), "girlfriend": ("female", None), "daughter": ("female", None),
    "sister": ("female", None), "boy": BOY, "girl": GIRL, "child": (None, "child"), "kid": (None, "child"),
    "baby": (None, "child"), "toddler": (None, "child"), "infant": (None, "child"), "adult": (None, "adult"),
}  # fmt: skip
"""Noun -> (sex, age) as far as the word says; two people are surely different kinds only where they contradict."""
PEOPLE_OF_ANY_KIND = _set("""
    person individual human someone player skier rider surfer snowboarder skateboarder climber swimmer runner worker
    officer soldier biker cyclist bicyclist motorcyclist pedestrian student teenager teen youth dancer singer
    musician guitarist performer artist athlete batter catcher pitcher umpire referee coach fan spectator onlooker
    bystander passenger driver pilot chef cook waiter waitress farmer fisherman hiker jogger skater vendor customer
    friend relative parent teammate opponent goalie goalkeeper quarterback wrestler boxer gymnast cheerleader clown
    photographer cameraman tourist visitor shopper police cop firefighter doctor nurse teacher speaker model actor
    drummer racer snowmobiler kayaker rower sailor diver lifeguard paddler wakeboarder windsurfer jockey hunter
    audience crowd team family couple band gathering parade army orchestra choir class crew staff trio duo
""")
COLLECTIVE = _set("""
    audience crowd team family couple band gathering parade army orchestra choir class crew staff trio duo group
    police flock herd pack bunch
""")
BODY_PARTS = _set("""
    arm ankle back beard body cheek chest chin ear elbow eye eyebrow face finger fist foot forehead hand head heel
    hip horn jaw knee leg lip mane mouth muzzle mustache neck nose paw shoulder skin snout stomach tail thigh thumb
    toe tongue tooth torso waist wing wrist
""")
SAME_THING = (
    "bike bicycle cycle", "motorcycle motorbike scooter moped", "couch sofa settee", "car automobile sedan",
    "cup mug", "plate dish", "hat cap helmet", "shirt t-shirt tee-shirt blouse top jersey sweatshirt",
    "jacket coat vest", "sweater sweatshirt pullover", "tv television", "tv screen", "phone cellphone telephone",
    "bag purse handbag backpack", "bag luggage suitcase", "road street lane highway", "sidewalk pavement path",
    "path trail track", "house building", "building structure", "rock stone boulder", "rug carpet mat", "ball sphere",
    "ball football basketball baseball", "shoe sneaker boot sandal", "boat ship kayak canoe raft", "pond lake pool",
    "river stream creek", "sea ocean", "beach shore coast sand", "hill mountain cliff slope", "bush shrub plant",
    "tree palm", "forest wood", "plane airplane aeroplane jet aircraft", "photo picture image photograph poster",
    "sign board signboard", "glass cup", "box crate carton",
    "desk table", "chair seat stool armchair", "bench seat", "stick pole rod branch", "pole post", "rope cord leash",
    "truck lorry van", "bull cow cattle ox", "pony horse", "kitten cat", "puppy dog", "chick chicken hen rooster",
    "lamb sheep", "sofa chair", "dress gown skirt", "costume outfit uniform suit dress attire", "jeans pants trousers",
    "shorts pants trunks", "shorts short", "glasses sunglasses goggles eyeglasses", "fence railing barrier gate",
    "rail railing", "flower rose tulip daisy", "cross plus", "diamond rhombus", "wall fence", "water lake river ocean",
    "sand dirt ground", "grass field lawn yard", "street ground pavement", "snow ice", "light lamp lantern",
    "shade blind curtain", "jar pot vase bottle", "pan pot", "knife blade", "board surfboard skateboard snowboard",
    "bread bun roll loaf", "cake pastry dessert", "rock cliff", "frisbee disc disk", "hair beard fur", "tire wheel",
)  # fmt: skip
"""Words that may name one and the same object; within a line none may stand for a different one."""
KINDS = {
    "animal": "dog puppy cat kitten horse pony cow bull calf sheep lamb goat pig bird duck goose chicken elephant "
    "giraffe zebra bear lion tiger monkey rabbit deer fish wolf fox camel donkey",
    "bird": "duck goose chicken parrot pigeon seagull swan eagle owl penguin",
    "vehicle": "car truck bus van bike bicycle motorcycle motorbike scooter train boat plane tractor",
    "fruit": "apple banana orange pear peach lemon lime grape strawberry",
    "plant": "tree bush shrub flower grass",
    "furniture": "table chair desk couch sofa bed bench stool shelf cabinet dresser",
    "clothing": "shirt jacket coat vest sweater hat cap dress skirt pants jeans shorts suit costume outfit uniform",
    "clothes": "shirt jacket coat vest sweater hat cap dress skirt pants jeans shorts suit costume outfit uniform",
    "food": "apple banana orange pear bread cake pizza sandwich salad rice meat cheese",
    "toy": "ball doll frisbee",
    "shape": "circle cross diamond heart ring square star triangle cube sphere cylinder",
    "person": "",
}
"""Hypernym -> what surely is one; `person` covers all of `PEOPLE`."""
RIVALS = (
    "circle cross diamond heart ring square star triangle",
    "cube sphere cylinder cone pyramid",
    "dog cat horse cow sheep goat pig elephant giraffe zebra bear duck rabbit",
    "apple banana orange pear lemon peach strawberry",
    "car bus truck train boat plane tractor bicycle motorcycle",
    "table chair bed bench couch",
    "man woman boy girl",
    "fork knife spoon",
)
"""Nouns that rule each other out and are as plausible as each other: one may replace another in a negative."""

ATTRIBUTE_SYNONYMS = {
    "grey": "gray", "big": "large", "little": "small", "huge": "large", "giant": "large", "tiny": "small",
    "opened": "open", "shut": "closed", "lying down": "lying", "laying": "lying", "laying down": "lying",
    "sitting down": "sitting", "seated": "sitting", "golden": "gold", "reddish": "red", "blueish": "blue",
}  # fmt: skip
BASIC_COLOURS = ("black", "blue", "brown", "gray", "green", "orange", "pink", "purple", "red", "white", "yellow")
SHADES = {
    "silver": "gray white", "tan": "brown yellow orange white", "beige": "brown white yellow",
    "gold": "yellow brown orange",
    "maroon": "red brown purple", "navy": "blue black", "teal": "blue green", "turquoise": "blue green",
    "cyan": "blue green", "aqua": "blue green", "violet": "purple blue pink", "lavender": "purple pink blue",
    "cream": "white yellow", "ivory": "white yellow", "khaki": "brown green yellow", "blond": "yellow brown white",
    "blonde": "yellow brown white", "brunette": "brown black", "dark": "black blue brown gray green purple red",
    "light": "white blue brown gray green pink yellow", "light blue": "blue white", "dark blue": "blue black",
    "light brown": "brown", "dark brown": "brown black", "bright": "yellow white orange red green blue pink",
    "colorful": "", "multicolored": "", "striped": "", "plaid": "", "spotted": "", "floral": "", "neon": "",
    "camouflage": "", "checkered": "",
}  # fmt: skip
"""Shade -> basic colours that it may be called; "" stands for all of them: it rules none out."""
ATTRIBUTE_CLASSES = {
    "colour": BASIC_COLOURS,
    "size": ("large", "medium", "small"),
    "fullness": ("empty", "full"),
    "openness": ("closed", "open"),
    "wetness": ("dry", "wet"),
    "cleanliness": ("clean", "dirty"),
    "posture": ("lying", "sitting", "standing"),
}
"""Class -> attributes of which an object has at most one."""

PREDICATE_SYNONYMS = {
    "left of": "to the left of", "on the left of": "to the left of", "on the left side of": "to the left of",
    "right of": "to the right of", "on the right of": "to the right of", "on the right side of": "to the right of",
    "under": "below", "beneath": "below", "underneath": "below", "within": "inside", "inside of": "inside",
    "beside": "next to", "near": "next to", "by": "next to", "on top of": "on",
}  # fmt: skip
INVERSES = {
    "to the left of": "to the right of", "to the right of": "to the left of", "above": "below", "below": "above",
    "in front of": "behind", "behind": "in front of",
}  # fmt: skip
ASYMMETRIC = _set("inside in on wearing holding carrying riding of driving eating")
"""Predicates that cannot hold both ways; with all of `INVERSES`."""
CONTRARIES = (("on", "below"), ("inside", "on"))
OVERLAPPING_PREDICATES = (
    ("inside", "in", "wearing"),
    ("on", "in", "of", "wearing", "riding", "sitting on", "standing on", "walking on", "above"),
    ("holding", "carrying", "with", "of"), ("next to", "behind", "in front of", "with", "at"), ("of", "with", "in"),
)  # fmt: skip
"""Words of which one may be annotated where another is just as true."""
