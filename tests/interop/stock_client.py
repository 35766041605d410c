#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A repository made by our publisher, read by a TUF client that is not ours (tuf-js), over loopback.

Timeline: make keys (root 2 of 3, release 2 of 2) and a repository · add a release target and a delegated role ·
two people sign · publish · tuf-js refreshes from the first root, downloads a direct and a delegated target · one byte of
a target is changed: tuf-js refuses · a root key is rotated: tuf-js follows from the first root · the same through hash bins.

usage: stock_client.py ASEPTIC CLIENT_MJS NODE_MODULES WORK_DIR CASE
exit status 77: the stock client is not installed (./dev test installs it when a registry is in reach)
"""
import functools
import hashlib
import http.server
import pathlib
import shutil
import subprocess
import sys
import threading


class Workbench:
    def __init__(self, aseptic, client, modules, work):
        self.aseptic, self.client, self.modules, self.work = aseptic, client, modules, work
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        self.repo = work / "repo"
        handler = functools.partial(QuietHandler, directory=str(self.repo))
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def run(self, *arguments):
        done = subprocess.run([self.aseptic, *map(str, arguments)], cwd=self.work, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"aseptic {' '.join(map(str, arguments))}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def file(self, name, content):
        (self.work / name).write_bytes(content)
        return name

    def sign(self, edition, *people):
        for person in people:
            self.run("sign", edition, "--key", person, "--root", self.first_root(), "--yes")

    def first_root(self):
        root = self.repo / "metadata/1.root.json"
        return root if root.exists() else self.work / "none"

    def make_repository(self):
        self.run("keys", "create", "root-a", "root-b", "root-c", "root-d", "rel-a", "rel-b")
        self.run("keys", "create", "--algorithm", "p256", "snap", "time", "pidx")
        self.run("repo", "init", self.repo, "--root", "root-a", "--root", "root-b", "--root", "root-c", "--release", "rel-a",
                 "--release", "rel-b", "--snapshot", "snap", "--timestamp", "time", "--out", ".")
        for person in ("root-a", "root-b"):
            self.run("sign", "root.signing.json", "--key", person, "--yes")

    def publish(self, *editions):
        self.run("repo", "publish", self.repo, *editions, "--snapshot-key", "snap", "--timestamp-key", "time",
                 "--role-key", "pidx")

    def stock_client(self, name, *targets):
        """(exit status, output) of tuf-js, starting from the very first root each time."""
        url = f"http://127.0.0.1:{self.server.server_port}"
        done = subprocess.run(["node", self.client, self.modules, url + "/metadata", url + "/targets",
                               self.work / "trusted-root.json", self.work / name, *targets],
                              capture_output=True, text=True, check=False, timeout=60)
        print(f"tuf-js {name}: exit {done.returncode}\n{done.stdout}{done.stderr}".rstrip())
        return done.returncode, done.stdout

    def expect_targets(self, name, contents):
        status, output = self.stock_client(name, *contents)
        wanted = [f"{target} {len(content)} {hashlib.sha256(content).hexdigest()}" for target, content in contents.items()]
        if status != 0 or output.split("\n")[:-1] != wanted:
            sys.exit(f"wanted {wanted}")


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


DIRECT = {"channels/pump/stable.json": b'{"release":"one"}', "releases/pump-1.0/release.json": b"x" * 70000}
DELEGATED = {"payload-index/abc.json": b"{}", "payloads/0a1b.payload": bytes(range(256)) * 300}


def publish_first(bench):
    bench.make_repository()
    adds = [f"{target}={bench.file(f'direct{i}', content)}" for i, (target, content) in enumerate(DIRECT.items())]
    bench.run("repo", "add", bench.repo, *adds, "--signing", "targets.signing.json")
    bench.run("repo", "delegate", bench.repo, "--signing", "targets.signing.json", "--name", "payload-index",
              "--path", "payload-index/*", "--path", "payloads/*", "--key", "pidx")
    for person in ("rel-a", "rel-b"):
        bench.run("sign", "targets.signing.json", "--key", person, "--yes")
    bench.publish("root.signing.json", "targets.signing.json")
    shutil.copy(bench.repo / "metadata/1.root.json", bench.work / "trusted-root.json")
    puts = [f"{target}={bench.file(f'delegated{i}', content)}" for i, (target, content) in enumerate(DELEGATED.items())]
    bench.run("repo", "put", bench.repo, *puts, "--role-key", "pidx", "--snapshot-key", "snap", "--timestamp-key", "time")


def reads(bench):
    publish_first(bench)
    bench.expect_targets("fresh", DIRECT | DELEGATED)


def refuses_changed(bench):
    publish_first(bench)
    victim = next(path for path in (bench.repo / "targets").rglob("*release.json") if path.stat().st_size == 70000)
    content = bytearray(victim.read_bytes())
    content[35000] ^= 1
    victim.write_bytes(content)
    status, _ = bench.stock_client("changed", "releases/pump-1.0/release.json")
    if status != 1:
        sys.exit("tuf-js took a changed target")


def follows_rotation(bench):
    publish_first(bench)
    bench.run("repo", "rotate", bench.repo, "--role", "root", "--key", "root-a", "--key", "root-b", "--key", "root-d",
              "--threshold", "2", "--signing", "root2.signing.json")
    for person in ("root-a", "root-b"):
        bench.run("sign", "root2.signing.json", "--key", person, "--root", bench.first_root(), "--yes")
    bench.publish("root2.signing.json")
    bench.expect_targets("rotated", DIRECT | DELEGATED)


def reads_bins(bench):
    bench.make_repository()
    bench.run("repo", "bins", bench.repo, "--signing", "targets.signing.json", "--prefix", "bin", "--bits", "3", "--key", "pidx")
    for person in ("rel-a", "rel-b"):
        bench.run("sign", "targets.signing.json", "--key", person, "--yes")
    bench.publish("root.signing.json", "targets.signing.json")
    shutil.copy(bench.repo / "metadata/1.root.json", bench.work / "trusted-root.json")
    many = {f"many/{i}": f"content {i}".encode() for i in range(12)}
    puts = [f"{target}={bench.file(f'many{i}', content)}" for i, (target, content) in enumerate(many.items())]
    bench.run("repo", "put", bench.repo, *puts, "--role", "targets", "--role-key", "pidx", "--snapshot-key", "snap",
              "--timestamp-key", "time")
    bench.expect_targets("bins", many)


CASES = {"reads": reads, "refuses_changed": refuses_changed, "follows_rotation": follows_rotation, "reads_bins": reads_bins}


def main():
    aseptic, client, modules, work, case = sys.argv[1:]
    if not pathlib.Path(modules, "tuf-js").is_dir() or not shutil.which("node"):
        print("tuf-js is not installed: './dev test' installs it when a package registry is in reach")
        return 77
    CASES[case](Workbench(aseptic, client, modules, pathlib.Path(work)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
