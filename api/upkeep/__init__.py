"""What the gateway does in the background: the sweep, the collection of orphans."""
