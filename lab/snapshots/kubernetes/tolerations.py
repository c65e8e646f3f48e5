"""Tolerations, as a pod has them: which taints do not keep the pod away."""

from dataclasses import dataclass
from typing import Self

from lab.snapshots.kubernetes.objects import Raw


@dataclass(frozen=True, slots=True)
class Toleration:
    """A toleration, as a pod has it.

    Attributes:
        key: Key of the taints; empty for every key.
        operator: `Exists` for every value, or `Equal`.
        value: Value of the taints.
        effect: Effect of the taints; empty for every effect.
    """

    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""

    @classmethod
    def of_taint(cls, key: str, value: str = "", effect: str = "") -> Self:
        """Return the toleration of a taint; an empty value stands for every value, an empty effect for every effect.

        >>> Toleration.of_taint("board", effect="NoSchedule")
        Toleration(key='board', operator='Exists', value='', effect='NoSchedule')
        """
        return cls(key, "Equal" if value else "Exists", value, effect)

    @classmethod
    def of_pod(cls, raw: Raw) -> Self:
        """Return a toleration that the API server returned."""
        return cls(
            raw.get("key") or "", raw.get("operator") or "Equal", raw.get("value") or "", raw.get("effect") or ""
        )

    def tolerates(self, taint: Raw) -> bool:
        """Return whether a taint, as a node has it, does not keep the pod away."""
        return (
            self.key in {"", taint["key"]}
            and self.effect in {"", taint.get("effect")}
            and (self.operator == "Exists" or self.value == taint.get("value", ""))
        )
