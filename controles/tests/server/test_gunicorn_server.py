"""What is set up around gunicorn's workers."""

import subprocess
import sys

import pytest

# A master that takes note of signals, as gunicorn's does; its worker would go on if that were all.
FORKS = """
import os, signal, time
from controles.server.gunicorn_server import let_new_workers_be_stopped
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


# Loading takes note of a signal that comes meanwhile, and is not interrupted.
LOADS = """
import os, signal, socket, sys, types
from controles.server import gunicorn_server
loaded = []
class Loading(types.ModuleType):
    def __getattr__(self, name):
        if name != "app":
            raise AttributeError(name)
        os.kill(os.getpid(), signal.SIGINT)
        loaded.append("whole")
        return "app"
sys.modules["controles.wsgi"] = Loading("controles.wsgi")
signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
try:
    gunicorn_server.Server(socket.socket(), workers=1, threads=1).load()
except SystemExit:
    loaded.append("ended")
print(loaded)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="gunicorn forks")
def test_a_signal_ends_a_worker_after_it_has_loaded_the_application_not_in_the_middle() -> None:
    ran = subprocess.run([sys.executable, "-c", LOADS], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout == "['whole', 'ended']\n"
