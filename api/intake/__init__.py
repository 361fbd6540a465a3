"""From a request's bytes to stored uploads and parsed parameters."""
