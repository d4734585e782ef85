"""Settings of what keeps a deployment well: maintenance and alerts."""

from __future__ import annotations

from pydantic import Field, SecretStr

from imgassets.settings.groups import Part


class MaintenanceSettings(Part):
    """What `imgassets maintain` and its job keep, and what they delete."""

    keep_snapshots_days: float = Field(
        30.0, ge=0, description="Days that the warehouse's past can be read for."
    )
    orphan_hours: float = Field(
        24.0, ge=1,
        description="Age from which a file that nothing refers to is no writer's any more.",
    )  # fmt: skip


class AlertSettings(Part):
    """Whom a failed run is told to."""

    webhook: SecretStr | None = Field(
        None, description="URL that alerts are posted to as JSON; it may hold a secret."
    )
    email_to: list[str] = Field([], description="Addresses that alerts are mailed to.")
    email_from: str = Field("", description="Address that they are from.")
    smtp_host: str = Field("", description="Mail server; empty: no mail.")
    smtp_port: int = Field(587, ge=1, le=65535, description="Its port.")
    smtp_user: str = Field("", description="User at the mail server.")
    smtp_password: SecretStr | None = Field(None, description="That user's password.")
