"""Hand-written relations between nouns behind `lexicon`: who is who, what is a kind of what, what may be the same."""


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


ADULT_MALE, ADULT_FEMALE, BOY, GIRL = ("male", "adult"), ("female", "adult"), ("male", "child"), ("female", "child")
PEOPLE: dict[str, tuple[str | None, str | None]] = {
    "man": ADULT_MALE, "gentleman": ADULT_MALE, "policeman": ADULT_MALE, "fireman": ADULT_MALE, "groom": ADULT_MALE,
    "father": ADULT_MALE, "dad": ADULT_MALE, "husband": ADULT_MALE, "grandfather": ADULT_MALE,
    "grandpa": ADULT_MALE, "businessman": ADULT_MALE, "king": ("male", None), "prince": ("male", None),
    "cowboy": ("male", None), "guy": ("male", None), "male": ("male", None), "boyfriend": ("male", None),
    "son": ("male", None), "brother": ("male", None), "monk": ("male", None), "priest": ("male", None),
    "uncle": ADULT_MALE, "woman": ADULT_FEMALE, "lady": ADULT_FEMALE, "bride": ADULT_FEMALE, "mother": ADULT_FEMALE,
    "mom": ADULT_FEMALE, "wife": ADULT_FEMALE, "grandmother": ADULT_FEMALE, "grandma": ADULT_FEMALE,
    "businesswoman": ADULT_FEMALE, "aunt": ADULT_FEMALE, "nun": ADULT_FEMALE, "female": ("female", None),
    "queen": ("female", None), "princess": ("female", None), "girlfriend": ("female", None),
    "daughter": ("female", None), "sister": ("female", None), "ballerina": ("female", None),
    "bridesmaid": ("female", None), "cheerleader": (None, None), "boy": BOY, "girl": GIRL, "child": (None, "child"),
    "kid": (None, "child"), "baby": (None, "child"), "toddler": (None, "child"), "infant": (None, "child"),
    "adult": (None, "adult"), "lad": ("male", None), "dude": ("male", None), "fellow": ("male", None),
    "nephew": ("male", None), "grandson": ("male", None), "gal": ("female", None), "niece": ("female", None),
    "granddaughter": ("female", None), "lass": ("female", None),
}  # fmt: skip
"""Noun -> (sex, age) as far as the word says; two people are surely different kinds only where they contradict."""
PEOPLE_OF_ANY_KIND = _set("""
    person individual human someone player skier rider surfer snowboarder skateboarder climber swimmer runner worker
    officer soldier biker cyclist bicyclist motorcyclist pedestrian student teenager teen youth dancer singer
    musician guitarist performer artist athlete batter catcher pitcher umpire referee coach fan spectator onlooker
    bystander passenger driver pilot chef cook waiter waitress farmer fisherman hiker jogger skater vendor customer
    friend relative parent teammate opponent goalie goalkeeper quarterback wrestler boxer gymnast clown
    photographer cameraman tourist visitor shopper police cop firefighter doctor nurse teacher speaker model actor
    drummer racer snowmobiler kayaker rower sailor diver lifeguard paddler wakeboarder windsurfer jockey hunter
    audience crowd team family couple band gathering parade army orchestra choir class crew staff trio duo
    baker barber bartender bather beachgoer biker bowler butcher carpenter cashier cellist chauffeur civilian
    commuter conductor construction couple crossing daredevil demonstrator dentist diner drinker elder employee
    engineer equestrian fielder golfer guard guest guide guy hitter homeless host infielder juggler juror lady
    lover magician mailman mechanic member merchant messenger mime miner mourner mover newlywed observer operator
    adolescent backpacker ballplayer boarder bouncer brunette bandmate cousin defender fencer footballer
    grandparent hippie instructor judge mountaineer ninja owner personnel pirate preteen punk rafter redhead rescuer
    rollerblader rollerskater seller spotter surgeon youngster
    outfielder painter participant partner passerby patient patron pianist plumber policewoman politician
    president protester puppeteer reader reporter resident reveler salesman santa scientist scout sculptor
    secretary senior server shoveler sibling skydiver snowman stranger street stroller sunbather
    surveyor tailor traveler trainer twin usher veteran viewer violinist volunteer walker warrior welder winner
    witness
""") - _set("construction crossing street stroller snowman homeless scout")
CHILDREN = _set("boy girl child kid baby toddler infant teenager teen youth son daughter")
_DOGS = (
    "puppy pup poodle terrier retriever labrador greyhound bulldog beagle collie dachshund dalmatian husky spaniel pug "
    "corgi chihuahua rottweiler doberman mastiff hound bloodhound basset whippet weimaraner schnauzer setter sheepdog "
    "pitbull pomeranian akita malamute newfoundland mutt mongrel doggie canine pooch"
)
_CATS = "kitten kitty tabby tomcat feline"
_HORSES = "pony foal colt filly mare stallion mustang gelding bronco steed"
_COWS = "bull calf heifer steer longhorn"
_BIRDS = (
    "duck duckling mallard drake goose gosling chicken hen rooster chick turkey swan pigeon dove seagull gull tern "
    "parrot parakeet cockatoo macaw canary owl eagle hawk falcon vulture condor buzzard crow raven blackbird magpie "
    "sparrow robin finch goldfinch wren starling bluebird bluejay woodpecker hummingbird kingfisher toucan penguin "
    "puffin ostrich peacock pheasant quail pelican flamingo heron egret stork sandpiper cormorant seabird"
)
_SEA = "dolphin whale orca seal walrus shark goldfish trout salmon octopus jellyfish starfish crab lobster stingray"
_INSECTS = "bee butterfly moth ant wasp beetle ladybug dragonfly grasshopper caterpillar mosquito bumblebee"
_CARS = "sedan taxi hatchback limousine coupe convertible"
_BOATS = (
    "sailboat rowboat motorboat speedboat canoe kayak yacht ferry catamaran dinghy gondola lifeboat tugboat steamboat"
)
SAME_THING = (
    f"puppy {_DOGS}", f"kitten {_CATS}", f"donkey mule {_HORSES}", "dog shepherd", "person shepherd", "man shepherd",
    "woman shepherd", "dog bull", "dog boxer", "dog pointer", "dog lab", "bird crane", "bird cardinal", "bird swallow",
    "bird jay", "duck mallard drake duckling", "goose gosling", "pigeon dove", "seagull gull tern seabird",
    "crow raven blackbird starling", "otter beaver seal", "chimpanzee chimp gorilla ape monkey baboon orangutan",
    "pig hog piglet boar sow swine warthog", "fawn doe buck stag reindeer deer elk moose antelope impala wildebeest",
    "alligator crocodile lizard iguana gecko", "insect bug bee fly wasp mosquito bumblebee", "animal creature",
    "animal cub", "bear cub", "lion cub lioness", "tiger cub",
    "lion lioness cougar puma panther jaguar leopard cheetah",
    "cow heifer longhorn bull steer calf bison buffalo yak", "animal herd", "animal flock", "animal cattle",
    "animal livestock", "animal poultry", "cow herd", "cow livestock", "sheep herd", "sheep flock", "sheep livestock",
    "goat herd", "horse herd", "elephant herd", "zebra herd", "giraffe herd", "deer herd", "buffalo herd",
    "bird flock", "bird poultry", "chicken poultry", "duck flock", "goose flock", "pigeon flock", "seagull flock",
    "dog pack", "wolf pack",
    "boat dinghy gondola rowboat motorboat speedboat catamaran barge vessel lifeboat tugboat raft watercraft",
    "ship vessel barge tugboat watercraft", "car coupe convertible limousine suv auto", "truck firetruck pickup lorry",
    "bus minibus coach", "bicycle bike tricycle unicycle", "motorcycle atv moped scooter motorbike",
    "train streetcar trolley tram subway locomotive", "plane jet glider biplane aircraft airliner",
    "wetsuit suit swimsuit bodysuit", "snowsuit tracksuit sweatsuit jumpsuit suit coveralls overalls uniform",
    "shirt tee undershirt camisole cardigan pullover turtleneck hoodie sweatshirt jersey",
    "jacket coat overcoat poncho cape cloak fleece raincoat parka windbreaker", "robe bathrobe kimono cloak cape",
    "headscarf scarf headband bandana bandanna headdress turban veil hat hood", "hat sunhat fedora sombrero cap beret",
    "pants capris tights leggings leotard", "underwear bra diaper lingerie", "tomato fruit", "tomato vegetable",
    "pumpkin fruit", "person mascot",
    "bike bicycle cycle motorbike", "motorcycle motorbike scooter moped", "couch sofa settee loveseat futon",
    "car automobile sedan vehicle taxi cab suv jeep van minivan hatchback limousine", "cup mug teacup",
    "plate dish saucer platter tray", "hat cap helmet beanie visor headband beret hood bonnet turban",
    "shirt t-shirt tee-shirt tshirt blouse top jersey sweatshirt polo undershirt tank tunic sweater",
    "jacket coat vest blazer hoodie parka windbreaker raincoat sweatshirt sweater", "cardigan sweater jacket",
    "sweater sweatshirt pullover hoodie", "tv television monitor screen", "phone cellphone telephone smartphone",
    "computer laptop monitor screen notebook desktop", "bag purse handbag backpack tote pouch satchel sack",
    "bag luggage suitcase briefcase", "road street lane highway avenue roadway intersection alley", "toy doll",
    "sidewalk pavement path walkway curb", "path trail track road", "house building home cottage cabin",
    "building structure tower skyscraper barn church store shop hotel house", "rock stone boulder pebble",
    "rug carpet mat doormat", "ball sphere balloon", "ball football basketball baseball softball volleyball",
    "shoe sneaker boot sandal slipper cleat heel flip-flop loafer", "boat ship kayak canoe raft sailboat yacht ferry",
    "pond lake pool lagoon", "river stream creek canal", "sea ocean bay", "beach shore coast sand shoreline",
    "hill mountain cliff slope hillside mound", "bush shrub plant hedge", "tree palm pine evergreen oak",
    "forest wood woods jungle grove", "plane airplane aeroplane jet aircraft airliner", "helicopter chopper aircraft",
    "photo picture image photograph poster painting portrait", "painting drawing artwork mural print",
    "sign board signboard signpost banner billboard placard", "glass cup tumbler goblet wineglass", "box crate carton",
    "box container case bin basket", "container jar canister bottle tub", "desk table counter countertop workbench",
    "chair seat stool armchair recliner rocker", "bench seat pew", "stick pole rod branch twig",
    "pole post pillar column",
    "rope cord leash string cable wire", "truck lorry van pickup trailer", "bull cow cattle ox steer calf",
    "pony horse foal colt mare stallion donkey mule", "kitten cat", "puppy dog pup",
    "chick chicken hen rooster duckling",
    "lamb sheep ram ewe", "sofa chair", "dress gown skirt robe sundress", "costume outfit uniform suit dress attire",
    "tuxedo suit jacket", "jeans pants trousers slacks khakis leggings sweatpants", "shorts pants trunks swimsuit",
    "shorts short", "glasses sunglasses goggles eyeglasses spectacles", "fence railing barrier gate barricade",
    "rail railing banister handrail", "flower rose tulip daisy sunflower lily orchid carnation bouquet blossom",
    "cross plus", "diamond rhombus", "wall fence", "water lake river ocean sea pond pool wave",
    "sand dirt ground soil mud",
    "grass field lawn yard turf meadow pasture", "street ground pavement asphalt", "snow ice", "ground floor dirt",
    "light lamp lantern bulb lightbulb chandelier headlight spotlight", "shade blind curtain drape blinds drapes",
    "jar pot vase bottle pitcher jug urn", "pan pot skillet wok saucepan", "pot planter flowerpot", "knife blade",
    "board surfboard skateboard snowboard plank paddleboard", "bread bun roll loaf toast bagel croissant muffin",
    "cake pastry dessert cupcake pie muffin", "donut doughnut pastry bagel", "rock cliff", "frisbee disc disk",
    "hair beard fur mane bangs", "tire wheel", "pillow cushion", "blanket quilt comforter bedspread towel sheet cover",
    "towel napkin cloth rag", "cabinet cupboard dresser drawer shelf bookshelf bookcase", "shelf ledge rack",
    "refrigerator fridge freezer", "oven stove range", "microwave oven", "sink basin faucet", "toilet commode",
    "trash garbage bin can trashcan wastebasket dumpster", "bowl dish basin", "glove mitt mitten",
    "tie necktie bowtie scarf", "scarf bandana shawl", "belt strap harness", "necklace chain pendant", "bracelet band",
    "watch wristwatch clock", "bat stick club", "racket racquet bat paddle", "paddle oar", "umbrella parasol canopy",
    "tent canopy awning tarp", "kite parachute sail", "train locomotive tram subway railcar engine",
    "wagon cart carriage",
    "stroller carriage buggy", "statue sculpture figurine figure", "fountain statue", "candle candlestick",
    "book notebook",
    "newspaper paper magazine", "paper document page letter note", "can bottle drink beverage soda", "beer drink wine",
    "coffee tea drink", "sandwich burger hamburger hotdog sub", "sausage hotdog", "fries potato", "orange tangerine",
    "lemon lime", "onion garlic", "pepper chili", "squash pumpkin", "melon watermelon cantaloupe", "berry strawberry",
    "bear teddy", "goose duck swan", "bird seagull pigeon parrot crow", "deer elk antelope moose gazelle", "monkey ape",
    "turtle tortoise", "frog toad", "rabbit bunny hare", "fox wolf dog coyote", "tiger lion leopard cheetah cat",
    "step stairs staircase stairway stair", "ladder stairs", "bridge overpass", "door gate doorway entrance",
    "window windshield pane", "mirror glass", "keyboard piano", "guitar instrument banjo ukulele",
    "violin instrument fiddle", "drum instrument",
    "trumpet instrument horn", "cellphone camera", "speaker radio stereo", "remote controller control",
    "mouse computer", "hydrant fireplug", "mailbox box", "stand booth stall kiosk", "ramp slope halfpipe", "pier dock",
    "net netting goal", "goal post", "hoop basket", "swing seat", "sled toboggan sleigh", "ski skis pole",
    "jewelry necklace earring bracelet ring", "hose pipe tube", "bucket pail", "vest lifejacket",
    "swimsuit bikini trunks", "underwear panties briefs", "sock stocking legging", "apron smock", "backpack knapsack",
    "hill mountain", "smoke steam fog", "cloud smoke", "tower clock steeple", "roof rooftop", "car truck",
    "bus van coach",
    "bus trolley tram", "scooter skateboard", "tractor truck vehicle machine", "carrot vegetable", "broccoli vegetable",
)  # fmt: skip
"""Words that may name one and the same object; within a line none may stand for a different one."""
_CLOTHES = (
    "shirt t-shirt blouse jersey jacket coat vest sweater sweatshirt hoodie hat cap helmet dress skirt pants jeans "
    "shorts suit costume outfit uniform tie scarf glove shoe boot sneaker sandal sock belt robe gown tuxedo apron "
    "swimsuit bikini trousers slacks khakis sweatpants leggings tights capris overalls coveralls pajamas trunks "
    "underwear parka poncho cardigan overcoat raincoat windbreaker pullover turtleneck tunic leotard jumpsuit snowsuit "
    "tracksuit sweatsuit wetsuit bodysuit kimono kilt veil cape cloak diaper headscarf headband bandana bandanna "
    "beanie sunhat sombrero fedora bonnet beret turban headdress mitten stocking camisole blazer undershirt bathrobe "
    "slipper loafer cleat lingerie sundress"
)
_FRUIT = (
    "apple banana orange pear peach lemon lime grape strawberry watermelon melon mango pineapple cherry plum kiwi "
    "berry blueberry raspberry blackberry cranberry avocado tangerine grapefruit apricot fig coconut papaya guava "
    "cantaloupe pomegranate nectarine"
)
_VEGETABLES = (
    "carrot broccoli potato onion lettuce cabbage cauliflower celery cucumber pepper bean pea corn spinach radish "
    "zucchini squash pumpkin eggplant mushroom asparagus beet turnip artichoke kale garlic leek pickle"
)
_DRINKS = (
    "coffee tea juice beer wine water milk soda lemonade latte espresso cappuccino milkshake smoothie cocktail "
    "champagne cocoa"
)
KINDS = {
    "animal": f"{_DOGS} {_CATS} {_HORSES} {_COWS} {_BIRDS} {_SEA} {_INSECTS} dog cat horse cow sheep lamb goat pig "
    "bird insect hog piglet boar elephant giraffe zebra bear lion lioness tiger panther jaguar cougar lynx monkey "
    "chimpanzee baboon orangutan rabbit bunny hare deer fawn reindeer fish wolf coyote fox hyena camel donkey leopard "
    "cheetah panda koala kangaroo rhino rhinoceros hippo hippopotamus buffalo bison yak moose elk antelope gazelle "
    "impala wildebeest warthog llama alpaca turtle tortoise frog toad snake lizard gecko iguana alligator crocodile "
    "squirrel chipmunk mouse rat hamster gerbil gorilla ape otter beaver raccoon skunk hedgehog porcupine ox ram mule",
    "pet": f"{_DOGS} {_CATS} dog cat",
    "dog": _DOGS,
    "cat": _CATS,
    "horse": _HORSES,
    "insect": _INSECTS,
    "fish": "goldfish trout salmon",
    "bird": _BIRDS,
    "vehicle": f"{_CARS} {_BOATS} car truck bus van bike bicycle motorcycle motorbike moped scooter train boat plane "
    "tractor suv jeep minivan airplane jet helicopter ship trolley tram ambulance pickup automobile lorry minibus "
    "firetruck atv snowmobile tricycle streetcar locomotive bulldozer forklift glider biplane barge",
    "car": _CARS,
    "boat": _BOATS,
    "fruit": _FRUIT,
    "vegetable": _VEGETABLES,
    "plant": "tree bush shrub flower grass fern cactus vine ivy palm rose tulip daisy sunflower",
    "flower": "rose tulip daisy sunflower lily orchid carnation dandelion",
    "tree": "palm pine oak evergreen",
    "furniture": "table chair desk couch sofa bed bench stool shelf cabinet dresser nightstand armchair bookshelf "
    "bookcase ottoman loveseat recliner wardrobe cupboard",
    "appliance": "refrigerator fridge oven stove microwave toaster dishwasher blender freezer washer dryer",
    "utensil": "fork knife spoon spatula ladle tongs whisk chopstick",
    "silverware": "fork knife spoon",
    "container": "box crate basket bucket jar bottle can bin bowl cup pot vase barrel tub",
    "instrument": "guitar violin piano drum trumpet saxophone flute cello accordion harp banjo trombone tuba clarinet",
    "weapon": "gun rifle sword knife pistol",
    "tool": "hammer wrench screwdriver saw shovel rake drill axe",
    "footwear": "shoe boot sneaker sandal slipper",
    "jewelry": "necklace earring bracelet ring",
    "clothing": _CLOTHES,
    "clothes": _CLOTHES,
    "garment": _CLOTHES,
    "apparel": _CLOTHES,
    "attire": _CLOTHES,
    "food": f"{_FRUIT} {_VEGETABLES} bread cake pizza sandwich salad rice meat cheese egg soup pasta chicken fish "
    "fruit vegetable donut doughnut cookie hotdog burger hamburger cheeseburger bacon sausage tomato dessert pie "
    "pancake waffle muffin cupcake brownie bagel croissant pretzel pastry steak ham shrimp sushi spaghetti burrito "
    "taco popsicle lollipop chocolate popcorn corndog omelette lasagna toast noodle meatball",
    "drink": _DRINKS,
    "beverage": _DRINKS,
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
    "car bus train boat plane tractor bicycle motorcycle",
    "table chair bed bench couch",
    "man woman boy girl",
    "fork knife spoon",
    "refrigerator microwave toaster dishwasher",
    "guitar violin piano drum trumpet",
    "carrot broccoli potato tomato cucumber mushroom",
    "pizza sandwich cake salad",
)
"""Nouns that rule each other out and are as plausible as each other: one may replace another in a negative."""
