"""The program's first lines: signals are held back before the imports, which take a while, so that none is lost."""

import signal


def main() -> int:
    """`radiostream …`; the exit status."""
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGHUP, signal.SIGINT, signal.SIGTERM))
    from radiostream import app

    return app.main()


if __name__ == "__main__":
    raise SystemExit(main())
