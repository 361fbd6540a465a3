"""Who asks, and how much of the service he may use.

caller    who asks, in one request
keyring   a key's text -> its holder, or why not; and whether he still may
quotas    what he has used up
"""
