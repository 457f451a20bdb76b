"""The network in mini-batches learns what torch learns from the same rows in the same order."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.training.perceptron import BATCH, EPOCHS, EPSILON, UNITS, Adam, Perceptron

ROWS, VOXELS, TARGETS = 75, 20, 9


@pytest.fixture
def rows() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    x = random.normal(size=(ROWS, VOXELS)).astype(np.float32)
    y = 50 * (x @ random.normal(size=(VOXELS, TARGETS))).astype(
        np.float32
    )  # gradients far above Adam's epsilon
    return x, y


def _by_torch(network: Perceptron, x: np.ndarray, y: np.ndarray, orders: list[np.ndarray]):
    """Return layers and losses after learning in given orders, from the network's first weights."""
    import torch

    layers = torch.nn.Sequential(
        torch.nn.Linear(VOXELS, UNITS), torch.nn.ReLU(), torch.nn.Linear(UNITS, TARGETS)
    )
    with torch.no_grad():
        layers[0].weight.copy_(torch.from_numpy(network.into.T))
        layers[2].weight.copy_(torch.from_numpy(network.out.T))
        layers[0].bias.zero_()
        layers[2].bias.zero_()
    adam = torch.optim.Adam(layers.parameters(), lr=1e-3, betas=(0.9, 0.999), eps=EPSILON)
    losses = []
    for order in orders:
        losses.append(0.0)
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            loss = torch.nn.functional.mse_loss(
                layers(torch.from_numpy(x[batch])), torch.from_numpy(y[batch])
            )
            adam.zero_grad()
            loss.backward()
            adam.step()
            losses[-1] += loss.item() * len(batch) / len(order)
    return layers, losses


def test_it_learns_what_torch_learns(rows):
    x, y = rows
    network = Perceptron(VOXELS, TARGETS, np.random.default_rng(1))
    repeated = np.random.default_rng(2)
    orders = [repeated.permutation(ROWS) for _ in range(EPOCHS)]
    layers, losses = _by_torch(network, x, y, orders)
    assert network.learn(x, y, np.random.default_rng(2)) == pytest.approx(losses, rel=1e-4)
    for ours, theirs in (
        (network.into, layers[0].weight.T),
        (network.into_bias, layers[0].bias),
        (network.out, layers[2].weight.T),
        (network.out_bias, layers[2].bias),
    ):
        np.testing.assert_allclose(ours, theirs.detach().numpy(), atol=2e-5)
    assert losses[-1] < losses[0]


def test_first_weights_are_those_of_glorot():
    network = Perceptron(300, 500, np.random.default_rng(0))
    for weights in (network.into, network.out):
        limit = np.sqrt(6 / sum(weights.shape))
        assert 0.99 * limit < np.abs(weights).max() <= limit
        assert weights.std() == pytest.approx(limit / np.sqrt(3), rel=0.02)
    assert not network.into_bias.any()
    assert not network.out_bias.any()


def test_adam_adds_epsilon_where_keras_does():
    """The first step is lr g' / (|g'| + eps) with g' = g sqrt(1 - 0.999): small gradients move less."""
    parameter = np.zeros(3, np.float32)
    gradient = np.array([1.0, 1e-6, 0.0], np.float32)
    Adam([parameter]).step([gradient])
    seen = gradient.astype(float) * np.sqrt(0.001)
    np.testing.assert_allclose(parameter, -1e-3 * seen / (seen + EPSILON), rtol=1e-4)
