"""Palette files, made from a result's JSON alone: one file a format, one line each in the registry."""
