"""Processes that measure on demand, so that frameworks can take turns."""

import json
import os
import subprocess
import sys
import tempfile


class Worker:
    """A process that runs `serve` and answers.

    Args:
        module: str. Run as `python -m module arguments`.
        *arguments: str. For it.
        threads: int. It may use.
        python: str. The interpreter. Defaults to this one.
    """

    def __init__(self, module, *arguments, threads, python=sys.executable):
        # Read by OpenMP and by our own workers; set before a library loads.
        environment = {
            "OMP_NUM_THREADS": str(threads),
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }
        self._name = " ".join((module, *arguments))
        self._log = tempfile.TemporaryFile("w+")
        self._process = subprocess.Popen(
            [python, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,  # libraries are talkative
            text=True,
            env=os.environ | environment,
        )

    def ask(self, **question):
        """Return what the process answers to the question.

        Args:
            **question: what its function takes, as JSON knows it.

        Raises:
            RuntimeError: the process has ended.
        """
        try:
            print(json.dumps(question), file=self._process.stdin, flush=True)
            return json.loads(self._process.stdout.readline())
        except (BrokenPipeError, json.JSONDecodeError):
            self._process.kill()
            self._process.wait()
            self._log.seek(0)
            raise RuntimeError(
                f"{self._name} has failed.\n{self._log.read()}"
            ) from None

    def close(self):
        """End the process; twice does no harm."""
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()
        self._log.close()


def serve(answer):
    """Answer questions from stdin on stdout until stdin is closed.

    Args:
        answer: callable. Gets a question as keyword arguments, returns what
            JSON knows.
    """
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no reply
    for line in sys.stdin:
        print(json.dumps(answer(**json.loads(line))), file=replies, flush=True)
