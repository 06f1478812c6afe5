"""Waiting with a word now and then."""

from bpm_crm.embedded import waiting


def test_the_reason_is_told_at_intervals_and_not_asked_for_in_between(monkeypatch):
    monkeypatch.setattr(waiting, "SECONDS_BETWEEN_WORDS", 0.05)
    told: list[str] = []
    asked: list[int] = []
    wait = waiting.Waiting(told.append)

    while wait.seconds < 0.2:
        wait.pause(lambda: f"reason {asked.append(1)}")

    assert 1 <= len(told) == len(asked) <= 4
    assert told[0] == "reason None (0 s)"
