"""Where the pictures that several benchmarks share are published."""

from hairsplit.evaluate.benchmarks._benchmark import Collection

COCO_VAL_2017 = Collection(
    "COCO val2017",
    "http://images.cocodataset.org/zips/val2017.zip",
    ("val2017", "coco/val2017", "images/val2017", "images", "."),
)
COCO_2017 = Collection(
    "COCO train2017 and val2017",
    "http://images.cocodataset.org/zips/train2017.zip and val2017.zip",
    ("train2017", "val2017", "trainval2017", "coco/train2017", "coco/val2017", "images", "."),
)
COCO_VAL_2014 = Collection(
    "COCO val2014",
    "http://images.cocodataset.org/zips/val2014.zip",
    ("val2014", "coco/val2014", "images/val2014", "coco", "images", "."),
)
COCO_TRAIN_2014 = Collection(
    "COCO train2014",
    "http://images.cocodataset.org/zips/train2014.zip",
    ("train2014", "coco/train2014", "images/train2014", "train2014/train2014", "images", "."),
)
FLICKR_30K = Collection(
    "Flickr30k",
    "https://shannon.cs.illinois.edu/DenotationGraph/ (by form)",
    ("flickr30k-images", ".", "flickr30k", "flickr30k/flickr30k-images", "images"),
)
FLICKR_8K = Collection(
    "Flickr8k",
    "https://github.com/jbrownlee/Datasets/releases/tag/Flickr8k",
    ("Flicker8k_Dataset", "Flickr8k_Dataset", ".", "flickr8k", "flickr8k/Flicker8k_Dataset", "images", "Images"),
)
GQA = Collection(
    "GQA",
    "https://downloads.cs.stanford.edu/nlp/data/gqa/images.zip",
    ("images", "gqa/images", "gqa", "."),
)
VISUAL_GENOME = Collection(
    "Visual Genome",
    "https://cs.stanford.edu/people/rak248/VG_100K_2/images.zip and images2.zip",
    ("vg", "VG_100K", "VG_100K_2", "vg/VG_100K", "vg/VG_100K_2", "images", "."),
)
SWIG = Collection(
    "SWiG",
    "https://swig-data-weights.s3.us-east-2.amazonaws.com/images_512.zip",
    ("images_512", "swig", "swig/images_512", "SWiG/images_512", "images", "."),
)
HAKE = Collection(
    "HAKE",
    "https://github.com/DirtyHarryLYL/HAKE/tree/master/Images",
    ("hake", ".", "images"),
)
