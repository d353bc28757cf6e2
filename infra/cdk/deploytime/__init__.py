"""Functions that only a deployment or a schedule runs: topics, keys, addresses, origin secret.

They are deployed as the folder ``deploytime``, on top of the shared layer.
"""
