"""``make bench``: run every benchmark in its own process and print their ratios last.

A benchmark is a module of this folder with ``main()``; each line of its output that begins with ``RATIO `` is repeated at
the end. Nothing here passes or fails: the figures depend on the machine, the ratios much less.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent


def main() -> int:
    """Run the benchmarks named on the command line, or all; exit 1 if one breaks."""
    known = sorted(path.stem for path in HERE.glob("*.py") if not path.stem.startswith("_"))
    wanted = sys.argv[1:] or known
    unknown = set(wanted) - set(known)
    if unknown:
        print(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    ratios, broken = [], []
    for name in wanted:
        print(f"== {name}", flush=True)
        started = time.perf_counter()
        with subprocess.Popen([sys.executable, "-m", f"bench.{name}"], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                print(line, end="", flush=True)
                if line.startswith("RATIO "):
                    ratios.append(f"{name:<12}{line[6:].rstrip()}")
        if process.returncode:
            broken.append(name)
        print(f"-- {name}: {time.perf_counter() - started:.0f} s", flush=True)
    print("\n== ratios")
    print("\n".join(ratios))
    if broken:
        print(f"broken: {', '.join(broken)}", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
