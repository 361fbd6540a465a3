"""The job: its record, its moves, where they are kept, and the queue."""
