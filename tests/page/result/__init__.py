"""A finished job on the page, as `api/page/result` shows it."""
