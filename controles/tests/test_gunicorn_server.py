"""What is set up around gunicorn's workers."""

import subprocess
import sys

import pytest

# A master that takes note of signals, as gunicorn's does; its worker would go on if that were all.
FORKS = """
import os, signal, time
from controles.gunicorn_server import let_new_workers_be_stopped
noted = []
signal.signal(signal.SIGTERM, lambda *_: noted.append("noted"))
let_new_workers_be_stopped()
worker = os.fork()
if worker == 0:
    while True:
        signal.pause()
os.kill(worker, signal.SIGTERM)
ends = time.monotonic() + 10
while not (ended := os.waitpid(worker, os.WNOHANG))[0] and time.monotonic() < ends:
    pass
if not ended[0]:
    os.kill(worker, signal.SIGKILL)
os.kill(os.getpid(), signal.SIGTERM)
print(ended[0] == worker and os.WTERMSIG(ended[1]) == signal.SIGTERM, noted)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="gunicorn forks")
def test_a_worker_can_be_stopped_before_it_has_begun_and_its_master_goes_on() -> None:
    ran = subprocess.run([sys.executable, "-c", FORKS], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout == "True ['noted']\n"
