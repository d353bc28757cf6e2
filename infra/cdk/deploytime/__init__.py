"""Functions that only a deployment runs: topics, keys, the brokers' addresses.

They are deployed as the folder ``deploytime``, on top of the shared layer.
"""
