"""What can be done with jobs, in values: no request, no response. Routes call it, as batches and sockets will."""
