"""Callbacks: what a client may wish for, and sending what the outbox holds.

wish      what a request asks for -> a Callback, or what is wrong with it
message   a job and its event -> the body, below 20 kB
post      one request to a stranger's receiver -> what became of it
sender    the outbox's deliveries, one after the other for each host, until they are made or given up
"""
