"""Files of every form that a format has, with pixels that are known by construction: one file a format.

`python -m tests.matrix` decodes them all; the everyday tests take some of each (tests/unit/test_matrix.py), and
Chromium looks at those that browsers show (tests/unit/test_browser.py).
"""
