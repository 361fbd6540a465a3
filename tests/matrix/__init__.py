"""Files of every form that a format has, with pixels that are known by construction: one file a format.

The everyday tests decode nearly all of them (tests/unit/test_matrix.py), and Chromium looks at those that browsers show
(tests/integration/test_browsers.py). `python -m tests.matrix`, a part of `make fuzz`, takes TIFF's combinations too.
"""
