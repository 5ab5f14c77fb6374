"""A signal ends the client even if Python loses the exception that it raises."""

import subprocess
import sys

from local.paths import ROOT

PROGRAM = """
import os, signal, time
from biobatch import signals

class Destroyed:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.1)

signals.handle()
made = Destroyed()
del made
print("the exception was lost", flush=True)
signals.check()
print("the process goes on", flush=True)
"""


def test_a_signal_whose_exception_a_destructor_lost_ends_the_client_at_the_next_check() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (143, "the exception was lost\n")
