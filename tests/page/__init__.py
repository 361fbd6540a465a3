"""The web page, in Debian's Chromium, on a real service."""
