"""How much memory a network's layers take: told by running it on tensors that have a shape and no numbers."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class _Held(TorchDispatchMode):
    """Counts the bytes of the tensors that operations make, as long as somebody holds them."""

    def __init__(self, known: Iterable[Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = self.most = 0
        self._seen = weakref.WeakSet([one.untyped_storage() for one in known])

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        del types
        made = func(*args, **(kwargs or {}))
        for one in tree_leaves(made):
            if isinstance(one, Tensor):
                self._add(one.untyped_storage())
        return made

    def _add(self, storage: torch.UntypedStorage) -> None:
        if storage not in self._seen:
            self._seen.add(storage)
            size = storage.nbytes()
            self.now += size
            self.most = max(self.most, self.now)
            weakref.finalize(storage, self._drop, size)

    def _drop(self, size: int) -> None:
        self.now -= size


class _Fused(TorchFunctionMode):
    """Lets attention take what fused kernels take: what goes in and what comes out, never all its weights."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        del types
        if func is scaled_dot_product_attention:
            query, key, value = args[:3]
            return query * key[..., :1, :] * value[..., :1, :]
        return func(*args, **(kwargs or {}))


def most_held(call: Callable[[], object], known: Iterable[Tensor] = ()) -> int:
    """Return the most bytes of tensors that a call makes and holds at once.

    Parameters
    ----------
    call
        Computes on tensors of the device "meta", which have shapes but no numbers: it takes milliseconds, and
        the answer is what it would hold with numbers, but for what kernels need while they run.
    known
        Tensors that are there before; they don't count.
    """
    held = _Held(known)
    with _Fused(), held:
        call()
    return held.most
