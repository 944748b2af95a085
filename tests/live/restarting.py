"""A stack whose Envoy hands over to its successor: Envoy's hot restart, with a base id of its own."""

from pathlib import Path

from bootstrap import ROOT
from children import Child, answers
from keys import environment
from stack import Stack, find_envoy

DRAIN, SHUTDOWN = 1, 2  # seconds of the old process: until it asks connections to end, and until it ends itself


class Restarted(Stack):
    """Envoy itself is started, without func-e: its pid is the process's, and signals reach it."""

    epoch, base_id = 0, ""

    def _start_envoy(self) -> None:
        self.base_id = str(self.ports.edge)  # other than that of any other Envoy of this machine
        self._write_configuration()
        self.children.append(self.envoy(0))

    def stop(self) -> None:
        self.func_e = None  # it started nothing here
        super().stop()
        Path(f"/dev/shm/envoy_shared_memory_{self.base_id}0").unlink(missing_ok=True)  # which Envoy leaves behind

    def envoy(self, epoch: int) -> Child:
        """Starts an Envoy: the first, or the successor of the one with the number before."""
        command = [find_envoy(), "-c", str(self.envoy_config), "--base-id", self.base_id]
        command += ["--concurrency", str(self.concurrency), "--restart-epoch", str(epoch), "--log-level", "warning"]
        command += ["--drain-time-s", str(DRAIN), "--parent-shutdown-time-s", str(SHUTDOWN)]
        self.envoy_log = self.directory / f"envoy-{epoch}.log"
        child = Child("envoy", command, self.envoy_log, environment(self.envoy_env), ROOT)
        try:
            child.wait_until(lambda: answers(f"{self.admin_url}/ready"), limit=60)
        except BaseException:
            child.stop()
            raise
        return child

    def hand_over(self, policy: str | None = None) -> None:
        """Starts the next Envoy, perhaps with another policy, and waits for the end of the one before."""
        self.epoch += 1
        self.policy = policy or self.policy
        self._write_configuration()
        old = self.child("envoy")
        self.children.remove(old)
        try:
            self.children.append(self.envoy(self.epoch))
            # The new one compiles the module first, which takes its time on a busy machine.
            assert old.ended_within(SHUTDOWN + 60), f"the old Envoy does not end\n{self.child('envoy').tail()}"
        finally:
            old.stop()
