"""The command ``mien``: one command a stage. Commands parse, call and print; no logic lives here.

Exit codes: 0 all went well; 1 an error, told on standard error; 2 the command line is wrong;
3 it finished, but some pictures could not be read; 130 it was interrupted.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Runs the command line and ends the process with its exit code."""
    from mien.cli.app import app
    from mien.core.errors import MienError

    try:
        app()
    except MienError as error:
        print(f"mien: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        print("mien: interrupted", file=sys.stderr)
        raise SystemExit(130) from None
    except BrokenPipeError:
        # The reader of our output has gone, as `| head` does; there is nobody left to tell.
        sys.stderr.close()
        raise SystemExit(0) from None
