"""The HTTP server before the routes: what any connection may cost, whoever asks and for whatever.

__main__.py    `python -m api.server`: uvicorn, set up here and nowhere else
entrance.py    the listening socket, and who stands before it
protocol.py    a connection: heads that are too long or too slow, idle ones, bodies that nobody wants
guarded_socket.py  a connection that became a WebSocket: readers that do not read, messages that nobody wants
admission.py   how many connections there may be, in all and from one address
stalled.py     readers that do not read: not too many at a time
unchunked.py   answers to HTTP/1.0
turns.py       of many requests that come at once some begin and the others wait
memory.py      what a crowd took is given back when it has left
edge.py        what stands before all routes: allowed hosts, the prefix, the headers of every answer
"""
