"""The ridge's numerics on plain arrays: Gram matrices, smoothers, corrections, and what they cost.

Nothing here knows dask, xarray or zarr. Every function takes the arrays of one library (numpy, cupy, torch)
and answers in the same library, on the same device.

With n training rows, p voxels, m test rows, t targets, Xc the centred training rows:

- dual (n <= p):  K = Xc Xc^T,  S = Xt Xc^T (K + alpha I)^-1
- primal (p < n): G = Xc^T Xc,  S = Xt (G + alpha I)^-1 Xc^T
- both:           S~ = S + (1 - S 1) 1^T / n,  predictions = S~ Y, with Y as it is, not centred

so that the weights (p, t) are never formed. ``alpha`` is in scikit-learn's units: not divided by n.
"""

from __future__ import annotations

from ..device import CPU, Device, device_in_use, use
from .agreement import Agreement, scores
from .blocks import WIDTH, centred, column_means, recut
from .ceiling import ceiling
from .choice import Errors
from .condition import (
    eigenvalue_bound,
    float32_error,
    gram_and_cross_for,
    largest_eigenvalue,
    safe_precision,
)
from .correction import Moments, batch_moments, moments, restandardize
from .device import accelerator, host, put, stream
from .forms import (
    Form,
    PrimalForm,
    choose_form,
    choose_primal_form,
    choose_spectrum,
    cross_flops,
    factor_flops,
    gram_band_flops,
    predict_flops,
    primal_left_flops,
    primal_smoother_flops,
    selection_flops,
    spectrum_flops,
)
from .gram import cross_gram, gram_and_cross, gram_band, gram_bands, gram_rows, primal_gram_band, symmetric
from .groups import Groups
from .leaveout import leave_out, partners, sample_rows
from .namespace import Precision, precision_of
from .penalty import grid
from .prediction import from_weights, merge_columns, predict, predict_blocks, predict_left
from .residuals import BySpectrum, by_factor, held_out
from .retrieval import identification
from .running import RunningMoments
from .selection import (
    Candidates,
    by_factors,
    by_spectrum,
    centred_targets,
    gcv_errors,
    held_out_by_best,
    held_out_errors,
    identifications,
)
from .smoother import (
    Factor,
    dual_smoother,
    factorise,
    fold_intercept,
    primal_left,
    primal_smoother,
)
from .spectrum import (
    Spectrum,
    dual_spectrum,
    predict_by_alphas,
    primal_spectrum,
    project_rows,
)

__all__ = [
    "CPU",
    "WIDTH",
    "Agreement",
    "BySpectrum",
    "Candidates",
    "Device",
    "Errors",
    "Factor",
    "Form",
    "Groups",
    "Moments",
    "Precision",
    "PrimalForm",
    "RunningMoments",
    "Spectrum",
    "accelerator",
    "batch_moments",
    "by_factor",
    "by_factors",
    "by_spectrum",
    "ceiling",
    "centred",
    "centred_targets",
    "choose_form",
    "choose_primal_form",
    "choose_spectrum",
    "column_means",
    "cross_flops",
    "cross_gram",
    "device_in_use",
    "dual_smoother",
    "dual_spectrum",
    "eigenvalue_bound",
    "factor_flops",
    "factorise",
    "float32_error",
    "fold_intercept",
    "from_weights",
    "gcv_errors",
    "gram_and_cross",
    "gram_and_cross_for",
    "gram_band",
    "gram_band_flops",
    "gram_bands",
    "gram_rows",
    "grid",
    "held_out",
    "held_out_by_best",
    "held_out_errors",
    "host",
    "identification",
    "identifications",
    "largest_eigenvalue",
    "leave_out",
    "merge_columns",
    "moments",
    "partners",
    "precision_of",
    "predict",
    "predict_blocks",
    "predict_by_alphas",
    "predict_flops",
    "predict_left",
    "primal_gram_band",
    "primal_left",
    "primal_left_flops",
    "primal_smoother",
    "primal_smoother_flops",
    "primal_spectrum",
    "project_rows",
    "put",
    "recut",
    "restandardize",
    "safe_precision",
    "sample_rows",
    "scores",
    "selection_flops",
    "spectrum_flops",
    "stream",
    "symmetric",
    "use",
]
