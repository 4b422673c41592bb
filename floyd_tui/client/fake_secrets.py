"""The part of the fake client that keeps secrets: by name, and no value at all."""

from __future__ import annotations

from floyd_tui.client.fake_host import FakeHost, not_found
from runner.models import Secret


class FakeSecrets:
    """Mixed into `floyd_tui.client.fake.FakeClient`, which has the host."""

    host: FakeHost

    async def secrets(self) -> list[Secret]:
        await self.host.gate("secrets")
        return sorted(self.host.secrets.values(), key=lambda secret: (secret.project or "", secret.name))

    async def set_secret(self, name: str, value: str, project: str | None = None) -> Secret:
        await self.host.gate("set_secret")
        secret = self.host.secrets[name, project] = Secret(name, project, self.host.now)
        return secret

    async def delete_secret(self, name: str, project: str | None = None) -> None:
        await self.host.gate("delete_secret")
        if self.host.secrets.pop((name, project), None) is None:
            raise not_found(f"secret {name}")
