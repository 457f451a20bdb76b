"""Diffusion: noise that belongs to a picture, samplers, and generators that paint by them.

Importing this package loads no network library; the functions do, when they are called.
"""
