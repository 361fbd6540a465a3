"""Uploads, stored images and results as blobs."""
