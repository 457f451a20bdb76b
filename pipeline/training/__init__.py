"""Training: the loops of the decoders that learn, from the first step to a file of weights.

Importing this package loads no network library; the functions do, when they are called.
"""
