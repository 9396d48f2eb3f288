"""The ``twm`` command, also as ``python -m twm`` without installation; it handles signals from the start."""

import os
import signal
import sys


def start() -> int:
    """Run the command line as a process: open missing standard streams, and end with one line on a signal."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:  # else the next file that is opened takes its number
            setattr(sys, name, open(os.devnull, "r+"))
            os.set_inheritable(getattr(sys, name).fileno(), True)
    os.environ.pop("MPLBACKEND", None)  # a bad name would end the command
    try:
        os.getcwd()  # torch cannot be loaded where there is none
        sys.stdout.reconfigure(errors="replace")
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # else every child seems to have ended well
        # Treat a closed terminal as SIGTERM, whichever handler that has.
        handlers = {signal.SIGINT: _stop, signal.SIGTERM: _stop, signal.SIGHUP: lambda *_: signal.raise_signal(signal.SIGTERM)}
        for number, handler in handlers.items():
            # Signals that the caller ignores, as nohup does, stay ignored.
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, handler)
        from twm.cli import main

        code = main()
    except FileNotFoundError as error:
        print(f"twm: the working folder or a part of this installation is gone: {error}", file=sys.stderr)
        code = 1
    except KeyboardInterrupt as error:
        print("twm: stopped", file=sys.stderr)
        code = 128 + (error.args or [signal.SIGINT])[0]
    if code > 128:
        # Exit at once: everything is saved and closed, and unloading torch's libraries would only delay the exit.
        os._exit(code)
    return code


def _stop(number: int, frame: object) -> None:
    # Signals may come twice, to the process and to its group; the second must not disturb the clean-up.
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    # If a finaliser or a callback swallows the interrupt, raise it again after 10 seconds.
    signal.signal(signal.SIGALRM, lambda *_: _stop(number, frame))
    signal.alarm(10)
    raise KeyboardInterrupt(number)


if __name__ == "__main__":
    sys.exit(start())
