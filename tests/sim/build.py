"""Builds the library and the fake kernel into one program; used by run and mutants/run."""
import concurrent.futures
import os
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))

LIBRARY = [
    *("lib/%s.c" % n for n in (
        "aio alloc budget callback context dial endpoint error exchange exchange_aio handle idmap loop msg "
        "msg_words offload op option option_api pipe pollable pool request sockaddr socket "
        "socket_option spare timer url").split()),
    "lib/port/net_address.c",
    *("lib/port/windows/%s.c" % n for n in "port error fork memory net thread".split()),
    *("transports/%s.c" % n for n in "inproc tcp ipc_windows stream frame acceptor".split()),
    *("protocols/%s.c" % n for n in "backtrace inbox req rep xreq xrep".split()),
]
FAKE = ("chance fiber sched sync handles channels ops ports pipes sockets pton misc foreign heap beacon "
        "scenario checks chaos async parties guests main").split()

# heap.c stands in front of the pool.
POOL = ["-Dspry_pool_alloc=sim_pool_alloc", "-Dspry_pool_free=sim_pool_free"]

FLAGS = ("-std=c11 -O1 -g -fshort-wchar -fno-omit-frame-pointer -fsanitize=address,undefined "
         "-fno-sanitize-recover=all -Wall -Wextra -DNNG_STATIC_LIB").split()


def newest_header(root):
    newest = 0
    for base in (root, HERE):
        for folder, _, files in os.walk(base):
            if "/build" in folder or "/.git" in folder:
                continue
            for name in files:
                if name.endswith(".h"):
                    newest = max(newest, os.path.getmtime(os.path.join(folder, name)))
    return newest


def compile_one(job):
    source, target, flags = job
    done = subprocess.run(["gcc", *FLAGS, *flags, "-c", source, "-o", target],
                          capture_output=True, text=True)
    return done.returncode, done.stderr


def transports_file(root, out):
    """As CMake makes it."""
    text = open(os.path.join(root, "transports/list.c.in")).read()
    names = ("inproc", "tcp", "ipc")
    text = text.replace("@SPRY_TRANSPORT_DECLARATIONS@",
                        "".join("extern const struct transport spry_%s;\n" % n for n in names))
    text = text.replace("@SPRY_TRANSPORT_ENTRIES@", "".join("    &spry_%s,\n" % n for n in names))
    path = os.path.join(out, "transports.c")
    if not os.path.exists(path) or open(path).read() != text:
        with open(path, "w") as file:
            file.write(text)
    return path


def same(a, b):
    with open(a, "rb") as x, open(b, "rb") as y:
        return x.read() == y.read()


def plan(out, root, base):
    """(source, object, flags) of all; what is as in TOP is taken from `base`, if that is given."""
    includes = ["-I" + os.path.join(HERE, "include")]
    includes += ["-I" + os.path.join(root, d) for d in (
        "lib", "lib/port", "lib/port/windows", "transports", "protocols", "include")]
    for name in LIBRARY:
        source = os.path.join(root, name)
        kept = base is not None and same(source, os.path.join(TOP, name))
        flags = includes + (POOL if name == "lib/pool.c" else [])
        yield source, os.path.join(base if kept else out, name.replace("/", "_")[:-2] + ".o"), flags
    yield transports_file(root, out), os.path.join(out, "transports.o"), includes
    for name in FAKE:
        yield (os.path.join(HERE, name + ".c"), os.path.join(base or out, "sim_" + name + ".o"),
               includes + ["-I" + HERE, "-D_DEFAULT_SOURCE"])


def build(out, root=TOP, base=None, extra=()):
    """
    Compiles what is out of date; returns the program's path, or raises RuntimeError. `root`: where the
    library's sources are. `base`: where build has put the objects of TOP, for what is unchanged.
    `extra`: more flags, for compiling and linking; the same at each call for one `out`.
    """
    os.makedirs(out, exist_ok=True)
    headers = newest_header(root)
    jobs, objects = [], []
    for source, target, flags in plan(out, root, base):
        objects.append(target)
        wanted = max(os.path.getmtime(source), headers)
        old = not os.path.exists(target) or os.path.getmtime(target) < wanted
        if old and (base is None or not target.startswith(base + "/")):
            jobs.append((source, target, [*flags, *extra]))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for (source, target, _), (code, text) in zip(jobs, pool.map(compile_one, jobs)):
            if code != 0:
                raise RuntimeError("%s does not compile:\n%s" % (source, text))
            if text:
                print(text)
    program = os.path.join(out, "sim")
    newest = max(os.path.getmtime(o) for o in objects)
    if not os.path.exists(program) or os.path.getmtime(program) < newest:
        done = subprocess.run(["gcc", "-fsanitize=address,undefined", *extra, "-o", program, *objects],
                              capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError("it does not link:\n" + done.stderr)
    return program
