"""The gateway's way out, for addresses that strangers give: which may be dialled, and dialling those alone."""
