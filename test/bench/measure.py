"""What the benchmarks share: the orders that they work on, and processes that are timed."""
import os
import statistics
import subprocess
import sys
import tempfile
import time

here = os.path.dirname(os.path.abspath(__file__))


def execute(sql):
    """Runs SQL in a process of its own: the peak memory that the system tells of a
    child begins with that of its parent."""
    subprocess.run([sys.executable, "-c", "import duckdb, sys; c = duckdb.connect(); c.execute('SET enable_progress_bar = false'); c.execute(sys.stdin.read())"], input=sql, text=True, check=True)


def orders(folder, rows):
    """Makes the orders and customers, if they are not there, and gives their folder."""
    folder = os.path.join(folder, str(rows))
    if not os.path.exists(f"{folder}/customers.parquet"):
        os.makedirs(folder, exist_ok=True)
        with open(f"{here}/orders.sql") as f:
            execute(f.read().replace("{rows}", str(rows)).replace("{dir}", folder))
    return folder


def run(command, check=True, **options):
    """Runs a command and gives what it printed, wall and CPU seconds, and MiB."""
    with tempfile.TemporaryFile("w+") as out:
        start = time.monotonic()
        process = subprocess.Popen(command, stdout=out, stderr=sys.stderr, **options)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if check and process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command)
        out.seek(0)
        return out.read(), (wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def middle(runs, i):
    return statistics.median(r[i] for r in runs)


def show(name, runs):
    print(f"{name:28s} {middle(runs, 0):7.2f} s wall {middle(runs, 1):7.2f} s CPU {max(r[2] for r in runs):7.0f} MiB")
