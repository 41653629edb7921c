"""What `import frescor` costs beside `import redis`, which it needs: processor time of new processes, in one run.

Prints the median of each, their ratio, and the modules that frescor brings beyond redis.
"""

import argparse
import statistics
import subprocess
import sys

_MEASURE = """
import time
began = time.process_time()
import {module}
print(time.process_time() - began)
"""
_NAMES = "import {module}, sys; print(*sorted(name for name in sys.modules))"


def run(program: str) -> str:
    """What a new interpreter prints."""
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15, help="new processes for each module (15)")
    runs = parser.parse_args().runs
    seconds: dict[str, list[float]] = {"redis": [], "frescor": []}
    for _ in range(runs):
        for module, measured in seconds.items():
            measured.append(float(run(_MEASURE.format(module=module))))
    redis, frescor = (statistics.median(measured) for measured in seconds.values())
    print(f"import redis     {redis * 1000:6.1f} ms")
    print(f"import frescor   {frescor * 1000:6.1f} ms   {frescor / redis:.2f} of redis")
    beyond = set(run(_NAMES.format(module="frescor")).split()) - set(run(_NAMES.format(module="redis")).split())
    print("Beyond redis:", *sorted(name for name in beyond if not name.startswith("frescor")))


if __name__ == "__main__":
    main()
