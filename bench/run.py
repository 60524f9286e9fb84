#!/usr/bin/env python3
"""Run the programs in build/ interleaved (A B C A B C ...) and print tables.

Each test runs on every program before the next test starts, and the whole set
is repeated for --rounds rounds, so that machine noise falls on all alike.
Ratios are medians of per-round ratios to the floor (build/raw, or --floor).
"""
import argparse, json, os, re, shutil, statistics, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
SIZES = [0, 64, 1024, 65536, 1 << 20]
MAIN = {"lat": "p50_us", "thr": "per_s", "pipe": "per_s", "async": "per_s", "connect": "per_s",
        "startup": "first_reply_us", "empty": "rss_kb", "idle": "rss_kb",
        "conns": "bytes_per_conn", "syscalls": "per_trip"}
MORE = {"lat": ["cpu_us", "vcsw"], "thr": ["cpu_us"], "pipe": ["cpu_us", "vcsw"],
        "async": ["cpu_us", "vcsw"], "connect": ["cpu_us", "vcsw"], "startup": ["exit_us"],
        "idle": ["pss_kb", "anon_kb", "threads", "fds", "wakeups_per_s"],
        "conns": ["used_bytes_per_conn", "returned_pct", "rss0_kb", "rss_kb", "closed_kb",
                  "threads", "fds", "conns_per_s"]}


def tests(full):
    """(mode, arguments)"""
    for t in ("inproc", "ipc", "tcp"):
        for s in SIZES if full else [64]:
            yield "lat", f"t={t} size={s}"
        for s in SIZES if full else ([64, 65536] if t == "tcp" else [64]):
            yield "thr", f"t={t} size={s}"
        if full or t == "tcp":
            yield "pipe", f"t={t} size=64 ctx=64"
            yield "async", f"t={t} size=64 ctx=32 threads=8"
    for t in ("ipc", "tcp") if full else ("tcp",):
        yield "connect", f"t={t}"
        yield "startup", f"t={t}" + ("" if full else " runs=5")
        for n in (100, 1000, 10000) if full else (100,):
            yield "conns", f"t={t} n={n}"
    yield "empty", "ms=10"
    yield "idle", "t=tcp ms=" + ("1000" if full else "100")


def gate_tests():
    """(mode, arguments, [(what, figure of a run and of the empty process)])"""
    def p50(run, empty):
        return run["p50_us"]

    for t in ("ipc", "tcp", "inproc"):
        yield "lat", f"t={t} size=64 ms=200 pin=0", [(f"64 B {t}, one core, us", p50)]
    for t in ("ipc", "tcp", "inproc"):
        yield "lat", f"t={t} size=64 ms=200", [(f"64 B {t}, both cores, us", p50)]
    for t in ("ipc", "tcp"):
        yield "lat", f"t={t} size=1048576 api=buf ms=300 pin=0", [
            (f"1 MiB {t} api=buf, one core, us", p50)]
        yield "lat", f"t={t} size=1048576 api=buf ms=300", [
            (f"1 MiB {t} api=buf, both cores, us", p50)]
    yield "idle", "t=ipc ms=50", [
        ("idle rep socket, RSS over an empty process, KiB",
         lambda run, empty: run["rss_kb"] - empty["rss_kb"]),
        ("idle rep socket, anonymous memory over it, KiB",
         lambda run, empty: run["anon_kb"] - empty["anon_kb"]),
        ("idle rep socket, threads", lambda run, empty: run["threads"])]
    yield "conns", "t=ipc n=10000", [
        ("10000 connections, bytes each", lambda run, empty: run["bytes_per_conn"]),
        ("the same after a request each", lambda run, empty: run["used_bytes_per_conn"]),
        ("share returned after close, %", lambda run, empty: run["returned_pct"])]


class Program:
    """One label of the tables: a floor, or all that is built over one library."""

    def __init__(self, label, paths, extra=""):
        self.label, self.extra, self.paths = label, extra, {}
        for path in paths:
            done = subprocess.run([path, "modes"], capture_output=True, text=True, check=True,
                                  timeout=10)
            self.paths.update((mode, path) for mode in done.stdout.split())

    def path(self, mode, args):
        if self.label == "raw-epoll" and (mode not in ("lat", "thr", "pipe") or "inproc" in args):
            return None  # only where the way of doing I/O matters
        if self.label == "raw" and "inproc" in args and mode != "lat":
            return None
        return self.paths.get(mode)


def find(names):
    """The programs in build/; the floor is there once per way of doing I/O."""
    build, out = os.path.join(HERE, "build"), []
    for f in sorted(os.listdir(build)):
        path = os.path.join(build, f)
        if f == "raw":
            out += [Program("raw", [path]), Program("raw-epoll", [path], "io=epoll")]
        elif f.startswith("sp-"):
            aio = os.path.join(build, "aio-" + f[3:])
            out.append(Program(f, [path] + ([aio] if os.path.exists(aio) else [])))
    missing = set(names or ()) - {p.label for p in out}
    if missing:
        sys.exit("not built: " + ", ".join(sorted(missing)))
    return [p for p in out if not names or p.label in names]


failures = []


def once(path, args, timeout=90):
    """One run: its key=value line as a dictionary, or None."""
    try:
        p = subprocess.run([path, *args.split()], capture_output=True, text=True, timeout=timeout)
        got = dict(kv.split("=") for kv in p.stdout.split())
        if p.returncode == 0 and got:
            return {k: float(v) for k, v in got.items()}
        why = p.stderr.strip() or f"exit status {p.returncode}"
    except (subprocess.TimeoutExpired, ValueError) as e:
        why = str(e)
    failures.append(f"{os.path.basename(path)} {args}")
    print("failed:", failures[-1], why, file=sys.stderr)
    return None


def syscalls(path, args):
    """Calls per round trip, by name: 2500 trips less 500, both under strace -c -f."""
    def count(n):
        with tempfile.NamedTemporaryFile("r") as f:
            subprocess.run(["strace", "-f", "-c", "-U", "name,calls", "-o", f.name, path, *args.split(), f"n={n}"],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)
            return {w[0]: int(w[1]) for w in map(str.split, f) if len(w) == 2 and w[1].isdigit() and w[0] != "total"}
    few, many = count(500), count(2500)
    per = {k: (v - few.get(k, 0)) / 2000 for k, v in many.items()}
    return {"per_trip": sum(per.values()), **{k: v for k, v in per.items() if v >= 0.05}}


def num(v):
    return f"{v:.0f}" if abs(v) >= 1000 else f"{v:.3g}"


def table(res, labels, mode, key, floor, spread):
    rows = [k for k in res if k.split(" ")[0] == mode]
    cols = [c for c in labels if any(c in res[r] for r in rows)]
    if not cols:
        return
    print(f"\n{mode}: {key}" + (" median (min..max) xratio to floor" if spread else " median") + "\n")
    print("| | " + " | ".join(cols) + " |\n|---|" + "---:|" * len(cols))
    for r in rows:
        cells = []
        for c in cols:
            v = [x[key] for x in res[r].get(c, []) if x and key in x]
            if not v:
                cells.append("-")
                continue
            s = num(statistics.median(v))
            if spread:
                s += f" ({num(min(v))}..{num(max(v))})"
                q = [x[key] / y[key] for x, y in zip(res[r][c], res[r].get(floor, [])) if x and y and key in x and y.get(key)]
                if q and c != floor:
                    s += f" x{statistics.median(q):.2f}"
            cells.append(s)
        print(f"| {r.split(' ', 1)[1]} | " + " | ".join(cells) + " |")


def typical(path, args):
    """Medians of five runs: where the kernel maps the program makes 100 KiB of difference."""
    runs = [run for run in (once(path, args) for _ in range(5)) if run]
    return {k: statistics.median(run[k] for run in runs) for k in runs[0]} if runs else None


def gate(programs, rounds):
    """The figures the project is judged by, as one table."""
    raw, other = "raw", "sp-nng"
    labels = [p.label for p in programs]
    ours = next((x for x in labels if x.startswith("sp-") and x != other), other)
    figures, began = {}, time.time()
    for rnd in range(rounds):
        floor = next(p for p in programs if p.label == raw)
        empty = typical(floor.path("empty", ""), "empty ms=50")
        for mode, args, wanted in gate_tests():
            if mode == "conns" and rnd > 0:
                continue  # hardly varies, and takes long
            for p in programs:
                path = p.path(mode, args)
                take = typical if mode == "idle" else once
                run = take(path, f"{mode} {args}") if path else None
                for what, figure in wanted:
                    value = figure(run, empty) if run and empty else None
                    figures.setdefault(what, {}).setdefault(p.label, []).append(value)
        print(f"round {rnd + 1}/{rounds} at {time.time() - began:.0f} s", file=sys.stderr)
    cols = [x for x in (ours, other, raw) if x in labels]
    pairs = [(ours, raw), (other, raw), (ours, other)] if ours != other else [(other, raw)]
    print("| | " + " | ".join(cols + [f"{a}/{b}" for a, b in pairs]) + " |")
    print("|---|" + "---:|" * (len(cols) + len(pairs)))
    for what, by in figures.items():
        cells = []
        for c in cols:
            values = [v for v in by.get(c, []) if v is not None]
            cells.append(num(statistics.median(values)) if values else "-")
        for a, b in pairs:
            both = [x / y for x, y in zip(by.get(a, []), by.get(b, [])) if x is not None and y]
            if raw in (a, b) and not what.endswith("us"):
                both = []  # a floor for times only
            cells.append(f"{statistics.median(both):.2f}" if both else "-")
        print(f"| {what} | " + " | ".join(cells) + " |")
    return figures


def main():
    a = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--full", action="store_true",
                   help="all sizes, transports and counts (default: quick, under 60 s)")
    a.add_argument("--gate", action="store_true", help="the project's figures, see gate.sh")
    a.add_argument("--rounds", type=int, default=5)
    a.add_argument("--ms", type=int, help="length of one measurement (default 30, full 150)")
    a.add_argument("--pin", type=int, help="put all processes on this CPU")
    a.add_argument("--only", help="regular expression over 'mode arguments'")
    a.add_argument("--progs", help="comma-separated labels, e.g. raw,sp-nng")
    a.add_argument("--floor", default="raw")
    a.add_argument("--syscalls", action="store_true",
                   help="count system calls per round trip instead (needs strace)")
    a.add_argument("--strict", action="store_true", help="exit status 1 when any run fails")
    a.add_argument("--json", default=os.path.join(HERE, "build", "results.json"))
    o = a.parse_args()
    programs = find(o.progs.split(",") if o.progs else None)
    ms = o.ms or (150 if o.full else 30)
    if o.gate:
        res = gate([p for p in programs if p.label != "raw-epoll"], o.rounds)
    else:
        res = run_tests(o, programs, ms)
        tables(o, res, [p.label for p in programs])
    with open(o.json, "w") as f:
        json.dump({"rounds": o.rounds, "ms": ms, "pin": o.pin, "results": res}, f, indent=1)
    if failures and o.strict:
        sys.exit("%d runs failed" % len(failures))


def run_tests(o, programs, ms):
    todo = list(tests(o.full))
    if o.syscalls:
        if not shutil.which("strace"):
            sys.exit("strace not found")
        todo = [("syscalls", f"t={t} size={s}") for t in ("inproc", "ipc", "tcp")
                for s in (64, 65536)]
        o.rounds = 1
    if o.only:
        todo = [t for t in todo if re.search(o.only, " ".join(t))]
    res, began = {}, time.time()
    for rnd in range(o.rounds):
        for mode, args in todo:
            for p in programs:
                path = p.path("lat" if mode == "syscalls" else mode, args)
                if not path:
                    continue
                line = f"{args} {p.extra}" + ("" if "ms=" in args else f" ms={ms}")
                line += f" pin={o.pin}" if o.pin is not None else ""
                got = syscalls(path, "lat " + line) if mode == "syscalls" else once(
                    path, f"{mode} {line}")
                res.setdefault(f"{mode} {args}", {}).setdefault(p.label, []).append(got)
        print(f"round {rnd + 1}/{o.rounds} at {time.time() - began:.0f} s", file=sys.stderr)
    return res


def tables(o, res, labels):
    for mode in MAIN:
        table(res, labels, mode, MAIN[mode], o.floor, mode != "syscalls")
        for key in MORE.get(mode, []):
            table(res, labels, mode, key, o.floor, False)
    if o.syscalls:
        print()
        for test, by in res.items():
            for label, v in by.items():
                calls = sorted(v[0].items(), key=lambda x: -x[1])
                print(f"{test} {label}: " + " ".join(f"{k}={n:.2f}" for k, n in calls))


if __name__ == "__main__":
    main()
