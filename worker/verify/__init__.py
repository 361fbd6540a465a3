"""The exact engine held against the reference engine: `python -m worker.verify IMAGE`."""
