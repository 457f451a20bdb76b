"""Pre-trained networks: how they are found, checked and loaded.

Importing this package loads no network library; the functions do, when they are called.
"""
