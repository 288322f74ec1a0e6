"""Hand-written lists of nouns behind `lexicon`: their number, and what may be said of them."""


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


IRREGULAR_PLURALS = {
    "child": "children", "person": "people", "man": "men", "woman": "women", "foot": "feet", "tooth": "teeth",
    "goose": "geese", "mouse": "mice", "ox": "oxen", "knife": "knives", "leaf": "leaves", "shelf": "shelves",
    "wolf": "wolves", "calf": "calves", "loaf": "loaves", "half": "halves", "scarf": "scarves", "wife": "wives",
    "thief": "thieves", "elf": "elves", "hoof": "hooves", "bookshelf": "bookshelves", "life": "lives",
    "potato": "potatoes", "tomato": "tomatoes", "mango": "mangoes", "hero": "heroes", "sheep": "sheep",
    "echo": "echoes", "buffalo": "buffaloes", "tornado": "tornadoes", "volcano": "volcanoes", "domino": "dominoes",
    "mosquito": "mosquitoes", "torpedo": "torpedoes", "fish": "fish", "deer": "deer", "aircraft": "aircraft",
    "moose": "moose", "bison": "bison", "salmon": "salmon", "shrimp": "shrimp", "trout": "trout", "squid": "squid",
    "swine": "swine", "spacecraft": "spacecraft", "hovercraft": "hovercraft", "watercraft": "watercraft",
    "series": "series", "species": "species", "bus": "buses", "gas": "gases", "cactus": "cacti", "fungus": "fungi",
    "die": "dice", "quiz": "quizzes", "passerby": "passersby", "grandchild": "grandchildren",
}  # fmt: skip
_REGULAR = """
    cookie hoodie movie brownie zombie selfie corgi birdie veggie smoothie beanie collie doggie prairie bootie onesie
    pinkie goalie rookie necktie bowtie magpie auntie walkie-talkie axe pickaxe bikini taxi kiwi safari panini jacuzzi
    lassie mustache avalanche ache headache cache size prize maze breeze
"""
IRREGULAR_PLURALS |= {noun: f"{noun}s" for noun in _REGULAR.split()}
IRREGULAR_PLURALS |= {noun: f"{noun}es" for noun in ("lens", "canvas", "octopus", "walrus", "iris", "atlas")}
IRREGULAR_PLURALS |= {noun: f"{noun}es" for noun in ("rhinoceros", "hippopotamus", "platypus", "minibus", "trolleybus")}
"""Plurals from which the singular cannot be told by the ending alone, too: cookies, but cherries."""
PLURAL_ONLY = _set("""
    pants trousers jeans shorts glasses sunglasses eyeglasses spectacles goggles scissors tongs clothes stairs
    binoculars headphones earphones earmuffs trunks leggings pajamas pyjamas overalls tights pliers tweezers shears
    skis woods belongings surroundings khakis slacks suspenders bleachers groceries dentures handcuffs sweatpants
    underpants panties briefs boxers corduroys capris chaps bangs drapes blinds fries ruins outskirts remains
    furnishings coveralls condiments refreshments fireworks credentials knickers bloomers nunchucks clippers
""")
SINGULAR_IN_S = _set("""
    bus gas lens canvas atlas iris walrus cactus octopus platypus christmas chassis pancreas rhinoceros hippopotamus
    series species trellis clematis minibus trolleybus texas adidas vegas las mars pegasus ibis bonus chorus
""")
PLURALS_IN_AS_AND_OS = _set("""
    bananas pizzas sofas umbrellas cameras zebras pandas pajamas koalas pastas tiaras gorillas photos videos
    tacos burritos radios pianos logos avocados flamingos rhinos hippos tattoos shampoos kangaroos zoos igloos
    antennas arenas areas llamas alpacas iguanas hyenas chinchillas pumas cobras geishas ninjas pergolas gondolas
    sodas tortillas enchiladas plazas villas verandas panoramas bandanas tunas piranhas dahlias petunias
    magnolias begonias gardenias hydrangeas zinnias camellias azaleas papayas guavas okras peninsulas cafeterias
    torsos silos studios patios stereos casinos trios duos autos nachos jalapenos discos condos bistros ponchos
    kimonos tuxedos bongos banjos cellos ukuleles gazebos porticos cameos rodeos armadillos  cockatoos
    yoyos euros jumbos limos memos mementos cargos bamboos tangos tobaccos pueblos cappuccinos espressos pimentos
    dingos geckos lassos chihuahuas akitas impalas orcas sombreros fedoras parkas lasagnas polos
""")
MASS = _set("""
    air asphalt bacon bread broccoli butter cardboard cement cheese clothing cloth coffee concrete corn cotton cream
    dirt dough dust equipment fabric flour food foliage footwear fruit fur furniture garbage gear graffiti grass
    gravel greenery ground hair hay ice icing ivy jewelry juice ketchup land leather lettuce lighting lightning
    luggage makeup marble meat metal milk moss mud mustard oil paint paper pasta pavement pepper plastic porcelain
    rain rice rust salad salt sand sauce scenery shade skin sky smoke snow soap soil soup spinach steam steel sugar
    sunlight surf syrup tea terrain tile tinsel toast traffic trash underbrush underwear vegetation vinegar water
    wax weather wheat wine wood wool yogurt attire apparel artwork baggage algae aluminum asparagus bamboo barley
    basil batter beef beer brick brush brushwood caramel cauliflower celery chalk champagne chicken chinaware
    chocolate chrome cilantro clay cloud cocoa coleslaw confetti couscous crockery cutlery debris denim driftwood
    dressing drywall eggplant electricity embroidery entertainment fencing film fire flesh fog foam foil frosting
    garlic garnish ginger glaze glitter glue gold granite granola grease gravy guacamole ham hardware herbage honey
    housing hummus iron jam jelly jello kale lace lava lemonade lingerie linen linoleum litter liquid liquor lumber
    machinery mail makeup mayonnaise mint mist moisture money mulch music noodle nylon oatmeal parchment parsley
    parmesan parking pastry pebble pesto plaster plywood polish pollen popcorn pork porridge powder produce pudding
    quinoa relish rosemary rubber rubble sauerkraut sawdust seafood seasoning seaweed sesame shrubbery signage silk
    silver silverware slate sleet slush snot sod spaghetti spice spray sprinkle stainless stone straw stubble
    stucco stuffing sunscreen sunshine sushi suede tableware tape tar tarmac teriyaki thread timber tobacco tofu
    toothpaste turf turkey twine upholstery velvet vermicelli vodka wallpaper warmth wasabi whiskey wicker wildlife
    wiring yarn zucchini
""") - _set(
    "brick brush chicken cloud film fire eggplant iron noodle pebble polish spice sprinkle stone straw turkey thread"
)
VAGUE = _set("""
    area back background bottom bunch center centre clothe color colour corner day edge end event foreground front
    group inside kind line lot middle night number object other others outside pair part piece place race row scene
    sery set shape side some something spot stuff surface thing things top two type view way wear one ones three
    four several many each first second item items sort variety silhouette reflection shadow distance air game
    activity direction sunset sunrise picture image photo photograph design letter word writing print pattern stripe
    dot spot hole crack cut bit chunk slice half portion section segment rest remains bite amount level height width
    length size world season summer winter spring fall autumn morning evening afternoon noon time hour minute
    moment year month week party wedding meal lunch dinner breakfast supper dessert snack sport trip tour show
    performance concert meeting ceremony celebration festival holiday vacation birthday competition match contest
    atmosphere mood style fashion color tone light sunlight glare shine sparkle look smile frown expression gesture
    pose jump run walk ride swing throw catch kick fight dance song noise sound smell taste feeling idea name title
    brand text logo caption message information advertisement arrangement collection assortment display stack pile
    bundle cluster batch load layer edge border outline frame strip patch streak mark stain splash drop droplet
    pant short jean trouser sunglass stair scissor ripple wave spray mist cloud formation arrow symbol digit figure
    character subject belonging closeup exercise hundred leap stunt turn protection gaze yawn
""") - _set("light arrow frame cloud wave swing display character figure dot")
"""Nouns that name nothing one could point at, or hardly one thing; no caption is made of them."""
FUNCTION_WORDS = _set("""
    a an the this that these those and or but nor of in on at by to for from with without into onto out outside behind
    under over above below between among beside near next through across along around off up down upfront uphill
    downhill he she it they we you me him her them us itself himself herself themselves his its their my your our
    who whom which what somebody someone anybody anyone everybody everyone nobody something anything everything nothing
    one two three four five six seven eight nine ten eleven twelve hundred thousand dozen
    some any all both each every many much most more few fewer several other others another no none not lots plenty
    is are was be being been has have had do does very too also together here there where while as if than then
""")
"""Articles, prepositions, pronouns, numbers and the like, which careless readers of captions take for things."""
STUFF = _set("""
    beach city coast course court desert field floor forest harbor hill lake landscape lawn meadow mountain ocean park
    path playground pool river road sea shore sidewalk slope street town track trail valley wall yard airport alley
    attic backyard balcony bank basement bathroom bay bedroom canyon cave ceiling cliff countryside courtyard
    crosswalk dock driveway farm farmland freeway garden garage gym hallway highway hillside hilltop horizon house
    intersection island jungle kitchen lagoon living lobby marsh market office orchard outdoors parking pasture patio
    pier plain platform plaza pond prairie ranch restaurant room runway savanna seashore sky skyline snowbank stadium
    stage station store stream suburb swamp terrace theater tunnel village waterfront wilderness woods zoo
""") - _set("house garage store restaurant station dock pier island platform living parking")
"""Nouns of what lies around everything; nothing is said to be left of them."""
ANYTHING = _set("object thing item other others something stuff one") | FUNCTION_WORDS
"""Nouns that may stand for an object of any kind, and words that do not say what it is."""
COLLECTIVE = _set("""
    audience crowd team family couple band gathering parade army orchestra choir class crew staff trio duo group
    police flock herd pack bunch crew swarm fleet convoy caravan squad troop public horde mob herd litter school
    traffic brass cattle livestock poultry wildlife foliage bouquet fruit
""") - _set("bouquet school traffic foliage fruit wildlife litter brass")
BODY_PARTS = _set("""
    ankle arm back beak beard belly body bosom brow butt buttock calf cheek chest chin claw collarbone ear earlobe elbow
    eye eyebrow eyelash eyelid face feather fin finger fingernail fist flipper foot forearm forehead fur goatee gum
    hair hand head heel hind hip hoof horn hump jaw knee knuckle lap leg lip mane midriff mouth mustache muzzle nail
    navel neck nose nostril palm paw pouch pupil rear rib shin shoulder sideburn skin snout stomach tail talon temple
    thigh throat thumb toe toenail tongue tooth torso trunk tusk udder waist whisker wing wrist wrinkle
""") - _set("hair beard fur feather palm trunk nail temple pouch gum calf pupil mane")
PARTS = _set("""
    wheel tire handle handlebar lid roof door window windshield headlight taillight hood bumper mirror pedal spoke seat
    cushion armrest headboard footboard leaf branch stem trunk root bark petal wing propeller engine cockpit sail mast
    hull anchor drawer knob hinge sleeve collar cuff button zipper hem lace sole heel strap buckle brim screen keyboard
    cord chimney balcony porch column steeple tower blade feather antler hoof claw fin crust peel hubcap fender grille
    windowsill doorway doorknob faucet spout rim rung rail dashboard taillight license antenna saddle bridle rein
    awning shutter gutter pillar railing staircase step mane
""")
"""Nouns of parts of things, of which one says that they are part of something."""
