"""The ``twm`` command, also as ``python -m twm`` without installation; it can be stopped from its first moment."""

import os
import signal
import sys


def start() -> int:
    """Run the command line as a process of its own: with streams that are open, and signals that end it in one line."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:  # else the next file that is opened takes its place
            setattr(sys, name, open(os.devnull, "r+"))
            os.set_inheritable(getattr(sys, name).fileno(), True)
    try:
        # A closed terminal is a request to terminate, whoever listens to that.
        handlers = {signal.SIGINT: _stop, signal.SIGTERM: _stop, signal.SIGHUP: lambda *_: signal.raise_signal(signal.SIGTERM)}
        for number, handler in handlers.items():
            # What a caller has set to be ignored, as nohup does, stays so.
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, handler)
        from twm.cli import main

        code = main()
    except KeyboardInterrupt as error:
        print("twm: stopped", file=sys.stderr)
        code = 128 + (error.args or [signal.SIGINT])[0]
    if code > 128:
        # Whoever asked waits: all is saved and closed, and Python would take what torch loaded down piece by piece.
        os._exit(code)
    return code


def _stop(number: int, frame: object) -> None:
    # They may come twice, to the process and to its group; what is tidied up then is not to be disturbed.
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    # Whatever may swallow the interrupt, a finaliser or a callback, gets it again.
    signal.signal(signal.SIGALRM, lambda *_: _stop(number, frame))
    signal.alarm(10)
    raise KeyboardInterrupt(number)


if __name__ == "__main__":
    sys.exit(start())
