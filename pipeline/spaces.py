"""From the tables ``[features.X]`` to the steps that make a subject's feature spaces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .errors import RecipeError
from .recipe.features import (
    BATCH,
    EmbeddingFeatures,
    LatentFeatures,
    PcaFeatures,
    PixelFeatures,
    PromptFeatures,
    TextFeatures,
    WordFeatures,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .recipe import Recipe
    from .recipe.features import EncodedFeatures
    from .step import Step


@dataclass(frozen=True)
class Spaces:
    """Adds the steps of feature spaces to those of a subject."""

    recipe: Recipe
    made: Mapping[str, Step]
    """The steps so far, by product."""
    add: Callable[..., Step]
    """Adds a step: product, maker, inputs by product, settings."""

    def featurize(self, space: str) -> None:
        """Add a space, and what its pictures share."""
        settings = self.recipe.features[space]
        if isinstance(settings, (PixelFeatures, PcaFeatures)):
            self._look(space, settings)
        elif isinstance(settings, WordFeatures):
            self._read(space, "words.word_features", least=settings.least, dtype=settings.dtype)
        else:
            self._encode(space, settings)

    def _look(self, space: str, settings: PixelFeatures | PcaFeatures) -> None:
        owner, inputs = self.made["stimuli"].owner, {"stimuli": "stimuli"}
        if isinstance(settings, PcaFeatures):
            inputs["basis"] = f"basis/{space}"
            self.add(
                inputs["basis"],
                "featurize.basis",
                {"stimuli": "stimuli"},
                owner=owner,
                seed=self.recipe.seed,
                size=settings.size,
                components=settings.components,
            )
        self.add(f"features/{space}", "featurize.features", inputs, owner=owner, **settings.model_dump())

    def _encode(self, space: str, settings: EncodedFeatures) -> None:
        """Add what a network tells of pictures or captions."""
        from .features.captions import reader_of
        from .features.encoders import encoder_of

        weights = settings.weights or self.recipe.weights or "published"
        how: dict[str, Any] = {"batch": settings.batch or BATCH[settings.model], "dtype": settings.dtype}
        if isinstance(settings, (TextFeatures, PromptFeatures)):
            base = settings.base if isinstance(settings, PromptFeatures) else None
            network = reader_of(weights, base=base).pretrained.identity()
            how |= {"base": base} if base else {}
            places = {"weights": weights}
            self._read(space, "encode.caption_features", places=places, network=network, **how)
            return
        if isinstance(settings, LatentFeatures):
            own: dict[str, Any] = {"layers": settings.layers, "draw": settings.draw}
            if settings.draw == "posterior":
                own |= {"seed": self.recipe.seed, "space": space}
        else:
            own = {"faithful": self.recipe.fidelity == "faithful"}
        which = {}
        if isinstance(settings, EmbeddingFeatures) and settings.encoder != "vit-h-14":
            which = {"encoder": settings.encoder}
        self.add(
            f"features/{space}",
            "encode.picture_features",
            {"stimuli": "stimuli"},
            owner=self.made["stimuli"].owner,
            places={"weights": weights},
            model=settings.model,
            network=encoder_of(settings.model, weights, which).pretrained.identity(),
            **how,
            **own,
            **which,
        )

    def _read(self, space: str, maker: str, **settings: Any) -> None:
        """Add a space of captions."""
        if "captions" not in self.made:
            data = self.recipe.data
            arrays = "name them in [data.arrays] train_captions, test_captions"
            cure = arrays if data.arrays else "put COCO_73k_annots_curated.npy there"
            model = self.recipe.features[space].model
            raise RecipeError(
                f"[features.{space}] model = {model!r} reads captions, and {data.source} has none; {cure}, "
                "or take another model"
            )
        owner = self.made["captions"].owner
        inputs = {"stimuli": "stimuli", "captions": "captions"}
        self.add(f"features/{space}", maker, inputs, owner=owner, **settings)
