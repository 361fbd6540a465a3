"""sRGB colours as text: `#rrggbb`."""

HEX = "#[0-9a-fA-F]{6}"


def rgb_of_hex(color: str) -> tuple[int, int, int]:
    """`#rrggbb` as three bytes. The text matches HEX."""
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def hex_of_rgb(rgb: tuple[int, int, int]) -> str:
    """Three bytes as `#rrggbb`, in small letters."""
    return "#{:02x}{:02x}{:02x}".format(*rgb)
