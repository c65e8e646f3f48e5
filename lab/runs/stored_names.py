"""Names the types of the model in files, so that a rename in the code leaves the files as they are.

A name that changes here needs a new `SCHEMA` in `lab.runs.manifest`. The old schema then needs a reader, as schema 1
has in `lab.runs.schema_1`.
"""

from collections.abc import Mapping
from typing import Final

from lab import model

TYPES: Final[Mapping[str, type]] = {
    "Access": model.Access,
    "Account": model.Account,
    "Aggregate": model.Aggregate,
    "Attribution": model.Attribution,
    "Balance": model.Balance,
    "Bound": model.Bound,
    "Burst": model.Burst,
    "Comparison": model.Comparison,
    "Constant": model.Constant,
    "CpuUse": model.CpuUse,
    "Death": model.Death,
    "DurabilityLook": model.DurabilityLook,
    "Endpoints": model.Endpoints,
    "Evidence": model.Evidence,
    "Experiment": model.Experiment,
    "Fault": model.Fault,
    "FaultRecord": model.FaultRecord,
    "Host": model.Host,
    "LedgerAccount": model.LedgerAccount,
    "Load": model.Load,
    "LoadRun": model.LoadRun,
    "NodeClock": model.NodeClock,
    "Objective": model.Objective,
    "ObjectiveResult": model.ObjectiveResult,
    "Poisson": model.Poisson,
    "Ramp": model.Ramp,
    "Reason": model.Reason,
    "Refusal": model.Refusal,
    "Replay": model.Replay,
    "Samples": model.Samples,
    "Series": model.Series,
    "ServiceStatus": model.ServiceStatus,
    "SkippedRow": model.SkippedRow,
    "Step": model.Step,
    "StoreFacts": model.StoreFacts,
    "StoreView": model.StoreView,
    "Synthetic": model.Synthetic,
    "Trace": model.Trace,
    "Trial": model.Trial,
    "Validity": model.Validity,
    "Verdict": model.Verdict,
    "Window": model.Window,
}
"""Name in a file → type."""

NAMES: Final[Mapping[type, str]] = {kind: name for name, kind in TYPES.items()}
"""Type → name in a file."""
