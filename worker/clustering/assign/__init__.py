"""A given palette: every colour to the entry that is nearest to it.

engine    points -> clustering
"""
