"""An event that a cluster recorded about an object."""

from lab.snapshots.kubernetes.objects import KubernetesObject


class Event(KubernetesObject):
    """An event that was recorded about an object."""

    @property
    def about(self) -> str:
        """The object, as kind/name."""
        involved = self.raw.get("involvedObject", {})
        return f"{involved.get('kind')}/{involved.get('name')}"

    @property
    def about_uid(self) -> str:
        """The object's unique id; empty where the event does not say."""
        return str(self.raw.get("involvedObject", {}).get("uid") or "")

    @property
    def is_warning(self) -> bool:
        """Whether its type is Warning; the only other type is Normal."""
        return self.raw.get("type") == "Warning"

    @property
    def reason(self) -> str:
        """For example FailedScheduling."""
        return str(self.raw.get("reason", ""))

    @property
    def message(self) -> str:
        """Its text."""
        return str(self.raw.get("message", ""))

    @property
    def at(self) -> str:
        """When it was last recorded. The scheduler's events have only `eventTime` and a series."""
        series = self.raw.get("series") or {}
        times = (self.raw.get("lastTimestamp"), series.get("lastObservedTime"), self.raw.get("eventTime"))
        return str(next((time for time in times if time), self.created_at))
