"""Training: `lladav train` makes the embedded default out of nothing but seeds and the artwork in assets.

Nothing is imported here: the page uses the objective alone, and is installed without what training needs.
"""
