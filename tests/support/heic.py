"""HEIC files for the tests, as text: what writes them is GPL software, so they were made once, elsewhere.

Each is 96 x 64 pixels (`TURNED`: stored so, seen as 64 x 96) of four flat quadrants, quality 95 without subsampling.
"""

import base64
import struct

import numpy as np

QUADRANTS = np.array([[[200, 30, 40], [20, 160, 60]], [[40, 60, 190], [230, 220, 210]]], np.uint8)
"""Top left, top right, bottom left, bottom right."""

PLAIN = base64.b64decode(
    "AAAAHGZ0eXBoZWl4AAAAAG1pZjFoZWl4bWlhZgAAAVVtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAACJpbG9jAAAA"
    "AERAAAEAAQAAAAABeQABAAAAAAAAALwAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRtAAAAAAABAAAA1WlwcnAAAAC2"
    "aXBjbwAAAHdodmNDAQQIAAAAnjgAAAAAHvAA/P/4+AAADwNgAAEAF0ABDAH//wQIAAADAJ44AAADAAAeugJAYQABACpCAQEECAAAAwCeOAAAAwAA"
    "HpAGECCy3UklNc3AQ0BBAAADABkAAAMAAQhiAAEACEQBwXKGDAIkAAAAE2NvbHJuY2x4AAEADQABgAAAABRpc3BlAAAAAAAAAGAAAABAAAAAEHBp"
    "eGkAAAAAAwgICAAAABdpcG1hAAAAAAAAAAEAAQSBAgMEAAAAxG1kYXQAAAC4KAGvBrjlh6w3P/bEt///Kofof6TWVBfJ69/5lf//7z3//48Qch4W"
    "9j0dOrsKSQKbghawbOhkeILJZBMXpyBBqMhIIBxK/vL4lDRhVq37+mORF/Ircu6N47vKEUn7lal4zy2cPPxErGfMZ6wjfo/8v/9tB0mB2V2uYA/P"
    "Tcg/zc/AKUAA3pkz/0dO//6J+WOt7L//+0PXPi+Ga0PO3ISTS+/012gQrzJg09EETmcxyUEsIlJf8SCDgA=="
)
ALPHA = base64.b64decode(
    "AAAAHGZ0eXBoZWl4AAAAAG1pZjFoZWl4bWlhZgAAAkRtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAADRpbG9jAAAA"
    "AERAAAIAAQAAAAACaAABAAAAAAAAALwAAgAAAAADJAABAAAAAAAAAMEAAAA4aWluZgAAAAAAAgAAABVpbmZlAgAAAAABAABodmMxAAAAABVpbmZl"
    "AgAAAAACAABodmMxAAAAAA5waXRtAAAAAAABAAABg2lwcnAAAAFdaXBjbwAAAHdodmNDAQQIAAAAnjgAAAAAHvAA/P/4+AAADwNgAAEAF0ABDAH/"
    "/wQIAAADAJ44AAADAAAeugJAYQABACpCAQEECAAAAwCeOAAAAwAAHpAGECCy3UklNc3AQ0BBAAADABkAAAMAAQhiAAEACEQBwXKGDAIkAAAAE2Nv"
    "bHJuY2x4AAEADQABgAAAABRpc3BlAAAAAAAAAGAAAABAAAAAEHBpeGkAAAAAAwgICAAAAHJodmNDAQQIAAAAn/gAAAAAHvAA/Pz4+AAADwNgAAEA"
    "F0ABDAH//wQIAAADAJ/4AAADAAAeugJAYQABACZCAQEECAAAAwCf+AAAAwAAHsDCBBZbqSSmubAgAAADAyAAAAMAIWIAAQAHRAHBcrAiQAAAAA5w"
    "aXhpAAAAAAEIAAAAJ2F1eEMAAAAAdXJuOm1wZWc6aGV2YzoyMDE1OmF1eGlkOjEAAAAAHmlwbWEAAAAAAAAAAgABBIECAwQAAgSFAwaHAAAAGmly"
    "ZWYAAAAAAAAADmF1eGwAAgABAAEAAAGFbWRhdAAAALgoAa8GuOWHrDc/9sS3//8qh+h/pNZUF8nr3/mV///vPf//jxByHhb2PR06uwpJApuCFrBs"
    "6GR4gslkExenIEGoyEggHEr+8viUNGFWrfv6Y5EX8ity7o3ju8oRSfuVqXjPLZw8/ESsZ8xnrCN+j/y//20HSYHZXa5gD89NyD/Nz8ApQADemTP/"
    "R07//on5Y63sv//7Q9c+L4ZrQ87chJNL7/TXaBCvMmDT0QROZzHJQSwiUl/xIIOAAAAAvSgBrg1w8WQITP/mFQJRZTn9ZOyHHfwoYLvBCx/aH4w6"
    "i3RxKaprrregvqcJ8MK9mvRgIpMvGIg8Ma4rLgYm9Z7M6tbitYP9TOZ5Q8ZtZjjMoodGshPPr7dJBSyu8o+yc859676Bfkf/jrekUUf6LNDuUZGN"
    "DvussB0mHQCFSKHZajAMEt3Mc0xw9zGwP7qr63WhxE44l9TjGXtZb0KAB35D2ZLHsnIFemJFFe6Eo/uApLgw4R0tOxo786BTqQ=="
)
TURNED = base64.b64decode(
    "AAAAHGZ0eXBoZWl4AAAAAG1pZjFoZWl4bWlhZgAAAaBtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAADRpbG9jAAAA"
    "AERAAAIAAQAAAAABxAABAAAAAAAAALwAAgAAAAACgAABAAAAAAAAACQAAAA4aWluZgAAAAAAAgAAABVpbmZlAgAAAAABAABodmMxAAAAABVpbmZl"
    "AgAAAQACAABFeGlmAAAAAA5waXRtAAAAAAABAAAA32lwcnAAAAC/aXBjbwAAAHdodmNDAQQIAAAAnjgAAAAAHvAA/P/4+AAADwNgAAEAF0ABDAH/"
    "/wQIAAADAJ44AAADAAAeugJAYQABACpCAQEECAAAAwCeOAAAAwAAHpAGECCy3UklNc3AQ0BBAAADABkAAAMAAQhiAAEACEQBwXKGDAIkAAAAE2Nv"
    "bHJuY2x4AAEADQABgAAAABRpc3BlAAAAAAAAAGAAAABAAAAAEHBpeGkAAAAAAwgICAAAAAlpcm90AwAAABhpcG1hAAAAAAAAAAEAAQWBAgMEhQAA"
    "ABppcmVmAAAAAAAAAA5jZHNjAAIAAQABAAAA6G1kYXQAAAC4KAGvBrjlh6w3P/bEt///Kofof6TWVBfJ69/5lf//7z3//48Qch4W9j0dOrsKSQKb"
    "ghawbOhkeILJZBMXpyBBqMhIIBxK/vL4lDRhVq37+mORF/Ircu6N47vKEUn7lal4zy2cPPxErGfMZ6wjfo/8v/9tB0mB2V2uYA/PTcg/zc/AKUAA"
    "3pkz/0dO//6J+WOt7L//+0PXPi+Ga0PO3ISTS+/012gQrzJg09EETmcxyUEsIlJf8SCDgAAAAAZFeGlmAABNTQAqAAAACAABARIAAwAAAAEABgAA"
    "AAAAAA=="
)


def with_property(data: bytes, kind: bytes, content: bytes) -> bytes:
    """An AVIF or HEIC file of one picture whose item has one more property, the last one."""
    whole = bytearray(data)
    added = struct.pack(">I4s", 8 + len(content), kind) + content
    container = whole.index(b"ipco") - 4
    size = int.from_bytes(whole[container : container + 4], "big")
    number, at = 1, container + 8
    while at < container + size:
        number, at = number + 1, at + int.from_bytes(whole[at : at + 4], "big")
    count = whole.index(b"ipma") + 4 + 4 + 4 + 2  # behind flags, the number of items, and the first one's id
    last = count + 1 + whole[count]
    whole[last:last] = bytes([0x80 | number])
    whole[count] += 1
    whole[container + size : container + size] = added
    for box, more in ((b"ipco", len(added)), (b"ipma", 1), (b"iprp", len(added) + 1), (b"meta", len(added) + 1)):
        head = whole.index(box) - 4
        whole[head : head + 4] = (int.from_bytes(whole[head : head + 4], "big") + more).to_bytes(4, "big")
    place = data.index(b"mdat") + 4
    extent = whole.index(place.to_bytes(4, "big"), whole.index(b"iloc"))
    whole[extent : extent + 4] = (place + len(added) + 1).to_bytes(4, "big")
    return bytes(whole)
