"""Scenario `ridge`: predictions of very many targets from rows of voxels, in memory and over Dask."""
