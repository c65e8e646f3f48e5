"""Who used the CPUs of this machine while a context lasted."""

import subprocess
import sys
import threading
import time

from lab.load.cpu_users import LEAST_SHARE, CpuUsers

SPINNING = """
import time
print(flush=True)
end = time.monotonic() + 30
while time.monotonic() < end:
    pass
"""


def wait(seconds: float) -> None:
    """Do nothing for a while."""
    threading.Event().wait(seconds)


def test_the_largest_users_are_named_the_largest_first() -> None:
    """A program that spins throughout is among them, or others used more than it."""
    with subprocess.Popen([sys.executable, "-c", SPINNING], stdout=subprocess.PIPE) as spinning:
        try:
            assert spinning.stdout is not None
            spinning.stdout.readline()
            with CpuUsers() as uses:
                assert uses == []
                wait(1.0)
        finally:
            spinning.kill()
    shares = [use.share for use in uses]
    assert shares, "nothing was named"
    assert shares == sorted(shares, reverse=True)
    assert all(LEAST_SHARE <= share <= 1.0 for share in shares)


def test_a_process_counts_only_what_it_used_meanwhile() -> None:
    """This process has used seconds before, and does nothing now."""
    assert time.process_time() > 0.2
    with CpuUsers() as uses:
        wait(0.5)
    own = sys.argv[0].rpartition("/")[2]
    assert all(use.share < 0.5 for use in uses if use.program == own)
