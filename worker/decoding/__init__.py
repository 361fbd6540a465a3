"""Image bytes to pixels: upright, sRGB, 8 bits."""
