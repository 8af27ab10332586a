"""What `wordings` says around a question, other names for things and places, and the model's own wordings.

"[a|b]" is a choice, "{noun}" a slot, "<...>" one of MACROS.
"""

from lladav.scenes import signs, small_talk

MACROS = {
    "<what is>": "[what is|what is|what's|what's|whats]",
    "<where is>": "[where is|where is|where's|where's|wheres]",
    "<picture>": "[the|the|this|that|my] [picture|picture|image|image|photo|pic|scene|drawing]",
    "<here>": "[||||| here| in <in>| in <in>| on <in>]",
    "<in>": "[the|this] [picture|image|photo|pic|scene]",
    "<see>": "[see|see|spot|find|notice]",
    "<thing>": "[thing|object|item]",
    "<things>": "[things|objects|items]",
}
# Macros may name later ones, never earlier ones.

OPENINGS = (
    *("hey, ", "hey ", "hi, ", "hi! ", "hello, ", "so ", "so, ", "ok, ", "ok ", "okay, ", "now, ", "well, ", "and "),
    *("please tell me: ", "tell me, ", "quick question: ", "hmm, ", "um, ", "oh, ", "excuse me, ", "just curious, "),
    *("look closely: ", "one more: ", "sorry, ", "I have a question: ", "in <in>, ", "here's a picture, "),
)
WONDERING = (
    "[can|could|would|will] you [please |kindly |maybe ||||]tell me",
    "[please |pls |||]tell me",
    "[can|could] you say",
    "do you know",
    "do you have any idea",
    "can you [see|figure out|work out]",
    "I wonder",
    "I'm wondering",
    "I was wondering",
    "I [want|need] to know",
    "I'd like to know",
    "I would like to know",
    "let me know",
    "any idea",
    "[please |]say",
    "can you explain",
    "may I ask",
    "help me see",
)
POLITE = (
    *("please", "please", "can you", "can you", "could you", "would you", "can you please", "could you please"),
    *("will you", "I want you to", "I'd like you to", "just", "now", "go ahead and", "hey,", "ok,", "kindly", "try to"),
    *("let's", "pls"),
)
RELATION_WORDS = {
    "left of": ("[left of|to the left of|on the left of|left to|on the left side of|just left of]",),
    "right of": ("[right of|to the right of|on the right of|on the right side of|right to|just right of]",),
    "above": ("[above|above|over|on top of|higher than|just above|up above]",),
    "below": ("[below|below|under|underneath|beneath|lower than|just below|down below]",),
}
PLACES = {
    "in the middle": ("in the [middle|middle|center|centre]", "at the center", "right in the [middle|center]"),
    "at the left": ("[at|on|on] the left", "on the left [hand side|side|edge]", "at the left [side|edge]"),
    "at the right": ("[at|on|on] the right", "on the right [hand side|side|edge]", "at the right [side|edge]"),
    "at the top": ("at the top", "[at|on] the [top|upper] [edge|side]", "in the top middle", "in the upper part"),
    "at the bottom": ("at the bottom", "[at|on] the bottom [edge|side]", "in the bottom middle", "in the lower part"),
    **{
        f"at the {row} {column}": (
            f"[at|in|on] the {row} {column}",
            f"[in|at] the {row} {column} corner",
            f"[in|at] the {other} {column}[| corner]",
            f"in the {column} {row} corner",
            f"{row} {column}",
        )
        for row, other in (("top", "upper"), ("bottom", "lower"))
        for column in ("left", "right")
    },
}
SYNONYMS = {
    "dog": ("puppy", "doggy", "doggie", "pup", "hound"),
    "cat": ("kitty", "kitten", "pussycat"),
    "rabbit": ("bunny", "hare"),
    "chicken": ("hen",),
    "pig": ("piglet", "hog"),
    "bear": ("teddy bear", "brown bear"),
    "panda": ("panda bear",),
    "koala": ("koala bear",),
    "monkey": ("ape", "chimp"),
    "turtle": ("tortoise",),
    "duck": ("duckling",),
    "bee": ("honeybee", "bumblebee"),
    "frog": ("toad",),
    "cow": ("bull",),
    "airplane": ("plane", "aeroplane", "jet"),
    "bicycle": ("bike", "cycle"),
    "car": ("auto", "automobile"),
    "boat": ("sailboat", "ship", "sailing boat"),
    "burger": ("hamburger", "cheeseburger"),
    "donut": ("doughnut",),
    "cookie": ("biscuit",),
    "rocket": ("spaceship", "space ship"),
    "helicopter": ("chopper",),
    "house": ("home", "building"),
    "ball": ("soccer ball", "football"),
    "flower": ("blossom",),
    "moon": ("crescent",),
    "umbrella": ("parasol",),
    "robot": ("android", "bot"),
    "clock": ("watch", "alarm clock"),
    "watermelon": ("melon",),
    "circle": ("disc", "disk", "dot"),
    "square": ("box",),
}

# --- today's own wordings, which all figures "in its own words" are measured with -----------------------------------

PLAIN = {
    **small_talk.PLAIN,
    **signs.PLAIN,
    "name": ("What is it?", "What is this?", "What do you see?", "What is in the picture?"),
    "position": ("What is {place}?",),
    "color": ("What color is the {noun}?", "Which color is the {noun}?"),
    "colors": ("What color are the {nouns}?",),
    "count": ("How many {nouns} are there?", "How many {nouns} do you see?"),
    "exists": ("Is there {a_noun}?", "Do you see {a_noun}?"),
    "related": ("Is the {noun} {relation} the {other}?",),
    "relation": ("What is {relation} the {noun}?",),
    "where": ("Where is the {noun}?",),
    "caption": ("Describe the picture.", "What can you see?", "Describe what you see.", "List all objects."),
    "overview": ("Describe the picture.", "What can you see?", "Describe what you see.", "List all objects."),
    "detail": ("Describe the picture in detail.", "Tell me more about the picture.", "Tell me everything."),
    "where_it": ("Where is it?",),
    "color_it": ("What color is it?",),
    "related_it": ("Is it {relation} the {other}?",),
    "relation_it": ("What is {relation} it?",),
    "compare": ("Where is the {noun} from the {other}?",),
    "first": ("What comes first?",),
    "last": ("What comes last?",),
    "after": ("What comes after the {noun}?",),
    "before": ("What comes before the {noun}?",),
    "kinds": ("How many kinds of things are there?",),
}
