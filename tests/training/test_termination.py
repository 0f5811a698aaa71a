import os
import signal
import threading

import pytest

from keras_mvit.training.distribution import ALONE, Distribution
from keras_mvit.training.termination import Termination, make_termination


def send(number):
    os.kill(os.getpid(), number)


@pytest.mark.parametrize(
    "number, error", [(signal.SIGINT, KeyboardInterrupt), (15, SystemExit)]
)
def test_obeyed_at_once_unless_postponed(number, error):
    with Termination():
        with pytest.raises(error) as raised:
            send(number)
    if error is SystemExit:
        assert raised.value.code == 143


def test_postponed_until_asked_or_the_end(capsys):
    steps = []
    with Termination() as termination:
        with pytest.raises(SystemExit):
            with termination.postponed():
                send(signal.SIGTERM)
                steps.append("first")
                assert termination.requested == signal.SIGTERM
                termination.obey()
                steps.append("second")
    assert steps == ["first"]
    assert "SIGTERM: saving after this step" in capsys.readouterr().err
    with Termination() as termination:
        with pytest.raises(KeyboardInterrupt):
            with termination.postponed():
                send(signal.SIGINT)
                steps.append("third")
    assert steps == ["first", "third"]


def test_a_second_signal_does_not_wait():
    with Termination() as termination, pytest.raises(KeyboardInterrupt):
        with termination.postponed():
            send(signal.SIGTERM)
            send(signal.SIGINT)
            raise AssertionError("still running")


def test_handlers_are_put_back():
    before = signal.getsignal(signal.SIGTERM)
    with Termination():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before


def test_other_threads_go_without():
    failures = []

    def work():
        try:
            with Termination() as termination, termination.postponed():
                pass
        except Exception as error:
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert not failures


def test_several_processes_agree_on_the_step(monkeypatch):
    pytest.importorskip("jax", reason="extra `jax`")
    monkeypatch.setattr(
        "jax.experimental.multihost_utils.reached_preemption_sync_point",
        lambda step: step == 3,
    )
    assert type(make_termination(ALONE)) is Termination
    before = signal.getsignal(signal.SIGTERM)
    with make_termination(Distribution(2, 1, 2)) as termination:
        assert signal.getsignal(signal.SIGTERM) is before  # left to JAX
        with pytest.raises(SystemExit) as raised:
            with termination.postponed():
                polled = [termination.poll() for _ in range(3)]
    assert polled == [False, False, True] and raised.value.code == 143
