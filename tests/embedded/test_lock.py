"""The lock that lives as long as any process of the server."""

import subprocess
import time

import pytest

from bpm_crm.embedded.accounts import current_account
from bpm_crm.embedded.errors import HomeNotWritable
from bpm_crm.embedded.home import Home
from bpm_crm.embedded.lock import take_lock


def is_free(home: Home) -> bool:
    lock = take_lock(home, current_account())
    if lock is None:
        return False
    with lock:
        return True


def test_only_one_holds_it_and_it_is_free_again_afterwards(place):
    home = Home(place)

    with take_lock(home, current_account()):
        assert not is_free(home)

    assert is_free(home)


def test_a_child_keeps_it_after_the_parent_has_let_go(place):
    home = Home(place)
    with take_lock(home, current_account()) as lock:
        child = subprocess.Popen(["sleep", "600"], pass_fds=(lock.handle,))

    assert not is_free(home)
    child.kill()
    child.wait()
    assert is_free(home)


def test_a_zombie_does_not_keep_it(place, wait_until):
    home = Home(place)
    with take_lock(home, current_account()) as lock:
        zombie = subprocess.Popen(["sleep", "600"], pass_fds=(lock.handle,))
    zombie.kill()
    time.sleep(0.05)

    wait_until(lambda: is_free(home), 2)

    assert zombie.returncode is None
    zombie.wait()


def test_every_process_of_a_running_server_keeps_it(made_home, start, wait_until):
    server = start(made_home)

    assert not is_free(Home(made_home))
    server.stop()
    wait_until(lambda: is_free(Home(made_home)), 10)


def test_a_lock_file_that_is_a_link_is_refused(place):
    (place / "victim").write_text("")
    (place / "lock").symlink_to(place / "victim")

    with pytest.raises(HomeNotWritable):
        take_lock(Home(place), current_account())
