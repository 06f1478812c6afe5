"""How memory is given back by a process that serves."""

import ctypes
import subprocess
import sys

import pytest

_FAULTS = """
import resource, sys
import numpy as np
from bpm_crm.garbage import calm
if sys.argv[1] == "calm":
    calm()
for turn in range(20):
    if turn == 10:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    some = [np.ones(1 << 21, np.int64) for _ in range(6)]
    del some
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="only glibc can be told")
def test_a_calm_process_does_not_have_the_kernel_clear_the_same_memory_for_each_answer() -> None:
    faults = {
        name: int(subprocess.run([sys.executable, "-c", _FAULTS, name], capture_output=True, check=True).stdout)
        for name in ("calm", "as it comes")
    }
    assert faults["calm"] < 100
    assert faults["as it comes"] > 500
